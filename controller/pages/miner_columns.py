"""The columns of a table of miners: what each is called, what stands in it, and by what it sorts. One table, pure.

Cells are made of the API's Miner, so figures are the same everywhere; None is what was not reported. A reading that failed
has no figures; one that is too old keeps them, and its row is drawn as old.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from controller.api.figures import algorithm_of, boards_ok, model_of
from controller.api.miner_filters import SORTS, firmware_of, manufacturer_of
from controller.api.shapes import Miner
from controller.deeds import MinerView
from controller.pages.formats import NBSP, hash_rate_unit, isolated, plain
from controller.pages.language import Words
from controller.pages.state_words import state_words
from miners.model import Snapshot

MORE: Final = ", "
AGE_STEP_S: Final = 10
"""Ages below a minute are told in steps: a figure that ticks draws the eye to nothing."""


class Scale(msgspec.Struct, frozen=True):
    """In which unit the column of hash rates is written: H/s it is, and its name."""

    size: float
    name: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One row: the miner as the API shows it and as it is known, in which scale and language it is written."""

    miner: Miner
    view: MinerView
    scale: Scale
    words: Words


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column. `unit`: of its head, where it is always the same. `private`: not for clients. `first`: shown unless chosen otherwise."""

    name: Callable[[Words], str]
    cell: Callable[[Shown], str | None]
    sort: Callable[[MinerView], Any]
    unit: str = ""
    figure: bool = True
    private: bool = False
    first: bool = False


def scale_of(miners: Sequence[Miner]) -> Scale:
    """Return the one unit for these miners' hash rates: by what they are made for, so that it holds while they sleep."""
    rates = [miner.nominal_hashrate_hs or miner.hashrate_hs for miner in miners]
    return Scale(*hash_rate_unit(rates))


def scale_named(name: str) -> Scale | None:
    """Return the scale of this name, None where there is none."""
    found = (hash_rate_unit([10.0**power]) for power in range(0, 19, 3))
    return next((Scale(*one) for one in found if one[1] == name), None)


def row_state(miner: Miner) -> str:
    """Return of when a row's figures are: now, old (too old, or of before its source went away), none, off."""
    if not miner.active:
        return "off"
    if miner.taken_at is None:
        return "none"
    return "old" if miner.stale else "now"


def _hash_rate(row: Shown) -> str | None:
    rate = row.miner.hashrate_hs
    if rate is None:
        return None
    value = rate / row.scale.size
    # A Scrypt miner in a column of TH/s is small, and not nothing.
    return row.words.formats.small(value, 4) if 0 < value < 0.1 else row.words.formats.figure(value)


def _number(name: str, digits: int = 0) -> Callable[[Shown], str | None]:
    def cell(row: Shown) -> str | None:
        value = getattr(row.miner, name)
        return None if value is None else row.words.formats.number(value, digits)

    return cell


def _ratio(row: Shown) -> str | None:
    ratio = row.miner.performance_ratio
    return None if ratio is None else row.words.formats.number(ratio * 100, 1)


def _boards(row: Shown) -> str | None:
    miner = row.miner
    if miner.boards_ok is None:
        return None
    return f"{miner.boards_ok}/{miner.expected_boards}" if miner.expected_boards else str(miner.boards_ok)


def _profile(row: Shown) -> str | None:
    profile = row.miner.profile
    if profile.desired is None:
        return None
    mark = (
        {True: f"{NBSP}✓", False: f"{NBSP}✗"}.get(profile.matches, "") if profile.matches is not None else ""
    )
    return f"{isolated(plain(profile.desired))}{mark}"


def _age(row: Shown) -> str | None:
    age = row.miner.age_s
    if age is None:
        return None
    if age < AGE_STEP_S:
        return f"<{NBSP}{row.words.formats.duration(AGE_STEP_S)}"
    return row.words.formats.duration(age - age % AGE_STEP_S if age < 60 else age)


def _uptime(row: Shown) -> str | None:
    return None if row.miner.uptime_s is None else row.words.formats.duration(row.miner.uptime_s)


def _text(of: Callable[[Shown], str | None]) -> Callable[[Shown], str | None]:
    """Return a cell of a stranger's words."""

    def cell(row: Shown) -> str | None:
        value = of(row)
        return plain(value) if value else None

    return cell


def _identity(name: str) -> Callable[[MinerView], Any]:
    def value(view: MinerView) -> Any:
        found = getattr(view.last_snapshot.identity, name) if view.last_snapshot is not None else None
        return found.casefold() if isinstance(found, str) and found else None

    return value


def _folded(of: Callable[[MinerView], str | None]) -> Callable[[MinerView], Any]:
    return lambda view: found.casefold() if (found := of(view)) else None


def _faults(view: MinerView) -> str | None:
    if not isinstance(view.reading, Snapshot) or not view.reading.faults:
        return None
    return MORE.join(fault.code for fault in view.reading.faults)


def _pool(view: MinerView) -> str | None:
    if not isinstance(view.reading, Snapshot):
        return None
    return next((pool.user or pool.url for pool in view.reading.pools if pool.active), None)


def _boards_ok(view: MinerView) -> int | None:
    return boards_ok(view.reading) if isinstance(view.reading, Snapshot) else None


def _efficiency(view: MinerView) -> float | None:
    reading = view.reading
    if not isinstance(reading, Snapshot) or not reading.power_w or not reading.hashrate_hs:
        return None
    # J/TH is of SHA-256 alone: others have no figure to sort by.
    return reading.power_w / reading.hashrate_hs if algorithm_of(view) == "SHA-256" else None


