"""The routes of the page of all miners: the list, the choice of its columns, and the same list as CSV."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from aiohttp import web
from multidict import MultiDict

from controller.api.figures import shown_miner
from controller.api.forms import FORM, decode_form
from controller.api.miner_filters import chosen
from controller.api.route import EVERYBODY, Answer, Call, Handler, Method, NoQuery, Route
from controller.api.shapes import Miner
from controller.deeds import MinerView
from controller.pages.csv_file import Cell, CsvForm, send_csv
from controller.pages.deed_links import KINDS as DEEDS
from controller.pages.deed_links import Kind
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.made_of_views import MadeOfViews
from controller.pages.miner_columns import (
    COLUMNS,
    FIRST,
    Scale,
    Shown,
    chosen_columns,
    columns_for,
    row_state,
    scale_named,
    scale_of,
    sorted_views,
)
from controller.pages.miners_csv import HEADS, cells
from controller.pages.miners_page import (
    PATH,
    Asked,
    asked,
    chips,
    choices,
    filter_words,
    flags,
    near,
    options_of,
    part_of,
    rows_named,
    rows_of,
    values_of,
)
from controller.pages.page_route import led
from controller.pages.state_marks import mark_path

NONE: Final = "–"
MOST_NAMED: Final = 6000
"""The longest name of a page in the stream: an address has to hold it."""
UNRESERVED: Final = "!~"
"""What scripts leave as it is in an address, and no id has."""
LASTING: Final = ("name", "container")
"""What stays as long as the row does."""
MOST_DIGITS: Final = 9
"""Of a number in the stream's name: there are not so many miners anywhere."""
PIECE: Final = 500

OFFERED: Final[tuple[Kind, ...]] = ("curtail", "wake", "profile", "reboot", "locate", "poll", "reapply")
"""The deeds for the miners chosen, in the order in which they stand."""


_VALUES: Final = MadeOfViews(values_of)


class CsvQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How the file is to be. `excel`: 1 for a spreadsheet. The filters are read as the page reads them."""

    excel: str = ""


class ColumnsForm(msgspec.Struct, frozen=True, kw_only=True):
    """The columns chosen, and the filters of the page to come back to."""

    column: tuple[Annotated[str, msgspec.Meta(max_length=40)], ...] = ()
    back: Annotated[str, msgspec.Meta(max_length=8000)] = ""


async def get_miners(call: Call[None, NoQuery]) -> Answer:
    """Answer the page of all miners that pass the filters in the address."""
    words, private = words_of(call), call.person.role == "client"
    containers = call.containers()
    wanted = asked(call.request.query, containers, words, private=private)
    found = _found(call, wanted)
    part = part_of(found, wanted.part)
    values = [_VALUES.of(call.deeds, container) for container in containers]
    kept = options_of(await call.storage.settings.get(_kept_columns(call)))
    columns = chosen_columns(FIRST if kept is None else kept, private=private)
    scale = scale_of([_miner(call, view) for view in part.views])
    name = _live_name(wanted, part.views, columns, scale, part.total)
    return page(
        call,
        "miners",
        section=PATH,
        live=_state(call, part.views, columns, scale) | _news(words, None),
        live_page=name,
        wanted=wanted,
        part=part,
        near=near(part.number, part.parts),
        columns=[(one, COLUMNS[one]) for one in columns],
        heads={one: COLUMNS[one].name(words) for one in columns_for(private=private)},
        units={
            one: scale.name if one == "hashrate_hs" else words.formats.unit_name(COLUMNS[one].unit)
            for one in columns
        },
        chips=chips(wanted, containers, words),
        wrong=[(filter_words(one.name, words), one) for one in wanted.wrong],
        choices=choices(values, containers, wanted, words),
        flags=flags(wanted, words),
        filter_words={one: filter_words(one, words) for one in ("q", "hotter_than_c", "below_ratio")},
        fleet=sum(len(container.miners) for container in containers),
        deeds=[(kind, f"/deeds/{DEEDS[kind].name}", deed_words(kind, words)) for kind in OFFERED],
        back=call.request.path_qs,
    )


async def post_columns(call: Call[bytes, NoQuery]) -> web.Response:
    """Keep which columns somebody wants to see, and lead back to the list."""
    form = decode_form(call.body, ColumnsForm)
    chosen_ones = [one for one in form.column if one in COLUMNS]
    await call.storage.settings.put(_kept_columns(call), chosen_ones or None)
    # Only the filters are taken from where he comes: no address of somebody else's.
    wanted = asked(MultiDict(parse_qsl(form.back)), call.containers(), words_of(call), private=False)
    return led(wanted.address(part=wanted.part))


async def get_csv(call: Call[None, CsvQuery]) -> web.StreamResponse:
    """Send the miners that pass the filters, in the order asked for, as CSV."""
    words, private = words_of(call), call.person.role == "client"
    wanted = asked(call.request.query, call.containers(), words, private=private)
    form = CsvForm(excel=call.query.excel == "1", language=words.code)

    async def pieces() -> AsyncIterator[Iterable[Iterable[Cell]]]:
        yield [HEADS]
        found = _found(call, wanted)
        for at in range(0, len(found), PIECE):
            yield [cells(_miner(call, view), view) for view in found[at : at + PIECE]]

    return await send_csv(call.request, "miners", form, pieces())


async def live_miners(call: Call[Any, Any], of: str) -> LiveState:
    """Return the places of the rows that a page of miners shows, and whether its list has changed. `of`: made by `_live_name`."""
    words, private = words_of(call), call.person.role == "client"
    given = MultiDict(parse_qsl(of))
    wanted = asked(given, call.containers(), words, private=private)
    ids = rows_of(given.get("rows", ""))
    views = [
        view for view in map(call.deeds.view, ids) if view is not None and call.person.may_see(view.container)
    ]
    columns = chosen_columns(given.get("columns", "").split("."), private=private)
    scale = scale_named(given.get("unit", "")) or scale_of([_miner(call, view) for view in views])
    shown = set(ids)
    total = _total(given.get("total", ""), len(ids))
    found = chosen(call, wanted.filter)
    still = sum(1 for view in found if view.id in shown) if total == len(ids) else None
    news = len(found) - total if still is None else len(found) - still
    return _state(call, views, columns, scale) | _news(
        words, (news, 0 if still is None else len(ids) - still)
    )


def _total(text: str, otherwise: int) -> int:
    """Return how many matched when the page was made; what else stands there is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else otherwise


