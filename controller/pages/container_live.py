"""What the page of a container is made of, gathered once for its first HTML and for the stream that keeps it up to date.

Its places: `c.<id>.…` for the container's figures and its picture (`c.<id>.grid.…` by state, `c.<id>.ramp.…` by a figure),
`m.<id>.is` for what a miner is, and `m.<id>.<column>` for the cells of the table.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import msgspec
from multidict import MultiDict
from yarl import URL

from controller.api import fleet_routes
from controller.api.control_shapes import ShownOverride, shown_operation, shown_override
from controller.api.decoding import decode_query
from controller.api.figures import places_of, shown_miner
from controller.api.route import Call
from controller.api.shapes import Container, Grid
from controller.deeds import MinerView
from controller.desire import containers_of, end_of
from controller.pages.container_page import (
    Needy,
    Told,
    cell_states,
    figure_texts,
    hands_words,
    needy_of,
    next_words,
    now_words,
    operation_ratio,
    operation_words,
    place_name,
    told_of,
)
from controller.pages.frame import words_of
from controller.pages.grid import GridPicture, grid_places, picture_of
from controller.pages.grid_ramps import Colour, RampPicture, ramp_picture
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.miner_columns import COLUMNS, Shown, row_state, scale_of, sorted_views
from controller.pages.page_paths import container_path, operation_path
from controller.pages.state_marks import mark_path
from controller.pages.trouble import Clock
from controller.pages.zones import reading_zone
from miners.inventory import fleet

CELL: Final = 28
ROWS: Final = 300
"""Of a part of the table: a container of the usual size is one."""

LISTED: Final = 8
"""Miners that need hands above the map; the table has them all."""

BY_NEED: Final = "need"
TABLE: Final = (
    "name", "state", "hashrate_hs", "performance_ratio", "power_w", "efficiency_j_per_th", "chip_max_c", "boards",
    "pool", "profile", "taken_at",
)  # fmt: skip


class ContainerQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How a container is looked at. `colour`: what the map shows; `sort`: a column of the table, `-` before it turns it."""

    colour: Colour = "state"
    view: Literal["map", "table"] = "map"
    sort: Annotated[str, msgspec.Meta(max_length=40)] = BY_NEED
    page: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1

    def address(self, container_id: str, **changes: Any) -> str:
        """Return the page of a container looked at in this way, but for some changes."""
        wanted = msgspec.structs.replace(self, **changes)
        given = {
            name: value
            for name, value in msgspec.structs.asdict(wanted).items()
            if value != getattr(_PLAIN, name)
        }
        path = container_path(container_id)
        return f"{path}?{urlencode(given)}" if given else path


_PLAIN: Final = ContainerQuery()


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the table: its miners, and which of how many they are, from 1. `number`: of the part, from 1."""

    shown: Sequence[Shown]
    number: int
    first: int
    last: int
    total: int


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows. `override_until`: in this container; `own_orders`: overrides of some of its miners, with their ends.

    `places`: who stands in which cell of `grid`, from 0 row by row; `names`: what their places are called, by id.
    """

    container: Container
    views: Sequence[MinerView]
    told: Told
    needy: Sequence[Needy]
    override: ShownOverride | None
    override_until: datetime | None
    own_orders: Sequence[tuple[ShownOverride, int, datetime | None]]
    grid: Grid
    places: Mapping[int, MinerView]
    names: Mapping[str, str]
    picture: GridPicture | RampPicture | None
    rows: Rows | None
    live: LiveState


async def live_container(call: Call[Any, Any], of: str) -> LiveState:
    """Return the places of a container's page. `of`: its id, and behind `?` how it is looked at. Raises Problem."""
    id_, _, query = of.partition("?")
    given: MultiDict[str] = MultiDict(URL(f"/?{query}", encoded=True).query)
    found = await gathered(call, call.container(id_), decode_query(given, ContainerQuery))
    return found.live


def clock_of(call: Call[Any, Any], container: fleet.Container, words: Words) -> Clock:
    """Return how moments are written: in the reader's zone where he has chosen one, else in the container's."""
    zone = reading_zone(call, container)
    return lambda moment: words.formats.clock(moment, call.now, zone)


