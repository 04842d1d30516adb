"""The routes of operations: deeds on many miners, their progress, their outcomes, and how they are stopped."""

from typing import Any

import msgspec

from controller.api.control_shapes import (
    REFUSALS,
    Reason,
    ShownOperation,
    accepted,
    control_route,
    operation_of,
    results_seen,
    shown_operation,
    shown_operations,
    within,
)
from controller.api.own_time import times
from controller.api.paging import from_cursor, page_of, to_cursor
from controller.api.problems import Problem
from controller.api.route import Answer, Call, ListQuery, NoQuery, Page, Route
from controller.api.targets import Target, choice_of
from controller.deeds import CommandWish
from controller.model import Deed, Operation, OperationState, Result, ResultState, Stagger
from controller.wording import worded


class OperationOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deed on many miners. `on`: of locate."""

    action: Deed
    target: Target
    reason: Reason
    on: bool = True
    stagger: Stagger | None = None
    plan: str | None = None


class CancelOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`undo`: also end the override and bring changed miners back."""

    undo: bool = False


class RetryOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which failures to try again; none named: all of them."""

    states: tuple[ResultState, ...] = ()


class OperationsQuery(ListQuery, frozen=True, kw_only=True):
    """Filters of operations. `container`: of whose miners it had any."""

    state: tuple[OperationState, ...] = ()
    container: tuple[str, ...] = ()


class ResultsQuery(ListQuery, frozen=True, kw_only=True):
    """Filters of results."""

    state: tuple[ResultState, ...] = ()
    container: tuple[str, ...] = ()


async def get_operations(call: Call[None, OperationsQuery]) -> Page[ShownOperation]:
    """Return operations, newest first."""
    containers = within(call, call.query.container)
    chosen: dict[str, Any] = {
        "states": call.query.state or None,
        "containers": containers,
        "since": times(call, containers or ()),
        "apart": not call.person.sees_all,
    }
    position = from_cursor("operations", call.query.cursor)
    found, after = await call.storage.operations.find(**chosen, after=position, limit=call.query.limit)
    return Page(
        items=await shown_operations(call, [call.deeds.operation(one.id) or one for one in found]),
        next=to_cursor("operations", after),
        total=await call.storage.operations.count(**chosen),
    )


async def post_operation(call: Call[OperationOrder, NoQuery]) -> Answer:
    """Begin a deed on many miners."""
    operation = await call.deeds.command(
        command_wish(call, call.body, ""), call.actor, request_id=call.request_id, address=call.address
    )
    return await accepted(call, operation)


async def get_operation(call: Call[None, NoQuery]) -> ShownOperation:
    """Return one operation with its counts now."""
    return await shown_operation(call, await operation_seen(call))


async def get_results(call: Call[None, ResultsQuery]) -> Page[Result]:
    """Return what an operation did with each miner."""
    operation, query = await operation_seen(call), call.query
    running = results_seen(call, operation.id)
    if running is not None:
        wanted = [
            _result(call, result)
            for result in running
            if (not query.state or result.state in query.state)
            and (not query.container or result.miner.partition(".")[0] in query.container)
        ]
        return page_of(wanted, query, "results", lambda one: one.miner)
    containers = within(call, query.container)
    chosen: dict[str, Any] = {
        "states": query.state or None,
        "containers": containers,
        "since": times(call, containers or ()),
    }
    position = from_cursor("kept results", query.cursor)
    found, after = await call.storage.operations.results(
        operation.id, **chosen, after=position, limit=query.limit
    )
    return Page(
        items=[_result(call, one) for one in found],
        next=to_cursor("kept results", after),
        total=await call.storage.operations.count_results(operation.id, **chosen),
    )


async def cancel_operation(call: Call[CancelOrder, NoQuery]) -> Answer:
    """Send nothing more of an operation; what is on its way finishes."""
    operation = await call.deeds.cancel(
        (await operation_seen(call)).id, undo=call.body.undo, actor=call.actor, request_id=call.request_id
    )
    return await accepted(call, operation)


async def retry_operation(call: Call[RetryOrder, NoQuery]) -> Answer:
    """Try the failures of an operation again."""
    operation = await call.deeds.retry(
        (await operation_seen(call)).id, call.body.states, call.actor, request_id=call.request_id
    )
    return await accepted(call, operation)


def command_wish(call: Call[Any, Any], order: OperationOrder, at: str) -> CommandWish:
    """Return the deed that an order asks for. `at`: where the order stands in the body."""
    return CommandWish(
        choice=choice_of(call, order.target, f"{at}/target"),
        deed=order.action,
        reason=order.reason,
        locate_on=order.on,
        stagger=order.stagger,
        plan=order.plan,
    )


async def operation_seen(call: Call[Any, Any]) -> Operation:
    """Return the operation of the path. Raises Problem: 404, also for one that does not concern the person."""
    found = await operation_of(call, call.path["id"])
    if found is None:
        raise Problem("not-found", worded("there is no such operation"))
    return found


def _result(call: Call[Any, Any], result: Result) -> Result:
    return result if call.person.role != "client" else msgspec.structs.replace(result, detail="")


ROUTES: tuple[Route, ...] = (
    control_route(
        "GET",
        "/operations",
        get_operations,
        "Operations, newest first",
        query=OperationsQuery,
        reply=Page[ShownOperation],
    ),
    control_route(
        "POST",
        "/operations",
        post_operation,
        "Begin a deed on many miners",
        body=OperationOrder,
        reply=ShownOperation,
        status=202,
        problems=REFUSALS,
        idempotent=True,
        body_example={"action": "reboot", "target": {"miners": ["container-7.a3-12"]}, "reason": "hangs"},
    ),
    control_route(
        "GET",
        "/operations/{id}",
        get_operation,
        "One operation",
        reply=ShownOperation,
        problems=("not-found",),
    ),
    control_route(
        "GET",
        "/operations/{id}/results",
        get_results,
        "What an operation did with each miner",
        query=ResultsQuery,
        reply=Page[Result],
        problems=("not-found",),
    ),
    control_route(
        "POST",
        "/operations/{id}/cancel",
        cancel_operation,
        "Send nothing more of an operation",
        description="What is on its way finishes. With `undo`, changed miners are brought back.",
        body=CancelOrder,
        reply=ShownOperation,
        status=202,
        problems=("not-found", "busy"),
        body_example={"undo": False},
    ),
    control_route(
        "POST",
        "/operations/{id}/retry",
        retry_operation,
        "Try the failures of an operation again",
        body=RetryOrder,
        reply=ShownOperation,
        status=202,
        problems=REFUSALS,
        idempotent=True,
        body_example={"states": ["unreachable"]},
    ),
)
