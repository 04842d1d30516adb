"""The routes of meter readings: entered one by one or as CSV, listed, and withdrawn; for the office."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from controller.accounting.meter_csv import CsvPlace, LineFault, ReadLine, WrongCell, figure_of, read_csv
from controller.accounting.model import Reading
from controller.api.paging import page_of
from controller.api.problems import Mistake, Problem
from controller.api.route import OFFICE, Answer, Call, ListQuery, Moment, NoQuery, Page, Route
from controller.model import new_id
from controller.storage.meter_readings import NoReading
from controller.wording import worded, worded_many

_TAGS = ("reports",)
CSV = "text/csv"
"""The media type of an import."""


class ReadingsQuery(ListQuery, frozen=True, kw_only=True):
    """Of which containers (ids)."""

    container: tuple[Annotated[str, msgspec.Meta(max_length=200)], ...] = ()


class NewReading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a container's meter showed. `kwh`: its display, as text. `replaced`: the first figure of a new meter."""

    container: Annotated[str, msgspec.Meta(max_length=200)]
    at: Moment
    kwh: Annotated[str, msgspec.Meta(max_length=40)]
    replaced: bool = False
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class ImportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`dry_run=1`: only say what would be taken."""

    dry_run: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import has taken, or would take."""

    dry_run: bool
    readings: Sequence[Reading]


async def get_readings(call: Call[None, ReadingsQuery]) -> Page[Reading]:
    """Return readings, the newest first, withdrawn ones too."""
    found = await call.storage.meter_readings.find(_seen(call, call.query.container))
    return page_of(found, call.query, "meter-readings", lambda one: f"{one.at.isoformat()} {one.id}")


async def post_reading(call: Call[NewReading, NoQuery]) -> Reading:
    """Enter a reading."""
    body = call.body
    container = call.container(body.container)
    try:
        kwh = figure_of(body.kwh)
    except WrongCell as wrong:
        raise Problem("invalid", wrong.why, [Mistake("/kwh", "figure", wrong.why)]) from None
    line = ReadLine(
        line=1, container=container.id, at=body.at, kwh=kwh, replaced=body.replaced, note=body.note
    )
    [reading] = _readings(call, [line])
    try:
        await call.storage.meter_readings.add([reading], call.now)
    except NoReading as error:
        mistakes = [Mistake("/at", "refused", fault.why) for fault in error.faults]
        raise Problem("invalid", error.faults[0].why, mistakes) from None
    await _record(call, "meter_reading.added", reading)
    return reading


async def post_import(call: Call[bytes, ImportQuery]) -> Imported:
    """Take a file of readings, all or none."""
    dry_run = bool(call.query.dry_run)
    _, readings = await take_lines(call, call.body, dry_run=dry_run)
    return Imported(dry_run=dry_run, readings=readings)


async def take_lines(call: Call[Any, Any], raw: bytes, *, dry_run: bool) -> tuple[list[int], list[Reading]]:
    """Take the readings of a CSV file, all or none; return the line of each, and the readings.

    Raises Problem: invalid, with every line that cannot be taken.
    """
    places = {
        name: CsvPlace(container.id, container.timezone)
        for container in call.containers()
        for name in (container.name, container.id)
    }
    lines, faults = await asyncio.to_thread(read_csv, raw, places)
    readings = _readings(call, lines)
    found = [
        *faults,
        *(
            LineFault(lines[fault.index].line, fault.why)
            for fault in await call.storage.meter_readings.check(readings, call.now)
        ),
    ]
    if found:
        raise _not_taken(found)
    if not dry_run:
        try:
            await call.storage.meter_readings.add(readings, call.now)
        except NoReading as error:  # somebody entered others meanwhile
            raise _not_taken([LineFault(lines[one.index].line, one.why) for one in error.faults]) from None
        params = {"readings": len(readings), "containers": sorted({one.container for one in readings})}
        await call.record("money", "meter_readings.imported", params=params, outcome="ok")
    return [line.line for line in lines], readings


async def delete_reading(call: Call[None, NoQuery]) -> Answer:
    """Withdraw a reading that was a mistake: it stays to be seen, and counts no more."""
    reading = await call.storage.meter_readings.get(call.path["id"])
    if reading is None or not _seen(call, (reading.container,)):
        raise Problem("not-found", worded("there is no such reading"))
    withdrawn = await call.storage.meter_readings.withdraw(reading.id, call.now, call.actor.name)
    await _record(call, "meter_reading.withdrawn", withdrawn)
    return Answer(status=204)


def _seen(call: Call[Any, Any], wanted: Sequence[str]) -> list[str] | None:
    """Return of which containers readings are shown; None: of all, those too that are gone from the inventory."""
    if call.person.sees_all:
        return list(wanted) or None
    return [one.id for one in call.containers() if not wanted or one.id in wanted]


def _readings(call: Call[Any, Any], lines: Sequence[ReadLine]) -> list[Reading]:
    now: datetime = call.now
    return [
        Reading(
            id=new_id("mrd"),
            container=line.container,
            at=line.at,
            kwh=line.kwh,
            replaced=line.replaced,
            note=line.note,
            entered_at=now,
            entered_by=call.actor.name,
        )
        for line in lines
    ]


def _not_taken(faults: Sequence[LineFault]) -> Problem:
    ordered = sorted(faults, key=lambda fault: fault.line)
    return Problem(
        "invalid",
        worded_many(
            "%(num)s line cannot be taken, so none was",
            "%(num)s lines cannot be taken, so none was",
            len({fault.line for fault in ordered}),
        ),
        [Mistake(f"line {fault.line}", "refused", fault.why) for fault in ordered],
    )


async def _record(call: Call[Any, Any], kind: str, reading: Reading) -> None:
    params = {"reading": reading.id, "at": reading.at.isoformat(), "kwh": reading.kwh}
    await call.record("money", kind, container=reading.container, params=params, outcome="ok")


def _route(method: Any, path: str, summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        method=method,
        path=f"/api/v1/meter-readings{path}",
        roles=OFFICE,
        scopes=("reports",),
        summary=summary,
        handler=handler,
        tags=_TAGS,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", "", "Meter readings", get_readings, query=ReadingsQuery, reply=Page[Reading]),
    _route(
        "POST",
        "",
        "Enter a meter reading",
        post_reading,
        body=NewReading,
        reply=Reading,
        status=201,
        problems=("not-found",),
        description="A figure never falls from one reading to the next, but where `replaced` says that the meter is a new one.",
        body_example={"container": "konteiner-1", "at": "2026-10-31T23:00:00Z", "kwh": "120345.6"},
    ),
    _route(
        "POST",
        "/import",
        "Enter a file of meter readings",
        post_import,
        body=bytes,
        body_media=(CSV,),
        query=ImportQuery,
        reply=Imported,
        description="CSV with the columns container, at, kwh, and if wanted replaced and note. All lines or none; `errors` names "
        "each that cannot be taken by its number.",
    ),
    _route(
        "DELETE",
        "/{id}",
        "Withdraw a meter reading",
        delete_reading,
        status=204,
        problems=("not-found", "in-use"),
    ),
)