async def gathered(call: Call[Any, Any], found: fleet.Container, query: ContainerQuery) -> Gathered:
    """Return all that the page of a container shows, looked at in a way."""
    words = words_of(call)
    clock = clock_of(call, found, words)
    views = call.deeds.views(found.id)
    container = await fleet_routes.shown_container(call, found, grid=False)
    told = told_of(views)
    grid, places = places_of(found, views)
    names = {
        view.id: place_name(view.miner.row, view.miner.column)
        for view in views
        if view.miner.row and view.miner.column
    }
    needy = needy_of(views, names)
    orders = [
        one for one in call.deeds.overrides() if found.id in containers_of(one) and one.starts_at <= call.now
    ]
    held = next((one for one in orders if one.id == container.profile.override_id), None)
    override = None if held is None else shown_override(call, held)
    until = None if held is None else end_of(held, found.id)
    own = [
        (
            shown_override(call, one),
            sum(1 for id_ in one.miners if id_.startswith(f"{found.id}.")),
            end_of(one, found.id),
        )
        for one in orders
        if found.id not in one.containers
    ]
    live = await _heads(call, container, told, override, until, words, clock)
    live |= LiveState(texts={f"c.{found.id}.hands": hands_words(len(needy), words)})
    picture: GridPicture | RampPicture | None = None
    rows: Rows | None = None
    listed: Sequence[MinerView] = [one.view for one in needy[:LISTED]]
    if query.view == "table":
        rows = _rows(call, views, needy, query, words)
        live |= _row_places(rows.shown)
    elif query.colour == "state":
        picture = picture_of(found, views, cell=CELL)
        live |= grid_places(found.id, picture, words)
        listed = views
    else:
        targets = {name: one.target_percent for name, one in call.deeds.inventory.profiles.items()}
        picture = ramp_picture(found, views, query.colour, cell=CELL, targets=targets, words=words)
        live |= LiveState(paths={f"c.{found.id}.ramp.{part}": d for part, d in picture.paths.items()})
        listed = views
    return Gathered(
        container=container,
        views=views,
        told=told,
        needy=needy,
        override=override,
        override_until=until,
        own_orders=own,
        grid=grid,
        places=places,
        names=names,
        picture=picture,
        rows=rows,
        live=live | cell_states(listed, words, clock),
    )


async def _heads(
    call: Call[Any, Any],
    container: Container,
    told: Told,
    override: ShownOverride | None,
    until: datetime | None,
    words: Words,
    clock: Clock,
) -> LiveState:
    """Return the places above the map: what runs, the figures, and the operation that is running."""
    texts = {
        **figure_texts(told, words, clock),
        "now": now_words(container, override, until, words, clock),
        "next": next_words(container, override, words, clock),
        "operation": "",
    }
    ratio, link = 0.0, "/operations"
    found = None if container.operation_id is None else call.deeds.operation(container.operation_id)
    if found is not None:
        operation = await shown_operation(call, found)
        texts["operation"] = operation_words(operation, words)
        ratio, link = operation_ratio(operation), operation_path(operation.id)
    begin = f"c.{container.id}"
    return LiveState(
        texts={f"{begin}.{name}": text for name, text in texts.items()},
        states={f"{begin}.read": "now" if told.current else "old"},
        hidden={
            f"{begin}.as-of": told.current,
            f"{begin}.operation": found is None,
            f"{begin}.next": not texts["next"],
        },
        ratios={f"{begin}.operation": ratio},
        links={f"{begin}.operation": link},
    )


def _rows(
    call: Call[Any, Any],
    views: Sequence[MinerView],
    needy: Sequence[Needy],
    query: ContainerQuery,
    words: Words,
) -> Rows:
    private = call.person.role == "client"
    column, turned = query.sort.removeprefix("-"), query.sort.startswith("-")
    if column in TABLE:
        ordered = sorted_views(views, column, descending=turned, private=private)
    else:
        first = [one.view for one in needy]
        urgent = {view.id for view in first}
        ordered = [*first, *(view for view in views if view.id not in urgent)]
    number = min(query.page, max(1, -(-len(ordered) // ROWS)))
    begin = (number - 1) * ROWS
    part = ordered[begin : begin + ROWS]
    miners = [shown_miner(view, call.now, editable=False, private=private) for view in part]
    scale = scale_of(miners)
    return Rows(
        shown=[
            Shown(miner=miner, view=view, scale=scale, words=words)
            for miner, view in zip(miners, part, strict=True)
        ],
        number=number,
        first=begin + 1 if part else 0,
        last=begin + len(part),
        total=len(ordered),
    )


def _row_places(rows: Sequence[Shown]) -> LiveState:
    texts, states, paths = {}, {}, {}
    for row in rows:
        begin, state = f"m.{row.view.id}", row.miner.state
        for column in TABLE[1:]:
            texts[f"{begin}.{column}"] = COLUMNS[column].cell(row) or "–"
        states[f"{begin}.row"] = row_state(row.miner)
        states[f"{begin}.mark"] = state
        paths[f"{begin}.mark"] = mark_path(state, current=not row.miner.stale)
    return LiveState(texts=texts, states=states, paths=paths)