def deed_words(kind: Kind, words: Words) -> str:
    """Return what the button of a deed for the miners chosen says."""
    return {
        "curtail": words.gettext("Curtail"),
        "wake": words.gettext("Wake"),
        "profile": words.gettext("Change profile"),
        "reboot": words.gettext("Restart"),
        "locate": words.gettext("Light up"),
        "poll": words.gettext("Read now"),
        "reapply": words.gettext("Send order again"),
    }[kind]


def _miner(call: Call[Any, Any], view: MinerView) -> Miner:
    return shown_miner(view, call.now, editable=False, private=call.person.role == "client")


def _found(call: Call[Any, Any], wanted: Asked) -> Sequence[MinerView]:
    found = chosen(call, wanted.filter)
    return sorted_views(
        found, wanted.sort, descending=wanted.descending, private=call.person.role == "client"
    )


def _state(
    call: Call[Any, Any], views: Sequence[MinerView], columns: Sequence[str], scale: Scale
) -> LiveState:
    """Return what stands in each row: `m.<id>.<column>`, the mark of its state, and of when it is."""
    words = words_of(call)
    texts: dict[str, str] = {}
    paths: dict[str, str] = {}
    states: dict[str, str] = {}
    for view in views:
        row = Shown(miner=_miner(call, view), view=view, scale=scale, words=words)
        of_when = row_state(row.miner)
        begin = f"m.{view.id}"
        for name in columns:
            if name in LASTING:
                continue
            texts[f"{begin}.{name}"] = COLUMNS[name].cell(row) or NONE
        paths[f"{begin}.mark"] = mark_path(row.miner.state, current=of_when == "now")
        states[f"{begin}.mark"] = row.miner.state
        states[f"{begin}.row"] = of_when
    return LiveState(texts=texts, paths=paths, states=states)


def _news(words: Words, changes: tuple[int, int] | None) -> LiveState:
    """Return the note that other miners match by now. `changes`: how many more, and how many of the shown no longer do."""
    more, gone = changes or (0, 0)
    if more > 0:
        text = words.ngettext("%(num)s new match", "%(num)s new matches", more)
    elif more < 0:
        text = words.ngettext("%(num)s no longer matches", "%(num)s no longer match", -more)
    elif gone:
        text = words.ngettext("%(num)s here no longer matches", "%(num)s here no longer match", gone)
    else:
        text = ""
    return LiveState(texts={"l.news": text}, hidden={"l.note": not text})


def _live_name(
    wanted: Asked, views: Sequence[MinerView], columns: Sequence[str], scale: Scale, total: int
) -> str | None:
    """Return the stream's name for a page: its filters and its very rows, so that they keep their order while they change."""
    more = {
        "rows": rows_named([view.id for view in views]),
        "columns": ".".join(columns),
        "unit": scale.name,
        "total": str(total),
    }
    name = f"miners:{urlencode([*wanted.pairs, *more.items()], safe=UNRESERVED)}"
    return name if len(quote(name, safe=UNRESERVED)) <= MOST_NAMED else None


def _kept_columns(call: Call[Any, Any]) -> str:
    return f"miners-columns.{call.person.user.id}"


def _route(path: str, summary: str, handler: Handler, method: Method = "GET", **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        roles=EVERYBODY,
        scopes=("read",),
        summary=summary,
        handler=handler,
        page=True,
        **{"reply_media": HTML, **more},
    )


ROUTES: tuple[Route, ...] = (
    _route(PATH, "All miners, by filters", get_miners),
    _route("/miners.csv", "The same as CSV", get_csv, query=CsvQuery, reply_media="text/csv"),
    _route(
        "/miners/columns",
        "Which columns somebody wants to see",
        post_columns,
        "POST",
        body=bytes,
        body_media=(FORM,),
    ),
)
