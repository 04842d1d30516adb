"""What a newcomer reads once the demo runs: what runs where, what to look at first, and what is broken on purpose."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from miners.inventory.load import load
from tools.place import Endpoint

MOST_FAULTY = 12

# Questions that Prometheus answers, for people who have never asked it one.
QUERIES = (
    ("hash rate of each container, TH/s", "sum by (container) (miner_hashrate_hashes_per_second) / 1e12"),
    ("power of each container, kW", "sum by (container) (miner_power_watts) / 1e3"),
    ("miners that do not answer", "miner_up == 0"),
    ("hottest chips, °C", 'topk(5, miner_temperature_celsius{sensor="chip_max"})'),
    ("miners with a board missing", "miner_boards < miner_expected_boards"),
)


@dataclass(frozen=True)
class Fleet:
    """The simulated fleet as its file says: miners by container, where they listen, and faults by miner."""

    containers: dict[str, int]
    endpoints: list[Endpoint]
    faulty: list[tuple[str, str, str]]

    @property
    def miners(self) -> int:
        """How many miners there are."""
        return sum(self.containers.values())


@dataclass(frozen=True)
class Demo:
    """What runs where, addresses as HOST:PORT; `history` is Prometheus, and None where it cannot be had."""

    folder: Path
    targets: Path
    fleet: Fleet
    simulator: str
    exporter: str
    history: str | None

    @property
    def logs(self) -> Path:
        """The folder of the parts' logs."""
        return self.folder / "logs"


def read_fleet(targets: Path) -> Fleet:
    """Return the fleet of an inventory; raises InventoryError with every mistake in it."""
    inventory = load([targets])
    miners = [miner for container in inventory.containers for miner in container.miners]
    return Fleet(
        containers=dict(Counter(miner.container for miner in miners)),
        endpoints=[
            (miner.address, port)
            for miner in miners
            for port in (miner.port, miner.web_port, miner.v3_port)
            if port is not None
        ],
        faulty=[
            (miner.container, miner.name, ", ".join(fault["fault"].replace("_", " ") for fault in faults))
            for miner in miners
            if (faults := miner.simulate.get("faults"))
        ],
    )


def lines(demo: Demo) -> Iterator[str]:
    """Yield the lines of the first screen."""
    fleet = demo.fleet
    first = next(iter(fleet.containers))
    yield ""
    yield f"{fleet.miners} simulated miners in {len(fleet.containers)} containers. Ctrl-C ends everything."
    yield ""
    yield from _columns(
        ("exporter", f"http://{demo.exporter}/", "the readings as they are now"),
        ("Prometheus", f"http://{demo.history}/", "their history, from half a minute after the start")
        if demo.history
        else ("Prometheus", "is not there", "so there is no history"),
        ("simulator", f"http://{demo.simulator}/", "the truth about the fleet, and faults on demand"),
        ("fleet", str(demo.targets), "edit it: the exporter takes changes over as it runs"),
        ("logs", f"{demo.logs}/", "one file a part"),
    )
    yield ""
    yield "Look first at"
    yield from _columns(
        ("one miner, read by hand", f".venv/bin/hashyard read {fleet.endpoints[0][0]}"),
        ("one container's metrics", f"http://{demo.exporter}/metrics?container={quote(first)}"),
    )
    if demo.history:
        yield ""
        yield f"Ask Prometheus, at http://{demo.history}/"
        yield from _columns(*QUERIES)
    if fleet.faulty:
        shown = fleet.faulty[:MOST_FAULTY]
        yield ""
        yield "Broken on purpose"
        yield from _columns(*((f"{container} / {miner}", faults) for container, miner, faults in shown))
        if len(fleet.faulty) > len(shown):
            yield f"  and {len(fleet.faulty) - len(shown)} more, marked `simulate` in {demo.targets}"
    yield ""


def _columns(*rows: tuple[str, ...]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
