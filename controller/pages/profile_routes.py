"""The editor of power profiles: new and changed ones, what the change would alter at once, saved on the API's conditions."""

from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from controller.api import schedule_changes
from controller.api.conditions import check_if_match
from controller.api.control_shapes import profiles_seen
from controller.api.forms import fields_of
from controller.api.managing import require_managed
from controller.api.problems import Problem, problem_of
from controller.api.route import ADMINISTRATORS, Answer, Call, Handler, Method, NoQuery, Route
from controller.api.schedule_changes import profile_etag
from controller.api.schedule_routes import shown_profile
from controller.deeds import DeedRefused, Plan, PlanChanged
from controller.model import Scope
from controller.pages.deed_links import KINDS
from controller.pages.deed_page import is_large, skipped_groups, typed_right, warnings_of
from controller.pages.frame import page, words_of
from controller.pages.page_route import led, page_route
from controller.pages.profile_form import (
    MODES,
    ProfileForm,
    form_of,
    mistakes_in,
    order_of,
    pressed,
    read_form,
    told_mistakes,
    without_blanks,
)
from controller.pages.schedule_form import Found
from controller.pages.schedule_page import signed_power
from controller.pages.schedule_page_routes import SECTION
from controller.wording import worded
from miners import models
from miners.inventory.fleet import Profile
from miners.inventory.shared_keys import DRIVERS


