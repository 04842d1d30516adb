"""The routes of the clock: profiles, schedules, and the timeline of what holds when in which container."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from controller.api.conditions import etag_of
from controller.api.control_shapes import schedules_seen
from controller.api.fleet_routes import is_managed
from controller.api.managing import changed, effect_of, require_managed
from controller.api.paging import page_of
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import (
    ADMINISTRATORS,
    EVERYBODY,
    Answer,
    Call,
    Handler,
    ListQuery,
    Method,
    NoQuery,
    Page,
    Route,
)
from controller.api.shapes import Place
from controller.deeds import Plan
from controller.managed import Document
from miners.inventory import fleet
from miners.inventory.hours import DAYS, time_text
from miners.inventory.plain import read_profile, read_schedule

_TAGS = ("schedule",)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Clock = Annotated[str, msgspec.Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Percent = Annotated[float, msgspec.Meta(ge=0, le=200)]


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A make's own way of a profile: exactly one of them."""

    mode: Literal["low", "normal", "high"] | None = None
    preset: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    power_limit_w: Annotated[float, msgspec.Meta(ge=1, le=1e6)] | None = None
    power_percent: Annotated[float, msgspec.Meta(ge=1, le=200)] | None = None


class ShownProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A power profile. `used_by`: ids of the schedules that name it; `origin` null: built in, or managed here."""

    name: str
    target_percent: float
    by_make: Mapping[str, Way]
    used_by: Sequence[str]
    editable: bool
    origin: Place | None


class ProfileOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile as it is to be. `plan`: fingerprint of what the change alters at once, if it alters anything."""

    target_percent: Percent
    by_make: Annotated[Mapping[str, Way], msgspec.Meta(max_length=50)] = {}
    plan: str | None = None


class ShownWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some hours of some days and their profile, by the clock on the container's wall."""

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1, max_length=7)] = DAYS
    from_: Clock = msgspec.field(name="from")
    to: Clock
    profile: Name


class DayWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some hours of a date of exception."""

    from_: Clock = msgspec.field(name="from")
    to: Clock
    profile: Name


class ShownException(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A date with windows of its own; none: `otherwise` holds all day."""

    date: date
    windows: Annotated[tuple[DayWindow, ...], msgspec.Meta(max_length=500)] = ()


class ShownSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule. `containers`: ids of those that follow it and that one may see."""

    id: str
    name: str
    windows: Sequence[ShownWindow]
    otherwise: str | None
    exceptions: Sequence[ShownException]
    containers: Sequence[str]
    editable: bool
    origin: Place | None


class ScheduleOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule as it is to be. `plan`: fingerprint of what the change alters at once, if it alters anything."""

    name: Name
    windows: Annotated[tuple[ShownWindow, ...], msgspec.Meta(max_length=2000)] = ()
    otherwise: Name | None = None
    exceptions: Annotated[tuple[ShownException, ...], msgspec.Meta(max_length=500)] = ()
    plan: str | None = None


async def get_profiles(call: Call[None, ListQuery]) -> Page[ShownProfile]:
    """Return the power profiles."""
    found = [_shown_profile(call, profile) for profile in call.deeds.inventory.profiles.values()]
    return page_of(found, call.query, "profiles", lambda profile: profile.name)


async def put_profile(call: Call[ProfileOrder, NoQuery]) -> Answer:
    """Make a profile, or change one."""
    name, order = call.path["name"], call.body
    known = call.deeds.inventory.profiles.get(name)
    if known is not None:
        if known.origin is not None:
            require_managed(call, known.origin, f"the profile {name}")
        call.require_match(_profile_etag(known))
    data = {
        "target_percent": order.target_percent,
        "by_make": {make: msgspec.to_builtins(way) for make, way in order.by_make.items()},
    }
    _refuse(read_profile(name, data)[1])

    def change(document: Document) -> None:
        document.setdefault("profiles", {})[name] = {key: value for key, value in data.items() if value != {}}

    inventory = await changed(call, change, plan=order.plan, planned=True)
    made = inventory.profiles[name]
    await call.record(
        "schedule",
        "profile.created" if known is None else "profile.changed",
        params={"profile": name},
        before=None if known is None else _told_profile(known),
        after=_told_profile(made),
        outcome="ok",
    )
    status = 201 if known is None else 200
    return Answer(body=_shown_profile(call, made), status=status, etag=_profile_etag(made))


async def get_profile(call: Call[None, NoQuery]) -> Answer:
    """Return one profile."""
    found = call.deeds.inventory.profiles.get(call.path["name"])
    if found is None:
        raise Problem("not-found", "there is no such profile")
    return Answer(body=_shown_profile(call, found), etag=_profile_etag(found))


async def get_schedules(call: Call[None, ListQuery]) -> Page[ShownSchedule]:
    """Return the schedules."""
    found = [shown_schedule(call, schedule) for schedule in schedules_seen(call)]
    return page_of(found, call.query, "schedules", lambda schedule: schedule.id)


