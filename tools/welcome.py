"""What a newcomer reads once the demo runs: what runs where, what to look at first, and what is broken on purpose."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import orjson

from miners.inventory.load import load
from tools.compressed import MINUTES
from tools.place import Endpoint

MOST_BROKEN = 12
PEOPLE = "people.txt"
FIRST_PASSWORD = "initial-admin-password"  # noqa: S105  # the name of a file
PAST = "their history; a week before the first start is made up, and marked so"
NO_PAST = "their history, from half a minute after the start"
GRAFANA_PASSWORD = "admin-password"  # noqa: S105  # the name of a file

# Questions that Prometheus answers, for people who have never asked it one.
QUERIES = (
    # SHA-256 alone: hash rates of different algorithms are never added.
    (
        "SHA-256 hash rate, TH/s",
        'sum by (container) (miner_hashrate_hashes_per_second and on (container, miner) miner_info{algorithm="SHA-256"}) / 1e12',
    ),
    ("power of each container, kW", "sum by (container) (miner_power_watts) / 1e3"),
    ("miners that do not answer", "miner_up == 0"),
    ("hottest chips, °C", 'topk(5, miner_temperature_celsius{sensor="chip_max"})'),
    ("miners with a board missing", "miner_boards < miner_expected_boards"),
    ("what is ordered of whom", "count by (container, profile) (hashyard_controller_desired_profile_info)"),
    # Who is on the way, who cannot (an old Avalon knows no sleep), and who does not: what was ordered and does not show.
    (
        "what has not followed (yet)",
        "hashyard_controller_desired_profile_info unless on (container, miner, profile) hashyard_controller_applied_profile_info",
    ),
    ("who says yes and does not obey", "hashyard_controller_drift > 0"),
    ("what came of commands", "sum by (container, status) (hashyard_controller_commands_total) > 0"),
)


@dataclass(frozen=True)
class Fleet:
    """The simulated fleet as its file says: how many miners in each container, where all of them listen.

    `example` is the address and web port of a miner to be read by hand; `enforced` the containers that follow the clock;
    `middle` a miner from the middle of each container.
    """

    containers: dict[str, int]
    endpoints: list[Endpoint]
    example: tuple[str, int | None]
    enforced: tuple[str, ...]
    middle: dict[str, str]

    @property
    def miners(self) -> int:
        """How many miners there are."""
        return sum(self.containers.values())


@dataclass(frozen=True)
class Demo:
    """What runs where, addresses as HOST:PORT. `history` is Prometheus, `alerts` Alertmanager; None for what cannot be had.

    `past`: whether a week before the first start is made up. `again`: a demo ran here before, and its history is kept.
    """

    folder: Path
    targets: Path
    fleet: Fleet
    simulator: str
    exporter: str
    controller: str
    history: str | None
    alerts: str | None = None
    grafana: str | None = None
    past: bool = False
    again: bool = False

    @property
    def data(self) -> Path:
        """The data folder of the exporter and the controller."""
        return self.folder / "data"

    @property
    def people(self) -> Path:
        """The file with the passwords of people beside the administrator."""
        return self.folder / PEOPLE

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
        example=(miners[0].address, miners[0].web_port),
        enforced=tuple(one.name for one in inventory.containers if one.control == "enforce"),
        middle={
            one.name: one.miners[len(one.miners) // 2].name for one in inventory.containers if one.miners
        },
    )


def broken_now(fleet: bytes) -> list[tuple[str, str, list[str]]]:
    """Return container, miner and names of faults from the simulator's `/fleet`, of those that have some from the start."""
    rows = orjson.loads(fleet)["miners"]
    found = [
        (
            row["container"],
            row["miner"],
            [fault["fault"] for fault in row["faults"] if not fault.get("after_s")],
        )
        for row in rows
    ]
    return [(container, miner, faults) for container, miner, faults in found if faults]


