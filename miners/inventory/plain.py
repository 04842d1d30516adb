"""Entries of the inventory that come as plain data, as through the HTTP API: read by the same table of keys as the files.

A mistake is a JSON pointer into the data and the same sentence that `hashyard check` gives. None counts as not given.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, TypeVar

from miners.inventory import nodes
from miners.inventory.fleet import Profile, Schedule, Tariff
from miners.inventory.kinds import MISSING, Text
from miners.inventory.nodes import MAX_DEPTH, MAX_DIGITS, Node, Scalar, shortened
from miners.inventory.pricing import TARIFF, tariff_of
from miners.inventory.profiles import PROFILE, PROFILE_NAME, profile_of
from miners.inventory.report import Path, Report
from miners.inventory.schedules import SCHEDULE, schedule_of
from miners.inventory.schema import CONTAINER, MINER
from miners.inventory.sections import Entry, Section
from miners.inventory.shared_keys import NAME

Mistakes: TypeAlias = list[tuple[str, str]]
"""(JSON pointer, what is wrong and what would be right), in the order they were found."""

_T = TypeVar("_T")


def profile_mistakes(name: Any, data: Any) -> Mistakes:
    """Return what is wrong with a profile: `data` holds target_percent and by_make. A wrong name is at `/name`."""
    return read_profile(name, data)[1]


def schedule_mistakes(name: Any, data: Any, profiles: Collection[str]) -> Mistakes:
    """Return what is wrong with a schedule: `data` holds windows, otherwise, exceptions, id. `profiles`: their names."""
    return read_schedule(name, data, profiles)[1]


def container_mistakes(data: Any) -> Mistakes:
    """Return what is wrong with a container by itself: `data` holds the keys that it has in the files."""
    return _mistakes(data, CONTAINER)


def miner_mistakes(data: Any) -> Mistakes:
    """Return what is wrong with a miner by itself: `data` holds the keys that it has in the files."""
    return _mistakes(data, MINER)


def read_profile(name: Any, data: Any) -> tuple[Profile | None, Mistakes]:
    """Return a profile, or None and what is wrong with it."""
    return _read(name, PROFILE_NAME, data, PROFILE, profile_of)


def read_schedule(name: Any, data: Any, profiles: Collection[str]) -> tuple[Schedule | None, Mistakes]:
    """Return a schedule, or None and what is wrong with it."""
    return _read(name, NAME, data, SCHEDULE, lambda text, entry: schedule_of(text, entry, profiles))


def read_tariff(name: Any, data: Any) -> tuple[Tariff | None, Mistakes]:
    """Return a tariff, or None and what is wrong with it: `data` holds currency, price_per_kwh, zones and changes."""
    return _read(name, NAME, data, TARIFF, tariff_of)


def _read(
    name: Any, name_kind: Text, data: Any, section: Section, build: Callable[[str, Entry], _T | None]
) -> tuple[_T | None, Mistakes]:
    report = _Pointers()
    text = name_kind.read(_node(name), report, (None, "name"))
    entry = section.read(_node(data), report, None)
    found = None if entry is MISSING else build("" if text is MISSING else text, entry)
    return (None if report.found else found), report.found


def _mistakes(data: Any, section: Section) -> Mistakes:
    report = _Pointers()
    section.read(_node(data), report, None)
    return report.found


class _Pointers(Report):
    """A report whose places are JSON pointers."""

    def __init__(self) -> None:
        super().__init__("")
        self.found: Mistakes = []

    def mistake(self, line: int, path: Path, text: str) -> None:
        """Note what makes the data unusable."""
        super().mistake(line, path, text)
        self.found.append((_pointer(path), text))


def _pointer(path: Path) -> str:
    parts: list[str] = []
    while path is not None:
        path, part = path
        parts.append(str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{part}" for part in reversed(parts))


def _node(data: Any, depth: int = 0) -> Node:
    """Return plain data as the tree that the table of keys reads: texts as if in quotes, so that they stay texts."""
    if depth > MAX_DEPTH:
        return Scalar(0, "a list or mapping that lies too deep", plain=False)
    if isinstance(data, Mapping):
        flat: list[Node] = []
        for key, value in data.items():
            if value is not None:
                flat += (Scalar(0, str(key), plain=False), _node(value, depth + 1))
        return nodes.Mapping(0, flat)
    if isinstance(data, (list, tuple)):
        return nodes.Sequence(0, [_node(item, depth + 1) for item in data])
    if isinstance(data, str):
        return Scalar(0, data, plain=False)
    return Scalar(0, _written(data))


def _written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**MAX_DIGITS else "a number that is far too large"
    if isinstance(value, float):
        text = repr(value)
        return f".{text}" if text in ("inf", "nan") else text.replace("-inf", "-.inf")
    return shortened(type(value).__name__)
