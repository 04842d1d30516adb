"""Reports, made of the books: who asks for what, over which days, as lines, a total and the times that are missing.

Everything is read and added up within one read transaction on a thread of the database's: a report is of one state of the
books, and the event loop waits for none of it. The total adds up the same rows, once each.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Connection

from controller.accounting.metering import Metered, meter_checks, together
from controller.accounting.missing import missing_of
from controller.accounting.model import By, Closing, MeterCheck, Report, ReportRow, ReportWish
from controller.accounting.nominal import mean_of_containers, nominal_of_miners
from controller.accounting.periods import FIRST_YEAR, LAST_YEAR
from controller.accounting.scene import Scene, scene_of
from controller.accounting.tallying import Known, Tally, day_text
from controller.storage.closings import closing_of
from controller.storage.ledger_numbers import algorithms
from controller.storage.ledger_reading import DayRow, HourRow, day_sums, hour_sums, miner_sums
from controller.storage.ledger_rows import day_number
from controller.storage.storage import Storage
from miners.inventory.fleet import Inventory

_Key: TypeAlias = "str | int | None"
_NUMBER: Final = re.compile(r"([0-9]{1,18})")

TOTAL: Final = "total"
MOST_DAYS: Final = 3660
"""Days that a report may be of."""


async def make_report(storage: Storage, inventory: Inventory, wish: ReportWish, now: datetime) -> Report:
    """Return the report that is wished for. Raises StorageAway, ValueError for a period that is none or too long.

    `inventory`: says which containers there are and how they are called now; figures come from the books alone.
    """
    return await storage.database.read(lambda connection: report_of(connection, inventory, wish, now))


async def make_reports(
    storage: Storage, inventory: Inventory, wish: ReportWish, bys: Sequence[By], now: datetime
) -> list[Report]:
    """Return the report by each of these, as `make_report` does: of one state of the books, which is read once."""
    return await storage.database.read(lambda connection: _reports_of(connection, inventory, wish, bys, now))


def report_of(connection: Connection, inventory: Inventory, wish: ReportWish, now: datetime) -> Report:
    """Return the same on a connection, for a transaction that does more."""
    [found] = _reports_of(connection, inventory, wish, (wish.by,), now)
    return found


def _reports_of(
    connection: Connection, inventory: Inventory, wish: ReportWish, bys: Sequence[By], now: datetime
) -> list[Report]:
    if not 0 <= (wish.ends - wish.begins).days < MOST_DAYS:
        raise ValueError(f"a report is of 1 to {MOST_DAYS} days, the first of them first")
    if wish.begins.year < FIRST_YEAR or wish.ends.year > LAST_YEAR:
        raise ValueError(f"a report is of days from {FIRST_YEAR} to {LAST_YEAR}")
    scene = scene_of(connection, inventory, wish, now)
    closing = _closing(connection, wish)
    checks, factors = _meters(connection, scene, closing)
    nominal = nominal_of_miners(connection, scene.present_by_number(), scene.miners)
    known = Known(
        containers={number: place.id for number, place in scene.by_number.items()},
        terms=scene.terms,
        algorithms=algorithms(connection),
        factors=factors if wish.basis == "meter" else {},
        nominal_w=mean_of_containers(scene.miners, nominal),
        miner_nominal_w=nominal,
    )
    hours = list(hour_sums(connection, scene.period))
    missing = missing_of(connection, scene, hours)
    sums: dict[tuple[bool, bool], Sequence[DayRow]] = {}
    found = []
    for by in bys:
        seen = msgspec.structs.replace(scene, wish=msgspec.structs.replace(wish, by=by))
        kind = _of_miners(seen.wish), by in ("day", "month")
        if kind not in sums:
            sums[kind] = _sums(connection, seen)
        tallies, total = _added_up(seen, sums[kind], hours)
        for key, tally in tallies.items():
            tally.not_booked_s = missing.not_booked_s(by, key)
        total.not_booked_s = missing.not_booked_s("total", None)
        found.append(
            Report(
                wish=seen.wish,
                made_at=now,
                rows=tuple(_rows(seen, known, tallies, checks)),
                total=total.row(known, key=TOTAL, name="", meter=_whole_meter(seen, total, checks)),
                gaps=tuple(missing.gaps),
                booked_until=missing.booked_until,
                closed=None if closing is None else closing.number,
                meters=checks,
            )
        )
    return found


def _closing(connection: Connection, wish: ReportWish) -> Closing | None:
    """Return the closing that the whole period is part of."""
    first, last = day_number(wish.begins) // 100, day_number(wish.ends) // 100
    return closing_of(connection, first) if first == last else None


def _meters(
    connection: Connection, scene: Scene, closing: Closing | None
) -> tuple[dict[str, MeterCheck], dict[int, Fraction]]:
    """Return the meters of the report; of a closed month as they were known when it was closed."""
    containers = [
        Metered(
            id=place.id,
            number=number,
            begins=place.begins,
            ends=place.ends,
            first=scene.period.first,
            last=scene.period.last,
        )
        for number, place in scene.by_number.items()
    ]
    clients = {number: terms.client for number, terms in scene.terms.items()}
    as_of = None if closing is None else closing.closed_at
    return meter_checks(connection, containers, clients, scene.wish.clients, as_of)


def _whole_meter(scene: Scene, total: Tally, checks: Mapping[str, MeterCheck]) -> MeterCheck | None:
    """Return all meters as one; whole where every container of the report has one that is. None of some miners' part."""
    if scene.wish.miners is not None:
        return None
    there = {scene.by_number[number].id for number in total.containers()}
    found = [check for container, check in checks.items() if container in there]
    return together(found, whole=there <= set(checks))


