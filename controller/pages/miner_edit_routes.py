"""The forms that change miners: added, edited, read before they are saved, disabled and enabled, taken away.

What is saved goes the API's way, with its checks, on the condition of what was read: nobody's change is lost.
"""

from typing import Annotated, Any, Final

import msgspec
from aiohttp import web

from controller.api.conditions import check_if_match
from controller.api.forms import fields_of
from controller.api.inventory_changes import (
    asked_miner,
    change_miner,
    entry_of_miner,
    make_miner,
    take_miner,
)
from controller.api.inventory_orders import (
    Answered,
    MinerChange,
    NewMiner,
    miner_entry,
    mistakes_in_miner,
)
from controller.api.managing import require_managed
from controller.api.problems import Problem
from controller.api.route import Answer, Call, NoQuery, Route
from controller.api.versions import miner_etag
from controller.deeds import MinerView
from controller.pages.deed_page import typed_right
from controller.pages.formats import sentence
from controller.pages.frame import page, words_of
from controller.pages.inventory_pages import (
    by_hand,
    crumbs_of,
    form_route,
)
from controller.pages.miner_form import (
    FIELDS,
    Found,
    MinerForm,
    form_of,
    labels,
    order_of,
    read_form,
    shown_again,
    told_mistakes,
)
from controller.pages.page_paths import container_path, miner_path
from controller.pages.page_route import led
from controller.wording import worded
from miners import models
from miners.inventory.shared_keys import DRIVERS

SECTION: Final = "/miners"
_NEW: Final = "/miners/new"


class NewQuery(msgspec.Struct, frozen=True):
    """`container`: the id of the one that the form begins with."""

    container: Annotated[str, msgspec.Meta(max_length=200)] = ""


async def get_new(call: Call[None, NewQuery]) -> Answer:
    """Answer the form of a new miner."""
    return _answer(call, None, MinerForm(container=call.query.container))


