"""The pages of operations: the list, the running ones first, and one with its outcomes, the failures first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from multidict import MultiDict

from controller.api import operation_routes
from controller.api.control_shapes import ShownOperation, own_part, results_seen, running_in, shown_operations
from controller.api.decoding import decode_query
from controller.api.operation_routes import OperationsQuery, ResultsQuery
from controller.api.route import EVERYBODY, Answer, Call, Handler, Page, Route
from controller.model import FAILED_STATES, Override, Result, ResultState
from controller.pages.deed_links import deed_link
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.operation_page import (
    BAR_HEIGHT,
    BAR_WIDTH,
    LOOKS,
    OTHERS,
    PARTS,
    Powers,
    ending,
    explained,
    failures,
    is_running,
    live_places,
    state_of_bar,
)
from controller.pages.operation_words import (
    operation_heading,
    operation_title,
    state_words,
)
from controller.pages.page_paths import miner_path, operation_path
from controller.pages.zones import reading_zone
from miners.inventory.fleet import Container

ROWS: Final = 100


class Row(msgspec.Struct, frozen=True):
    """One result as it is shown: the miner by its name and its container's, and where its page is."""

    result: Result
    name: str
    container: str
    path: str | None


class Listed(msgspec.Struct, frozen=True):
    """One line of the list of operations."""

    operation: ShownOperation
    title: str
    state: str
    counts: str
    began: str


class Part(msgspec.Struct, frozen=True):
    """Some of the results. `after`: where the rest is, None if this is all."""

    rows: tuple[Row, ...]
    total: int
    after: str | None


async def running_operations(call: Call[Any, Any]) -> list[ShownOperation]:
    """Return the operations that run in containers that one may see, newest first."""
    ids = {running_in(call, container.id) for container in call.containers()}
    found = (
        call.deeds.operation(id_) for id_ in sorted((one for one in ids if one is not None), reverse=True)
    )
    return await shown_operations(call, [one for one in found if one is not None])


async def get_list(call: Call[None, OperationsQuery]) -> Answer:
    """Answer the list."""
    query = call.query
    found = await operation_routes.get_operations(
        replace(call, query=msgspec.structs.replace(query, limit=ROWS))
    )
    first = query.cursor is None and not query.state
    running = [one for one in await running_operations(call) if not query.container] if first else []
    ids = {one.id for one in running}
    rest = [one for one in found.items if one.id not in ids]
    words = words_of(call)
    return page(
        call,
        "operations",
        section=None,
        crumbs=[("/", words.gettext("Fleet"))],
        operations=[_listed(call, words, one) for one in (*running, *rest)],
        total=found.total,
        chosen=query.state,
        after=_path("/operations", query, found.next),
    )


async def get_one(call: Call[Any, Any]) -> Answer:
    """Answer the page of an operation."""
    operation = await operation_routes.get_operation(call)
    parts, words = await _parts(call), words_of(call)
    override = await _override(call, operation)
    containers = _containers(call, operation, override, parts)
    name = _name(override, operation, containers, parts)
    asleep = _asleep(call, operation)
    live = await _live(call, operation, parts, words)
    zone = reading_zone(call, containers[0] if len(containers) == 1 else None)

    def clock(moment: Any) -> str:
        return words.formats.clock(moment, call.now, zone)

    query = urlencode(
        [("state", one) for one in call.query.state]
        + ([("cursor", call.query.cursor)] if call.query.cursor else [])
    )
    return page(
        call,
        "operation",
        crumbs=[("/", words.gettext("Fleet")), ("/operations", words.gettext("Operations"))],
        live=live,
        live_page=f"operation:{operation.id}" + (f"?{query}" if query else ""),
        operation=operation,
        key=f"o.{operation.id}",
        heading=operation_heading(words, operation, name, asleep=asleep),
        title=operation_title(words, operation, name, asleep=asleep),
        parts=parts,
        chosen=call.query.state,
        looks=LOOKS,
        bar=[look for look, _ in PARTS],
        bar_size=(BAR_WIDTH, BAR_HEIGHT),
        explained=explained(words, operation),
        deeds=_deeds(call, operation, override, containers),
        override=override,
        until=_until(words, override, clock),
        clock=clock,
        zone=words.formats.zone_words(call.now, zone),
        running=is_running(operation),
        failed=failures(operation),
    )


async def live_operation(call: Call[Any, Any], of: str) -> LiveState:
    """Return the places of an operation's page. `of`: its id, and behind a question mark which results are shown."""
    id_, _, text = of.partition("?")
    query = decode_query(MultiDict(parse_qsl(text)), ResultsQuery)
    at = replace(call, path={"id": id_}, query=query)
    operation = await operation_routes.get_operation(at)
    return await _live(at, operation, await _parts(at), words_of(call))


async def _live(
    call: Call[Any, Any], operation: ShownOperation, parts: dict[str, Part], words: Words
) -> LiveState:
    end = ""
    if not is_running(operation):
        powers = Powers(None)
        if call.person.sees_all and operation.power_expected_w is not None:
            powers = Powers(*await call.storage.operations.power_measured(operation.id))
        end = ending(words, operation, powers, asleep=_asleep(call, operation))
    results = [row.result for part in parts.values() for row in part.rows]
    return live_places(words, operation, results, end, call.now)


