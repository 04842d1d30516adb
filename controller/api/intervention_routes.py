"""The routes of a person at the miner: holds, marks of service, a reading now, one action on one miner."""

from typing import Annotated, Any

import msgspec

from controller.api.control_shapes import (
    REFUSALS,
    Reason,
    control_route,
    holds_seen,
)
from controller.api.fleet_routes import miner_detail
from controller.api.paging import page_of
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import OFFICE, Answer, Call, ListQuery, NoQuery, Page, Route
from controller.api.shapes import MinerDetail
from controller.api.targets import Target, choice_of
from controller.model import Hold, Result, ServiceMark
from controller.wording import worded
from miners.actions import Action
from miners.model import PollFailure

Ids = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=1000)]


class ActionOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One action on one miner: `{"type": "set_power_percent", "percent": 80}`."""

    action: Action
    reason: Reason


class HoldOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Containers by id, or `all`."""

    containers: Ids | None = None
    all: bool = False
    reason: Reason


class ServiceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the miner is under somebody's hands, or is no longer."""

    reason: Reason


class ReasonQuery(msgspec.Struct, frozen=True):
    """Why, for the record."""

    reason: Reason = "no reason given"


class HoldsQuery(ReasonQuery, frozen=True):
    """Of which containers the hold ends. `plan`: the fingerprint of what was looked at, that would be done then."""

    container: tuple[str, ...] = ()
    plan: Annotated[str, msgspec.Meta(max_length=100)] | None = None


async def get_holds(call: Call[None, ListQuery]) -> Page[Hold]:
    """Return the holds."""
    return page_of(holds_seen(call), call.query, "holds", lambda hold: hold.id)


async def post_hold(call: Call[HoldOrder, NoQuery]) -> list[Hold]:
    """Stop all writing at once."""
    return list(await call.deeds.hold(_held(call), call.body.reason, call.actor, request_id=call.request_id))


async def delete_holds(call: Call[None, HoldsQuery]) -> Answer:
    """End holds."""
    containers = call.query.container
    if not containers:
        _require_all(call)
    named = choice_of(call, Target(containers=containers), "?container").containers if containers else None
    await call.deeds.release(
        named, call.query.reason, call.actor, request_id=call.request_id, plan=call.query.plan
    )
    return Answer(status=204)


async def post_service(call: Call[ServiceOrder, NoQuery]) -> ServiceMark:
    """Mark a miner as being under somebody's hands."""
    return await call.deeds.mark_service(
        call.miner(call.path["id"]).id, call.body.reason, call.actor, request_id=call.request_id
    )


async def end_service(call: Call[None, ReasonQuery]) -> Answer:
    """End the mark."""
    await call.deeds.end_service(
        call.miner(call.path["id"]).id, call.query.reason, call.actor, request_id=call.request_id
    )
    return Answer(status=204)


async def post_poll(call: Call[None, NoQuery]) -> MinerDetail:
    """Have the exporter read a miner now."""
    view = call.miner(call.path["id"])
    reading = await call.deeds.poll(view.id)
    if isinstance(reading, PollFailure):
        raise Problem("miner-failed", reading.detail, more={"failure": msgspec.to_builtins(reading)})
    return await miner_detail(call, call.miner(view.id))


async def post_action(call: Call[ActionOrder, NoQuery]) -> Result:
    """Do one action on one miner, and wait for its outcome."""
    view = call.miner(call.path["id"])
    return await call.deeds.act(view.id, call.body.action, call.actor, reason=call.body.reason)


def _require_all(call: Call[Any, Any]) -> None:
    """Raise Problem (not-allowed) for a token that is for some containers only."""
    if call.person.narrow:
        raise Problem("not-allowed", worded("this token is for some containers only: name which of them"))


def _held(call: Call[HoldOrder, NoQuery]) -> tuple[str, ...] | None:
    order = call.body
    if order.all == (order.containers is not None):
        raise invalid(Mistake("/containers", "choice", worded("give one of containers and all")))
    if order.containers is None:
        _require_all(call)
        return None
    return choice_of(call, Target(containers=order.containers), "").containers


ROUTES: tuple[Route, ...] = (
    control_route(
        "GET",
        "/holds",
        get_holds,
        "Where all writing is stopped",
        query=ListQuery,
        reply=Page[Hold],
        roles=OFFICE,
    ),
    control_route(
        "POST",
        "/holds",
        post_hold,
        "Stop all writing at once",
        body=HoldOrder,
        reply=list[Hold],
        status=201,
        problems=("not-found",),
        body_example={"all": True, "reason": "smoke in container 7"},
    ),
    control_route(
        "DELETE",
        "/holds",
        delete_holds,
        "End holds",
        description="`container` by id, as often as wanted; none named: the hold everywhere.",
        query=HoldsQuery,
        status=204,
        problems=("not-found",),
    ),
    control_route(
        "POST",
        "/miners/{id}/service",
        post_service,
        "Mark a miner as being under somebody's hands",
        description="Nothing is written to it until a person ends the mark.",
        body=ServiceOrder,
        reply=ServiceMark,
        status=201,
        problems=("not-found",),
        body_example={"reason": "a fan is being changed"},
    ),
    control_route(
        "DELETE",
        "/miners/{id}/service",
        end_service,
        "End the mark of service",
        query=ReasonQuery,
        status=204,
        problems=("not-found",),
    ),
    control_route(
        "POST",
        "/miners/{id}/poll",
        post_poll,
        "Read a miner now",
        description="The exporter reads it, so that the reading enters history; waits 10 s at most.",
        reply=MinerDetail,
        problems=("not-found", "miner-failed", "exporter-away"),
    ),
    control_route(
        "POST",
        "/miners/{id}/actions",
        post_action,
        "Do one action on one miner",
        description="Waits until it has been read back, or was not within the time that the make needs.",
        body=ActionOrder,
        reply=Result,
        problems=REFUSALS,
        idempotent=True,
        body_example={"action": {"type": "locate", "on": True}, "reason": "which one is it?"},
    ),
)
