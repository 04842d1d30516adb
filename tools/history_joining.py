"""Counters of the past, set so that they end where the present begins: else the first half hour would show a jump.

A miner's counters say how much it has done since it began, and the simulated miner of the past has counted another sum by
then than the one that runs now. What they grew by is kept; where they stand is told backwards from the present.
"""

import math
import re
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from exporter.exposition import number
from exporter.metrics import READ
from exporter.render import READ_AT, Row
from tools.history_pages import Span

Series: TypeAlias = frozenset[tuple[str, str]]
"""A series by its labels, the name among them as `__name__`."""

COUNTED_BY_THE_EXPORTER = frozenset(("miner_pool_switches_total",))
"""Begins at 0 with the exporter, as energy does: that the counter begins anew there adds nothing to any increase."""
JOINED = tuple(
    metric.name for metric in READ if metric.kind == "counter" and metric.name not in COUNTED_BY_THE_EXPORTER
)
"""The counters that miners keep themselves."""
RATE_OVER_S = 1_800.0
"""What passes between the two worlds is guessed from the growth over so long."""

_PLACES = tuple(READ_AT + place for place, metric in enumerate(READ) if metric.name in frozenset(JOINED))
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


class First(msgspec.Struct, frozen=True):
    """The first sample of a series in the present: unix seconds, and its value."""

    at: float
    value: float


class Counters:
    """Takes the miners' own counters out of their rows, and writes them when all of the past is known."""

    def __init__(self) -> None:
        """Begin with no series."""
        self._samples: dict[bytes, tuple[array[float], array[float]]] = {}

    def without(self, row: Row, now: float) -> Row:
        """Return a miner's row without the counters, which are kept as samples of `now` (unix seconds)."""
        left = list(row)
        for place in _PLACES:
            for line in left[place].splitlines():
                series, _, value = line.rpartition(b" ")
                kept = self._samples.get(series)
                if kept is None:
                    kept = self._samples[series] = array("d"), array("d")
                kept[0].append(now)
                kept[1].append(float(value))
            left[place] = b""
        return tuple(left)

    def join(self, firsts: Mapping[Series, First]) -> None:
        """Let every counter end just below its first value in the present; one that is not there stays as it is."""
        for series, (times, values) in self._samples.items():
            first = firsts.get(series_of(series))
            if first is not None:
                self._samples[series] = times, array("d", joined(times, values, first))

    def write(self, folder: Path, spans: Sequence[Span]) -> None:
        """Write a text for each span, one after the other. Raises OSError."""
        begun = dict.fromkeys(self._samples, 0)
        for span in spans:
            with span.file(folder).open("wb") as file:
                for series, (times, values) in self._samples.items():
                    place = begun[series]
                    lines = []
                    while place < len(times) and times[place] < span.end:
                        lines.append(f" {number(values[place])} {times[place]:.0f}\n".encode())
                        place += 1
                    begun[series] = place
                    file.write(b"".join([series + line for line in lines]))
                file.write(b"# EOF\n")


def joined(times: Sequence[float], values: Sequence[float], first: First) -> list[float]:
    """Return a counter's values, set so that it goes on into `first`: with the same growth, told backwards from there.

    Where it comes to 0 it began, and what was before stays as it was. So a restart is kept where the present counter is as
    young as that; one that is older knows of no restart, and goes on over it.
    """
    found = list(values)
    value = first.value - max(0.0, first.at - times[-1]) * _rate(times, values)
    if first.value.is_integer():
        value = float(math.floor(value))
    place = len(found) - 1
    # Below 0 at once, it has begun anew since the past's end, and adds no more than it shows.
    while value >= 0 and place >= 0:
        found[place] = value
        if place:
            value -= _growth(values[place - 1], values[place])
        place -= 1
    return found


def series_of(text: bytes) -> Series:
    """Return the labels of a series in wire text, such as `miner_hashes_total{miner="a1"}`."""
    name, _, labels = text.decode().partition("{")
    return frozenset(
        [("__name__", name), *((key, _unescaped(value)) for key, value in _LABEL.findall(labels))]
    )


def _rate(times: Sequence[float], values: Sequence[float]) -> float:
    """Return the growth a second over the last while."""
    place = len(times) - 1
    grown = 0.0
    while place and times[place - 1] >= times[-1] - RATE_OVER_S:
        grown += _growth(values[place - 1], values[place])
        place -= 1
    passed = times[-1] - times[place]
    return grown / passed if passed > 0 else 0.0


def _growth(before: float, after: float) -> float:
    """Return what a counter grew by between two samples; less than before: it began anew."""
    return after - before if after >= before else after


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], value)
