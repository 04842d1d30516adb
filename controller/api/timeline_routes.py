"""The timeline: which profile holds when in which container, schedules with the overrides of whole containers laid over them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from controller.api.own_time import since
from controller.api.problems import Mistake, Problem
from controller.api.route import EVERYBODY, Call, Route
from controller.desire import end_of
from controller.model import Override
from controller.schedule import day_begin, day_length_s, pieces
from controller.wording import worded
from miners.clocks import clock_changes
from miners.inventory import fleet

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2200


class TimelineQuery(msgspec.Struct, frozen=True, kw_only=True):
    """From which date (in each container's own zone), over how many days, of which containers."""

    begins: date | None = msgspec.field(default=None, name="date")
    days: Annotated[int, msgspec.Meta(ge=1, le=14)] = 1
    container: tuple[str, ...] = ()


class TimePiece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time with one profile; `profile` null: nothing is wanted."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    profile: str | None
    source: Literal["schedule", "override", "none"]
    override_id: str | None = None


class ClockShift(msgspec.Struct, frozen=True):
    """The clock on the wall is put forward (above 0) or back."""

    at: datetime
    shift_s: float


class ContainerTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """What holds when in a container. `day_lengths_s`: of each day, 23 or 25 hours where the clock changes."""

    container: str
    time_zone: str
    from_: datetime = msgspec.field(name="from")
    to: datetime
    pieces: Sequence[TimePiece]
    day_lengths_s: Sequence[float]
    clock_changes: Sequence[ClockShift]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What holds when, in each container."""

    as_of: datetime
    containers: Sequence[ContainerTimeline]


async def get_timeline(call: Call[None, TimelineQuery]) -> Timeline:
    """Return what holds when: schedules with the overrides of whole containers laid over them."""
    query = call.query
    if query.begins is not None and not FIRST_YEAR <= query.begins.year <= LAST_YEAR:
        detail = worded(
            "it lies between %(first_year)s and %(last_year)s",
            first_year=str(FIRST_YEAR),
            last_year=str(LAST_YEAR),
        )
        raise Problem("malformed", detail, [Mistake("?date", "range", detail)])
    wanted = [
        container for container in call.containers() if not query.container or container.id in query.container
    ]
    missing = set(query.container) - {container.id for container in wanted}
    if missing:
        raise Problem("not-found", worded("there is no container %(missing)s", missing=min(missing)))
    return Timeline(
        as_of=call.now, containers=[timeline_of(call, one, query.begins, query.days) for one in wanted]
    )


def timeline_of(
    call: Call[Any, Any], container: fleet.Container, begins: date | None, days: int
) -> ContainerTimeline:
    """Return what holds when in a container, with the overrides; `begins` None: from its own today."""
    first = begins or call.now.astimezone(ZoneInfo(container.timezone)).date()
    schedule = call.deeds.inventory.schedules.get(container.schedule or "")
    overrides = [one for one in call.deeds.overrides() if container.id in one.containers]
    laid = laid_out(container.id, container.timezone, schedule, overrides, first, days)
    return _untold(laid, since(call, container.id))


def _untold(laid: ContainerTimeline, begin: datetime | None) -> ContainerTimeline:
    """Return what holds from a moment on; of what held before it nothing is told."""
    if begin is None or begin <= laid.from_:
        return laid
    nothing = TimePiece(from_=laid.from_, to=min(begin, laid.to), profile=None, source="none")
    return msgspec.structs.replace(laid, pieces=_laid_over(laid.pieces, nothing))


def laid_out(
    container_id: str,
    zone: str,
    schedule: fleet.Schedule | None,
    overrides: Sequence[Override],
    first: date,
    days: int,
) -> ContainerTimeline:
    """Return what a schedule asks for in a zone from a date on, with overrides (newest first) laid over it. Pure."""
    listed = [first + timedelta(days=number) for number in range(days)]
    begin, end = day_begin(zone, first), day_begin(zone, first + timedelta(days=days))
    if schedule is None:
        laid = [TimePiece(from_=begin, to=end, profile=None, source="none")]
    else:
        laid = [
            TimePiece(from_=piece.begin, to=piece.end, profile=piece.profile, source="schedule")
            for piece in pieces(schedule, zone, begin, end)
        ]
    # The newest wins, so it is laid last.
    for override in reversed(overrides):
        stop = min(end_of(override, container_id) or end, end)
        start = max(override.starts_at, begin)
        if start < stop:
            over = TimePiece(
                from_=start, to=stop, profile=override.profile, source="override", override_id=override.id
            )
            laid = _laid_over(laid, over)
    return ContainerTimeline(
        container=container_id,
        time_zone=zone,
        from_=begin,
        to=end,
        pieces=laid,
        day_lengths_s=[day_length_s(zone, day) for day in listed],
        clock_changes=[ClockShift(change.at, change.shift_s) for change in clock_changes(zone, begin, end)],
    )


def _laid_over(pieces_: Sequence[TimePiece], over: TimePiece) -> list[TimePiece]:
    """Return the pieces with another one in place of what it covers."""
    found: list[TimePiece] = []
    for piece in pieces_:
        if piece.from_ < over.from_:
            found.append(msgspec.structs.replace(piece, to=min(piece.to, over.from_)))
        if piece.to > over.to:
            found.append(msgspec.structs.replace(piece, from_=max(piece.from_, over.to)))
    return sorted([*found, over], key=lambda piece: piece.from_)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/timeline",
        roles=EVERYBODY,
        scopes=("read",),
        query=TimelineQuery,
        reply=Timeline,
        problems=("not-found",),
        summary="What holds when in each container",
        tags=("schedule",),
        handler=get_timeline,
    ),
)
