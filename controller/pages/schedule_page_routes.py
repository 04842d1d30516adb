"""The Schedule page: what will run where and when, what changes next, and which schedules and profiles there are."""

from datetime import date, timedelta
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote, urlencode
from zoneinfo import ZoneInfo

import msgspec

from controller.api.control_shapes import (
    container_of,
    holds_seen,
    profiles_seen,
    schedules_seen,
    shown_override,
)
from controller.api.route import EVERYBODY, Answer, Call, Route
from controller.api.schedule_routes import shown_profile, shown_schedule
from controller.api.timeline_routes import FIRST_YEAR, LAST_YEAR, timeline_of
from controller.desire import wanted
from controller.pages.deed_links import deed_link
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.schedule_page import (
    ContainerLine,
    by_zone,
    changes_of,
    coming_changes,
    holds_words,
    override_line,
    schedule_words,
    signed_power,
)
from controller.pages.timeline_picture import density_of, legend, letter_of, now_path, timeline_picture
from miners.inventory.fleet import Container

SECTION: Final = "/schedule"
_DAYS: Final = (1, 7)


class ScheduleQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`date`: from which day, in each container's own zone; empty: from its today. `days`: how many, 1 or 7."""

    date: Annotated[str, msgspec.Meta(max_length=40)] = ""
    days: Annotated[str, msgspec.Meta(max_length=40)] = "1"


async def get_schedule_page(call: Call[None, ScheduleQuery]) -> Answer:
    """Answer the page."""
    words, query = words_of(call), call.query
    wrong: str | None = None
    try:
        begins, days = _span(query.date, query.days)
    except ValueError:
        begins, days = None, 1
        wrong = words.gettext(
            "The address of this page asks for a day that cannot be shown. This is today.",
        )
    lines = [_line(call, one, begins, days, words) for one in call.containers()]
    first = begins or _today(call)
    targets = targets_of(call)
    inventory = call.deeds.inventory
    of = urlencode({"date": begins.isoformat() if begins else "", "days": days})
    schedules = [shown_schedule(call, one) for one in schedules_seen(call)]
    used = {row.profile for line in lines for row in line.picture.rows}
    return page(
        call,
        "schedule",
        section=SECTION,
        live=await live_schedule(call, of),
        live_page=f"schedule:{of}",
        groups=by_zone(lines),
        wrong=wrong,
        begins=first,
        days=days,
        is_today=begins is None or begins == _today(call),
        before=_address(first - timedelta(days=days), days),
        after=_address(first + timedelta(days=days), days),
        other_days={number: _address(begins, number) for number in _DAYS},
        coming=coming_changes(
            call.containers(),
            inventory.schedules,
            call.deeds.overrides(),
            targets,
            {one.id: call.deeds.views(one.id) for one in call.containers()},
            call.now,
        ),
        clock=lambda moment, zone: words.formats.clock(moment, call.now, ZoneInfo(zone)),
        schedules=[(one, schedule_words(one, words)) for one in schedules],
        names={one.id: one.name for one in call.containers()},
        profiles=[shown_profile(call, one) for one in profiles_seen(call)],
        schedule_names={one.id: one.name for one in schedules},
        signed=lambda power: signed_power(power, words),
        path_part=lambda name: quote(name, safe=""),
        deed_link=deed_link,
        letter_of=letter_of,
        density_of=density_of,
        legend=legend(used, targets),
        may_edit=call.person.role == "administrator",
        own_schedules=any(one.editable for one in schedules),
    )


async def live_schedule(call: Call[Any, Any], of: str) -> LiveState:
    """Return what moves on the page: what holds in each container and what comes next, and the line of now."""
    words = words_of(call)
    given = dict(parse_qsl(of))
    try:
        begins, days = _span(given.get("date", ""), given.get("days", "1"))
    except ValueError:
        begins, days = None, 1
    texts: dict[str, str] = {}
    paths: dict[str, str] = {}
    for container in call.containers():
        schedule = call.deeds.inventory.schedules.get(container.schedule or "")
        coming = next(changes_of(container, schedule, call.deeds.overrides(), call.now), None)
        own = [one for one in call.deeds.overrides() if container.id in one.containers]
        profile = wanted(container.id, "", schedule, container.timezone, own, call.now).profile
        texts[f"c.{container.id}.holds"] = holds_words(container, profile, coming, call.now, words)
        paths[f"c.{container.id}.now"] = now_path(timeline_of(call, container, begins, days), call.now)
    return LiveState(texts=texts, paths=paths)


def targets_of(call: Call[Any, Any]) -> dict[str, float]:
    """Return what each profile asks for, in percent of nominal power, by its name."""
    return {name: one.target_percent for name, one in call.deeds.inventory.profiles.items()}


def _line(
    call: Call[Any, Any], container: Container, begins: date | None, days: int, words: Words
) -> ContainerLine:
    overrides = call.deeds.overrides()
    own = [shown_override(call, one) for one in overrides if container.id in one.containers]
    single = [
        one
        for one in overrides
        if container.id not in one.containers
        and any(container_of(call, miner) == container.id for miner in one.miners)
    ]
    return ContainerLine(
        container=container,
        picture=timeline_picture(
            timeline_of(call, container, begins, days), targets=targets_of(call), words=words, now=call.now
        ),
        schedule=call.deeds.inventory.schedules.get(container.schedule or ""),
        overrides=tuple(override_line(one, container, call.now, words) for one in own),
        single=len(single),
        held=any(hold.container in (None, container.id) for hold in holds_seen(call)),
    )


def _today(call: Call[Any, Any]) -> date:
    """Return today where the first container stands: what Previous and Next go from."""
    zone = next((one.timezone for one in call.containers()), "UTC")
    return call.now.astimezone(ZoneInfo(zone)).date()


def _span(begins: str, days: str) -> tuple[date | None, int]:
    """Return from which day and how many. Raises ValueError."""
    found = date.fromisoformat(begins) if begins else None
    if found is not None and not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(begins)
    if int(days) not in _DAYS:
        raise ValueError(days)
    return found, int(days)


def _address(begins: date | None, days: int) -> str | None:
    """Return the path of the page for a day; None where that is not shown."""
    if begins is not None and not FIRST_YEAR <= begins.year <= LAST_YEAR:
        return None
    given = {"date": begins.isoformat() if begins else None, "days": str(days) if days != 1 else None}
    asked = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{SECTION}?{asked}" if asked else SECTION


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/schedule",
        roles=EVERYBODY,
        scopes=("read",),
        query=ScheduleQuery,
        summary="What will run where and when",
        handler=get_schedule_page,
        reply_media=HTML,
        page=True,
    ),
)