def _of_miners(wish: ReportWish) -> bool:
    """Return whether a report is made of miners' days; others are of containers' hours."""
    return wish.by == "miner" or wish.miners is not None


def _sums(connection: Connection, scene: Scene) -> Sequence[DayRow]:
    """Return what the lines of a report are added up from."""
    if not _of_miners(scene.wish):
        return day_sums(connection, scene.period)
    by_day = scene.wish.by in ("day", "month")
    return miner_sums(connection, scene.period, miners=scene.chosen_miners, by_day=by_day)


def _added_up(
    scene: Scene, rows: Sequence[DayRow], hours: Sequence[HourRow]
) -> tuple[dict[_Key, Tally], Tally]:
    """Return the sums of each line by its key, and those of all. `hours`: those that they come of."""
    wish, terms = scene.wish, scene.terms
    key_of = _keys(wish.by, {number: of.client for number, of in terms.items()})
    tallies: dict[_Key, Tally] = {}
    total = Tally()
    for row in rows:
        key = key_of(row)
        tally = tallies.get(key)
        if tally is None:
            tally = tallies[key] = Tally()
        tally.add(row)
    for tally in tallies.values():
        total.add_all(tally)
    if wish.miners is None:
        begins = _day_begins(scene)
        for hour in hours:
            day_begins = begins[scene.by_number[hour.container].timezone, hour.day]
            total.add_hour(hour, day_begins)
            if not _of_miners(wish):
                tallies[key_of(hour)].add_hour(hour, day_begins)
    return tallies, total


def _day_begins(scene: Scene) -> dict[tuple[str, int], int]:
    """Return when each day of the report begins by the clocks of its containers: by zone and day."""
    zones = {place.timezone: place for place in scene.by_number.values()}
    return {
        (zone, day_number(day)): begins
        for zone, place in zones.items()
        for day, begins, _ in scene.days_of(place)
    }


def _keys(by: By, clients: Mapping[int, str | None]) -> Callable[[DayRow | HourRow], _Key]:
    """Return what tells the lines of a report apart."""
    of: dict[By, Callable[[Any], _Key]] = {
        "container": lambda row: row.container,
        "client": lambda row: clients[row.terms],
        "miner": lambda row: row.miner,
        "day": lambda row: row.day,
        "month": lambda row: row.day // 100,
    }
    return of[by]


def _rows(
    scene: Scene, known: Known, tallies: Mapping[_Key, Tally], checks: Mapping[str, MeterCheck]
) -> list[ReportRow]:
    """Return the lines in the order in which people look for them."""
    named = [(_named(scene, key), tally) for key, tally in tallies.items()]
    named.sort(key=lambda pair: pair[0].order)
    found = []
    for line, tally in named:
        whole = scene.wish.by == "container" and scene.wish.miners is None
        meter = checks.get(line.key) if whole else None
        client = next(iter(clients)) if len(clients := tally.clients(known)) == 1 else None
        found.append(
            tally.row(
                known, key=line.key, name=line.name, container=line.container, client=client, meter=meter
            )
        )
    return found


class _Line(msgspec.Struct, frozen=True):
    """How a line is called and where it stands."""

    key: str
    name: str
    order: tuple[Any, ...]
    container: str | None = None


def _named(scene: Scene, key: Any) -> _Line:
    by = scene.wish.by
    if by == "day":
        return _Line(day_text(key), day_text(key), (key,))
    if by == "month":
        month = f"{key // 100:04}-{key % 100:02}"
        return _Line(month, month, (key,))
    if by == "client":
        name = scene.client_names.get(key, key) if key is not None else ""
        return _Line(key or "", name, (key is None, in_order(name)))
    if by == "miner":
        number, name = scene.miners[key]
        place = scene.by_number[number]
        order = (in_order(place.name), in_order(name), key)
        return _Line(scene.miner_id(key), f"{place.name}/{name}", order, place.id)
    place = scene.by_number[key]
    return _Line(place.id, place.name, (in_order(place.name), place.id), place.id)


@lru_cache(maxsize=16_384)
def in_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return what sorts names as people count: Container 2 before Container 10."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold())
        for part in _NUMBER.split(name)
        if part
    )
