"""What the page of all miners was asked for, and what it shows of it: filters, order, part, chips, choices. Pure.

Whatever stands in the address, there is a page: what cannot be used is named above the list, and the rest is used.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from multidict import MultiDict, MultiMapping

from controller.api.decoding import decode_query
from controller.api.figures import algorithm_of, model_of
from controller.api.miner_filters import MinersFilter, firmware_of, manufacturer_of
from controller.api.problems import Problem
from controller.api.shapes import MINER_STATES
from controller.deeds import MinerView
from controller.pages.formats import cut, isolated, plain
from controller.pages.language import Words
from controller.pages.miner_columns import COLUMNS
from controller.pages.state_words import state_words
from miners.inventory.fleet import Container
from miners.model import Snapshot

PATH: Final = "/miners"
PAGE_SIZE: Final = 100
MOST_CHOICES: Final = 200
"""As many values of a filter as anybody ticks from; whoever has more writes them into the search."""

Pairs = tuple[tuple[str, str], ...]

MANY: Final = ("state", "container", "manufacturer", "model", "firmware", "algorithm", "fault", "profile")
"""Filters that take several values, in the order in which they are offered."""
FLAGS: Final = ("lost_boards", "missing_chips", "faults", "matches", "stale", "service", "active")
NUMBERS: Final = ("hotter_than_c", "below_ratio")
FILTERS: Final = (*MANY, *FLAGS, *NUMBERS, "q")


class Wrong(msgspec.Struct, frozen=True):
    """A value in the address that is not used. `why`: None where the filter itself says enough."""

    name: str
    value: str
    why: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a page was asked for. `pairs`: the filters that are used, as the address has them. `part`: from 1."""

    filter: MinersFilter
    pairs: Pairs = ()
    sort: str | None = None
    descending: bool = False
    part: int = 1
    wrong: tuple[Wrong, ...] = ()

    @property
    def query(self) -> str:
        """The filters alone, as an address and a deed have them."""
        return urlencode(self.pairs)

    def address(self, *, path: str = PATH, sort: str | None = None, part: int = 1, **more: str) -> str:
        """Return the address of the same list, in its order or another, at one of its parts."""
        order = sort if sort is not None else self.order
        given = [*self.pairs, *([("sort", order)] if order else []), *more.items()]
        given += [("page", str(part))] if part > 1 else []
        return f"{path}?{urlencode(given)}" if given else path

    @property
    def order(self) -> str:
        """The order as the address has it; empty for that of the inventory."""
        return "" if self.sort is None else f"{'-' if self.descending else ''}{self.sort}"

    def without(self, name: str, value: str) -> str:
        """Return the address of the list without one value of a filter."""
        left = tuple(pair for pair in self.pairs if pair != (name, value))
        return msgspec.structs.replace(self, pairs=left).address()

    def sorting(self, column: str) -> str:
        """Return the address of the list sorted by a column; by figures the largest first, and turned if it is so already."""
        if self.sort == column:
            return self.address(sort=column if self.descending else f"-{column}")
        return self.address(sort=f"-{column}" if COLUMNS[column].figure else column)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a filter that are used."""
        return tuple(value for given, value in self.pairs if given == name)


def asked(given: MultiMapping[str], containers: Sequence[Container], words: Words, *, private: bool) -> Asked:
    """Return what an address asks for. `containers`: those that the person may see; `private`: for a client."""
    pairs: list[tuple[str, str]] = []
    wrong: list[Wrong] = []
    known = {name for container in containers for name in (container.id, container.name)}
    for name in FILTERS:
        texts = [text.strip() for text in given.getall(name, ())]
        for text in dict.fromkeys(text for text in texts if text):
            why = _why_not(name, text, pairs, known, words)
            if why is None:
                pairs.append((name, _value(name, text)))
            else:
                wrong.append(Wrong(name, text, why))
    sort = given.get("sort", "").strip()
    column = sort.removeprefix("-")
    if sort and (column not in COLUMNS or (private and COLUMNS[column].private)):
        wrong.append(Wrong("sort", sort, words.gettext("there is no such column")))
        sort = column = ""
    part, text = 1, given.get("page", "").strip()
    if text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 10:
        part = int(text)
    elif text:
        wrong.append(Wrong("page", text, words.gettext("it is a number from 1")))
    return Asked(
        filter=decode_query(MultiDict(pairs), MinersFilter),
        pairs=tuple(pairs),
        sort=column or None,
        descending=sort.startswith("-"),
        part=part,
        wrong=tuple(wrong),
    )


def _why_not(
    name: str, text: str, pairs: Sequence[tuple[str, str]], containers: set[str], words: Words
) -> str | None:
    """Return why a value of a filter cannot be used, None if it can."""
    if name not in MANY and any(name == given for given, _ in pairs):
        return words.gettext("give it once")
    if name == "container" and text not in containers:
        return words.gettext("there is no such container")
    if name in FLAGS and text.lower() not in ("true", "false"):
        return words.gettext("it is true or false")
    if name in NUMBERS and not _is_number(_value(name, text)):
        return words.gettext("it is no number")
    try:
        decode_query(MultiDict([(name, _value(name, text))]), MinersFilter)
    except Problem as problem:
        return words.told(problem.mistakes[0].detail)
    return None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _value(name: str, text: str) -> str:
    # People write decimals as their language does.
    if name in NUMBERS:
        return text.replace(",", ".").replace("\u2212", "-")
    return text.lower() if name in FLAGS else text


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list. `number` of `parts`, from 1; `first`, `last`: of its rows in the whole, from 1."""

    views: Sequence[MinerView]
    total: int
    number: int
    parts: int
    first: int
    last: int


