"""Two exporters of one inventory: each container is polled and scraped once, by one of them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from tests.system.stack import Program, Stack, ask, metrics, query, until

NAMES = [f"Контейнер {number}" for number in range(1, 13)]
TARGETS = "defaults: {interval: 2s, web_port: null}\ncontainers:\n" + "".join(
    f"  - name: {name}\n    miners:\n"
    f"      - {{name: 'm{{n}}', addresses: 127.N.{number}.1-2, manufacturer: Whatsminer, model: M50}}\n"
    for number, name in enumerate(NAMES, 1)
)


class Running(NamedTuple):
    shards: tuple[Program, Program]
    prometheus: Program


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, prometheus: Path) -> Iterator[Running]:
    with Stack(tmp_path_factory.mktemp("shards")) as stack:
        targets = stack.write_targets(TARGETS)
        stack.start_simulator(targets)
        data = str(stack.folder / "data")
        first, second = (
            stack.start_exporter(targets, "--shard", f"{part}/2", "--data", data, place=part)
            for part in (1, 2)
        )
        yield Running((first, second), stack.start_prometheus(prometheus, first, second))


def discovered(exporter: Program) -> list[str]:
    return [group["labels"]["container"] for group in ask(f"{exporter.url}/sd").json()]


def test_each_container_has_one_exporter(running: Running) -> None:
    shares = [discovered(exporter) for exporter in running.shards]
    assert all(shares), "each has some"
    assert Counter(shares[0] + shares[1]) == Counter(NAMES)
    for exporter, share in zip(running.shards, shares, strict=True):
        polled = Counter(one.labels["container"] for one in metrics(exporter) if one.name == "miner_up")
        assert polled == Counter(dict.fromkeys(share, 2))


def test_an_exporter_knows_nothing_of_the_others_containers(running: Running) -> None:
    for exporter, other in (running.shards, running.shards[::-1]):
        foreign = discovered(other)[0]
        assert ask(f"{exporter.url}/metrics?{urlencode({'container': foreign})}").status == 404
        assert f'"{foreign}"' not in ask(f"{exporter.url}/metrics").body.decode()


def test_prometheus_has_each_miner_once(running: Running) -> None:
    def complete() -> bool:
        up = query(running.prometheus, "miner_up")
        assert Counter(one.labels["container"] for one in up) == Counter(dict.fromkeys(NAMES, 2))
        assert {one.value for one in up} == {1.0}
        return True

    until(complete, "all miners are up in Prometheus")
    targets = query(running.prometheus, 'up{job="hashyard"}')
    assert Counter(one.labels["container"] for one in targets) == Counter(NAMES)
    assert {one.value for one in targets} == {1.0}
    until(
        lambda: len(query(running.prometheus, 'up{job="hashyard-exporter"} == 1')) == 2,
        "both exporters are scraped themselves",
    )


def test_each_remembers_its_own_share(running: Running) -> None:
    for exporter in running.shards:
        assert exporter.end() == 0
    data = running.shards[0].log.parent / "data"
    assert sorted(path.name for path in data.glob("*.json")) == [
        "exporter-remembers-1-of-2.json",
        "exporter-remembers-2-of-2.json",
    ]
