"""Schedules and profiles made, changed and taken away: what the API's routes and the pages both do, with the same checks.

Who follows a schedule stands in the entries of the containers. One order may change both, the schedule and which containers
of the managed file follow it, so that there is one plan and one moment at which it holds.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from controller.api.conditions import check_if_match, etag_of
from controller.api.fleet_routes import is_managed
from controller.api.managing import changed, effect_of, require_managed
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.api.schedule_orders import ProfileOrder, ScheduleOrder
from controller.deeds import Plan
from controller.managed import Document, entry_of
from controller.wording import worded, worded_many
from miners.inventory import fleet
from miners.inventory.plain import read_profile, read_schedule


async def make_schedule(
    call: Call[Any, Any], order: ScheduleOrder, containers: Collection[str] = ()
) -> fleet.Schedule:
    """Make a schedule, and have containers follow it. Raises Problem; PlanChanged where that alters what is so now."""
    made = _new(call, order)
    change = _change(call, None, order, made.id, containers)
    inventory = await changed(call, change, plan=order.plan, planned=bool(containers))
    found = inventory.schedules[made.id]
    await _record(call, "schedule.created", None, found)
    await _record_followers(call, inventory, found.id, before=())
    return found


async def change_schedule(
    call: Call[Any, Any],
    known: fleet.Schedule,
    order: ScheduleOrder,
    if_match: str | None,
    containers: Collection[str] | None = None,
) -> fleet.Schedule:
    """Change a schedule, whose id stays. `containers` None: the same ones follow it. Raises Problem, PlanChanged."""
    require_managed(call, known.origin, worded("the schedule %(schedule)s", schedule=known.name))
    check_if_match(if_match, schedule_etag(known))
    _refuse_wrong(call, known, order)
    before = _followers(call.deeds.inventory, known.id)
    change = _change(call, known, order, known.id, containers, if_match)
    inventory = await changed(call, change, plan=order.plan, planned=True)
    found = inventory.schedules[known.id]
    await _record(call, "schedule.changed", known, found)
    await _record_followers(call, inventory, known.id, before=before)
    return found


async def effect_of_schedule(
    call: Call[Any, Any],
    known: fleet.Schedule | None,
    order: ScheduleOrder,
    containers: Collection[str] | None = None,
) -> Plan:
    """Return what making (`known` None) or changing a schedule so would alter at once. Raises Problem."""
    if known is None:
        return await effect_of(call, _change(call, None, order, _new(call, order).id, containers))
    require_managed(call, known.origin, worded("the schedule %(schedule)s", schedule=known.name))
    _refuse_wrong(call, known, order)
    return await effect_of(call, _change(call, known, order, known.id, containers))


async def take_schedule(call: Call[Any, Any], known: fleet.Schedule, *, if_match: str | None = None) -> None:
    """Take a schedule away that no container follows. `if_match` None: as it is now. Raises Problem."""
    require_managed(call, known.origin, worded("the schedule %(schedule)s", schedule=known.name))
    if if_match is not None:
        check_if_match(if_match, schedule_etag(known))
    users = [one.name for one in call.deeds.inventory.containers if one.schedule == known.id]
    if users:
        raise Problem(
            "in-use",
            worded_many(
                "%(names)s follows it", "%(names)s follow it", len(users), names=", ".join(users[:5])
            ),
        )

    def change(document: Document) -> None:
        document.get("schedules", {}).pop(known.name, None)

    await changed(call, change)
    await _record(call, "schedule.deleted", known, None)


async def put_profile(
    call: Call[Any, Any], name: str, order: ProfileOrder, if_match: str | None
) -> tuple[fleet.Profile, bool]:
    """Make a profile, or change one; return it, and whether it was made. Raises Problem, PlanChanged."""
    known = _known_profile(call, name, if_match)
    inventory = await changed(call, _profile_change(name, order), plan=order.plan, planned=True)
    made = inventory.profiles[name]
    await call.record(
        "schedule",
        "profile.created" if known is None else "profile.changed",
        params={"profile": name},
        before=None if known is None else _told_profile(known),
        after=_told_profile(made),
        outcome="ok",
    )
    return made, known is None


async def effect_of_profile(call: Call[Any, Any], name: str, order: ProfileOrder) -> Plan:
    """Return what making or changing a profile so would alter at once. Raises Problem."""
    return await effect_of(call, _profile_change(name, order))


def schedule_etag(schedule: fleet.Schedule) -> str:
    """Return the ETag of a schedule: of what it says, not of where it stands."""
    return etag_of((schedule.id, schedule.name, schedule.windows, schedule.otherwise, schedule.exceptions))


def profile_etag(profile: fleet.Profile) -> str:
    """Return the ETag of a profile: of what it says, not of where it stands."""
    return etag_of((profile.name, profile.target_percent, profile.by_make))


def read_order(call: Call[Any, Any], order: ScheduleOrder) -> fleet.Schedule:
    """Return the schedule that an order means. Raises Problem with every mistake."""
    schedule, mistakes = read_schedule(order.name, document_of(order), call.deeds.inventory.profiles)
    refuse(mistakes)
    assert schedule is not None  # noqa: S101  # without mistakes there is one
    return schedule


def document_of(order: ScheduleOrder) -> Document:
    """Return a schedule in the form of the inventory's file."""
    data: Document = msgspec.to_builtins(order)
    del data["name"], data["plan"]
    return {key: value for key, value in data.items() if value not in (None, [])}


