"""A deed of the pages, looked at and done: what is meant, what would happen, and the function of the API that does it.

Pages have no way of their own to command anything. What a form says is made into the order that the API takes, and handed
to the function that stands behind the API's route; so both refuse alike, and leave the same in the record.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from multidict import MultiDict

from controller.api import intervention_routes, operation_routes, override_routes
from controller.api.conditions import check_if_match
from controller.api.control_shapes import holds_seen
from controller.api.decoding import decode_query
from controller.api.miner_filters import MinersFilter
from controller.api.operation_routes import CancelOrder, OperationOrder, RetryOrder
from controller.api.override_routes import OverrideChange, OverrideOrder, PlanOrder
from controller.api.problems import Mistake, Problem
from controller.api.route import Call
from controller.api.targets import Target, choice_of
from controller.deeds import Choice, MinerView, Plan
from controller.desire import containers_of
from controller.model import FAILED_STATES, Ends, Hold, Operation, Override, ResultState, Wanted
from controller.operations import left_to_retry
from controller.pages.deed_links import DeedKind
from controller.pages.deed_page import DeedForm
from controller.pages.frame import words_of
from controller.pages.operation_words import operation_title
from controller.pages.page_paths import miner_path, operation_path
from controller.pages.sign_in_routes import own_path
from miners.inventory.fleet import Container

NO_REASON_YET: Final = "not said yet"
"""The reason of an order that is only planned; it is kept nowhere."""

_NO_FILTERS: Final = frozenset(("sort", "cursor", "limit", "columns", "view", "page"))
"""What may stand in the address of the list of miners beside its filters."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a deed is about. `name`: of the one container, miner or profile that it is about, None for several.

    `miners`: how many are meant. `containers`: those in which they stand. `views`: the miner's, for deeds to one.
    Of an operation to be tried again, `miners` are those that would be. `undone`: the override that stopping it would end.
    `etag`: of the override. `holds`: that would be released.
    """

    kind: DeedKind
    form: DeedForm
    name: str | None = None
    one_container: bool = False
    miners: int = 0
    containers: tuple[Container, ...] = ()
    target: Target | None = None
    view: MinerView | None = None
    override: Override | None = None
    operation: Operation | None = None
    undone: Override | None = None
    etag: str = ""
    holds: tuple[Hold, ...] = ()

    @property
    def profile(self) -> str | None:
        """Which profile the miners are put into, None where none is or none was chosen yet."""
        if not self.kind.lasting:
            return None
        return self.kind.profile or self.form.profile or None


async def look(call: Call[Any, Any], kind: DeedKind, form: DeedForm) -> Look:
    """Return what a deed is about. Raises Problem: what is not there, or is not named."""
    match kind.aim:
        case "override":
            return await _look_at_override(call, kind, form)
        case "operation":
            return await _look_at_operation(call, kind, form)
        case "place":
            return _look_at_place(call, kind, form)
        case _:
            return _look_at_miners(call, kind, form)


def curtailment_of(call: Call[Any, Any], found: Look) -> Override | None:
    """Return the one override that has put to sleep exactly what is to be woken, None if it is not as simple as that."""
    if found.target is None:
        return None
    containers, miners = set(found.target.containers or ()), set(found.target.miners or ())
    profiles = call.deeds.inventory.profiles
    for one in call.deeds.overrides():
        profile = profiles.get(one.profile)
        same = set(one.containers) == containers and set(one.miners) == miners
        if same and one.starts_at <= call.now and profile is not None and not profile.target_percent:
            return one
    return None


async def planned(
    call: Call[Any, Any], found: Look, ends: Ends, until: datetime | None, *, emergency: bool
) -> Plan | None:
    """Return what the deed would do; None for one that changes no miner by itself. Raises Problem, DeedRefused."""
    kind = found.kind
    if kind.lasting and found.profile is not None and found.target is not None:
        order = override_order(found, ends, until, NO_REASON_YET, emergency=emergency, plan=None)
        return await override_routes.post_plan(replace(call, body=PlanOrder(override=order)))
    if kind.command is not None and found.target is not None:
        body = PlanOrder(operation=_command_order(found, NO_REASON_YET, None))
        return await override_routes.post_plan(replace(call, body=body))
    if kind.name == "end-override" and found.override is not None and found.override.ended_at is None:
        return await call.deeds.plan_end_override(found.override.id)
    if kind.name == "release" and found.holds:
        return await call.deeds.plan_release(tuple(one.id for one in found.containers) or None)
    if kind.name == "change-override" and found.override is not None and found.override.ended_at is None:
        if ends == "at" and until is None:
            return None
        return await call.deeds.plan_change_override(
            found.override.id, ends=ends, until=until if ends == "at" else None
        )
    return None


def override_order(
    found: Look, ends: Ends, until: datetime | None, reason: str, *, emergency: bool, plan: str | None
) -> OverrideOrder:
    """Return the API's order for a deed that lasts."""
    assert found.target is not None  # noqa: S101  # deeds that last are done to miners
    return OverrideOrder(
        target=found.target,
        profile=found.profile or "",
        ends=ends,
        until=until,
        reason=reason,
        emergency=emergency,
        plan=plan,
    )


