"""The routes of the record's page: what was done, by whom and what came of it; and the same lines as CSV."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from multidict import MultiDict, MultiMapping

from controller.api.paging import from_cursor, to_cursor
from controller.api.problems import Problem
from controller.api.record_routes import CATEGORIES, filter_of, seen, stream_csv
from controller.api.route import EVERYBODY, Answer, Call, Handler, Route
from controller.events import COUNT_AT_MOST, BadPosition
from controller.model import Event
from controller.pages.event_words import (
    OUTCOMES,
    actor_words,
    category_words,
    kind_words,
    outcome_words,
    said,
)
from controller.pages.formats import cut, isolated, plain, wall
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.log_page import (
    LINES,
    PATH,
    Asked,
    Wrong,
    asked,
    categories_in,
    changes_of,
    days_of,
    lines_of,
    newest,
    news_words,
)
from controller.pages.zones import reading_zone

KIND: Final = "log"
PIECE: Final = 250
PIECES: Final = 8
"""How much of the record is read for one page at most: an operation's lines fold, so few lines may be many events."""
MOST_NEWS: Final = 100
MOST_NAMED: Final = 6000
DAYS: Final = 7


async def get_log(call: Call[Any, Any]) -> Answer:
    """Answer the page of the record, newest first."""
    words, zone = words_of(call), _zone(call, call.request.query)
    wanted = _asked(call, call.request.query, words, zone)
    # Side by side: a search for words goes through the whole record.
    (found, after, wanted), total = await asyncio.gather(
        _lines(call, wanted, words),
        call.storage.events.count(filter_of(call, wanted.query)),
    )
    at_top = wanted.cursor is None and wanted.query.to is None
    containers = {container.id: container.name for container in call.containers()}
    formats = words.formats
    return page(
        call,
        "log",
        section=PATH,
        live=_news(0, words),
        live_page=_live_name(call, wanted, found) if at_top else "frame",
        wanted=wanted,
        wrong=[(filter_words(one.name, words), one) for one in wanted.wrong],
        chips=_chips(wanted, containers, words),
        days=days_of(lines_of(found, fold=wanted.whole), zone),
        older=None if after is None else wanted.address(cursor=after),
        total=total,
        most=COUNT_AT_MOST,
        containers=containers,
        categories=[(one, category_words(one, words)) for one in categories_in(CATEGORIES[call.person.role])],
        outcomes=[(one, outcome_words(one, words)) for one in OUTCOMES],
        filter_words={name: filter_words(name, words) for name in _FILTER_NAMES},
        last_days=_last_days(call, wanted, zone),
        said=lambda event: said(event, words, lambda moment: formats.clock(moment, call.now, zone)),
        outcome_words=lambda outcome: outcome_words(outcome, words),
        actor_words=lambda event: _actor_words(event, words),
        changes_of=changes_of,
        miner_link=_miner_link(call),
        time_of=lambda moment: wall(moment.astimezone(zone), "%H:%M:%S"),
        day_words=lambda day: _day_words(day, call.now.astimezone(zone).date(), words),
        zone=formats.zone_words(call.now, zone),
        back=call.request.path_qs,
    )


async def get_csv(call: Call[Any, Any]) -> web.StreamResponse:
    """Send all events that pass the filters of the page, as CSV."""
    wanted = _asked(call, call.request.query, words_of(call), _zone(call, call.request.query))
    return await stream_csv(replace(call, query=wanted.query))


async def live_log(call: Call[Any, Any], of: str) -> LiveState:
    """Return how many events have come since a page of the record was made. `of`: made by `_live_name`."""
    words, given = words_of(call), MultiDict(parse_qsl(of))
    wanted = _asked(call, given, words, _zone(call, given))
    since = _moment(given.get("since", ""))
    if since is None:
        return _news(0, words)
    query = msgspec.structs.replace(wanted.query, from_=max(since, wanted.query.from_ or since))
    found, _ = await call.storage.events.find(filter_of(call, query), limit=MOST_NEWS + 1)
    last = given.get("newest", "")
    number = next((at for at, event in enumerate(found) if event.id == last), len(found))
    return _news(number, words)


def filter_words(name: str, words: Words) -> str:
    """Return what a filter is called."""
    return {
        "q": words.gettext("Text"),
        "category": words.gettext("What"),
        "kind": words.gettext("Kind"),
        "actor": words.gettext("Who"),
        "container": words.gettext("Container"),
        "miner": words.gettext("Miner"),
        "outcome": words.gettext("Outcome"),
        "operation": words.gettext("Operation"),
        "from": words.gettext("From"),
        "to": words.gettext("To"),
        "cursor": words.gettext("Place in the list"),
    }[name]


_FILTER_NAMES: Final = (
    "q",
    "category",
    "kind",
    "actor",
    "container",
    "miner",
    "outcome",
    "operation",
    "from",
    "to",
    "cursor",
)


