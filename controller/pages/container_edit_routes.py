"""The forms that change containers: added, edited with what that alters at once, taken away with or without miners.

What is saved goes the API's way, with its checks, on the condition of what was read: nobody's change is lost.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

import msgspec
from aiohttp import web

from controller.api.conditions import check_if_match
from controller.api.control_shapes import schedules_seen
from controller.api.fleet_routes import is_managed
from controller.api.forms import fields_of
from controller.api.inventory_changes import (
    change_container,
    effect_of_container,
    make_container,
    take_container,
)
from controller.api.managing import require_all_containers, require_managed
from controller.api.problems import Problem, problem_of
from controller.api.route import Answer, Call, NoQuery, Route
from controller.api.versions import container_etag, contents_etag
from controller.deeds import DeedRefused, Plan, PlanChanged
from controller.pages.container_form import (
    FIELDS,
    ContainerForm,
    change_order,
    form_of,
    labels,
    new_order,
    read_form,
    told_mistakes,
)
from controller.pages.deed_page import typed_right
from controller.pages.formats import sentence
from controller.pages.frame import page, words_of
from controller.pages.inventory_pages import by_hand, crumbs_of, form_route
from controller.pages.miner_form import Found
from controller.pages.page_paths import container_path
from controller.pages.page_route import led
from controller.pages.profile_routes import plan_values, unconfirmed
from controller.wording import worded
from miners.inventory.fleet import Container

SECTION: Final = "/"
_NEW: Final = "/new-container"
"""Below `/containers/` it would hide the page of a container of that id."""


async def get_new(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a new container. Raises Problem (not-allowed) for who would be refused what it asks for."""
    require_all_containers(call)
    return await _answer(call, None, ContainerForm())


