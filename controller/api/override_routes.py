"""The routes of plans and overrides: what would happen, and what people want above the schedule."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from controller.api.conditions import etag_of
from controller.api.control_shapes import (
    REFUSALS,
    Reason,
    ShownOperation,
    ShownOverride,
    accepted,
    control_route,
    shown_operation,
    shown_override,
    within,
)
from controller.api.operation_routes import OperationOrder, command_wish
from controller.api.own_time import concerns, times
from controller.api.paging import from_cursor, to_cursor
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import (
    Answer,
    Call,
    ListQuery,
    Moment,
    NoQuery,
    Page,
    Route,
)
from controller.api.targets import Target, choice_of
from controller.deeds import OverrideWish, Plan
from controller.model import (
    Ends,
    Override,
    Stagger,
)
from controller.wording import worded

ProfileName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class OverrideOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An override that is asked for. `ends` at: with `until`. `emergency`: a curtailment that skips the ramp.

    `plan`: the fingerprint of the plan that was looked at; what would happen must not differ much from it.
    """

    target: Target
    profile: ProfileName
    ends: Ends = "next_change"
    until: Moment | None = None
    starts_at: Moment | None = msgspec.field(default=None, name="from")
    reason: Reason
    emergency: bool = False
    stagger: Stagger | None = None
    plan: str | None = None


class OverrideChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may change of an override; what is not given stays."""

    ends: Ends | UnsetType = UNSET
    until: Moment | UnsetType | None = UNSET
    reason: Reason | UnsetType = UNSET


class PlanOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to plan: exactly one of an override and an operation."""

    override: OverrideOrder | None = None
    operation: OperationOrder | None = None


class OverridesQuery(ListQuery, frozen=True, kw_only=True):
    """Filters of overrides."""

    state: tuple[Literal["waiting", "active", "ended"], ...] = ()
    container: tuple[str, ...] = ()


class MadeOverride(ShownOverride, frozen=True, kw_only=True):
    """An override that was made, and the operation that brings it about."""

    operation: ShownOperation


async def post_plan(call: Call[PlanOrder, NoQuery]) -> Plan:
    """Return what would happen."""
    order = call.body
    if (order.override is None) == (order.operation is None):
        raise invalid(Mistake("", "choice", worded("give one of override and operation")))
    if order.override is not None:
        return await call.deeds.plan_override(_wish(call, order.override, "/override"), call.actor)
    assert order.operation is not None  # noqa: S101  # one of the two is there, see above
    return await call.deeds.plan_command(command_wish(call, order.operation, "/operation"), call.actor)


async def get_overrides(call: Call[None, OverridesQuery]) -> Page[ShownOverride]:
    """Return overrides, newest first."""
    containers = within(call, call.query.container)
    chosen: dict[str, Any] = {
        "now": call.now,
        "states": call.query.state or None,
        "containers": containers,
        "since": times(call, containers or ()),
    }
    position = from_cursor("overrides", call.query.cursor)
    found, after = await call.storage.overrides.find(**chosen, after=position, limit=call.query.limit)
    return Page(
        items=[shown_override(call, one) for one in found if concerns(call, one)],
        next=to_cursor("overrides", after),
        total=await call.storage.overrides.count(**chosen),
    )


async def post_override(call: Call[OverrideOrder, NoQuery]) -> Answer:
    """Put an override in force, and begin to bring it about."""
    made, operation = await call.deeds.override(
        _wish(call, call.body, ""), call.actor, request_id=call.request_id, address=call.address
    )
    body = MadeOverride(
        **msgspec.structs.asdict(shown_override(call, made)), operation=await shown_operation(call, operation)
    )
    return Answer(body=body, headers={"Location": f"/api/v1/overrides/{made.id}"}, etag=override_etag(made))


async def get_override(call: Call[None, NoQuery]) -> Answer:
    """Return one override."""
    found = await override_seen(call)
    # A client is not shown the reason: no sum over it either.
    etag = None if call.person.role == "client" else override_etag(found)
    return Answer(body=shown_override(call, found), etag=etag)