async def _lines(call: Call[Any, Any], wanted: Asked, words: Words) -> tuple[list[Event], str | None, Asked]:
    """Return the events of a page, the cursor of the next, and what was asked for without a cursor that is none."""
    search = filter_of(call, wanted.query)
    try:
        position = from_cursor(KIND, wanted.cursor)
        piece, after = await call.storage.events.find(search, after=position, limit=PIECE)
    except (Problem, BadPosition):
        why = words.gettext("it leads nowhere, so the list begins with its newest line")
        wanted = msgspec.structs.replace(
            wanted, cursor=None, wrong=(*wanted.wrong, Wrong("cursor", wanted.cursor or "", why))
        )
        piece, after = await call.storage.events.find(search, limit=PIECE)
    found = list(piece)
    for _ in range(PIECES - 1):
        if after is None or len(lines_of(found, fold=wanted.whole)) >= LINES:
            break
        piece, after = await call.storage.events.find(search, after=after, limit=PIECE)
        found += piece
    return [seen(call, event) for event in found], to_cursor(KIND, after), wanted


def _asked(call: Call[Any, Any], given: MultiMapping[str], words: Words, zone: ZoneInfo) -> Asked:
    miners: dict[str, list[str]] = {}
    if "miner" in given:
        for container in call.containers():
            for view in call.deeds.views(container.id):
                for name in {view.id.casefold(), view.miner.name.casefold()}:
                    miners.setdefault(name, []).append(view.id)
    return asked(
        given,
        zone=zone,
        categories=CATEGORIES[call.person.role],
        containers={container.id: container.name for container in call.containers()},
        miners=miners,
        private=call.person.role == "client",
        words=words,
    )


def _zone(call: Call[Any, Any], given: MultiMapping[str]) -> ZoneInfo:
    """Return the zone of the page: of the one container that is asked for, else of all."""
    named = given.getall("container", [])
    one = next((found for found in call.containers() if [found.id] == named), None)
    return reading_zone(call, one)


def _live_name(call: Call[Any, Any], wanted: Asked, found: list[Event]) -> str:
    """Return the stream's name for a page: its filters, and its newest line."""
    id_, at = newest(found, call.now)
    name = f"log:{urlencode([*wanted.pairs, ('newest', id_), ('since', at.isoformat())])}"
    return name if len(name) <= MOST_NAMED // 3 else "frame"


def _news(number: int, words: Words) -> LiveState:
    text = news_words(number, MOST_NEWS, words)
    return LiveState(texts={"l.news": text}, hidden={"l.note": not text})


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _chips(wanted: Asked, containers: dict[str, str], words: Words) -> list[tuple[str, str]]:
    """Return the filters in force: words, and the address without it."""
    shown: dict[str, Callable[[str], str | None]] = {
        "category": lambda value: category_words(value, words),
        "kind": lambda value: kind_words(value, words),
        "outcome": lambda value: outcome_words(value, words),
        "container": lambda value: containers.get(value, value),
    }
    return [
        (
            f"{filter_words(name, words)}: {isolated(cut(plain(shown.get(name, str)(value) or value), 40))}",
            wanted.without(name, value),
        )
        for name, value in wanted.pairs
    ]


def _last_days(call: Call[Any, Any], wanted: Asked, zone: ZoneInfo) -> dict[int, str]:
    """Return, for the last so many days, the address of the list cut to them."""
    left = tuple(pair for pair in wanted.pairs if pair[0] not in ("from", "to"))
    base = msgspec.structs.replace(wanted, pairs=left)
    today = call.now.astimezone(zone).date()
    return {
        days: base.address(**{"from": date.fromordinal(today.toordinal() - days + 1).isoformat()})
        for days in (1, DAYS, 30)
    }


def _actor_words(event: Event, words: Words) -> str:
    """Return who it was."""
    name = actor_words(event.actor, words)
    if event.actor.type == "token":
        return words.gettext("%(name)s, by a token", name=name)
    return name


def _day_words(day: date, today: date, words: Words) -> str:
    written = words.formats.day(day)
    if day == today:
        return words.gettext("Today, %(day)s", day=written)
    if (today - day).days == 1:
        return words.gettext("Yesterday, %(day)s", day=written)
    return written


def _miner_link(call: Call[Any, Any]) -> Any:
    """Return what gives a miner's name for its id; None for one that is not there any more, or not to be seen."""

    def name(id_: str) -> str | None:
        view = call.deeds.view(id_)
        return view.miner.name if view is not None and call.person.may_see(view.container) else None

    return name


def _route(path: str, summary: str, handler: Handler, media: str = HTML) -> Route:
    return Route(
        method="GET",
        path=path,
        roles=EVERYBODY,
        scopes=("read",),
        summary=summary,
        handler=handler,
        reply_media=media,
        page=True,
    )


ROUTES: tuple[Route, ...] = (
    _route(PATH, "What was done, by whom, and what came of it", get_log),
    _route("/log.csv", "The same as CSV", get_csv, "text/csv"),
)
