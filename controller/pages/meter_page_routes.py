"""The pages of meters: what each showed when, held against its miners; readings entered, uploaded as CSV, and withdrawn."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from itertools import pairwise
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from controller.accounting.meter_intervals import intervals_of
from controller.accounting.model import Reading
from controller.api.forms import FORMS, fields_of
from controller.api.meter_routes import NewReading, delete_reading, post_reading, take_lines
from controller.api.problems import Problem
from controller.api.route import OFFICE, Answer, Call, Handler, Method, NoQuery, Route
from controller.pages.form_mistakes import by_field
from controller.pages.formats import comes_twice, cut, plain, sentence
from controller.pages.frame import page, words_of
from controller.pages.import_form import ImportForm, mistakes_in, read_form
from controller.pages.language import Words
from controller.pages.money_words import decimals, digits_for, exact
from controller.pages.page_route import led, page_route
from controller.pages.report_data import today_of
from controller.pages.report_page_routes import clocks_of, when
from controller.pages.report_rows import ShownMeter, shown_meter
from controller.pages.schedule_form import Found
from controller.pages.week_hours import day_of, minute_of, typed_time
from controller.pages.zones import zone_of
from controller.schedule import moment
from controller.storage.faults import Refusal
from controller.wording import text_of, worded
from miners.inventory.fleet import Container

PATH: Final = "/meters"
IMPORT: Final = "/meters/import"
HEADER: Final = "container,at,kwh,replaced,note"
MOST_INTERVALS: Final = 12
"""Of one container, held against its miners."""

MOST_METERS_CHECKED: Final = 3
_MOST_LINES: Final = 500
_MOST_OF_A_LINE: Final = 120


class EntryForm(msgspec.Struct, frozen=True, kw_only=True):
    """A reading as typed."""

    container: str = ""
    day: str = ""
    time: str = ""
    kwh: str = ""
    note: str = ""
    replaced: bool = False


class ShownReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading in words. `since`: what the meter counted since the one before; `sum`: what the miners did in that time."""

    id: str
    at: datetime
    when: str
    kwh: str
    since: str
    sum: str
    check: ShownMeter | None
    replaced: bool
    note: str
    entered: str
    withdrawn: str


class ShownMeterPage(msgspec.Struct, frozen=True, kw_only=True):
    """A container's meter: its readings, the newest first, and the last time held against its miners."""

    id: str
    name: str
    zone: str
    readings: Sequence[ShownReading]
    check: ShownMeter | None


async def get_meters(call: Call[None, NoQuery]) -> Answer:
    """Answer the meters and the form of a reading."""
    chosen = call.request.query.get("container", "")[:200]
    form = EntryForm(container=chosen, day=today_of(call).isoformat(), time="")
    return await _answer(call, form)


async def post_meters(call: Call[Any, Any]) -> Answer | web.Response:
    """Enter a reading."""
    words, fields = words_of(call), fields_of(call.body)
    form = EntryForm(
        **{name: fields.get(name, "")[:500].strip() for name in ("container", "day", "kwh", "note")},
        time=typed_time(fields.get("time", "")[:20]),
        replaced=fields.get("replaced") == "yes",
    )
    container = next((one for one in call.containers() if one.id == form.container), None)
    found = _mistakes(form, container, words)
    if found or container is None:
        return await _answer(call, form, found)
    day, minute = day_of(form.day), minute_of(form.time)
    if day is None or minute is None:
        raise ValueError(f"{form.day} {form.time} is no time")
    body = NewReading(
        container=container.id,
        at=_moment(container, day, minute),
        kwh=form.kwh,
        replaced=form.replaced,
        note=form.note,
    )
    try:
        reading = await post_reading(replace(call, body=body))
    except Problem as problem:
        if problem.kind != "invalid":
            raise
        told = by_field(problem, words, {"at": "day"})
        return await _answer(call, form, [(at, text) for at, text in told.items()])
    return led(f"{PATH}#meter-{reading.container}")


async def get_withdraw(call: Call[None, NoQuery]) -> Answer:
    """Ask whether a reading was a mistake."""
    words, reading = words_of(call), await _reading(call)
    names = {one.id: one.name for one in call.containers()}
    return page(
        call,
        "meter_withdraw",
        section=PATH,
        crumbs=[(PATH, words.gettext("Meters"))],
        reading=reading,
        name=names.get(reading.container, reading.container),
        when=words.formats.moment(reading.at, call.now, _clock(call, reading.container)),
        kwh=exact(reading.kwh, words),
    )