def lines(demo: Demo, broken: list[tuple[str, str, list[str]]]) -> Iterator[str]:
    """Yield the lines of the first screen. `broken`: see broken_now."""
    fleet = demo.fleet
    first = next(iter(fleet.containers))
    yield ""
    yield f"{fleet.miners} simulated miners in {len(fleet.containers)} containers. Ctrl-C ends everything."
    yield ""
    yield "Sign in and look around"
    yield from _columns(
        ("pages", f"http://{demo.controller}/"),
        ("user", "admin"),
        ("password", _password(demo)),
        *(
            [("others", f"an accountant, and somebody of each client: names and passwords in {demo.people}")]
            if demo.people.exists()
            else []
        ),
    )
    yield ""
    yield "What else runs"
    yield from _columns(
        *(
            [
                (
                    "Grafana",
                    f"http://{demo.grafana}/",
                    "dashboards; you sign in with the same name and password",
                )
            ]
            if demo.grafana
            else []
        ),
        ("exporter", f"http://{demo.exporter}/", "the readings as they are now"),
        (
            "Prometheus",
            f"http://{demo.history}/",
            PAST if demo.past else NO_PAST,
        )
        if demo.history
        else ("Prometheus", "is not there", "so there is no history"),
        *(
            [("Alertmanager", f"http://{demo.alerts}/", "what is wrong; here it tells nobody")]
            if demo.alerts
            else []
        ),
        ("HTTP API", f"http://{demo.controller}/api", "all that the pages know and do, for programs"),
        ("simulator", f"http://{demo.simulator}/truth", "what is really so in the fleet; faults on demand"),
        ("fleet", str(demo.targets), "edit it: exporter and controller take changes over as they run"),
        ("logs", f"{demo.logs}/", "one file a part"),
    )
    if fleet.enforced:
        yield ""
        yield f"{', '.join(fleet.enforced)} follows the clock: another profile every {MINUTES} minutes. The rest is only watched."
        yield from _columns(("put a miner to sleep", _sleep(demo, fleet.enforced[0])))
    yield ""
    yield "Look first at"
    yield from _columns(
        ("one miner, read by hand", f".venv/bin/hashyard read {_words(fleet.example)}"),
        ("one container's metrics", f"http://{demo.exporter}/metrics?container={quote(first)}"),
    )
    if demo.history:
        yield ""
        yield f"Ask Prometheus, at http://{demo.history}/"
        yield from _columns(*QUERIES)
    if broken:
        shown = _one_of_each(broken)[:MOST_BROKEN]
        yield ""
        yield "Broken on purpose, among others"
        yield from _columns(
            *((fault.replace("_", " "), f"{container} / {miner}") for fault, container, miner in shown)
        )
        yield f"  all {len(broken)} are in http://{demo.simulator}/fleet"
    yield ""


def _words(example: tuple[str, int | None]) -> str:
    address, web_port = example
    return address if web_port in {None, 80} else f"{address} --web-port {web_port}"


def _one_of_each(broken: list[tuple[str, str, list[str]]]) -> list[tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for container, miner, faults in broken:
        for fault in faults:
            found.setdefault(fault, (fault, container, miner))
    return list(found.values())


def _columns(*rows: tuple[str, ...]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _password(demo: Demo) -> str:
    """Return where the password is: whoever has changed it has had its file removed by that."""
    if (demo.data / FIRST_PASSWORD).exists():
        return f"in {demo.data / FIRST_PASSWORD}"
    return (
        f"the one you chose; `.venv/bin/hashyard controller --data {demo.data} --reset-admin` makes another"
    )


def _sleep(demo: Demo, container: str) -> str:
    """Return a command line that puts the middle miner of a container to sleep until the next change."""
    miner = demo.fleet.middle[container]
    first = demo.data / FIRST_PASSWORD
    holding = first if first.exists() else "A-FILE-WITH-IT"
    signed = f"--user admin --password-file {holding} --url http://{demo.controller}"
    return f".venv/bin/hashyard set '{container}/{miner}' --profile curtail {signed}"
