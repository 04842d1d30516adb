"""How overrides and operations are shown, to whom they are shown, and what all routes of control have in common."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from controller.api.own_time import clipped, holds_for, own_results, times
from controller.api.problems import Kind
from controller.api.record_routes import OPERATOR
from controller.api.route import (
    ADMINISTRATORS,
    EVERYBODY,
    Answer,
    Call,
    Handler,
    Method,
    Route,
)
from controller.desire import containers_of
from controller.model import (
    OPEN_STATES,
    Hold,
    Operation,
    Override,
    Result,
    ResultState,
)
from controller.storage.operations import state_among
from miners.inventory.fleet import Profile, Schedule
from miners.inventory.profiles import BUILT_IN
from miners.model import Snapshot

TAGS = ("control",)


Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


REFUSALS: tuple[Kind, ...] = (
    "not-found",
    "control-is-observed",
    "plan-changed",
    "busy",
    "in-doubt",
    "over-limit",
)


class ShownOverride(Override, frozen=True, kw_only=True):
    """An override, and whether it waits, is in force or has ended."""

    state: Literal["waiting", "active", "ended"]


class ShownOperation(Operation, frozen=True, kw_only=True):
    """An operation, and the power that its miners draw now (W, null where none is known)."""

    power_now_w: float | None = None
    links: Mapping[str, str] = {}


def shown_override(call: Call[Any, Any], override: Override) -> ShownOverride:
    """Return an override as it is shown: as far as it concerns one's containers; to a client without the operator's words."""
    state: Literal["waiting", "active", "ended"] = "active"
    if override.ended_at is not None:
        state = "ended"
    elif override.starts_at > call.now:
        state = "waiting"
    override = own_part(call, override)
    if call.person.role == "client":
        touched = containers_of(override)
        override = msgspec.structs.replace(
            override,
            created_by=OPERATOR,
            created_at=clipped(call, override.created_at, touched),
            starts_at=clipped(call, override.starts_at, touched),
            ended_by=None if override.ended_by is None else OPERATOR,
            reason="",
        )
    return ShownOverride(**msgspec.structs.asdict(override), state=state)


def own_part(call: Call[Any, Any], override: Override) -> Override:
    """Return an override as far as it concerns the containers that one may see."""
    if call.person.sees_all:
        return override
    own = {one.id for one in call.containers() if holds_for(call, override, one.id)}
    return msgspec.structs.replace(
        override,
        containers=tuple(one for one in override.containers if one in own),
        miners=tuple(one for one in override.miners if one.partition(".")[0] in own),
        except_miners=tuple(one for one in override.except_miners if one.partition(".")[0] in own),
        until_by_container={key: at for key, at in override.until_by_container.items() if key in own},
    )


async def shown_operation(call: Call[Any, Any], operation: Operation) -> ShownOperation:
    """Return an operation as it is shown, with the power that its miners draw now.

    Who does not see every container gets the counts of those that he sees, what came of them, and no sums of power.
    """
    return (await shown_operations(call, [operation]))[0]


async def shown_operations(call: Call[Any, Any], operations: Sequence[Operation]) -> list[ShownOperation]:
    """Return operations as they are shown. Of those that have ended, the outcomes are counted by the database, all at once."""
    kept = (
        [] if call.person.sees_all else [one.id for one in operations if call.deeds.operation(one.id) is None]
    )
    counts = await _own_counts(call, kept)
    ends = await _own_ends(call, [one for one in operations if one.id in counts], counts)
    return [_shown(call, one, counts.get(one.id, {}), ends.get(one.id)) for one in operations]


def _shown(
    call: Call[Any, Any], operation: Operation, kept: Mapping[ResultState, int], end: datetime | None
) -> ShownOperation:
    """Return an operation as it is shown.

    `kept`: outcomes in one's own containers, of one that has ended; `end`: when the last of those came, where others have
    a part in it.
    """
    power = None
    if call.person.sees_all:
        results = call.deeds.results(operation.id)
        power = None if results is None else _power_now(call, results)
    else:
        own = kept
        seen = own_results(call, operation.id)
        if seen is not None:
            own = Counter(result.state for result in seen)
            if len(seen) < operation.total and OPEN_STATES.isdisjoint(own):
                end = _end_of(seen, operation)
        operation = msgspec.structs.replace(
            operation,
            state=state_among(operation.state, own),  # what is under way or has failed may be somebody else's
            ended_at=end or operation.ended_at,
            total=sum(own.values()),
            counts=dict(own),
            power_before_w=None,
            power_expected_w=None,
        )
    if call.person.role == "client":
        operation = msgspec.structs.replace(operation, created_by=OPERATOR, reason="")
    link = f"/api/v1/operations/{operation.id}"
    return ShownOperation(
        **msgspec.structs.asdict(operation),
        power_now_w=power,
        links={"self": link, "results": f"{link}/results"},
    )


def running_in(call: Call[Any, Any], container_id: str) -> str | None:
    """Return the operation that is running in a container: to whom others' are not shown, while it does so with his own."""
    found = call.deeds.running_in(container_id)
    if found is None or call.person.sees_all:
        return found
    own = (one.state for one in own_results(call, found) or ())
    return None if OPEN_STATES.isdisjoint(own) else found