async def post_withdraw(call: Call[Any, Any]) -> Answer | web.Response:
    """Withdraw a reading."""
    reading = await _reading(call)
    try:
        await delete_reading(replace(call, body=None))
    except Refusal as error:
        words = words_of(call)
        said = sentence(words.told(text_of(error)))
        return await _answer(call, EntryForm(container=reading.container), [("", said)], status=409)
    return led(f"{PATH}#meter-{reading.container}")


async def get_import(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a file of readings."""
    return _import(call, ImportForm())


async def post_import(call: Call[bytes, NoQuery]) -> Answer:
    """Show what a file of readings would enter, or enter what was shown."""
    words = words_of(call)
    form = read_form(call.body, call.request.headers.get(hdrs.CONTENT_TYPE, ""))
    found = mistakes_in(form, words)
    if found or form.text is None:
        return _import(call, form, found=found)
    raw = form.text.encode()
    seen = hashlib.sha256(raw).hexdigest()[:32]
    apply = form.button == "apply" and form.seen == seen
    try:
        numbers, readings = await take_lines(call, raw, dry_run=not apply)
    except Problem as problem:
        if problem.kind != "invalid":
            raise
        texts = form.text.splitlines()
        lines = [
            {
                "line": at.removeprefix("line "),
                "container": "",
                "when": "",
                "kwh": "",
                "wrong": text,
                "note": "",
                "text": _text_of(at, texts),
            }
            for at, text in ((one.at, sentence(words.told(one.detail))) for one in problem.mistakes)
        ]
        said = sentence(words.told(problem.detail))
        return _import(call, form, lines=lines, refused=len(lines), found=[("preview", said)])
    if apply:
        return _import(call, ImportForm(), done=len(readings))
    names = {one.id: one.name for one in call.containers()}
    lines = [
        {
            "line": str(number),
            "container": names.get(one.container, one.container),
            "when": words.formats.moment(one.at, call.now, _clock(call, one.container)),
            "kwh": exact(one.kwh, words),
            "wrong": "",
            "note": one.note,
            "text": "",
        }
        for number, one in zip(numbers, readings, strict=True)
    ]
    return _import(call, form, lines=lines, taken=len(lines), seen=seen)


def _text_of(at: str, texts: Sequence[str]) -> str:
    """Return what stands in a line that was refused (`line 12`), as far as there is room for it."""
    number = at.removeprefix("line ")
    place = int(number) - 1 if number.isdecimal() else -1
    return cut(plain(texts[place]), _MOST_OF_A_LINE) if 0 <= place < len(texts) else ""


def _import(
    call: Call[Any, Any],
    form: ImportForm,
    *,
    lines: Sequence[Any] = (),
    taken: int = 0,
    refused: int = 0,
    seen: str = "",
    done: int | None = None,
    found: Found | None = None,
) -> Answer:
    words = words_of(call)
    return page(
        call,
        "meter_import",
        status=422 if found else None,
        section=PATH,
        crumbs=[(PATH, words.gettext("Meters"))],
        lines=lines[:_MOST_LINES],
        left_out=max(0, len(lines) - _MOST_LINES),
        taken=taken,
        refused=refused,
        seen=seen,
        done=done,
        header=HEADER,
        form_text=form.text or "",
        found=found or [],
        errors=dict(reversed(found or [])),
    )


async def _answer(
    call: Call[Any, Any],
    form: EntryForm,
    found: Found | None = None,
    *,
    status: int | None = None,
) -> Answer:
    words = words_of(call)
    containers = {one.id: one for one in call.containers()}
    wanted = None if call.person.sees_all else list(containers)
    by_container: dict[str, list[Reading]] = {}
    for one in await call.storage.meter_readings.find(wanted):
        by_container.setdefault(one.container, []).append(one)
    few = len(by_container) <= MOST_METERS_CHECKED
    meters = [
        await _meter(
            call, id_, containers.get(id_), readings, checked=few or id_ == form.container, words=words
        )
        for id_, readings in sorted(
            by_container.items(), key=lambda pair: (pair[0] != form.container, _name(containers, pair[0]))
        )
    ]
    return page(
        call,
        "meters",
        status=status or (422 if found else None),
        section=PATH,
        form=form,
        found=found or [],
        errors=dict(reversed(found or [])),
        choices=[(one.id, one.name) for one in containers.values()],
        meters=meters,
    )


async def _meter(
    call: Call[Any, Any],
    id_: str,
    container: Container | None,
    readings: Sequence[Reading],
    *,
    checked: bool,
    words: Words,
) -> ShownMeterPage:
    zone = zone_of("UTC" if container is None else container.timezone)
    most = MOST_INTERVALS if checked else 0
    intervals = {
        span.ends: check
        for span, check in await intervals_of(call.storage, id_, readings, most=most)
        if check is not None
    }
    standing = sorted((one for one in readings if one.withdrawn_at is None), key=lambda one: one.at)
    before = {later.id: earlier for earlier, later in pairwise(standing)}
    figures = max((decimals(one.kwh) for one in readings), default=0)
    digits = digits_for(float(later.kwh) - float(earlier.kwh) for earlier, later in pairwise(standing))
    shown = []
    for one in sorted(readings, key=lambda one: (one.at, one.id), reverse=True):
        check = intervals.get(one.at) if one.withdrawn_at is None and not one.replaced else None
        earlier = before.get(one.id)
        told = None if check is None else shown_meter(check, words, zone)
        since = "–"
        if earlier is not None and not one.replaced:
            since = words.formats.number(float(one.kwh) - float(earlier.kwh), digits)
        shown.append(
            ShownReading(
                id=one.id,
                at=one.at,
                when=words.formats.moment(one.at, call.now, zone),
                kwh=exact(one.kwh, words, figures),
                since=since,
                sum="–" if check is None else words.formats.number(check.sum_kwh, digits),
                check=told,
                replaced=one.replaced,
                note=one.note,
                entered=words.gettext(
                    "%(who)s, %(time)s", who=one.entered_by, time=when(one.entered_at, call, words)
                ),
                withdrawn=""
                if one.withdrawn_at is None
                else words.gettext(
                    "withdrawn by %(who)s, %(time)s",
                    who=one.withdrawn_by or "",
                    time=when(one.withdrawn_at, call, words),
                ),
            )
        )
    latest = next((one.check for one in shown if one.check is not None), None)
    return ShownMeterPage(
        id=id_,
        name=id_ if container is None else container.name,
        zone=str(zone),
        readings=shown,
        check=latest,
    )


def _name(containers: dict[str, Container], id_: str) -> str:
    return containers[id_].name.casefold() if id_ in containers else id_


def _mistakes(form: EntryForm, container: Container | None, words: Words) -> Found:
    found: Found = []
    if container is None:
        found.append(("container", words.gettext("Choose a container")))
    if day_of(form.day) is None:
        found.append(("day", words.gettext("Give a date such as 2026-12-31")))
    if minute_of(form.time) is None:
        found.append(("time", words.gettext("Give a time such as 09:00")))
    elif container is not None and (at := _odd_time(form, container, words)):
        found.append(("time", at))
    if not form.kwh:
        found.append(("kwh", words.gettext("Give the figure on the meter's display")))
    return found


def _odd_time(form: EntryForm, container: Container, words: Words) -> str:
    """Return why a container's clock does not show a time just once that day, "" where it does; a day begins but once."""
    day, minute = day_of(form.day), minute_of(form.time)
    if day is None or not minute or minute == 24 * 60:
        return ""
    local = _moment(container, day, minute).astimezone(zone_of(container.timezone))
    if local.hour * 60 + local.minute != minute:
        return words.gettext("The clock was put forward over this time")
    if comes_twice(local):
        return words.gettext(
            "The clock shows this time twice: upload the reading, with the offset in its time"
        )
    return ""


def _clock(call: Call[Any, Any], container: str) -> tzinfo:
    """Return the clock by which readings of a container are told: its own."""
    return clocks_of(call).get(container, zone_of("UTC"))


def _moment(container: Container, day: date, minute: int) -> datetime:
    """Return when a container's clock shows this; 24:00 is the next midnight."""
    if minute == 24 * 60:
        day, minute = date.fromordinal(day.toordinal() + 1), 0
    return moment(container.timezone, datetime(day.year, day.month, day.day, minute // 60, minute % 60))  # noqa: DTZ001  # the wall's


async def _reading(call: Call[Any, Any]) -> Reading:
    found = await call.storage.meter_readings.get(call.path["id"])
    seen = call.person.sees_all or any(found and one.id == found.container for one in call.containers())
    if found is None or found.withdrawn_at is not None or not seen:
        raise Problem("not-found", worded("there is no such reading"))
    return found


def _route(method: Method, path: str, summary: str, handler: Handler, **more: Any) -> Route:
    return page_route(method, path, summary, handler, OFFICE, ("reports",), **more)


ROUTES: tuple[Route, ...] = (
    _route("GET", PATH, "What the meters showed, beside the sums of their miners", get_meters),
    _route("POST", PATH, "Enter a reading", post_meters),
    _route("GET", IMPORT, "The form of a file of readings", get_import),
    _route(
        "POST", IMPORT, "Show what a file of readings would enter, or enter it", post_import, body_media=FORMS
    ),
    _route("GET", "/meters/{id}/withdraw", "Ask whether a reading was a mistake", get_withdraw),
    _route("POST", "/meters/{id}/withdraw", "Withdraw a reading", post_withdraw),
)
