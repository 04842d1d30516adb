"""The same hours of two clients in one Prometheus, and of one of them alone in another, made of blocks.

What is the other client's differs from what is one's own in values, labels and names, and holds a planted value.
"""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.system.past_of_a_fleet import prometheus

BEGIN = 1_780_272_000  # 2026-06-01T00:00:00Z
HOURS = 3
STEP_S = 60
END = BEGIN + HOURS * 3600
PLANTED = 987_654_321.0
"""A value that only the other client's series have."""

GAUGES = (
    "miner_power_watts",
    "container_miners",
    "container:energy_joules:increase1h",
    "container:expected_hashrate_hashes_per_second:sum",
    "container:hashrate_attainment:ratio",
    "container:hashrate_hashes_per_second:sum",
    "container:miner_time_class:sum",
    "container:miners:avg1h",
    "container:observed_seconds:increase1h",
    "container:power_watts:sum",
    "container:time_class_seconds:sum1h",
    "miner:time_class:bool",
)
"""Those that the client's dashboard reads, and one that comes from miners."""
COUNTER = "miner_energy_joules_total"
HIDDEN = (
    "container_energy_price_per_kilowatt_hour",
    "hashyard_controller_drift",
    "container:energy_cost:increase1h",
)
WITHOUT_CLIENT = ("up", "fleet:miners:sum", "strange_series")


@dataclass(frozen=True)
class Answer:
    """What a Prometheus said: its data, or that it said no."""

    ok: bool
    data: Any


@dataclass(frozen=True)
class Stored:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, pairs: dict[str, str] | list[tuple[str, str]]) -> Answer:
        """Ask below /api/v1/."""
        form = urllib.parse.urlencode(pairs).encode()
        get = path.startswith("label/")
        url = f"{self.url}/api/v1/{path}" + (f"?{form.decode()}" if get else "")
        try:
            with urllib.request.urlopen(url, None if get else form, timeout=30) as response:
                return Answer(ok=True, data=json.load(response)["data"])
        except urllib.error.HTTPError as error:
            return Answer(ok=False, data=json.load(error)["errorType"])

    def range(self, query: str) -> Answer:
        """Ask for the last two hours, a point in five minutes."""
        times = {"start": str(END - 7200), "end": str(END - 60), "step": "300"}
        return self.ask("query_range", {"query": query, **times})

    def now(self, query: str) -> Answer:
        """Ask for the end of the hours."""
        return self.ask("query", {"query": query, "time": str(END - 60)})


@contextmanager
def both(promtool: Path, folder: Path) -> Iterator[tuple[Stored, Stored]]:
    """Give a Prometheus that holds acme and borealis, and one that holds acme alone."""
    with ExitStack() as running:
        found = []
        for name, lines in (
            ("both", [*_of("acme"), *_of("borealis"), *_hidden("acme"), *_hidden("borealis"), *_of_nobody()]),
            ("alone", list(_of("acme"))),
        ):
            place = folder / name
            place.mkdir()
            _write(promtool, place, lines)
            found.append(Stored(running.enter_context(prometheus(place))))
        yield found[0], found[1]


Line = tuple[str, str, list[float | None]]


def _times() -> range:
    return range(BEGIN, END, STEP_S)


def _labels(**given: str) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in given.items()) + "}"


def _of(client: str) -> Iterator[Line]:
    own = client == "acme"
    for at, name in enumerate(GAUGES):
        for container in ("C 1", "C 2") if own else ("C 1", "C 9", "planted"):
            for which, kind in enumerate(("hashing", "curtailed", "fault")):
                labels = _labels(
                    client=client,
                    container=container,
                    miner=f"a{which}",
                    **{"class": kind},
                    source="measured" if which else "estimated",
                    algorithm="SHA-256" if which else "Scrypt",
                )
                yield name, labels, [_value(own, at, which, moment) for moment in _times()]
    for miner in ("a0", "a1", "a2"):
        labels = _labels(client=client, container="C 1", miner=miner)
        pace = 3000.0 if own else PLANTED
        yield COUNTER, labels, [pace * (moment - BEGIN) for moment in _times()]


def _value(own: bool, at: int, which: int, moment: int) -> float | None:
    minute = (moment - BEGIN) // STEP_S
    if not own:
        return PLANTED + minute
    if (minute + at) % 47 < 3:
        return None
    return float(at * 10 + which + minute % 7)


def _hidden(client: str) -> Iterator[Line]:
    for name in HIDDEN:
        labels = _labels(client=client, container="C 1", miner="a0", currency="EUR")
        yield name, labels, [PLANTED for _ in _times()]


def _of_nobody() -> Iterator[Line]:
    for name in WITHOUT_CLIENT:
        yield name, _labels(container="C 1", miner="a0"), [PLANTED for _ in _times()]


def _write(promtool: Path, place: Path, lines: list[Line]) -> None:
    text: list[str] = []
    for name in sorted({name for name, _, _ in lines}):
        family = name.removesuffix("_total")
        text.append(f"# TYPE {family} {'counter' if name == COUNTER else 'gauge'}")
        for other, labels, values in lines:
            if other == name:
                text += [
                    f"{name}{labels} {value!r} {moment}"
                    for moment, value in zip(_times(), values, strict=True)
                    if value is not None
                ]
    file = place / "hours.txt"
    file.write_text("\n".join([*text, "# EOF\n"]), encoding="utf-8")
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", "-q", file, place / "data"],
        check=True,
        capture_output=True,
    )