async def _own_ends(
    call: Call[Any, Any], operations: Sequence[Operation], counts: Mapping[str, Mapping[ResultState, int]]
) -> dict[str, datetime]:
    """Return when operations that others have a part in ended in one's own containers: soon after the last miner was told."""
    shared = [
        one for one in operations if one.ended_at is not None and sum(counts[one.id].values()) < one.total
    ]
    if not shared:
        return {}
    own = [container.id for container in call.containers()]
    last = await call.storage.operations.last_sent([one.id for one in shared], own, times(call, own))
    ends = {}
    for one in shared:
        at, took_s = last.get(one.id, (one.started_at or one.created_at, 0.0))
        ends[one.id] = at + timedelta(seconds=took_s)
    return ends


def _end_of(results: Sequence[Result], operation: Operation) -> datetime:
    ends = (
        one.started_at + timedelta(seconds=one.duration_s or 0.0)
        for one in results
        if one.started_at is not None
    )
    return max(ends, default=operation.started_at or operation.created_at)


async def accepted(call: Call[Any, Any], operation: Operation) -> Answer:
    """Return the answer of a deed that has begun: its operation, and where to look at it."""
    return Answer(
        body=await shown_operation(call, operation),
        status=202,
        headers={"Location": f"/api/v1/operations/{operation.id}"},
    )


def holds_seen(call: Call[Any, Any]) -> list[Hold]:
    """Return the holds that one may see: those everywhere, and those of one's containers."""
    if call.person.sees_all:
        return list(call.deeds.holds())
    own = {container.id for container in call.containers()}
    return [hold for hold in call.deeds.holds() if hold.container is None or hold.container in own]


def schedules_seen(call: Call[Any, Any]) -> list[Schedule]:
    """Return the schedules that one may see: those that one's containers follow, and the built-in ones, unless one sees all."""
    found = call.deeds.inventory.schedules.values()
    if call.person.sees_all:
        return list(found)
    followed = {container.schedule for container in call.containers()}
    return [schedule for schedule in found if schedule.id in followed or schedule.origin is None]


def profiles_seen(call: Call[Any, Any]) -> list[Profile]:
    """Return the profiles that one may see: the built-in ones and those that hold in one's containers, unless one sees all."""
    found = call.deeds.inventory.profiles.values()
    if call.person.sees_all:
        return list(found)
    own = {container.id for container in call.containers()}
    used = {name for schedule in schedules_seen(call) for name in profiles_of(schedule)}
    for override in call.deeds.overrides():
        if any(holds_for(call, override, one) for one in own):
            used.add(override.profile)
    return [profile for profile in found if profile.name in BUILT_IN or profile.name in used]


def profiles_of(schedule: Schedule) -> set[str | None]:
    """Return the names of the profiles that a schedule asks for."""
    exceptional = (window for exception in schedule.exceptions for window in exception.windows)
    return {schedule.otherwise, *(window.profile for window in (*schedule.windows, *exceptional))}


def within(call: Call[Any, Any], containers: Sequence[str]) -> list[str] | None:
    """Return to which containers a search is cut: those asked for, of those that one may see; None: to none."""
    if call.person.sees_all:
        return list(containers) or None
    own = [container.id for container in call.containers()]
    return [one for one in own if not containers or one in containers]


async def operation_of(call: Call[Any, Any], operation_id: str) -> Operation | None:
    """Return an operation that has to do with a container that one may see; None where there is none.

    To whom others' are not shown, one of theirs is looked for as one that there never was: both cost the same.
    """
    running = call.deeds.operation(operation_id)
    if call.person.sees_all:
        return running or await call.storage.operations.get(operation_id)
    if running is not None and own_results(call, operation_id):
        return running
    kept = await call.storage.operations.get(operation_id)
    return kept if await _own_counts(call, [operation_id]) else None


async def _own_counts(call: Call[Any, Any], ids: Sequence[str]) -> dict[str, dict[ResultState, int]]:
    """Return the outcomes in the containers that one may see, by operation; of one that has none there, nothing."""
    containers = [container.id for container in call.containers()]
    if not ids or not containers:
        return {}
    return await call.storage.operations.counts(ids, containers, times(call, containers))


def results_seen(call: Call[Any, Any], operation_id: str) -> Sequence[Result] | None:
    """Return the results of a running operation that the person may see; None where it does not run."""
    if call.person.sees_all:
        return call.deeds.results(operation_id)
    return own_results(call, operation_id)


def container_of(call: Call[Any, Any], miner_id: str) -> str | None:
    """Return the id of the container that a miner is in, None if there is no such miner now."""
    view = call.deeds.view(miner_id)
    return None if view is None else view.container.id


def _power_now(call: Call[Any, Any], results: Sequence[Result]) -> float | None:
    views = (call.deeds.view(result.miner) for result in results)
    known = [
        view.reading.power_w
        for view in views
        if view is not None and isinstance(view.reading, Snapshot) and view.reading.power_w is not None
    ]
    return sum(known) if known else None


def control_route(method: Method, path: str, handler: Handler, summary: str, **more: Any) -> Route:
    """Return a route of control: commanding is for administrators, with a token that may control."""
    reading = method == "GET"
    return Route(
        method=method,
        path=f"/api/v1{path}",
        roles=more.pop("roles", EVERYBODY if reading else ADMINISTRATORS),
        scopes=("read",) if reading else ("control",),
        tags=TAGS,
        summary=summary,
        handler=handler,
        **more,
    )