async def post_new(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Read a new miner, or make it."""
    return await _posted(call, None)


async def get_edit(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a miner, or where it stands if people write it by hand."""
    view = call.miner(call.path["id"])
    try:
        return _answer(call, view, await _form(call, view))
    except Problem as problem:
        if problem.kind != "read-only":
            raise
        return by_hand(call, problem, view.container, view)


async def post_edit(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Read a changed miner, or save it."""
    try:
        view = call.miner(call.path["id"])
    except Problem as problem:
        if problem.kind != "not-found":
            raise
        text = words_of(call).gettext(
            "It is not there any more: somebody renamed, moved or deleted it meanwhile. "
            "Nothing was saved; Save makes a new one of what you typed"
        )
        form = msgspec.structs.replace(read_form(fields_of(call.body)), etag="")
        return _answer(call, None, form, [("", text)], status=412)
    try:
        require_managed(call, view.miner.origin, worded("the miner %(miner)s", miner=view.miner.name))
    except Problem as problem:
        return by_hand(call, problem, view.container, view)
    return await _posted(call, view)


async def get_turn(call: Call[None, NoQuery]) -> Answer:
    """Ask whether a miner is to be disabled, or enabled."""
    return _ask(call, _deed(call))


async def post_turn(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Disable or enable a miner."""
    view, active = call.miner(call.path["id"]), _deed(call) == "enable"
    try:
        await change_miner(call, view, MinerChange(active=active), etag_needed=False)
    except Problem as problem:
        if problem.kind != "read-only":
            raise
        return by_hand(call, problem, view.container, view)
    return led(miner_path(view.id))


async def get_delete(call: Call[None, NoQuery]) -> Answer:
    """Ask whether a miner is to go."""
    return _ask(call, "delete")


async def post_delete(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Take a miner away."""
    view, words, fields = call.miner(call.path["id"]), words_of(call), fields_of(call.body)
    typed = fields.get("typed", "")[:500]
    try:
        require_managed(call, view.miner.origin, worded("the miner %(miner)s", miner=view.miner.name))
        condition = fields.get("etag") or "-"
        check_if_match(condition, miner_etag(view))
        if not typed_right(typed, view.miner.name, 1):
            text = words.gettext("Type it as it stands there, so that it is sure what is meant")
            return _ask(call, "delete", [("typed", text)], typed=typed, status=422)
        await take_miner(call, view, if_match=condition)
    except Problem as problem:
        if problem.kind == "read-only":
            return by_hand(call, problem, view.container, view)
        if problem.kind != "changed-meanwhile":
            raise
        text = words.gettext("Somebody changed it meanwhile. Look at it again before it goes")
        return _ask(call, "delete", [("", text)], status=412)
    return led(container_path(view.container.id))


async def _posted(call: Call[bytes, NoQuery], view: MinerView | None) -> Answer | web.Response:
    words, fields = words_of(call), fields_of(call.body)
    form = read_form(fields)
    order, found = order_of(form, words)
    if order is None or found:
        return _answer(call, view, form, found + _more_mistakes(call, order, found))
    try:
        if fields.get("do") == "check":
            return await _checked(call, view, form, order)
        if view is None:
            made, _ = await make_miner(call, order, check=False)
        else:
            made, _ = await change_miner(call, view, order, if_match=form.etag or "-")
    except Problem as problem:
        return await _refused(call, view, form, problem)
    return led(miner_path(made.id))


def _more_mistakes(call: Call[Any, Any], order: NewMiner | None, found: Found) -> Found:
    """Return what the inventory would say besides, so that everything is told at once."""
    if order is None:
        return []
    named = {at for at, _ in found}
    more = mistakes_in_miner(miner_entry(order), call.deeds.inventory.networks)
    return [one for one in told_mistakes(more, words_of(call)) if one[0] not in named]


async def _checked(call: Call[Any, Any], view: MinerView | None, form: MinerForm, order: NewMiner) -> Answer:
    """Answer the form with what answers at the address, or with why nothing does."""
    try:
        answered = await asked_miner(call, order, view)
    except Problem as problem:
        if problem.kind != "miner-failed":
            raise
        return _answer(call, view, form, silent=sentence(words_of(call).told(problem.detail)))
    return _answer(call, view, form, answered=answered)


async def _refused(call: Call[Any, Any], view: MinerView | None, form: MinerForm, problem: Problem) -> Answer:
    """Return the form again with what stands against it. Raises what is nothing of the form's."""
    words = words_of(call)
    if problem.kind == "read-only" and view is not None:
        return by_hand(call, problem, view.container, view)
    if problem.kind == "changed-meanwhile" and view is not None:
        now = call.miner(view.id)
        theirs = await _form(call, now)
        text = words.gettext(
            "Somebody changed it while you did. It is shown below as it is now; to save yours in its place, press Save again"
        )
        mine = msgspec.structs.replace(form, etag=theirs.etag)
        return _answer(call, now, mine, [("theirs", text)], theirs=theirs, status=412)
    if problem.kind not in ("invalid", "exists"):
        raise problem
    found = told_mistakes(problem.mistakes, words) or [("", sentence(words.told(problem.detail)))]
    return _answer(call, view, form, found)


async def _form(call: Call[Any, Any], view: MinerView) -> MinerForm:
    return form_of(await entry_of_miner(call, view), view.container.id, miner_etag(view))


def _answer(
    call: Call[Any, Any],
    view: MinerView | None,
    form: MinerForm,
    found: Found | None = None,
    *,
    theirs: MinerForm | None = None,
    answered: Answered | None = None,
    silent: str = "",
    status: int | None = None,
) -> Answer:
    words = words_of(call)
    shown, containers = shown_again(form), call.containers()
    chosen = next((one for one in containers if one.id == form.container), None)
    names, told = labels(words), [(at, sentence(text)) for at, text in found or ()]
    crumbs = [(SECTION, words.gettext("Miners"))] if view is None else crumbs_of(call, view.container, view)
    return page(
        call,
        "miner_edit",
        status=status or (422 if found else None),
        section=SECTION,
        crumbs=crumbs,
        view=view,
        form=shown,
        secret_hidden=shown != form,
        action=_NEW if view is None else f"{miner_path(view.id)}/edit",
        back=SECTION
        if chosen is None
        else container_path(chosen.id)
        if view is None
        else miner_path(view.id),
        found=told,
        errors=dict(reversed(told)),
        labels=names,
        containers=[("", words.gettext("Choose one"))] * (chosen is None)
        + [(one.id, one.name) for one in containers],
        networks=call.deeds.inventory.networks,
        makes=models.manufacturers(),
        models=list(dict.fromkeys((facts.model, facts.manufacturer) for facts in models.all_models())),
        drivers=[("", words.gettext("found by itself")), *((name, name) for name in DRIVERS)],
        now=None if view is None else view.miner,
        theirs=None
        if theirs is None
        else [
            (names[name], getattr(theirs, name), getattr(shown, name)) for name in _differing(theirs, form)
        ],
        theirs_active=None if theirs is None or theirs.active == form.active else theirs.active,
        answered=answered,
        silent=silent,
    )


def _differing(theirs: MinerForm, mine: MinerForm) -> list[str]:
    return [name for name in FIELDS if getattr(theirs, name) != getattr(mine, name)]


def _deed(call: Call[Any, Any]) -> str:
    return call.route.path.rpartition("/")[2]


def _ask(
    call: Call[Any, Any], deed: str, found: Found | None = None, *, typed: str = "", status: int | None = None
) -> Answer:
    """Answer the page that asks before a miner is disabled, enabled or deleted."""
    view = call.miner(call.path["id"])
    try:
        require_managed(call, view.miner.origin, worded("the miner %(miner)s", miner=view.miner.name))
    except Problem as problem:
        return by_hand(call, problem, view.container, view)
    told = [(at, sentence(text)) for at, text in found or ()]
    return page(
        call,
        "miner_deed",
        status=status,
        section=SECTION,
        crumbs=crumbs_of(call, view.container, view),
        deed=deed,
        view=view,
        path=miner_path(view.id),
        etag=miner_etag(view),
        found=told,
        typed=typed,
    )


ROUTES: tuple[Route, ...] = (
    form_route("GET", "/miners/new", get_new, "The form of a new miner", NewQuery),
    form_route("POST", "/miners/new", post_new, "Read a new miner, or make it"),
    form_route("GET", "/miners/{id}/edit", get_edit, "The form of a miner"),
    form_route("POST", "/miners/{id}/edit", post_edit, "Read a changed miner, or save it"),
    form_route("GET", "/miners/{id}/disable", get_turn, "Ask whether a miner is to be disabled"),
    form_route("POST", "/miners/{id}/disable", post_turn, "Disable a miner"),
    form_route("GET", "/miners/{id}/enable", get_turn, "Ask whether a miner is to be enabled"),
    form_route("POST", "/miners/{id}/enable", post_turn, "Enable a miner"),
    form_route("GET", "/miners/{id}/delete", get_delete, "Ask whether a miner is to go"),
    form_route("POST", "/miners/{id}/delete", post_delete, "Take a miner away"),
)
