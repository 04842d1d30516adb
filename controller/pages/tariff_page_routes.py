"""The pages of tariffs: what each costs when, a form for those that are ours, and which container has which from which day on."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import quote

import msgspec
from aiohttp import web

from controller.api.conditions import check_if_match
from controller.api.fleet_routes import is_managed
from controller.api.forms import fields_of
from controller.api.problems import Problem, problem_of
from controller.api.route import OFFICE, Answer, Call, Handler, Method, NoQuery, Route
from controller.api.tariff_changes import (
    change_tariff,
    etag_of_tariff,
    known_tariff,
    make_tariff,
    order_of,
    remove_tariff,
    seen_tariffs,
    tariffs_of,
)
from controller.pages.formats import sentence
from controller.pages.frame import page, words_of
from controller.pages.language import Words
from controller.pages.money_words import price
from controller.pages.page_route import led, page_route
from controller.pages.report_data import today_of
from controller.pages.schedule_form import Found
from controller.pages.schedule_page import day_names
from controller.pages.tariff_form import (
    TariffForm,
    field_of,
    form_of,
    mistakes_in,
    pressed,
    read_form,
    tariff_of,
    without_blanks,
)
from controller.pages.tariff_week import PriceWeek, price_week
from miners.inventory.fleet import Container, Tariff
from miners.tariffs import tariff_name, terms_on

PATH: Final = "/tariffs"
NEW: Final = "/new-tariff"


class TariffLine(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff in the list. `prices`: those of today's terms; `next`: the day of the next change; `place`: file and line."""

    name: str
    path: str
    prices: Sequence[str]
    next: str
    containers: Sequence[str]
    place: str