def _address(view: MinerView) -> Any:
    parts = view.miner.address.split(".")
    return (
        (0, *map(int, parts))
        if all(part.isascii() and part.isdigit() for part in parts)
        else (1, view.miner.address)
    )


COLUMNS: Final[Mapping[str, Column]] = {
    "name": Column(
        name=lambda words: words.gettext("Name"),
        cell=_text(lambda row: row.miner.name),
        sort=SORTS["name"],
        figure=False,
        first=True,
    ),
    "container": Column(
        name=lambda words: words.gettext("Container"),
        cell=_text(lambda row: row.view.container.name),
        sort=SORTS["container"],
        figure=False,
        first=True,
    ),
    "state": Column(
        name=lambda words: words.gettext("State"),
        cell=lambda row: state_words(row.words)[row.miner.state],
        sort=SORTS["state"],
        figure=False,
        first=True,
    ),
    "hashrate_hs": Column(
        name=lambda words: words.gettext("Hash rate"), cell=_hash_rate, sort=SORTS["hashrate_hs"], first=True
    ),
    "performance_ratio": Column(
        name=lambda words: words.gettext("of nominal"),
        cell=_ratio,
        sort=SORTS["performance_ratio"],
        unit="%",
        first=True,
    ),
    "power_w": Column(
        name=lambda words: words.gettext("Power"),
        cell=_number("power_w"),
        sort=SORTS["power_w"],
        unit="W",
        first=True,
    ),
    "efficiency_j_per_th": Column(
        name=lambda words: words.gettext("Efficiency"),
        cell=_number("efficiency_j_per_th", 1),
        sort=_efficiency,
        unit="J/TH",
        first=True,
    ),
    "chip_max_c": Column(
        name=lambda words: words.gettext("Chip"),
        cell=_number("chip_max_c"),
        sort=SORTS["chip_max_c"],
        unit="°C",
        first=True,
    ),
    "inlet_c": Column(
        name=lambda words: words.gettext("Inlet"), cell=_number("inlet_c"), sort=SORTS["inlet_c"], unit="°C"
    ),
    "boards": Column(name=lambda words: words.gettext("Boards"), cell=_boards, sort=_boards_ok, first=True),
    "faults": Column(
        name=lambda words: words.gettext("Faults"),
        cell=_text(lambda row: _faults(row.view)),
        sort=_folded(_faults),
        figure=False,
    ),
    "pool": Column(
        name=lambda words: words.gettext("Pool user"),
        cell=_text(lambda row: _pool(row.view)),
        sort=_folded(_pool),
        figure=False,
        first=True,
    ),
    "profile": Column(
        name=lambda words: words.gettext("Profile"),
        cell=_profile,
        sort=_folded(lambda view: view.wanted.profile),
        figure=False,
        first=True,
    ),
    "taken_at": Column(
        name=lambda words: words.gettext("Read"), cell=_age, sort=SORTS["taken_at"], first=True
    ),
    "manufacturer": Column(
        name=lambda words: words.gettext("Maker"),
        cell=_text(lambda row: row.miner.manufacturer),
        sort=_folded(manufacturer_of),
        figure=False,
    ),
    "model": Column(
        name=lambda words: words.gettext("Model"),
        cell=_text(lambda row: row.miner.model),
        sort=_folded(model_of),
        figure=False,
    ),
    "firmware": Column(
        name=lambda words: words.gettext("Firmware"),
        cell=_text(lambda row: firmware_of(row.view)),
        sort=_folded(firmware_of),
        figure=False,
    ),
    "algorithm": Column(
        name=lambda words: words.gettext("Algorithm"),
        cell=_text(lambda row: row.miner.algorithm),
        sort=_folded(algorithm_of),
        figure=False,
    ),
    "uptime_s": Column(name=lambda words: words.gettext("Up"), cell=_uptime, sort=SORTS["uptime_s"]),
    "address": Column(
        name=lambda words: words.gettext("Address"),
        cell=_text(lambda row: row.miner.address),
        sort=_address,
        figure=False,
        private=True,
    ),
    "serial": Column(
        name=lambda words: words.gettext("Serial number"),
        cell=_text(lambda row: row.view.last_snapshot.identity.serial if row.view.last_snapshot else None),
        sort=_identity("serial"),
        figure=False,
        private=True,
    ),
    "mac": Column(
        name=lambda words: words.gettext("MAC"),
        cell=_text(lambda row: row.view.last_snapshot.identity.mac if row.view.last_snapshot else None),
        sort=_identity("mac"),
        figure=False,
        private=True,
    ),
}
"""All columns, in the order in which they stand, by the name that addresses have for them."""

ALWAYS: Final = ("name", "state")
"""Columns without which a row says nothing."""

FIRST: Final = tuple(name for name, column in COLUMNS.items() if column.first)


def columns_for(*, private: bool) -> tuple[str, ...]:
    """Return the columns that somebody may choose. `private`: for a client."""
    return tuple(name for name, column in COLUMNS.items() if not (private and column.private))


def chosen_columns(names: Sequence[str], *, private: bool) -> tuple[str, ...]:
    """Return the columns of these names in their order in the table, with those that always stand there."""
    wanted = {*names, *ALWAYS}
    return tuple(name for name in columns_for(private=private) if name in wanted)


def sorted_views(
    views: Sequence[MinerView], by: str | None, *, descending: bool, private: bool
) -> Sequence[MinerView]:
    """Return miners in the order of a column; those that have nothing in it are last either way."""
    if by is None or by not in columns_for(private=private):
        return views
    key = COLUMNS[by].sort
    keyed = [(key(view), view) for view in views]
    known = sorted((one for one in keyed if one[0] is not None), key=lambda one: one[0], reverse=descending)
    return [view for _, view in known] + [view for value, view in keyed if value is None]