def part_of(found: Sequence[MinerView], number: int) -> Part:
    """Return a part of the list; the last one where there are not so many."""
    parts = max(1, -(-len(found) // PAGE_SIZE))
    number = min(number, parts)
    begin = (number - 1) * PAGE_SIZE
    views = found[begin : begin + PAGE_SIZE]
    return Part(
        views=views,
        total=len(found),
        number=number,
        parts=parts,
        first=begin + 1 if views else 0,
        last=begin + len(views),
    )


def near(number: int, parts: int) -> list[int | None]:
    """Return the numbers of the parts that are offered: the ends, and those around this one; None where some are left out."""
    wanted = sorted({1, parts, *range(max(1, number - 2), min(parts, number + 2) + 1)})
    found: list[int | None] = []
    for one in wanted:
        if found and found[-1] is not None and one - found[-1] > 1:
            found.append(None)
        found.append(one)
    return found


class Chip(msgspec.Struct, frozen=True):
    """A filter that is in force: its words, and the address of the list without it."""

    text: str
    away: str


def chips(wanted: Asked, containers: Sequence[Container], words: Words) -> list[Chip]:
    """Return the filters in force."""
    names = {container.id: container.name for container in containers}
    return [
        Chip(_chip(name, value, names, words), wanted.without(name, value)) for name, value in wanted.pairs
    ]


def _chip(name: str, value: str, containers: Mapping[str, str], words: Words) -> str:
    if name in FLAGS:
        return _flag_words(words)[name][0 if value == "true" else 1]
    if name == "hotter_than_c":
        return words.gettext("Chip above %(value)s °C", value=float(value))
    if name == "below_ratio":
        return words.gettext("Below %(ratio)s of nominal", ratio=words.formats.percent(float(value)))
    shown = {
        "container": lambda: containers.get(value, value),
        "state": lambda: state_words(words).get(value, value),
    }.get(name, lambda: value)()
    return f"{filter_words(name, words)}: {isolated(cut(plain(shown), 40))}"


def filter_words(name: str, words: Words) -> str:
    """Return what a filter is called."""
    return {
        "q": words.gettext("Search"),
        "state": words.gettext("State"),
        "container": words.gettext("Container"),
        "manufacturer": words.gettext("Maker"),
        "model": words.gettext("Model"),
        "firmware": words.gettext("Firmware"),
        "algorithm": words.gettext("Algorithm"),
        "fault": words.gettext("Fault"),
        "profile": words.gettext("Profile"),
        "lost_boards": words.gettext("Lost boards"),
        "missing_chips": words.gettext("Missing chips"),
        "faults": words.gettext("Reported faults"),
        "matches": words.gettext("In its profile"),
        "stale": words.gettext("Reading too old"),
        "service": words.gettext("In service"),
        "active": words.gettext("In use"),
        "hotter_than_c": words.gettext("Chip hotter than, °C"),
        "below_ratio": words.gettext("Below this share of nominal (0.9 is 90 %%)"),
        "sort": words.gettext("Order"),
        "page": words.gettext("Page"),
    }[name]


def _flag_words(words: Words) -> dict[str, tuple[str, str]]:
    """Return, for each filter that is yes or no, what its two values mean."""
    return {
        "lost_boards": (words.gettext("with a lost board"), words.gettext("no lost board known")),
        "missing_chips": (words.gettext("lacking chips"), words.gettext("no missing chips known")),
        "faults": (words.gettext("reporting a fault"), words.gettext("reporting no fault")),
        "matches": (words.gettext("in its profile"), words.gettext("not in its profile")),
        "stale": (words.gettext("reading too old"), words.gettext("reading of now")),
        "service": (words.gettext("in service"), words.gettext("not in service")),
        "active": (words.gettext("in use"), words.gettext("disabled")),
    }


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A filter as the form offers it: `options` (value, words); `left_out`: how many more values there are."""

    name: str
    legend: str
    options: Sequence[tuple[str, str]]
    chosen: tuple[str, ...]
    left_out: int = 0


def values_of(_container: Container, views: Sequence[MinerView]) -> Mapping[str, AbstractSet[str]]:
    """Return the values that there are among a container's miners, by filter."""
    there: dict[str, set[str]] = {name: set() for name in MANY}
    for view in views:
        there["manufacturer"].add(manufacturer_of(view) or "")
        there["model"].add(model_of(view) or "")
        there["firmware"].add(firmware_of(view) or "")
        there["algorithm"].add(algorithm_of(view) or "")
        there["profile"].add(view.wanted.profile or "")
        if isinstance(view.reading, Snapshot) and view.reading.faults:
            there["fault"].update(fault.code for fault in view.reading.faults)
    return there


def choices(
    values: Iterable[Mapping[str, AbstractSet[str]]],
    containers: Sequence[Container],
    wanted: Asked,
    words: Words,
) -> list[Choice]:
    """Return the filters that take several values, with those that there are. `values`: of each container, by filter."""
    there: dict[str, set[str]] = {name: set() for name in MANY}
    for of_container in values:
        for name, some in of_container.items():
            there[name] |= some
    options: dict[str, list[tuple[str, str]]] = {
        name: [(value, plain(value)) for value in sorted(found - {""}, key=str.casefold)]
        for name, found in there.items()
    }
    options["state"] = [(state, state_words(words)[state]) for state in MINER_STATES]
    options["container"] = [(container.id, plain(container.name)) for container in containers]
    found = []
    for name in MANY:
        chosen = wanted.values(name)
        all_of = options[name] + [
            (value, plain(value)) for value in chosen if value not in dict(options[name])
        ]
        kept = all_of[:MOST_CHOICES] + [one for one in all_of[MOST_CHOICES:] if one[0] in chosen]
        if kept:
            found.append(
                Choice(
                    name=name,
                    legend=filter_words(name, words),
                    options=kept,
                    chosen=chosen,
                    left_out=len(all_of) - len(kept),
                )
            )
    return found


def flags(wanted: Asked, words: Words) -> list[Choice]:
    """Return the filters that are yes or no."""
    return [
        Choice(
            name=name,
            legend=filter_words(name, words),
            options=[("", words.pgettext("filter", "any")), ("true", yes), ("false", no)],
            chosen=wanted.values(name) or ("",),
        )
        for name, (yes, no) in _flag_words(words).items()
    ]


def rows_named(ids: Sequence[str]) -> str:
    """Return the ids of miners in short, for the name of the page in the stream: each container's once."""
    parts: list[str] = []
    last = None
    for one in ids:
        container, _, miner = one.partition(".")
        parts.append(f"~{miner}" if container == last else f"{'!' if parts else ''}{container}.{miner}")
        last = container
    return "".join(parts)


def rows_of(text: str) -> list[str]:
    """Return the ids that `rows_named` made short, at most as many as a page has."""
    found: list[str] = []
    for group in text.split("!"):
        container, _, miners = group.partition(".")
        found += [f"{container}.{miner}" for miner in miners.split("~") if container and miner]
    return found[:PAGE_SIZE]


def options_of(given: Any) -> tuple[str, ...] | None:
    """Return the columns that an account keeps; None where it keeps none, or what is no list of columns."""
    if not isinstance(given, list):
        return None
    return tuple(one for one in given if isinstance(one, str) and one in COLUMNS)