def refuse(mistakes: Sequence[tuple[str, str]]) -> None:
    """Raise Problem (invalid) where there are mistakes: (JSON pointer, sentence)."""
    if mistakes:
        raise invalid(*(Mistake(at, "invalid", detail) for at, detail in mistakes))


def movable(call: Call[Any, Any], container: fleet.Container) -> bool:
    """Return whether it can be settled here which schedule a container follows: it stands in the managed file."""
    return is_managed(call, container.origin)


def _new(call: Call[Any, Any], order: ScheduleOrder) -> fleet.Schedule:
    made = read_order(call, order)
    if made.id in call.deeds.inventory.schedules:
        raise Problem(
            "exists",
            worded("there is a schedule %(made)s already", made=made.id),
            [Mistake("/name", "exists", worded("it is taken"))],
        )
    return made


def _refuse_wrong(call: Call[Any, Any], known: fleet.Schedule, order: ScheduleOrder) -> None:
    data = {"id": known.id, **document_of(order)}
    refuse(read_schedule(order.name, data, call.deeds.inventory.profiles)[1])


def _change(
    call: Call[Any, Any],
    known: fleet.Schedule | None,
    order: ScheduleOrder,
    schedule_id: str,
    containers: Collection[str] | None,
    if_match: str | None = None,
) -> Callable[[Document], None]:
    data = document_of(order)

    def change(document: Document) -> None:
        schedules = document.setdefault("schedules", {})
        if known is None:
            schedules[order.name] = data
        else:
            if if_match is not None:  # nobody's change is lost that came while this one waited
                check_if_match(if_match, schedule_etag(call.deeds.inventory.schedules.get(known.id, known)))
            schedules.pop(known.name, None)
            schedules[order.name] = {"id": known.id, **data}
        if containers is not None:
            _follow(call, document, schedule_id, containers)

    return change


def _follow(call: Call[Any, Any], document: Document, schedule_id: str, containers: Collection[str]) -> None:
    """Have exactly these containers of the managed file follow a schedule."""
    for container in call.deeds.inventory.containers:
        entry = entry_of(document, container.name) if movable(call, container) else None
        if entry is None or "extends" in entry:
            continue
        if container.id in containers:
            entry["schedule"] = schedule_id
        elif container.schedule == schedule_id:
            entry.pop("schedule", None)


def _followers(inventory: fleet.Inventory, schedule_id: str) -> tuple[str, ...]:
    return tuple(one.id for one in inventory.containers if one.schedule == schedule_id)


async def _record_followers(
    call: Call[Any, Any], inventory: fleet.Inventory, schedule_id: str, *, before: Collection[str]
) -> None:
    now = _followers(inventory, schedule_id)
    for container in inventory.containers:
        if (container.id in now) is not (container.id in before):
            follows = container.id in now
            await call.record(
                "inventory",
                "container.changed",
                container=container.id,
                client=container.client,
                before={"schedule_id": None if follows else schedule_id},
                after={"schedule_id": container.schedule},
                outcome="ok",
            )


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


def _known_profile(call: Call[Any, Any], name: str, if_match: str | None) -> fleet.Profile | None:
    known = call.deeds.inventory.profiles.get(name)
    if known is not None:
        if known.origin is not None:
            require_managed(call, known.origin, worded("the profile %(profile)s", profile=name))
        check_if_match(if_match, profile_etag(known))
    return known


def _profile_change(name: str, order: ProfileOrder) -> Callable[[Document], None]:
    data = {
        "target_percent": order.target_percent,
        "by_make": {make: msgspec.to_builtins(way) for make, way in order.by_make.items()},
    }
    refuse(read_profile(name, data)[1])

    def change(document: Document) -> None:
        document.setdefault("profiles", {})[name] = {key: value for key, value in data.items() if value != {}}

    return change


def _told_profile(profile: fleet.Profile) -> dict[str, Any]:
    return {"target_percent": profile.target_percent, "by_make": profile.by_make}