async def get_schedule(call: Call[None, NoQuery]) -> Answer:
    """Return one schedule."""
    found = _schedule(call)
    return Answer(body=shown_schedule(call, found), etag=schedule_etag(found))


async def post_schedule(call: Call[ScheduleOrder, NoQuery]) -> Answer:
    """Make a schedule."""
    order = call.body
    data = _document(order)
    schedule, mistakes = read_schedule(order.name, data, call.deeds.inventory.profiles)
    _refuse(mistakes)
    assert schedule is not None  # noqa: S101  # without mistakes there is one
    if schedule.id in call.deeds.inventory.schedules:
        raise Problem(
            "exists",
            f"there is a schedule {schedule.id} already",
            [Mistake("/name", "exists", "it is taken")],
        )
    inventory = await changed(
        call, lambda document: document.setdefault("schedules", {}).update({order.name: data})
    )
    made = inventory.schedules[schedule.id]
    await _record(call, "schedule.created", None, made)
    return Answer(
        body=shown_schedule(call, made),
        headers={"Location": f"/api/v1/schedules/{made.id}"},
        etag=schedule_etag(made),
    )


async def put_schedule(call: Call[ScheduleOrder, NoQuery]) -> Answer:
    """Change a schedule. Its id stays, whatever its new name."""
    known, order = _schedule(call), call.body
    require_managed(call, known.origin, f"the schedule {known.name}")
    call.require_match(schedule_etag(known))
    data = {"id": known.id, **_document(order)}
    _refuse(read_schedule(order.name, data, call.deeds.inventory.profiles)[1])
    inventory = await changed(call, _replacing(known, order.name, data), plan=order.plan, planned=True)
    made = inventory.schedules[known.id]
    await _record(call, "schedule.changed", known, made)
    return Answer(body=shown_schedule(call, made), etag=schedule_etag(made))


async def plan_schedule(call: Call[ScheduleOrder, NoQuery]) -> Plan:
    """Return what changing a schedule so would alter at once."""
    known, order = _schedule(call), call.body
    require_managed(call, known.origin, f"the schedule {known.name}")
    data = {"id": known.id, **_document(order)}
    _refuse(read_schedule(order.name, data, call.deeds.inventory.profiles)[1])
    return await effect_of(call, _replacing(known, order.name, data))


async def delete_schedule(call: Call[None, NoQuery]) -> Answer:
    """Take a schedule away that no container follows."""
    known = _schedule(call)
    require_managed(call, known.origin, f"the schedule {known.name}")
    users = [one.name for one in call.deeds.inventory.containers if one.schedule == known.id]
    if users:
        raise Problem("in-use", f"{', '.join(users[:5])} {'follow' if len(users) > 1 else 'follows'} it")

    def change(document: Document) -> None:
        document.get("schedules", {}).pop(known.name, None)

    await changed(call, change)
    await _record(call, "schedule.deleted", known, None)
    return Answer(status=204)


def shown_schedule(call: Call[Any, Any], schedule: fleet.Schedule) -> ShownSchedule:
    """Return a schedule as it is shown."""
    editable = is_managed(call, schedule.origin)
    private = call.person.role == "client"
    return ShownSchedule(
        id=schedule.id,
        name=schedule.name,
        windows=[
            ShownWindow(
                days=tuple(DAYS[day] for day in window.days),
                from_=time_text(window.from_minute),
                to=time_text(window.to_minute),
                profile=window.profile,
            )
            for window in schedule.windows
        ],
        otherwise=schedule.otherwise,
        exceptions=[
            ShownException(
                date=date.fromisoformat(exception.date),
                windows=tuple(
                    DayWindow(
                        from_=time_text(window.from_minute),
                        to=time_text(window.to_minute),
                        profile=window.profile,
                    )
                    for window in exception.windows
                ),
            )
            for exception in schedule.exceptions
        ],
        containers=[one.id for one in call.containers() if one.schedule == schedule.id],
        editable=editable and not private,
        origin=None
        if editable or private or schedule.origin is None
        else Place(schedule.origin.file, schedule.origin.line),
    )


def schedule_etag(schedule: fleet.Schedule) -> str:
    """Return the ETag of a schedule: of what it says, not of where it stands."""
    return etag_of((schedule.id, schedule.name, schedule.windows, schedule.otherwise, schedule.exceptions))


def _schedule(call: Call[Any, Any]) -> fleet.Schedule:
    found = next((one for one in schedules_seen(call) if one.id == call.path["id"]), None)
    if found is None:
        raise Problem("not-found", "there is no such schedule")
    return found


def _document(order: ScheduleOrder) -> Document:
    """Return a schedule in the form of the inventory's file."""
    data: Document = msgspec.to_builtins(order)
    del data["name"], data["plan"]
    return {key: value for key, value in data.items() if value not in (None, [])}


