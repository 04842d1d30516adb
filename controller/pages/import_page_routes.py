"""The page that takes many miners at once: a file or pasted lines, looked at line by line, then done exactly so, or not at all."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from controller.api.forms import FORMS
from controller.api.import_routes import Imported, ImportedRow, Looked, take_rows
from controller.api.problems import Problem
from controller.api.route import Answer, Call, NoQuery, Route
from controller.pages.formats import sentence
from controller.pages.frame import page, words_of
from controller.pages.import_form import ImportForm, mistakes_in, read_form
from controller.pages.inventory_pages import form_route
from controller.pages.language import Words
from controller.pages.miner_form import PORTS, Found, written

SECTION: Final = "/miners"
_MOST_SHOWN: Final = 500
_MOST_REFUSED: Final = 200
"""Rows that the preview shows: of all, and of those that are refused, which come first."""

_TEMPLATE: Final = (
    "container,name,address,port,manufacturer,model,row,column,active,credentials\r\n"
    "Container 1,a1,10.1.7.10,,Whatsminer,M50S,1,1,true,\r\n"
)
"""A row to write others after. It names what need not be there: it is refused unless it is changed or happens to be so."""


class ShownRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the preview. `changes`: (key, what stands there, what is to)."""

    row: ImportedRow
    detail: str
    changes: Sequence[tuple[str, str, str]] = ()


async def get_import(call: Call[None, NoQuery]) -> Answer:
    """Answer the form."""
    return _answer(call, ImportForm())


async def post_import(call: Call[bytes, NoQuery]) -> Answer:
    """Show what a list would do, or do what was shown."""
    words = words_of(call)
    form = read_form(call.body, call.request.headers.get(hdrs.CONTENT_TYPE, ""))
    found = mistakes_in(form, words)
    if found or form.text is None:
        return _answer(call, form, found)
    if form.button == "apply" and form.seen:
        try:
            done = await take_rows(call, form.text, csv=form.csv, dry_run=False, seen=form.seen)
        except Problem as problem:
            if problem.kind not in ("invalid", "changed-meanwhile"):
                raise
            text = words.gettext(
                "Nothing was done: the list or the inventory is not as it was when you looked. "
                "This is what it would do now"
            )
            return await _previewed(call, form, form.text, [("preview", text)], status=412)
        return _answer(call, ImportForm(), done=done.imported)
    return await _previewed(call, form, form.text)


async def get_template(_call: Call[None, NoQuery]) -> web.Response:
    """Answer a list to begin with."""
    return web.Response(
        body=_TEMPLATE.encode(),
        headers={
            hdrs.CONTENT_TYPE: "text/csv; charset=utf-8; header=present",
            hdrs.CONTENT_DISPOSITION: 'attachment; filename="miners.csv"',
        },
    )


async def _previewed(
    call: Call[Any, Any],
    form: ImportForm,
    text: str,
    found: Found | None = None,
    *,
    status: int | None = None,
) -> Answer:
    """Answer the form with what the list would do."""
    try:
        looked = await take_rows(call, text, csv=form.csv, dry_run=True)
    except Problem as problem:
        if problem.kind != "malformed":
            raise
        return _answer(call, form, [("text", sentence(words_of(call).told(problem.detail)))])
    return _answer(call, form, found, looked=looked, status=status)


def _answer(
    call: Call[Any, Any],
    form: ImportForm,
    found: Found | None = None,
    *,
    looked: Looked | None = None,
    done: Imported | None = None,
    status: int | None = None,
) -> Answer:
    words = words_of(call)
    told = [(at, sentence(text)) for at, text in found or ()]
    shown = () if looked is None else _rows(looked, words)
    return page(
        call,
        "import",
        status=status or (422 if found else None),
        section=SECTION,
        crumbs=[(SECTION, words.gettext("Miners"))],
        form=form,
        found=told,
        errors=dict(reversed(told)),
        looked=looked,
        rows=shown,
        left_out=0 if looked is None else len(looked.imported.rows) - len(shown),
        containers={one.id: one.name for one in call.containers()},
        actions=_actions(words),
        ports=PORTS,
        done=done,
    )


def _rows(looked: Looked, words: Words) -> Sequence[ShownRow]:
    """Return the rows to show, in the order of their lines: if they are too many, those that are refused before the others."""
    rows = looked.imported.rows
    refused = [row for row in rows if row.action == "refuse"][:_MOST_REFUSED]
    others = [row for row in rows if row.action != "refuse"][: _MOST_SHOWN - len(refused)]
    return [
        ShownRow(
            row=row,
            detail="" if row.detail is None else sentence(words.told(row.detail)),
            changes=_changes(looked.changes.get((row.line, row.miner or ""), {})),
        )
        for row in sorted([*refused, *others], key=lambda row: row.line)
    ]


def _changes(changes: Mapping[str, tuple[Any, Any]]) -> Sequence[tuple[str, str, str]]:
    return [(key, _value(before), _value(after)) for key, (before, after) in changes.items() if key != "name"]


def _value(value: Any) -> str:
    if value is None:
        return ""
    return msgspec.json.encode(value).decode() if isinstance(value, (list, bool)) else written(value)


def _actions(words: Words) -> Mapping[str, str]:
    return {
        "add": words.pgettext("row of a list", "add"),
        "change": words.pgettext("row of a list", "change"),
        "same": words.pgettext("row of a list", "as it is"),
        "refuse": words.pgettext("row of a list", "refused"),
    }


ROUTES: tuple[Route, ...] = (
    form_route("GET", "/miners/import", get_import, "The form of a list of miners"),
    form_route(
        "POST",
        "/miners/import",
        post_import,
        "Show what a list of miners would do, or do it",
        body_media=FORMS,
    ),
    form_route(
        "GET", "/miners/import/template", get_template, "A list to begin with", reply_media="text/csv"
    ),
)
