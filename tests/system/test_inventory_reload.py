"""An edited targets.yml shows up in Prometheus without a restart, and a wrong one changes nothing but says so."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.stack import Program, Stack, ask, by_miner, metrics, query, until

# All that the simulator lets answer; what of it the exporter knows is another matter.
ALL = """
containers:
  - name: Everything
    miners:
      - {name: "m{n}", addresses: 127.N.1.1-6, web_port: null, manufacturer: Whatsminer, model: M50}
"""

BEGINNING = """
defaults: {interval: 1s, web_port: null, connect_timeout: 1s, timeout: 2s}
containers:
  - name: Контейнер 1
    miners:
      - {name: first, address: 127.N.1.1}
      - {name: second, address: 127.N.1.2}
  - name: Container 2
    miners:
      - {name: third, address: 127.N.1.3}
"""

BEGUN = {"Контейнер 1/first", "Контейнер 1/second", "Container 2/third"}


class Running(NamedTuple):
    stack: Stack
    targets: Path
    exporter: Program
    prometheus: Program

    def write(self, text: str) -> None:
        assert self.stack.write_targets(text) == self.targets

    def until_up(self, *wanted: str) -> None:
        """Wait until exactly these are up in Prometheus, and there is no word of any other."""

        def there() -> bool:
            assert by_miner(query(self.prometheus, "miner_up")) == dict.fromkeys(wanted, 1.0)
            return True

        until(there, f"{wanted} are up")

    def own(self, name: str, **labels: str) -> float:
        found = [one.value for one in metrics(self.exporter) if one.name == name and one.labels == labels]
        assert len(found) == 1, name
        return found[0]

    def until_successful(self, wanted: float) -> None:
        name = "hashyard_exporter_config_last_reload_successful"
        until(
            lambda: [one.value for one in query(self.prometheus, name)] == [wanted],
            f"{name} {wanted:g} in Prometheus",
        )


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, prometheus: Path) -> Iterator[Running]:
    with Stack(tmp_path_factory.mktemp("reload")) as stack:
        stack.start_simulator(stack.write_targets(ALL, "all.yml"))
        targets = stack.write_targets(BEGINNING)
        exporter = stack.start_exporter(targets, "--data", str(stack.folder / "data"))
        yield Running(stack, targets, exporter, stack.start_prometheus(prometheus, exporter))


@pytest.fixture
def running(processes: Running) -> Running:
    """Each test begins with the file of the beginning, and that one in use."""
    processes.write(BEGINNING)
    answer = ask(f"{processes.exporter.url}/-/reload", method="POST")
    assert (answer.status, answer.json()) == (200, {"containers": 2, "miners": 3})
    processes.until_up(*BEGUN)
    return processes


def test_a_miner_and_a_container_that_are_added_are_polled_and_scraped(running: Running) -> None:
    running.write(
        BEGINNING.replace(
            "{name: second, address: 127.N.1.2}",
            "{name: second, address: 127.N.1.2}\n      - {name: fourth, address: 127.N.1.4}",
        )
        + "  - name: 新しい\n    miners: [{name: fifth, address: 127.N.1.5}]\n"
    )
    running.until_up(*BEGUN, "Контейнер 1/fourth", "新しい/fifth")
    assert [one.value for one in query(running.prometheus, 'up{container="新しい"}')] == [1.0]
    running.until_successful(1.0)


def test_a_miner_that_is_removed_leaves_no_series(running: Running) -> None:
    running.write(BEGINNING.replace("      - {name: second, address: 127.N.1.2}\n", ""))
    running.until_up("Контейнер 1/first", "Container 2/third")
    assert query(running.prometheus, '{miner="second"}') == []
    assert [one.labels["miner"] for one in metrics(running.exporter) if one.name == "miner_up"] == [
        "first",
        "third",
    ]


def test_a_container_that_is_removed_is_no_target_any_more(running: Running) -> None:
    running.write(BEGINNING[: BEGINNING.index("  - name: Container 2")])
    running.until_up("Контейнер 1/first", "Контейнер 1/second")
    until(lambda: query(running.prometheus, 'up{container="Container 2"}') == [], "the target is gone")
    assert query(running.prometheus, '{container="Container 2"}') == []
    gone = ask(f"{running.exporter.url}/metrics?container=Container%202")
    assert gone.status == 404


def test_a_miner_that_moves_is_counted_anew_in_its_new_container(running: Running) -> None:
    def observed() -> dict[str, float]:
        return by_miner(query(running.prometheus, 'miner_observed_seconds_total{miner="second"}'))

    until(lambda: observed().get("Контейнер 1/second", 0.0) >= 4.0, "some seconds of it are observed")
    moved_at = time.time()
    moved = BEGINNING.replace("      - {name: second, address: 127.N.1.2}\n", "")
    running.write(moved + "      - {name: second, address: 127.N.1.2}\n")
    running.until_up("Контейнер 1/first", "Container 2/third", "Container 2/second")
    assert observed()["Container 2/second"] <= time.time() - moved_at + 2.0, "it began at 0"
    assert set(observed()) == {"Container 2/second"}
    history = query(running.prometheus, 'max_over_time(miner_observed_seconds_total{miner="second"}[5m])')
    assert {one.labels["container"] for one in history} == {"Контейнер 1", "Container 2"}


def test_the_address_of_a_miner_changes_and_its_counters_go_on(running: Running) -> None:
    def of(name: str) -> float:
        return by_miner(query(running.prometheus, f'{name}{{miner="first"}}'))["Контейнер 1/first"]

    until(lambda: of("miner_observed_seconds_total") > 2.0, "some seconds of it are observed")
    before = of("miner_observed_seconds_total")
    mac = query(running.prometheus, 'miner_info{miner="first"}')[0].labels["mac"]
    running.write(BEGINNING.replace("127.N.1.1", "127.N.1.6"))
    address = f"127.{running.stack.network}.1.6"
    until(
        lambda: (
            [one.labels["address"] for one in query(running.prometheus, 'miner_info{miner="first"}')]
            == [address]
        ),
        "the miner is read at its new address",
    )
    assert query(running.prometheus, 'miner_info{miner="first"}')[0].labels["mac"] != mac
    assert of("miner_observed_seconds_total") >= before
    assert [
        one.value
        for one in query(running.prometheus, 'resets(miner_observed_seconds_total{miner="first"}[15s])')
    ] == [0]


WRONG = (
    BEGINNING.replace("127.N.1.2", "127.N.1.300") + "      - {name: third, address: 127.N.1.5, colour: red}\n"
)


def test_a_wrong_edit_keeps_the_last_good_inventory_and_says_so(running: Running) -> None:
    running.write(WRONG)
    running.until_successful(0.0)
    running.until_up(*BEGUN)
    answer = ask(f"{running.exporter.url}/-/reload", method="POST")
    assert answer.status == 422
    lines = [mistake["detail"] for mistake in answer.json()["errors"]]
    assert len(lines) == 3, lines
    assert f"{running.targets}:7: containers[0].miners[1].address: " in lines[0]
    assert f"{running.targets}:11: containers[1].miners[1].colour: " in "\n".join(lines)
    assert "inventory refused, the last good one stays in use" in running.exporter.said
    page = ask(f"{running.exporter.url}/").body.decode()
    assert "127.N.1.300".replace("127.N", f"127.{running.stack.network}") in page
    assert ask(f"{running.exporter.url}/-/ready").status == 200

    running.write(BEGINNING.replace("name: first", "name: again"))
    running.until_successful(1.0)
    running.until_up("Контейнер 1/again", "Контейнер 1/second", "Container 2/third")
    assert (
        "127.N.1.300".replace("127.N", f"127.{running.stack.network}")
        not in ask(f"{running.exporter.url}/").body.decode()
    )


def test_a_file_that_is_gone_for_a_while_empties_nothing(running: Running) -> None:
    running.targets.unlink()
    running.until_successful(0.0)
    running.until_up(*BEGUN)
    running.write(BEGINNING)
    running.until_successful(1.0)
    running.until_up(*BEGUN)


def test_sighup_reads_the_file_again(running: Running) -> None:
    reloads = "hashyard_exporter_config_reloads_total"
    good, refused = (running.own(reloads, result=result) for result in ("ok", "refused"))
    running.exporter.send(signal.SIGHUP)
    # The file has not changed: nothing but the signal makes it read.
    until(lambda: running.own(reloads, result="ok") > good, "one more good reading is counted")
    assert running.own(reloads, result="refused") == refused
    running.until_up(*BEGUN)


def test_post_reload_takes_an_edit_into_use_before_it_answers(running: Running) -> None:
    running.write(BEGINNING + "      - {name: fifth, address: 127.N.1.5}\n")
    answer = ask(f"{running.exporter.url}/-/reload", method="POST")
    assert (answer.status, answer.json()) == (200, {"containers": 2, "miners": 4})
    assert sum(one.name == "miner_up" for one in metrics(running.exporter)) == 4
    running.until_up(*BEGUN, "Container 2/fifth")