def _replacing(known: fleet.Schedule, name: str, data: Document) -> Any:
    def change(document: Document) -> None:
        schedules = document.setdefault("schedules", {})
        schedules.pop(known.name, None)
        schedules[name] = data

    return change


async def _record(
    call: Call[Any, Any], kind: str, before: fleet.Schedule | None, after: fleet.Schedule | None
) -> None:
    named = after or before
    await call.record(
        "schedule",
        kind,
        params={"schedule": named.id if named is not None else None},
        before=None if before is None else msgspec.to_builtins(before),
        after=None if after is None else msgspec.to_builtins(after),
        outcome="ok",
    )


def _shown_profile(call: Call[Any, Any], profile: fleet.Profile) -> ShownProfile:
    managed = is_managed(call, profile.origin)
    private = call.person.role == "client"
    users = [schedule.id for schedule in schedules_seen(call) if profile.name in _profiles_of(schedule)]
    return ShownProfile(
        name=profile.name,
        target_percent=profile.target_percent,
        by_make={make: msgspec.convert(way, Way) for make, way in profile.by_make.items()},
        used_by=users,
        editable=(managed or profile.origin is None) and not private,
        origin=None
        if managed or private or profile.origin is None
        else Place(profile.origin.file, profile.origin.line),
    )


def _profiles_of(schedule: fleet.Schedule) -> set[str | None]:
    exceptional = (window for exception in schedule.exceptions for window in exception.windows)
    return {schedule.otherwise, *(window.profile for window in (*schedule.windows, *exceptional))}


def _profile_etag(profile: fleet.Profile) -> str:
    return etag_of((profile.name, profile.target_percent, profile.by_make))


def _told_profile(profile: fleet.Profile) -> dict[str, Any]:
    return {"target_percent": profile.target_percent, "by_make": profile.by_make}


def _refuse(mistakes: Sequence[tuple[str, str]]) -> None:
    if mistakes:
        raise invalid(*(Mistake(at, "invalid", detail) for at, detail in mistakes))


def _route(method: Method, path: str, handler: Handler, summary: str, **more: Any) -> Route:
    reading = method == "GET"
    return Route(
        method=method,
        path=f"/api/v1{path}",
        roles=EVERYBODY if reading else ADMINISTRATORS,
        scopes=("read",) if reading else ("control",),
        summary=summary,
        tags=_TAGS,
        handler=handler,
        everywhere=not reading,
        **more,
    )


_EXAMPLE = {
    "name": "quarters",
    "windows": [
        {"from": "00:00", "to": "06:00", "profile": "overclock"},
        {"from": "18:00", "to": "24:00", "profile": "curtail"},
    ],
    "otherwise": "normal",
}

ROUTES: tuple[Route, ...] = (
    _route("GET", "/profiles", get_profiles, "Power profiles", query=ListQuery, reply=Page[ShownProfile]),
    _route(
        "GET",
        "/profiles/{name}",
        get_profile,
        "One power profile",
        reply=ShownProfile,
        problems=("not-found",),
    ),
    _route(
        "PUT",
        "/profiles/{name}",
        put_profile,
        "Make a power profile, or change one",
        description="If-Match is needed for one that is there. Where miners would change at once, the answer is 409 "
        "plan-changed with the plan; send it again with the plan's fingerprint.",
        body=ProfileOrder,
        reply=ShownProfile,
        also={201: "It was made"},
        problems=("read-only", "plan-changed", "over-limit", "condition-needed", "changed-meanwhile"),
        body_example={"target_percent": 75},
    ),
    _route("GET", "/schedules", get_schedules, "Schedules", query=ListQuery, reply=Page[ShownSchedule]),
    _route(
        "POST",
        "/schedules",
        post_schedule,
        "Make a schedule",
        body=ScheduleOrder,
        reply=ShownSchedule,
        status=201,
        problems=("exists",),
        body_example=_EXAMPLE,
    ),
    _route(
        "GET", "/schedules/{id}", get_schedule, "One schedule", reply=ShownSchedule, problems=("not-found",)
    ),
    _route(
        "PUT",
        "/schedules/{id}",
        put_schedule,
        "Change a schedule",
        description="Where miners would change at once, the answer is 409 plan-changed with the plan; send it again "
        "with the plan's fingerprint.",
        body=ScheduleOrder,
        reply=ShownSchedule,
        conditional=True,
        problems=("not-found", "read-only", "plan-changed", "over-limit"),
        body_example=_EXAMPLE,
    ),
    _route(
        "POST",
        "/schedules/{id}/plan",
        plan_schedule,
        "What changing a schedule so would alter at once",
        description="Changes nothing.",
        body=ScheduleOrder,
        reply=Plan,
        problems=("not-found", "read-only"),
        body_example=_EXAMPLE,
    ),
    _route(
        "DELETE",
        "/schedules/{id}",
        delete_schedule,
        "Take a schedule away",
        status=204,
        problems=("not-found", "read-only", "in-use"),
    ),
)