async def _parts(call: Call[Any, ResultsQuery]) -> dict[str, Part]:
    """Return the results that are shown: of some states if any are asked for, else the failures and then the others."""
    query = call.query
    if query.state or query.cursor:
        return {"chosen": await _part(call, query.state, query.cursor)}
    failed = await _part(call, FAILED_STATES, None)
    others = await _part(call, OTHERS, None)
    return {name: part for name, part in (("failed", failed), ("others", others)) if part.total}


async def _part(call: Call[Any, ResultsQuery], states: Sequence[ResultState], cursor: str | None) -> Part:
    query = ResultsQuery(state=tuple(states), container=call.query.container, cursor=cursor, limit=ROWS)
    found: Page[Result] = await operation_routes.get_results(replace(call, query=query))
    rows = tuple(_row(call, one) for one in found.items)
    return Part(rows, found.total, _path(operation_path(call.path["id"]), query, found.next))


def _row(call: Call[Any, Any], result: Result) -> Row:
    view = call.deeds.view(result.miner)
    if view is None or not call.person.may_see(view.container):
        container, _, miner = result.miner.partition(".")
        return Row(result, miner or result.miner, container, None)
    return Row(result, view.miner.name, view.container.name, miner_path(view.id))


def _path(path: str, query: OperationsQuery | ResultsQuery, cursor: str | None) -> str | None:
    """Return where the next part of a list is."""
    if cursor is None:
        return None
    given = [("state", one) for one in query.state] + [("container", one) for one in query.container]
    return f"{path}?{urlencode([*given, ('cursor', cursor)])}"


async def _override(call: Call[Any, Any], operation: ShownOperation) -> Override | None:
    if operation.override_id is None or not call.person.sees_all:
        return None
    found = await call.storage.overrides.get(operation.override_id)
    return None if found is None else own_part(call, found)


def _containers(
    call: Call[Any, Any], operation: ShownOperation, override: Override | None, parts: dict[str, Part]
) -> list[Container]:
    """Return the containers that an operation is known to have to do with."""
    results = results_seen(call, operation.id)
    miners = (
        [row.result.miner for part in parts.values() for row in part.rows]
        if results is None
        else [one.miner for one in results]
    )
    ids = {miner.partition(".")[0] for miner in miners} | set(() if override is None else override.containers)
    return [container for container in call.containers() if container.id in ids]


def _name(
    override: Override | None, operation: ShownOperation, containers: list[Container], parts: dict[str, Part]
) -> str | None:
    if (
        override is not None
        and len(override.containers) == 1
        and not override.miners
        and len(containers) == 1
    ):
        return containers[0].name
    rows = [row for part in parts.values() for row in part.rows]
    return rows[0].name if operation.total == 1 and len(rows) == 1 else None


def _asleep(call: Call[Any, Any], operation: ShownOperation) -> bool:
    profile = call.deeds.inventory.profiles.get(operation.profile or "")
    return profile is not None and not profile.target_percent


def _deeds(
    call: Call[Any, Any], operation: ShownOperation, override: Override | None, containers: list[Container]
) -> dict[str, str]:
    """Return where the deeds are confirmed that can be done about an operation: by name."""
    if call.person.role != "administrator":
        return {}
    here = operation_path(operation.id)
    found: dict[str, str] = {}
    live = override is not None and any(one.id == override.id for one in call.deeds.overrides())
    if is_running(operation):
        if operation.cause == "schedule":
            found["hold"] = deed_link("hold", containers=[one.id for one in containers], back=here)
        else:
            found["stop"] = deed_link("stop", operation=operation.id, back=here)
            if live and operation.cause in ("override", "retry"):
                found["stop-undo"] = deed_link("stop-undo", operation=operation.id, back=here)
    if operation.state != "interrupted" or operation.intent or failures(operation):
        found["retry"] = deed_link("retry", operation=operation.id, back=here)
    if live and override is not None:
        found["end-override"] = deed_link("end-override", override=override.id, back=here)
        found["change-override"] = deed_link("change-override", override=override.id, back=here)
    return found


def _until(words: Words, override: Override | None, clock: Any) -> str | None:
    if override is None:
        return None
    if override.ended_at is not None:
        return words.gettext("ended %(time)s", time=clock(override.ended_at))
    if override.ends == "manual":
        return words.gettext("until somebody ends it")
    ends = [override.until] if override.until is not None else list(override.until_by_container.values())
    return words.gettext("until %(time)s", time=clock(max(ends))) if ends else None


def _listed(call: Call[Any, Any], words: Words, operation: ShownOperation) -> Listed:
    zone = reading_zone(call)
    return Listed(
        operation,
        operation_title(words, operation, None, asleep=_asleep(call, operation)),
        state_words(words, operation.state),
        state_of_bar(words, operation),
        words.formats.clock(operation.created_at, call.now, zone),
    )


def _route(path: str, summary: str, handler: Handler, query: type[msgspec.Struct]) -> Route:
    return Route(
        method="GET",
        path=path,
        roles=EVERYBODY,
        scopes=("read",),
        query=query,
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
    )


ROUTES: tuple[Route, ...] = (
    _route("/operations", "Operations, the running ones first", get_list, OperationsQuery),
    _route("/operations/{id}", "How far an operation is, and who did not follow", get_one, ResultsQuery),
)
