"""Ten thousand miners, five percent of them dead: every one polled in its interval, in bounded memory."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.system.stack import Program, Sample, Stack, ask, samples_of, until

CONTAINERS, IN_EACH = 40, 250
MINERS = CONTAINERS * IN_EACH
INTERVAL_S = 15.0
SWEEPS = 3

# Of every twenty miners of a container the last is dead: half of the dead refuse, the others say nothing.
TARGETS = (
    "defaults: {interval: 15s, web_port: null, v3_port: null, manufacturer: Whatsminer, model: M50}\ncontainers:\n"
    + "".join(
        f"  - name: Контейнер {number}\n"
        "    simulate:\n"
        "      faults:\n"
        "        - {fault: refused, miners: ['*20', '*60', 'm100', 'm140', 'm180', 'm200', 'm220']}\n"
        "        - {fault: silent, miners: ['*40', '*80']}\n"
        "    miners:\n"
        f"      - {{name: 'm{{n}}', addresses: 127.N.{number}.1-{IN_EACH}}}\n"
        for number in range(1, CONTAINERS + 1)
    )
)


def faulty(name: str) -> bool:
    return int(name.removeprefix("m")) % 20 == 0


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Stack(tmp_path_factory.mktemp("many")) as stack:
        targets = stack.write_targets(TARGETS)
        stack.start_simulator(targets, "--static")
        yield stack.start_exporter(targets, "--data", str(stack.folder / "data"))


def of_fleet(exporter: Program, name: str) -> list[Sample]:
    """Return the samples of one metric; to parse a page of ten thousand miners whole would keep a core busy."""
    page = ask(f"{exporter.url}/metrics").body
    wanted = f"{name}{{".encode()
    return samples_of(b"".join(line for line in page.splitlines(keepends=True) if line.startswith(wanted)))


def own(exporter: Program) -> dict[str, float]:
    """Return the exporter's own figures; of its polls, those that gave a reading."""
    return {
        one.name: one.value
        for one in samples_of(ask(f"{exporter.url}/metrics/own").body)
        if one.labels.get("result", "ok") == "ok"
    }


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_sweep_of_ten_thousand(exporter: Program) -> None:
    def states() -> Counter[tuple[bool, float]]:
        return Counter((faulty(one.labels["miner"]), one.value) for one in of_fleet(exporter, "miner_up"))

    dead = CONTAINERS * sum(faulty(f"m{n}") for n in range(1, IN_EACH + 1))
    assert 0.04 * MINERS < dead < 0.06 * MINERS
    wanted = Counter({(False, 1.0): MINERS - dead, (True, 0.0): dead})
    until(lambda: states() == wanted, "all but the dead are up", patience_s=120.0)

    # Finding ten thousand drivers took its time. From then on none is late, also while all of them are scraped;
    # a machine that is busy with something else gets another chance.
    most_rss = 0

    def quiet_sweeps() -> bool:
        nonlocal most_rss
        began, before = time.monotonic(), own(exporter)
        while time.monotonic() < began + SWEEPS * INTERVAL_S:
            most_rss = max(most_rss, exporter.rss)
            if (time.monotonic() - began) % INTERVAL_S < 0.3:
                assert ask(f"{exporter.url}/metrics", headers={"Accept-Encoding": "gzip"}).status == 200
            time.sleep(0.3)
        passed, after = time.monotonic() - began, own(exporter)
        answered = after["hashyard_exporter_polls_total"] - before["hashyard_exporter_polls_total"]
        assert after["hashyard_exporter_polls_late_total"] == before["hashyard_exporter_polls_late_total"]
        assert answered == pytest.approx((MINERS - dead) * passed / INTERVAL_S, rel=0.05)
        return True

    until(quiet_sweeps, f"{SWEEPS} sweeps without a late poll", patience_s=600.0)
    assert most_rss < 384 * 2**20
    assert states() == wanted
    failed = of_fleet(exporter, "miner_poll_failures_total")
    assert [one for one in failed if one.value and not faulty(one.labels["miner"])] == []