async def do(call: Call[Any, Any], found: Look, ends: Ends, until: datetime | None) -> str:
    """Do a deed, and return where that is to be seen. Raises Problem, DeedRefused: nothing was done."""
    form = found.form
    if found.kind.lasting:
        emergency = bool(form.emergency)
        order = override_order(found, ends, until, form.reason, emergency=emergency, plan=form.plan)
        answer = await override_routes.post_override(replace(call, body=order))
        return operation_path(answer.body.operation.id)
    if found.kind.command is not None:
        body = _command_order(found, form.reason, form.plan)
        answer = await operation_routes.post_operation(replace(call, body=body))
        return operation_path(answer.body.id)
    if found.kind.name == "change-override" and found.override is not None:
        check_if_match(form.etag, found.etag)
        change = OverrideChange(ends=ends, until=until, reason=form.reason)
        await override_routes.changed_override(call, found.override, change, plan=form.plan)
        return back(form)
    return await _DOING[found.kind.name](call, found)


def back(form: DeedForm) -> str:
    """Return where to go when nothing else is to be seen: a path of ours."""
    return own_path(form.back)


def states_of(form: DeedForm) -> tuple[ResultState, ...]:
    """Return the outcomes that are to be tried again. Raises Problem (malformed) for one that there is not."""
    try:
        return msgspec.convert(form.state, tuple[ResultState, ...]) or FAILED_STATES
    except msgspec.ValidationError:
        detail = f"it is none of {', '.join(FAILED_STATES)}"
        raise Problem("malformed", detail, [Mistake("?state", "choice", detail)]) from None


def _look_at_miners(call: Call[Any, Any], kind: DeedKind, form: DeedForm) -> Look:
    target = _target(call, form)
    choice = choice_of(call, target, "")
    views = _views(call, choice)
    if kind.aim == "miner" and len(views) != 1:
        raise _unnamed("one miner: ?miner=")
    containers = tuple({view.container.id: view.container for view in views}.values())
    whole = len(choice.containers) == 1
    name = None
    if whole:
        containers = (call.container(choice.containers[0]),)
        name = containers[0].name
    elif len(views) == 1:
        name = views[0].miner.name
    return Look(
        kind=kind,
        form=form,
        name=name,
        one_container=whole,
        miners=len(views),
        containers=containers,
        target=Target(containers=choice.containers) if choice.containers else Target(miners=choice.miners),
        view=views[0] if len(views) == 1 else None,
    )


async def _look_at_operation(call: Call[Any, Any], kind: DeedKind, form: DeedForm) -> Look:
    operation = await operation_routes.operation_seen(_at(call, form.operation))
    profile = call.deeds.inventory.profiles.get(operation.profile or "")
    asleep = profile is not None and not profile.target_percent
    override = next((one for one in call.deeds.overrides() if one.id == operation.override_id), None)
    miners = operation.total
    if kind.name == "retry":
        results = call.deeds.results(operation.id)
        if results is None:
            results = await call.storage.operations.all_results(operation.id)
        miners = len(left_to_retry(operation, results, states_of(form), lambda id_: _wanted(call, id_)))
    return Look(
        kind=kind,
        form=form,
        name=operation_title(words_of(call), operation, None, asleep=asleep),
        operation=operation,
        undone=override if kind.name == "stop-undo" else None,
        miners=miners,
        containers=() if override is None else _reached_by(call, override),
    )


def _wanted(call: Call[Any, Any], miner_id: str) -> Wanted | None:
    view = call.deeds.view(miner_id)
    return None if view is None else view.wanted


def _look_at_place(call: Call[Any, Any], kind: DeedKind, form: DeedForm) -> Look:
    if form.miner_ids or form.filter is not None:  # else it would be done everywhere
        raise _unnamed("containers: ?container=, or nothing for all")
    containers = tuple(call.container(id_) for id_ in dict.fromkeys(form.container))
    places: set[str | None] = {container.id for container in containers} or {None}
    return Look(
        kind=kind,
        form=form,
        name=containers[0].name if len(containers) == 1 else None,
        one_container=len(containers) == 1,
        miners=sum(len(one.miners) for one in containers or call.containers()),
        containers=containers,
        holds=tuple(hold for hold in holds_seen(call) if hold.container in places),
    )


async def _look_at_override(call: Call[Any, Any], kind: DeedKind, form: DeedForm) -> Look:
    override = await override_routes.override_seen(_at(call, form.override))
    containers = _reached_by(call, override)
    return Look(
        kind=kind,
        form=form,
        name=override.profile,
        miners=len(override.miners)
        + sum(len(one.miners) for one in containers if one.id in override.containers),
        containers=containers,
        override=override,
        etag=override_routes.override_etag(override),
    )