async def patch_override(call: Call[OverrideChange, NoQuery]) -> Answer:
    """Change the end or the reason of an override."""
    found = await override_seen(call)
    call.require_match(override_etag(found))
    changed = await changed_override(call, found, call.body)
    return Answer(body=shown_override(call, changed), etag=override_etag(changed))


async def changed_override(
    call: Call[Any, Any], found: Override, change: OverrideChange, *, plan: str | None = None
) -> Override:
    """Change an override, and return it as it is then. `plan`: the fingerprint of what was seen of a sooner end."""
    ends = found.ends if change.ends is UNSET else change.ends
    until = found.until if change.until is UNSET else change.until
    return await call.deeds.change_override(
        found.id,
        ends=ends,
        until=until if ends == "at" else None,
        reason=found.reason if change.reason is UNSET else change.reason,
        actor=call.actor,
        request_id=call.request_id,
        plan=plan,
    )


async def delete_override(call: Call[None, NoQuery]) -> Answer:
    """End an override now."""
    return await ended_override(call, await override_seen(call))


async def ended_override(call: Call[Any, Any], found: Override, *, plan: str | None = None) -> Answer:
    """End an override, as a person saw it who looked at what that would do. `plan`: the fingerprint of what he saw."""
    operation = await call.deeds.end_override(found.id, call.actor, request_id=call.request_id, plan=plan)
    return await accepted(call, operation)


def _wish(call: Call[Any, Any], order: OverrideOrder, at: str) -> OverrideWish:
    return OverrideWish(
        choice=choice_of(call, order.target, f"{at}/target"),
        profile=order.profile,
        ends=order.ends,
        until=order.until,
        starts_at=order.starts_at,
        reason=order.reason,
        emergency=order.emergency,
        stagger=order.stagger,
        plan=order.plan,
    )


def override_etag(override: Override) -> str:
    """Return the ETag of an override."""
    return etag_of((override.id, override.ends, override.until, override.reason, override.ended_at))


async def override_seen(call: Call[Any, Any]) -> Override:
    """Return the override of the path. Raises Problem: 404, also for one that does not concern the person."""
    own = within(call, ())
    found = await call.storage.overrides.get(call.path["id"], containers=own, since=times(call, own or ()))
    if found is None or not concerns(call, found):
        raise Problem("not-found", worded("there is no such override"))
    return found


_EXAMPLE = {
    "target": {"containers": ["container-7"]},
    "profile": "curtail",
    "ends": "at",
    "until": "2030-01-31T16:00:00Z",
    "reason": "the breaker is being changed",
}


ROUTES: tuple[Route, ...] = (
    control_route(
        "POST",
        "/plans",
        post_plan,
        "What would happen",
        description="Changes nothing. Send the fingerprint with the deed itself.",
        body=PlanOrder,
        reply=Plan,
        problems=REFUSALS,
        body_example={"override": _EXAMPLE},
    ),
    control_route(
        "GET",
        "/overrides",
        get_overrides,
        "Overrides, newest first",
        query=OverridesQuery,
        reply=Page[ShownOverride],
    ),
    control_route(
        "POST",
        "/overrides",
        post_override,
        "Put an override in force",
        body=OverrideOrder,
        reply=MadeOverride,
        status=201,
        problems=REFUSALS,
        idempotent=True,
        body_example=_EXAMPLE,
    ),
    control_route(
        "GET", "/overrides/{id}", get_override, "One override", reply=ShownOverride, problems=("not-found",)
    ),
    control_route(
        "PATCH",
        "/overrides/{id}",
        patch_override,
        "Change the end or the reason of an override",
        body=OverrideChange,
        reply=ShownOverride,
        conditional=True,
        problems=("not-found",),
        body_example={"ends": "manual"},
    ),
    control_route(
        "DELETE",
        "/overrides/{id}",
        delete_override,
        "End an override now",
        description="The operation brings back what holds without it.",
        reply=ShownOperation,
        status=202,
        problems=("not-found", "busy"),
    ),
)
