"""The editor of schedules: new, changed, copied, taken away; a form that works without scripts, and a preview that changes nothing.

What is saved goes the API's way, with its checks: on the condition of what was read, and, where miners would change at
once, with the fingerprint of the plan that was looked at.
"""

from collections.abc import Sequence
from typing import Any, Final
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
from controller.api.schedule_changes import movable, schedule_etag
from controller.api.schedule_orders import ScheduleOrder
from controller.api.schedule_routes import schedule_of, shown_schedule
from controller.deeds import DeedRefused, Plan, PlanChanged
from controller.model import Scope
from controller.pages.frame import page, words_of
from controller.pages.page_route import led, page_route
from controller.pages.profile_routes import plan_values, unconfirmed
from controller.pages.schedule_form import (
    FOUR_SHIFTS,
    Found,
    ScheduleForm,
    form_of,
    mistakes_in,
    order_of,
    pressed,
    read_form,
    told_mistakes,
    without_blanks,
)
from controller.pages.schedule_page import day_names, schedule_words
from controller.pages.schedule_page_routes import SECTION, targets_of
from controller.pages.schedule_preview import Coming, SchedulePreview, preview_of
from controller.wording import worded
from miners.inventory.fleet import Container, Schedule
from miners.inventory.plain import read_schedule

_NEW: Final = "/schedule/new"