async def get_new(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a new profile."""
    return _answer(call, None, ProfileForm(target="100"))


async def get_edit(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a profile. Raises Problem: read-only, with the place where it stands."""
    known = _editable(call)
    return _answer(call, known, form_of(known, profile_etag(known)))


async def post_new(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Add or take away a make, show what a new profile would alter, or make it."""
    return await _posted(call, None)


async def post_edit(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Add or take away a make, show what the change would alter, or save it."""
    return await _posted(call, _editable(call))


async def _posted(call: Call[bytes, NoQuery], known: Profile | None) -> Answer | web.Response:
    words, fields = words_of(call), fields_of(call.body)
    form, button = read_form(fields), fields.get("do", "")
    if known is not None:
        form = msgspec.structs.replace(form, name=known.name)
    changed = pressed(form, button)
    if changed is not None:
        return _answer(call, known, changed)
    form = without_blanks(form)
    found = mistakes_in(form, words)
    if known is None and form.name in call.deeds.inventory.profiles:
        found.append(("name", words.gettext("There is a profile of this name already")))
    if found:
        return _answer(call, known, form, found)
    try:
        if known is not None and button == "save":
            check_if_match(form.etag or None, profile_etag(known))
        plan = await schedule_changes.effect_of_profile(call, form.name, order_of(form))
        if button != "save":
            return _answer(call, known, _looked_at(form, plan), plan=plan)
        found = unconfirmed(call, form.plan, form.typed, plan)
        if found:
            return _answer(call, known, _looked_at(form, plan), found, plan=plan, status=409)
        await schedule_changes.put_profile(call, form.name, order_of(form), form.etag or None)
    except (Problem, DeedRefused) as error:
        return _refused(call, known, form, error)
    return led(f"{SECTION}#profiles")


def unconfirmed(call: Call[Any, Any], looked_at: str, typed: str, plan: Plan) -> Found:
    """Return what is lacking before a change that alters at once what miners do may be saved."""
    words, changes = words_of(call), plan.miners.will_change
    if not changes:
        return []
    if looked_at != plan.fingerprint:
        text = words.ngettext(
            "This changes at once what %(num)s miner does: look at it below, then save",
            "This changes at once what %(num)s miners do: look at it below, then save",
            changes,
        )
        return [("preview", text)]
    if is_large(KINDS["profile"], plan, call.deeds.views()) and not typed_right(typed, None, changes):
        return [("typed", words.gettext("Type %(number)s, the number of miners that change", number=changes))]
    return []


def plan_values(call: Call[Any, Any], plan: Plan | None) -> dict[str, Any]:
    """Return what the template of a plan needs (schedule_plan.html); `plan` None: there is none to show."""
    words = words_of(call)
    return {
        "plan": plan,
        "power_known": plan is not None
        and call.deeds.source().state != "away"
        and plan.power_known_ratio > 0,
        "large": plan is not None and is_large(KINDS["profile"], plan, call.deeds.views()),
        "skipped": [] if plan is None else skipped_groups(words, plan.skipped),
        "warnings": [] if plan is None else warnings_of(words, plan),
        "signed": lambda power: signed_power(power, words),
    }


def _refused(
    call: Call[Any, Any], known: Profile | None, form: ProfileForm, error: Problem | DeedRefused
) -> Answer:
    """Return the form again with what stands against it. Raises what is nothing of the form's."""
    words = words_of(call)
    if isinstance(error, PlanChanged):
        text = words.gettext("What would change at once has changed meanwhile: look at it again, then save")
        return _answer(
            call, known, _looked_at(form, error.plan), [("preview", text)], plan=error.plan, status=409
        )
    problem = problem_of(error)
    if problem is None:
        raise error
    now = call.deeds.inventory.profiles.get(form.name)
    if problem.kind in ("changed-meanwhile", "condition-needed") and now is not None:
        text = words.gettext(
            "Somebody changed the profile while you did. It is shown below as it is now; "
            "to save yours in its place, press Save again"
        )
        form = msgspec.structs.replace(form, etag=profile_etag(now), plan="")
        return _answer(call, now, form, [("theirs", text)], theirs=now, status=412)
    if problem.kind not in ("invalid", "over-limit"):
        raise error
    found = told_mistakes(problem.mistakes, form, words) or [("", words.told(problem.detail))]
    return _answer(call, known, form, found)


def _looked_at(form: ProfileForm, plan: Plan) -> ProfileForm:
    return msgspec.structs.replace(form, plan=plan.fingerprint)


def _answer(
    call: Call[Any, Any],
    known: Profile | None,
    form: ProfileForm,
    found: Found | None = None,
    *,
    plan: Plan | None = None,
    theirs: Profile | None = None,
    status: int | None = None,
) -> Answer:
    words = words_of(call)
    return page(
        call,
        "profile_edit",
        status=status or (422 if found else None),
        section=SECTION,
        crumbs=[(SECTION, words.gettext("Schedule"))],
        known=known,
        form=form,
        action="/profiles/new" if known is None else f"/profiles/{quote(known.name, safe='')}/edit",
        found=found or [],
        errors=dict(reversed(found or [])),
        kinds=[
            ("mode", words.gettext("mode (low, normal, high)")),
            ("preset", words.gettext("preset, by its own name")),
            ("power_limit_w", words.gettext("limit in watts")),
            ("power_percent", words.gettext("percent of nominal power")),
        ],
        modes=MODES,
        makes=sorted({*DRIVERS, *(name.lower() for name in models.manufacturers())}),
        users=[] if known is None else _users(call, known),
        theirs=theirs,
        **plan_values(call, plan),
    )


def _users(call: Call[Any, Any], known: Profile) -> list[str]:
    names = {one.id: one.name for one in call.deeds.inventory.schedules.values()}
    return [names.get(one, one) for one in shown_profile(call, known).used_by]


def _editable(call: Call[Any, Any]) -> Profile:
    known = next((one for one in profiles_seen(call) if one.name == call.path["name"]), None)
    if known is None:
        raise Problem("not-found", worded("there is no such profile"))
    if known.origin is not None:
        require_managed(call, known.origin, worded("the profile %(profile)s", profile=known.name))
    return known


def _route(method: Method, path: str, handler: Handler, summary: str) -> Route:
    scopes: tuple[Scope, ...] = ("read",) if method == "GET" else ("control",)
    return page_route(method, path, summary, handler, ADMINISTRATORS, scopes, everywhere=method != "GET")


ROUTES: tuple[Route, ...] = (
    _route("GET", "/profiles/new", get_new, "The form of a new profile"),
    _route("POST", "/profiles/new", post_new, "Show what a new profile would alter, or make it"),
    _route("GET", "/profiles/{name}/edit", get_edit, "The form of a profile"),
    _route("POST", "/profiles/{name}/edit", post_edit, "Show what a changed profile would alter, or save it"),
)
