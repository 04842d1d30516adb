"""The routes of the clock: profiles, schedules, and the timeline of what holds when in which container."""

from datetime import date
from typing import Any

import msgspec

from controller.api import schedule_changes
from controller.api.control_shapes import profiles_of, profiles_seen, schedules_seen
from controller.api.fleet_routes import is_managed
from controller.api.paging import page_of
from controller.api.problems import Problem
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
from controller.api.schedule_changes import profile_etag, schedule_etag
from controller.api.schedule_orders import (
    DayWindow,
    ProfileOrder,
    ScheduleOrder,
    ShownException,
    ShownProfile,
    ShownSchedule,
    ShownWindow,
    Way,
)
from controller.api.shapes import Place
from controller.deeds import Plan
from controller.wording import worded
from miners.inventory import fleet
from miners.inventory.hours import DAYS, time_text

_TAGS = ("schedule",)


async def get_profiles(call: Call[None, ListQuery]) -> Page[ShownProfile]:
    """Return the power profiles."""
    found = [shown_profile(call, profile) for profile in profiles_seen(call)]
    return page_of(found, call.query, "profiles", lambda profile: profile.name)


async def put_profile(call: Call[ProfileOrder, NoQuery]) -> Answer:
    """Make a profile, or change one."""
    if_match = call.request.headers.get("If-Match")
    made, is_new = await schedule_changes.put_profile(call, call.path["name"], call.body, if_match)
    return Answer(body=shown_profile(call, made), status=201 if is_new else 200, etag=profile_etag(made))


async def get_profile(call: Call[None, NoQuery]) -> Answer:
    """Return one profile."""
    found = next((one for one in profiles_seen(call) if one.name == call.path["name"]), None)
    if found is None:
        raise Problem("not-found", worded("there is no such profile"))
    return Answer(body=shown_profile(call, found), etag=profile_etag(found))


async def get_schedules(call: Call[None, ListQuery]) -> Page[ShownSchedule]:
    """Return the schedules."""
    found = [shown_schedule(call, schedule) for schedule in schedules_seen(call)]
    return page_of(found, call.query, "schedules", lambda schedule: schedule.id)


async def get_schedule(call: Call[None, NoQuery]) -> Answer:
    """Return one schedule."""
    found = schedule_of(call)
    return Answer(body=shown_schedule(call, found), etag=schedule_etag(found))


async def post_schedule(call: Call[ScheduleOrder, NoQuery]) -> Answer:
    """Make a schedule."""
    made = await schedule_changes.make_schedule(call, call.body)
    return Answer(
        body=shown_schedule(call, made),
        headers={"Location": f"/api/v1/schedules/{made.id}"},
        etag=schedule_etag(made),
    )


async def put_schedule(call: Call[ScheduleOrder, NoQuery]) -> Answer:
    """Change a schedule. Its id stays, whatever its new name."""
    if_match = call.request.headers.get("If-Match")
    made = await schedule_changes.change_schedule(call, schedule_of(call), call.body, if_match)
    return Answer(body=shown_schedule(call, made), etag=schedule_etag(made))


async def plan_schedule(call: Call[ScheduleOrder, NoQuery]) -> Plan:
    """Return what changing a schedule so would alter at once."""
    return await schedule_changes.effect_of_schedule(call, schedule_of(call), call.body)


async def delete_schedule(call: Call[None, NoQuery]) -> Answer:
    """Take a schedule away that no container follows."""
    await schedule_changes.take_schedule(call, schedule_of(call))
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


def schedule_of(call: Call[Any, Any]) -> fleet.Schedule:
    """Return the schedule that the path names, if one may see it. Raises Problem: 404."""
    found = next((one for one in schedules_seen(call) if one.id == call.path["id"]), None)
    if found is None:
        raise Problem("not-found", worded("there is no such schedule"))
    return found


def shown_profile(call: Call[Any, Any], profile: fleet.Profile) -> ShownProfile:
    """Return a profile as it is shown."""
    managed = is_managed(call, profile.origin)
    private = call.person.role == "client"
    users = [schedule.id for schedule in schedules_seen(call) if profile.name in profiles_of(schedule)]
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