async def post_new(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Make a container."""
    form = read_form(fields_of(call.body))
    order, found = new_order(form, words_of(call))
    if order is None or found:
        return await _answer(call, None, form, found)
    try:
        made = await make_container(call, order)
    except (Problem, DeedRefused) as error:
        return await _refused(call, None, form, error)
    return led(container_path(made.id))


async def get_edit(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a container, or where it stands if people write it by hand."""
    known = call.container(call.path["id"])
    try:
        require_managed(call, known.origin, worded("the container %(container)s", container=known.name))
    except Problem as problem:
        return by_hand(call, problem, known)
    return await _answer(call, known, form_of(known, container_etag(known)))


async def post_edit(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Show what a changed container alters at once, or save it."""
    words, form = words_of(call), read_form(fields_of(call.body))
    try:
        known = call.container(call.path["id"])
    except Problem as problem:
        if problem.kind != "not-found":
            raise
        text = words.gettext(
            "It is not there any more: somebody deleted it meanwhile. "
            "Nothing was saved; Save makes a new one of what you typed"
        )
        again = msgspec.structs.replace(form, id=call.path["id"], etag="", plan="")
        return await _answer(call, None, again, [("", text)], status=412)
    try:
        require_managed(call, known.origin, worded("the container %(container)s", container=known.name))
    except Problem as problem:
        return by_hand(call, problem, known)
    order, found = change_order(form, form_of(known, ""), words)
    if order is None or found:
        return await _answer(call, known, form, found)
    condition = form.etag or "-"
    try:
        plan = await effect_of_container(call, known, order, if_match=condition)
        found = unconfirmed(call, form.plan, form.typed, plan)
        if found:
            return await _answer(call, known, _looked_at(form, plan), found, plan=plan, status=409)
        await change_container(call, known, order, if_match=condition)
    except (Problem, DeedRefused) as error:
        return await _refused(call, known, form, error)
    return led(container_path(known.id))


async def get_delete(call: Call[None, NoQuery]) -> Answer:
    """Ask whether a container is to go, with its miners if it has any."""
    return _ask_delete(call)


async def post_delete(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Take a container away."""
    known, words, fields = call.container(call.path["id"]), words_of(call), fields_of(call.body)
    typed, chosen = fields.get("typed", "")[:500], fields.get("miners") == "delete"
    number = len(known.miners)
    found: Found = []
    if number and not chosen:
        text = words.ngettext(
            "%(num)s miner is in it: tick that it goes too, or move it to another container first",
            "%(num)s miners are in it: tick that they go too, or move them to another container first",
            number,
        )
        found.append(("miners", text))
    if not typed_right(typed, known.name, number or 1):
        text = words.gettext("Type it as it stands there, so that it is sure what is meant")
        found.append(("typed", text))
    try:
        require_managed(call, known.origin, worded("the container %(container)s", container=known.name))
        condition = fields.get("etag") or "-"
        check_if_match(condition, contents_etag(known))
        if found:
            return _ask_delete(call, found, typed=typed, chosen=chosen, status=422)
        await take_container(call, known, with_miners=chosen, if_match=condition)
    except Problem as problem:
        if problem.kind == "changed-meanwhile":
            text = words.gettext("Somebody changed it meanwhile. Look at it again before it goes")
            return _ask_delete(call, [("", text)], status=412)
        if problem.kind not in ("read-only", "in-use"):
            raise
        return _ask_delete(call, [("", sentence(words.told(problem.detail)))], status=problem.status)
    return led(SECTION)


async def _refused(
    call: Call[Any, Any], known: Container | None, form: ContainerForm, error: Problem | DeedRefused
) -> Answer:
    """Return the form again with what stands against it. Raises what is nothing of the form's."""
    words = words_of(call)
    if isinstance(error, PlanChanged):
        text = words.gettext("What would change at once has changed meanwhile: look at it again, then save")
        return await _answer(
            call, known, _looked_at(form, error.plan), [("preview", text)], plan=error.plan, status=409
        )
    problem = problem_of(error)
    if problem is None:
        raise error
    if problem.kind == "changed-meanwhile" and known is not None:
        now = call.container(known.id)
        text = words.gettext(
            "Somebody changed it while you did. It is shown below as it is now; to save yours in its place, press Save again"
        )
        mine = msgspec.structs.replace(form, etag=container_etag(now), plan="", typed="")
        return await _answer(call, now, mine, [("theirs", text)], theirs=form_of(now, ""), status=412)
    if problem.kind not in ("invalid", "exists", "over-limit"):
        raise error
    found = told_mistakes(problem.mistakes, words) or [("", sentence(words.told(problem.detail)))]
    return await _answer(call, known, form, found)


def _looked_at(form: ContainerForm, plan: Plan) -> ContainerForm:
    return msgspec.structs.replace(form, plan=plan.fingerprint)


async def _answer(
    call: Call[Any, Any],
    known: Container | None,
    form: ContainerForm,
    found: Found | None = None,
    *,
    plan: Plan | None = None,
    theirs: ContainerForm | None = None,
    status: int | None = None,
) -> Answer:
    words, inventory = words_of(call), call.deeds.inventory
    names, told = labels(words), [(at, sentence(text)) for at, text in found or ()]
    none = ("", words.gettext("none"))
    others, whole = call.containers(), call.person.sees_all
    own = {one.tariff for one in others}
    return page(
        call,
        "container_edit",
        status=status or (422 if found else None),
        section=SECTION,
        crumbs=[("/", words.gettext("Fleet"))] if known is None else crumbs_of(call, known),
        known=known,
        form=form,
        action=_NEW if known is None else f"{container_path(known.id)}/edit",
        back=SECTION if known is None else container_path(known.id),
        found=told,
        errors=dict(reversed(told)),
        labels=names,
        zones=await asyncio.to_thread(_zones),
        clients=sorted({one.client for one in others if one.client}),
        feeds=sorted({*(inventory.feeds if whole else ()), *(one.feed for one in others if one.feed)}),
        schedules=_with([none, *((one.id, one.name) for one in schedules_seen(call))], form.schedule),
        tariffs=_with(
            [none, *((name, name) for name in inventory.tariffs if whole or name in own)], form.tariff
        ),
        theirs=None
        if theirs is None
        else [
            (names[name], getattr(theirs, name), getattr(form, name))
            for name in FIELDS
            if name != "id" and getattr(theirs, name) != getattr(form, name)
        ],
        **plan_values(call, plan),
    )


def _with(options: list[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    """Return the options with the one that is chosen, should it not be among them."""
    return options if chosen in dict(options) else [*options, (chosen, chosen)]


@cache
def _zones() -> Sequence[str]:
    """Return the time zones that people live in: by continent and city, and UTC."""
    found = (
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "System"))
    )
    return ("UTC", *sorted(found))


def _ask_delete(
    call: Call[Any, Any],
    found: Found | None = None,
    *,
    typed: str = "",
    chosen: bool = False,
    status: int | None = None,
) -> Answer:
    known = call.container(call.path["id"])
    try:
        require_managed(call, known.origin, worded("the container %(container)s", container=known.name))
    except Problem as problem:
        return by_hand(call, problem, known)
    told = [(at, sentence(text)) for at, text in found or ()]
    strangers = [one.origin for one in known.miners if not is_managed(call, one.origin)]
    return page(
        call,
        "container_delete",
        status=status,
        section=SECTION,
        crumbs=crumbs_of(call, known),
        known=known,
        path=container_path(known.id),
        etag=contents_etag(known),
        miners=len(known.miners),
        strangers=len(strangers),
        places=list(Counter(f"{one.file}:{one.line}" for one in strangers))[:5],
        found=told,
        errors=dict(reversed(told)),
        typed=typed,
        chosen=chosen,
    )


ROUTES: tuple[Route, ...] = (
    form_route("GET", _NEW, get_new, "The form of a new container"),
    form_route("POST", _NEW, post_new, "Make a container"),
    form_route("GET", "/containers/{id}/edit", get_edit, "The form of a container"),
    form_route(
        "POST", "/containers/{id}/edit", post_edit, "Show what a changed container alters, or save it"
    ),
    form_route("GET", "/containers/{id}/delete", get_delete, "Ask whether a container is to go"),
    form_route("POST", "/containers/{id}/delete", post_delete, "Take a container away"),
)