async def get_new(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a new schedule: four shifts, ready to save."""
    name = words_of(call).gettext("four shifts")
    return _answer(call, None, ScheduleForm(name=_free_name(call, name), rows=FOUR_SHIFTS))


async def get_copy(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a new schedule that is like one that is there, wherever that stands."""
    known = schedule_of(call)
    form = form_of(shown_schedule(call, known))
    name = _free_name(call, words_of(call).gettext("%(name)s, copy", name=known.name))
    return _answer(call, None, msgspec.structs.replace(form, name=name, containers=()))


async def get_edit(call: Call[None, NoQuery]) -> Answer:
    """Answer the form of a schedule. Raises Problem: read-only, with the place where it stands."""
    known = _editable(call)
    return _answer(call, known, form_of(shown_schedule(call, known), schedule_etag(known)))


async def post_new(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Add or take away a row, show what a new schedule would do, or make it."""
    return await _posted(call, None)


async def post_edit(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Add or take away a row, show what the change would do, or save it."""
    return await _posted(call, _editable(call))


async def get_delete(call: Call[None, NoQuery]) -> Answer:
    """Ask whether a schedule is to go, or say who follows it."""
    return _ask_delete(call, _editable(call))


async def post_delete(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Take a schedule away."""
    known = _editable(call)
    try:
        await schedule_changes.take_schedule(call, known, if_match=fields_of(call.body).get("etag", "-"))
    except Problem as problem:
        if problem.kind not in ("in-use", "changed-meanwhile"):
            raise
        return _ask_delete(call, schedule_of(call), problem)
    return _led("#schedules")


async def _posted(call: Call[bytes, NoQuery], known: Schedule | None) -> Answer | web.Response:
    words, fields = words_of(call), fields_of(call.body)
    form, button = read_form(fields), fields.get("do", "")
    with_rows = pressed(form, button)
    if with_rows is not None:
        return _answer(call, known, with_rows)
    form = without_blanks(form)
    found = mistakes_in(form, call.deeds.inventory.profiles, words)
    if found:
        return _answer(call, known, form, found)
    try:
        if known is not None and button == "save":
            check_if_match(form.etag or None, schedule_etag(known))
        order = order_of(form)
        preview = await _preview(call, known, form, order)
        if button != "save":
            return _answer(call, known, _looked_at(form, preview), preview=preview)
        found = unconfirmed(call, form.plan, form.typed, preview.plan)
        if found:
            return _answer(call, known, _looked_at(form, preview), found, preview=preview, status=409)
        if known is None:
            made = await schedule_changes.make_schedule(call, order, form.containers)
        else:
            made = await schedule_changes.change_schedule(call, known, order, form.etag, form.containers)
    except (Problem, DeedRefused) as error:
        return await _refused(call, known, form, error)
    return _led(f"#schedule-{made.id}")


async def _refused(
    call: Call[Any, Any], known: Schedule | None, form: ScheduleForm, error: Problem | DeedRefused
) -> Answer:
    """Return the form again with what stands against it. Raises what is nothing of the form's."""
    words = words_of(call)
    if isinstance(error, PlanChanged):
        preview = _shown_preview(call, known, form, order_of(form), error.plan)
        text = words.gettext("What would change at once has changed meanwhile: look at it again, then save")
        return _answer(
            call, known, _looked_at(form, preview), [("preview", text)], preview=preview, status=409
        )
    problem = problem_of(error)
    if problem is None:
        raise error
    if problem.kind == "changed-meanwhile" and known is not None:
        now = schedule_of(call)
        found = [
            (
                "theirs",
                words.gettext(
                    "Somebody changed the schedule while you did. It is shown below as it is now; "
                    "to save yours in its place, press Save again"
                ),
            )
        ]
        form = msgspec.structs.replace(form, etag=schedule_etag(now), plan="")
        return _answer(call, now, form, found, status=412, theirs=now)
    if problem.kind not in ("invalid", "exists", "over-limit"):
        raise error
    found = told_mistakes(problem.mistakes, words) or [("", words.told(problem.detail))]
    if problem.kind == "exists":
        found = [("name", words.gettext("There is a schedule of this name already"))]
    return _answer(call, known, form, found)


async def _preview(
    call: Call[Any, Any], known: Schedule | None, form: ScheduleForm, order: ScheduleOrder
) -> SchedulePreview:
    plan = await schedule_changes.effect_of_schedule(call, known, order, form.containers)
    return _shown_preview(call, known, form, order, plan)


def _shown_preview(
    call: Call[Any, Any], known: Schedule | None, form: ScheduleForm, order: ScheduleOrder, plan: Plan
) -> SchedulePreview:
    inventory = call.deeds.inventory
    data = schedule_changes.document_of(order)
    after, _ = read_schedule(order.name, data, inventory.profiles)
    assert after is not None  # noqa: S101  # its plan was made
    following = {one.id for one in _following(call, known)}
    fixed = {one.id for one in _following(call, known) if not movable(call, one)}
    ticked = {one.id for one in call.containers() if movable(call, one) and one.id in form.containers}
    followers = fixed | ticked
    concerned = tuple(one for one in call.containers() if one.id in following | followers)
    coming = Coming(
        before=known,
        after=after,
        concerned=concerned,
        followers=followers,
        schedules=inventory.schedules,
        overrides=call.deeds.overrides(),
        targets=targets_of(call),
        zone=next((one.timezone for one in call.containers()), "UTC"),
        now=call.now,
    )
    return preview_of(coming, plan, words_of(call))


def _looked_at(form: ScheduleForm, preview: SchedulePreview) -> ScheduleForm:
    return msgspec.structs.replace(form, plan=preview.plan.fingerprint)


def _answer(
    call: Call[Any, Any],
    known: Schedule | None,
    form: ScheduleForm,
    found: Found | None = None,
    *,
    preview: SchedulePreview | None = None,
    theirs: Schedule | None = None,
    status: int | None = None,
) -> Answer:
    words = words_of(call)
    profiles = {one.name: one for one in profiles_seen(call)}
    following = _following(call, known)
    shown = None if theirs is None else shown_schedule(call, theirs)
    return page(
        call,
        "schedule_edit",
        status=status or (422 if found else None),
        section=SECTION,
        crumbs=[(SECTION, words.gettext("Schedule"))],
        known=known,
        form=form,
        action=_NEW if known is None else f"/schedule/{quote(known.id, safe='')}/edit",
        found=found or [],
        errors=dict(reversed(found or [])),
        day_names=day_names(words),
        profiles=[
            (one.name, words.formats.percent(one.target_percent / 100, 0)) for one in profiles.values()
        ],
        profile_names=set(profiles),
        choices=[one for one in call.containers() if movable(call, one)],
        others=[one for one in following if not movable(call, one)],
        schedule_names={one.id: one.name for one in call.deeds.inventory.schedules.values()},
        preview=preview,
        theirs=None if shown is None else schedule_words(shown, words),
        theirs_whole=shown,
        **plan_values(call, None if preview is None else preview.plan),
    )


def _ask_delete(call: Call[Any, Any], known: Schedule, problem: Problem | None = None) -> Answer:
    words = words_of(call)
    return page(
        call,
        "schedule_delete",
        status=None if problem is None else problem.status,
        section=SECTION,
        crumbs=[(SECTION, words.gettext("Schedule"))],
        known=known,
        etag=schedule_etag(known),
        followers=_following(call, known),
        changed=problem is not None and problem.kind == "changed-meanwhile",
    )


def _following(call: Call[Any, Any], known: Schedule | None) -> Sequence[Container]:
    return [] if known is None else [one for one in call.containers() if one.schedule == known.id]


def _editable(call: Call[Any, Any]) -> Schedule:
    known = schedule_of(call)
    require_managed(call, known.origin, worded("the schedule %(schedule)s", schedule=known.name))
    return known


def _free_name(call: Call[Any, Any], name: str) -> str:
    """Return the name, with a number behind it where it is taken."""
    taken = {one.name for one in call.deeds.inventory.schedules.values()}
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def _led(place: str) -> web.Response:
    return led(SECTION + place)


def _route(method: Method, path: str, handler: Handler, summary: str) -> Route:
    scopes: tuple[Scope, ...] = ("read",) if method == "GET" else ("control",)
    return page_route(method, path, summary, handler, ADMINISTRATORS, scopes, everywhere=method != "GET")


ROUTES: tuple[Route, ...] = (
    _route("GET", "/schedule/new", get_new, "The form of a new schedule"),
    _route("POST", "/schedule/new", post_new, "Show what a new schedule would do, or make it"),
    _route("GET", "/schedule/{id}/copy", get_copy, "The form of a copy of a schedule"),
    _route("GET", "/schedule/{id}/edit", get_edit, "The form of a schedule"),
    _route("POST", "/schedule/{id}/edit", post_edit, "Show what a changed schedule would do, or save it"),
    _route("GET", "/schedule/{id}/delete", get_delete, "Ask whether a schedule is to go"),
    _route("POST", "/schedule/{id}/delete", post_delete, "Take a schedule away"),
)
