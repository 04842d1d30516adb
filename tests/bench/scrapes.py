"""What a scrape costs: CPU of joining a fleet's rows, against prometheus_client writing the same families."""

import gc
import time
from collections.abc import Callable, Iterable

import orjson
import uvloop
from figures import Figure, median
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry
from stage import Size, folder, take_core, targets

from exporter.fleet import Fleet
from exporter.scrape import fleet_pieces, gzipped
from miners.draft import conclude
from miners.drivers.whatsminer_v2 import DRIVER, parse
from miners.inventory.fleet import Inventory
from miners.inventory.load import load
from miners.inventory.secrets import target_of
from simulator.build import build_miners
from simulator.specs import ContainerSpec, MinerSpec

QUESTION = b'{"command":"summary+devs+pools+devdetails"}'


def against_library(size: Size) -> list[Figure]:
    """Measure the page of all miners, plain and gzip, against prometheus_client's of the same samples."""
    take_core()
    with folder() as path:
        file = path / "targets.yml"
        file.write_text(targets(size, size.miners), encoding="utf-8")
        inventory = load([file])
    fleet = uvloop.run(_read(inventory))
    containers = list(fleet.containers.values())
    now = time.time()
    page = b"".join(fleet_pieces(containers, now, openmetrics=False))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Same(page))
    assert generate_latest(registry) == page, "the two pages differ: nothing can be compared"
    gc.collect()
    gc.freeze()

    def pieces() -> Iterable[bytes]:
        return fleet_pieces(containers, now, openmetrics=False)

    ours = [_cpu_s(pieces) for _ in range(3 * size.rounds)]
    packed = [_cpu_s(lambda: gzipped(iter(pieces()))) for _ in range(size.rounds)]
    theirs = [_cpu_s(lambda: [generate_latest(registry)]) for _ in range(max(1, size.rounds // 2))]
    return [
        Figure(
            "CPU of prometheus_client for the same page, in scrapes of ours",
            median(theirs) / median(ours),
            "times",
            40,
            at_least=True,
        ),
        Figure("CPU of a scrape", median(ours) * 1e3, "ms"),
        Figure("CPU of a scrape with gzip", median(packed) * 1e3, "ms"),
        Figure("CPU of prometheus_client, its families ready made", median(theirs) * 1e3, "ms"),
        Figure("the page", len(page) / 1e6, "MB"),
        Figure("samples a miner", (page.count(b"\n") - page.count(b"\n#")) / size.miners),
    ]


async def _read(inventory: Inventory) -> Fleet:
    """Return a fleet of which every miner has been read, with no socket in between."""
    fleet = Fleet()
    await fleet.apply(inventory, inventory.containers, lambda *place: target_of(*place, None))
    now = time.time()
    specs = [
        ContainerSpec(
            name=container.name,
            miners=tuple(
                MinerSpec(
                    container=container.name,
                    name=miner.name,
                    address=miner.address,
                    manufacturer=miner.manufacturer,
                    model=miner.model,
                )
                for miner in container.miners
            ),
        )
        for container in inventory.containers
    ]
    for miner in build_miners(specs, seed=1, start=now):
        state = fleet.find(miner.spec.container, miner.spec.name)
        assert state is not None
        joined = orjson.loads(miner.reply(QUESTION, now).rstrip(b"\0"))
        draft = parse({command: sections[0] for command, sections in joined.items() if command != "id"}, now)
        draft.manufacturer = "Whatsminer"
        snapshot = conclude(
            draft,
            state.target,
            driver=DRIVER.name,
            warm_up_s=DRIVER.warm_up_s,
            now=now,
            duration_s=0.01,
            truncated=False,
        )
        fleet.take(state, snapshot, 1.0)
    return fleet


class _Same(Collector):
    """The families of a page, ready made: building them anew at each scrape would cost more than writing them."""

    def __init__(self, page: bytes) -> None:
        self._families = list(text_string_to_metric_families(page.decode()))

    def collect(self) -> Iterable[Metric]:
        return self._families


def _cpu_s(make: Callable[[], Iterable[bytes]]) -> float:
    before = time.process_time()
    for _ in make():
        pass
    return time.process_time() - before