def _reached_by(call: Call[Any, Any], override: Override) -> tuple[Container, ...]:
    ids = containers_of(override)
    return tuple(one for one in call.containers() if one.id in ids)


def _target(call: Call[Any, Any], form: DeedForm) -> Target:
    """Return which miners are meant. "All that match" is more than the miners that were ticked beside it."""
    if form.container and (form.miner_ids or form.filter is not None):
        raise _unnamed("containers, or miners by ?miner= or ?filter=")
    if form.container:
        return Target(containers=form.container)
    if form.filter is None and form.miner_ids:
        return Target(miners=form.miner_ids)
    if form.filter is None:
        raise _unnamed("miners: ?container=, ?miner= or ?filter=")
    given = parse_qsl(form.filter, keep_blank_values=False)
    wanted = MultiDict((name, value) for name, value in given if name not in _NO_FILTERS)
    return Target(miners=choice_of(call, Target(filter=decode_query(wanted, MinersFilter)), "").miners)


def _views(call: Call[Any, Any], choice: Choice) -> list[MinerView]:
    found = [view for id_ in choice.containers for view in call.deeds.views(id_)]
    found += [view for id_ in choice.miners if (view := call.deeds.view(id_)) is not None]
    return found


def _unnamed(what: str) -> Problem:
    detail = f"the address does not say to what: name {what}"
    return Problem("malformed", detail, [Mistake("", "missing", detail)])


def _command_order(found: Look, reason: str, plan: str | None) -> OperationOrder:
    assert found.target is not None  # noqa: S101  # commands are done to miners
    assert found.kind.command is not None  # noqa: S101  # asked for commands alone
    return OperationOrder(
        action=found.kind.command,
        target=found.target,
        reason=reason,
        on=found.kind.name != "locate-off",
        plan=plan,
    )


def _at(call: Call[Any, Any], id_: str, **more: Any) -> Call[Any, Any]:
    return replace(call, path={"id": id_}, **more)


async def _end_override(call: Call[Any, Any], found: Look) -> str:
    assert found.override is not None  # noqa: S101  # looked at as one override
    answer = await override_routes.ended_override(call, found.override, plan=found.form.plan)
    return operation_path(answer.body.id)


async def _hold(call: Call[Any, Any], found: Look) -> str:
    ids = tuple(container.id for container in found.containers)
    order = intervention_routes.HoldOrder(containers=ids or None, all=not ids, reason=found.form.reason)
    await intervention_routes.post_hold(replace(call, body=order))
    return back(found.form)


async def _release(call: Call[Any, Any], found: Look) -> str:
    ids = tuple(container.id for container in found.containers)
    form = found.form
    query = intervention_routes.HoldsQuery(container=ids, reason=form.reason, plan=form.plan)
    await intervention_routes.delete_holds(replace(call, query=query))
    return back(form)


async def _service(call: Call[Any, Any], found: Look) -> str:
    assert found.view is not None  # noqa: S101  # looked at as one miner
    order = intervention_routes.ServiceOrder(reason=found.form.reason)
    await intervention_routes.post_service(_at(call, found.view.id, body=order))
    return _back_to_miner(found)


async def _end_service(call: Call[Any, Any], found: Look) -> str:
    assert found.view is not None  # noqa: S101  # looked at as one miner
    query = intervention_routes.ReasonQuery(reason=found.form.reason)
    await intervention_routes.end_service(_at(call, found.view.id, query=query))
    return _back_to_miner(found)


def _back_to_miner(found: Look) -> str:
    way = back(found.form)
    return way if way != "/" or found.view is None else miner_path(found.view.id)


async def _stop(call: Call[Any, Any], found: Look) -> str:
    body = CancelOrder(undo=found.kind.name == "stop-undo")
    answer = await operation_routes.cancel_operation(_at(call, found.form.operation, body=body))
    if body.undo and answer.body.override_id is not None:
        # What brings the miners back is an operation of its own: the newest of the override.
        newest, _ = await call.storage.operations.find(override_id=answer.body.override_id, limit=1)
        return operation_path(newest[0].id) if newest else operation_path(answer.body.id)
    return operation_path(answer.body.id)


async def _retry(call: Call[Any, Any], found: Look) -> str:
    body = RetryOrder(states=states_of(found.form))
    answer = await operation_routes.retry_operation(_at(call, found.form.operation, body=body))
    return operation_path(answer.body.id)


_DOING: Final[Mapping[str, Callable[[Call[Any, Any], Look], Awaitable[str]]]] = {
    "end-override": _end_override,
    "hold": _hold,
    "release": _release,
    "service": _service,
    "end-service": _end_service,
    "stop": _stop,
    "stop-undo": _stop,
    "retry": _retry,
}