class HeldTariff(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff that a container has from some day on; "" for none. `now`: it holds today."""

    when: str
    tariff: str
    path: str
    now: bool


class HoldingContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container and its tariffs. `place`: where that is written by hand, "" where it may be changed here."""

    id: str
    name: str
    lines: Sequence[HeldTariff]
    place: str


async def get_tariffs(call: Call[None, NoQuery]) -> Answer:
    """Answer the list, and which container has which."""
    words, today = words_of(call), today_of(call)
    tariffs = [_line(call, one, today, words) for one in seen_tariffs(call).values()]
    return page(
        call,
        "tariffs",
        section=PATH,
        tariffs=sorted(tariffs, key=lambda one: one.name.casefold()),
        containers=[_holding(call, one, words) for one in call.containers()],
    )


async def get_new(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a new tariff."""
    known = seen_tariffs(call).values()
    currency = next((one.currency for one in known), "")
    return _answer(call, None, TariffForm(currency=currency))


async def post_new(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Add or take away a row, show a week of the prices, or make the tariff."""
    return await _posted(call, None)


async def get_tariff(call: Call[None, NoQuery]) -> Answer:
    """Answer one tariff: its form, or what it costs where it is written by hand."""
    known = known_tariff(call, call.path["name"])
    return _answer(call, known, form_of(known, etag_of_tariff(known)), shown=known)


async def post_tariff(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Add or take away a row, show a week of the prices, or save the tariff."""
    return await _posted(call, known_tariff(call, call.path["name"]))


async def get_delete(call: Call[None, NoQuery]) -> Answer:
    """Ask whether a tariff is to go."""
    return _ask_delete(call, known_tariff(call, call.path["name"]))


async def post_delete(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Take a tariff away that no container has."""
    known = known_tariff(call, call.path["name"])
    try:
        await remove_tariff(call, known)
    except Problem as problem:
        if problem.kind not in ("in-use", "read-only"):
            raise
        said = sentence(words_of(call).told(problem.detail))
        return _ask_delete(call, known, said, status=problem.status)
    return led(PATH)


async def _posted(call: Call[bytes, NoQuery], known: Tariff | None) -> Answer | web.Response:
    words, fields = words_of(call), fields_of(call.body)
    form, button = read_form(fields), fields.get("do", "")
    if known is not None:
        form = msgspec.structs.replace(form, name=known.name, currency=known.currency)
    with_rows = pressed(form, button)
    if with_rows is not None:
        return _answer(call, known, with_rows)
    form = without_blanks(form)
    found = mistakes_in(form, words)
    if found:
        return _answer(call, known, form, found)
    wanted = tariff_of(form)
    if button != "save":
        return _answer(call, known, form, shown=wanted)
    try:
        if known is None:
            await make_tariff(call, order_of(wanted))
        else:
            check_if_match(form.etag or None, etag_of_tariff(known))
            await change_tariff(call, known, order_of(wanted))
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        return _refused(call, known, form, wanted, problem)
    return led(path_of(form.name))


def _refused(
    call: Call[Any, Any], known: Tariff | None, form: TariffForm, wanted: Tariff, problem: Problem
) -> Answer:
    """Return the form again with what stands against it. Raises what is nothing of the form's."""
    words = words_of(call)
    if problem.kind == "changed-meanwhile" and known is not None:
        text = words.gettext(
            "Somebody changed the tariff while you did. It is shown below as it is now; "
            "to save yours in its place, press Save again"
        )
        form = msgspec.structs.replace(form, etag=etag_of_tariff(known))
        return _answer(call, known, form, [("theirs", text)], status=412, theirs=known)
    if problem.kind not in ("invalid", "exists", "closed", "read-only"):
        raise problem
    found = [(field_of(one.at), sentence(words.told(one.detail))) for one in problem.mistakes]
    found = found or [("", sentence(words.told(problem.detail)))]
    return _answer(call, known, form, found, shown=wanted, status=problem.status)


def _answer(
    call: Call[Any, Any],
    known: Tariff | None,
    form: TariffForm,
    found: Found | None = None,
    *,
    shown: Tariff | None = None,
    theirs: Tariff | None = None,
    status: int | None = None,
) -> Answer:
    words = words_of(call)
    locked = "" if known is None else _place(call, known)
    return page(
        call,
        "tariff_edit",
        status=status or (422 if found else None),
        section=PATH,
        crumbs=[(PATH, words.gettext("Tariffs"))],
        known=known,
        locked=locked,
        form=form,
        action=NEW if known is None else path_of(known.name),
        found=found or [],
        errors=dict(reversed(found or [])),
        day_names=day_names(words),
        users=[] if known is None else [one.name for one in _users(call, known.name)],
        weeks=[] if shown is None else weeks_of(shown, words),
        theirs=None if theirs is None else weeks_of(theirs, words),
        corrected=_corrected(call, known, shown, words),
    )


def weeks_of(tariff: Tariff, words: Words) -> list[tuple[str, PriceWeek]]:
    """Return the week of each of a tariff's terms, with the day from which on it holds."""
    first = (words.gettext("From the beginning"), price_week(tariff, tariff.currency, words))
    return [
        first,
        *(
            (
                words.gettext("From %(day)s", day=words.formats.day(date.fromisoformat(one.from_date))),
                price_week(one, tariff.currency, words),
            )
            for one in tariff.changes
        ),
    ]


def path_of(name: str) -> str:
    """Return the page of a tariff."""
    return f"{PATH}/{quote(name, safe='')}"


def _corrected(call: Call[Any, Any], known: Tariff | None, shown: Tariff | None, words: Words) -> str:
    """Return what saving does to the past; "" where it does nothing."""
    if known is None or shown is None or order_of(known) == order_of(shown) or not _users(call, known.name):
        return ""
    return words.gettext(
        "Where a price of a day that has passed changes, the books of that day are corrected; a month that is closed refuses it."
    )


def _ask_delete(call: Call[Any, Any], known: Tariff, said: str = "", *, status: int | None = None) -> Answer:
    words = words_of(call)
    return page(
        call,
        "tariff_delete",
        status=status,
        section=PATH,
        crumbs=[(PATH, words.gettext("Tariffs")), (path_of(known.name), known.name)],
        known=known,
        locked=_place(call, known),
        users=[one.name for one in _users(call, known.name)],
        action=path_of(known.name),
        said=said,
    )


def _line(call: Call[Any, Any], tariff: Tariff, today: date, words: Words) -> TariffLine:
    terms = terms_on(tariff, today)
    prices = dict.fromkeys(zone.price_per_kwh for zone in terms.zones)
    if terms.price_per_kwh is not None:
        prices[terms.price_per_kwh] = None
    coming = next((one.from_date for one in tariff.changes if one.from_date > today.isoformat()), None)
    return TariffLine(
        name=tariff.name,
        path=path_of(tariff.name),
        prices=[price(one, tariff.currency, words) for one in prices],
        next="" if coming is None else words.formats.day(date.fromisoformat(coming)),
        containers=[one.name for one in call.containers() if tariff_name(one, call.now) == tariff.name],
        place=_place(call, tariff),
    )


def _holding(call: Call[Any, Any], container: Container, words: Words) -> HoldingContainer:
    begins: list[tuple[str, str | None]] = [
        ("", container.tariff),
        *((one.from_date, one.tariff) for one in container.tariff_changes),
    ]
    today = today_of(call).isoformat()
    holds = max(at for at, (day, _) in enumerate(begins) if day <= today)
    said = container.said_at.get("tariff")
    by_hand = said is not None and not is_managed(call, said)
    return HoldingContainer(
        id=container.id,
        name=container.name,
        lines=[
            HeldTariff(
                when=words.gettext("from the beginning")
                if not day
                else words.gettext("from %(day)s", day=words.formats.day(date.fromisoformat(day))),
                tariff=tariff or "",
                path=path_of(tariff or ""),
                now=at == holds,
            )
            for at, (day, tariff) in enumerate(begins)
        ],
        place=f"{said.file}:{said.line}" if said is not None and by_hand else "",
    )


def _users(call: Call[Any, Any], name: str) -> list[Container]:
    return [one for one in call.containers() if name in tariffs_of(one)]


def _place(call: Call[Any, Any], tariff: Tariff) -> str:
    """Return file and line of a tariff that is written by hand; "" for one of ours."""
    origin = tariff.origin
    return "" if origin is None or is_managed(call, origin) else f"{origin.file}:{origin.line}"


def _route(method: Method, path: str, summary: str, handler: Handler) -> Route:
    return page_route(method, path, summary, handler, OFFICE, ("reports",), everywhere=method != "GET")


ROUTES: tuple[Route, ...] = (
    _route("GET", PATH, "Tariffs, and which container has which", get_tariffs),
    _route("GET", NEW, "The form of a new tariff", get_new),
    _route("POST", NEW, "Show a week of a new tariff's prices, or make it", post_new),
    _route("GET", "/tariffs/{name}", "What a tariff costs when", get_tariff),
    _route("POST", "/tariffs/{name}", "Show a week of a changed tariff's prices, or save it", post_tariff),
    _route("GET", "/tariffs/{name}/delete", "Ask whether a tariff is to go", get_delete),
    _route("POST", "/tariffs/{name}/delete", "Take a tariff away", post_delete),
)
