"""The confirming page of every deed: what would happen, and the form that has it done.

GET shows it. POST shows it as well, for miners that were ticked in a list, unless the form was sent from the page itself;
then the deed is done once, however often the form arrives. What is refused is told on the same page, with what was typed
and the plan as it is by then. With `part` it comes without the frame, for the dialogue that the script opens.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from controller.api import intervention_routes, repeated
from controller.api.control_shapes import profiles_seen
from controller.api.forms import FORM, decode_form
from controller.api.problems import Problem, problem_of
from controller.api.route import ADMINISTRATORS, Answer, Call, NoQuery, Route
from controller.deeds import DeedRefused, Plan, PlanChanged
from controller.model import Ends
from controller.pages.deed_doing import Look, back, curtailment_of, do, look, planned
from controller.pages.deed_links import KINDS, DeedKind, deed_link
from controller.pages.deed_page import (
    MOST_REASON,
    DeedForm,
    DeedShown,
    Field,
    Notice,
    Wrong,
    differences,
    is_large,
    to_type,
    typed_right,
)
from controller.pages.deed_showing import WITHOUT_REASON, Surroundings, shown, zone_for
from controller.pages.deed_until import moments_of, next_changes, until_of
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.page_paths import container_path, operation_path
from controller.pages.page_route import led
from controller.pages.rendering import rendered
from controller.wording import worded
from miners.errors import HashyardError

PART: Final = "X-Requested-With"
"""The header by which the script asks for the dialogue's content; what is such content says so in `X-Part`."""

_NOT_SEEN: Final = worded("it would end sooner, and nobody has looked at what that would do")
_STILL_RUNNING_S: Final = 0.1
_MOST_WAITS: Final = 100

_FIELDS: Final[Mapping[str, Field]] = {
    "/ends": "ends",
    "/until": "until",
    "/reason": "reason",
    "/profile": "profile",
}
"""Where the API says a mistake is, and the field of the form that it is in."""


async def get_deed(call: Call[None, DeedForm]) -> Answer | web.Response:
    """Answer the page of a deed that is not done yet."""
    return await _looked_at(call, _kind(call), call.query)


async def post_deed(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Do a deed, and lead to where it is to be seen; or answer the page again."""
    kind, form = _kind(call), decode_form(call.body, DeedForm)
    if not form.sent:
        return await _looked_at(call, kind, form)
    if kind.name == "poll":
        found = await look(call, kind, form)
        if found.view is not None:
            return await _read_now(call, found)

    async def work() -> web.StreamResponse:
        # All of it belongs to the key: what was done once is not judged anew when the same form comes again.
        found = await look(call, kind, form)
        ends, until = await _checked(call, found)
        return led(await do(call, found, ends, until))

    try:
        response = await _once(call, form.key, work)
    except _Mistaken as mistaken:
        return await _again(call, mistaken.found, wrong=mistaken.wrong, status=mistaken.status)
    except (Problem, HashyardError) as error:
        problem = problem_of(error)
        if problem is None or (problem.kind == "not-found" and not isinstance(error, DeedRefused)):
            raise
        # Raises the same once more where it cannot even be looked at.
        found, words = await look(call, kind, form), words_of(call)
        return await _again(
            call,
            found,
            notices=_refusal(words, found, problem, error),
            wrong=_wrong(words, problem),
            status=problem.status,
            headers=problem.headers,
        )
    status = 201 if _is_part(call, form) else 303
    return web.Response(status=status, headers={hdrs.LOCATION: response.headers[hdrs.LOCATION]})


class _Mistaken(Problem):
    """The form cannot be used as it is: nothing was done. `wrong`: what stands at its fields."""

    def __init__(self, found: Look, wrong: list[Wrong]) -> None:
        super().__init__("invalid", wrong[0].text)
        self.found, self.wrong = found, wrong


async def _checked(call: Call[Any, Any], found: Look) -> tuple[Ends, datetime | None]:
    """Return when what is to be done ends. Raises _Mistaken, Problem, DeedRefused."""
    words, form, kind = words_of(call), found.form, found.kind
    changes = next_changes(found.containers, call.deeds.inventory, call.now)
    ends, wrong = _ends(call, found, form, words, has_next=changes is not None)
    until = _until(call, found) if ends == "at" else None
    if kind.name not in WITHOUT_REASON:
        wrong += _wrong_reason(form, words)
    if wrong:
        raise _Mistaken(found, wrong)
    if kind.name == "retry" and form.seen != str(found.miners):
        raise Problem("changed-meanwhile", worded("other miners are left to try again by now"))
    plan = await planned(call, found, ends, until, emergency=bool(form.emergency))
    if kind.name == "change-override" and plan is not None and not form.plan:
        raise PlanChanged(_NOT_SEEN, plan)
    if plan is not None and is_large(kind, plan, call.deeds.views()):
        name = found.name if found.one_container else None
        if not typed_right(form.typed, name, to_type(kind, plan)):
            text = words.gettext("Type it as it stands there, so that it is sure what is meant")
            raise _Mistaken(found, [Wrong("typed", text)])
    return ends, until


async def _once(
    call: Call[Any, Any], key: str, work: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Do the work once for a key; who comes while it is being done waits for what comes of it."""
    given = repeated.key_of(key) or ""
    for _ in range(_MOST_WAITS):
        try:
            return await repeated.once(call, given, call.body, work)
        except Problem as problem:
            if problem.kind != "busy" or hdrs.RETRY_AFTER not in problem.headers:
                raise
        await asyncio.sleep(_STILL_RUNNING_S)
    return await repeated.once(call, given, call.body, work)


async def _read_now(call: Call[Any, Any], found: Look) -> Answer | web.Response:
    """Have one miner read, and say on the same page what it showed."""
    words = words_of(call)
    assert found.view is not None  # noqa: S101  # one miner is meant
    try:
        answer = await intervention_routes.post_poll(replace(call, path={"id": found.view.id}))
    except (Problem, DeedRefused) as error:
        problem = problem_of(error)
        if problem is None:
            raise
        text = words.told(_text(error, problem))
        status = 503 if problem.kind == "in-doubt" else problem.status
        notice = Notice(words.gettext("It was not read:"), alarm=True, lines=(text,))
        return await _again(call, found, notices=[notice], status=status)
    figures = [words.pgettext("state", answer.state)] if answer.state != "inactive" else []
    if answer.hashrate_hs is not None:
        figures.append(words.formats.hash_rate(answer.hashrate_hs))
    if answer.power_w is not None:
        figures.append(words.formats.watts(answer.power_w))
    result = words.gettext("It was read just now: %(figures)s.", figures=", ".join(figures))
    return await _again(call, found, result=result, status=200)


async def _looked_at(call: Call[Any, Any], kind: DeedKind, form: DeedForm) -> Answer | web.Response:
    found = await look(call, kind, form)
    if kind.name == "wake":
        override = curtailment_of(call, found)
        if override is not None:
            more = {"part": "1"} if _is_part(call, form) else {}
            way = deed_link("end-override", override=override.id, back=form.back, **more)
            return led(way)
    return await _again(call, found, status=200)


async def _again(
    call: Call[Any, Any],
    found: Look,
    *,
    status: int,
    notices: list[Notice] | None = None,
    wrong: list[Wrong] | None = None,
    result: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer | web.Response:
    """Answer the page of a deed, with the plan as it is now."""
    form, words = found.form, words_of(call)
    changes = next_changes(found.containers, call.deeds.inventory, call.now)
    ends, _ = _ends(call, found, form, words, has_next=changes is not None)
    plan, more = None, list(wrong or ())
    if result is None:
        plan, refused = await _plan_to_show(call, found, ends, has_next=changes is not None)
        more += [one for one in refused if one not in more]
        if refused and status == 200:
            status = 422
    views = call.deeds.views() if plan is not None else ()
    around = Surroundings(
        words=words,
        now=call.now,
        changes=changes,
        large=plan is not None and is_large(found.kind, plan, views),
        profiles=[(one.name, one.target_percent) for one in profiles_seen(call)],
        doubts=call.deeds.doubts(),
        exporter_away=call.deeds.source().state == "away",
        running=_running(call, found),
        undo=None if found.undone is None else await call.deeds.plan_end_override(found.undone.id),
    )
    seen = shown(
        found,
        plan,
        around,
        key=secrets.token_urlsafe(18),
        ends=ends,
        notices=notices or (),
        wrong=more,
    )
    if result is not None:
        seen = msgspec.structs.replace(
            seen, result=result, button=None, notices=(), keep=words.gettext("Close"), lines=()
        )
    return _answer(call, found, seen, status, headers)


async def _plan_to_show(
    call: Call[Any, Any], found: Look, ends: Ends, *, has_next: bool
) -> tuple[Plan | None, list[Wrong]]:
    """Return the plan, with the end that was chosen where that can be; and what is wrong with the address."""
    until = _until(call, found) if ends == "at" else None
    if found.kind.lasting and ends == "at" and until is None:
        ends = "next_change" if has_next else "manual"
    emergency = bool(found.form.emergency)
    try:
        return await planned(call, found, ends, until, emergency=emergency), []
    except (Problem, DeedRefused) as error:
        problem = problem_of(error)
        if problem is None or problem.kind != "invalid":
            raise
        wrong = _wrong(words_of(call), problem)
    # The end is what was wrong, and it does not change what would happen.
    return await planned(call, found, "manual", None, emergency=emergency), wrong


def _answer(
    call: Call[Any, Any], found: Look, seen: DeedShown, status: int, headers: Mapping[str, str] | None
) -> Answer | web.Response:
    values: dict[str, Any] = {
        "deed": seen,
        "form": found.form,
        "way_back": back(found.form),
        "most_reason": MOST_REASON,
    }
    if _is_part(call, found.form):
        text = rendered("deed_dialogue", words_of(call), person=call.person, level=2, part=True, **values)
        more = {**(headers or {}), "X-Part": "deed", hdrs.CONTENT_TYPE: HTML}
        return web.Response(status=status, text=None, body=text.encode(), headers=more)
    crumbs = [("/", words_of(call).gettext("Fleet"))]
    if len(found.containers) == 1:
        crumbs.append((container_path(found.containers[0].id), found.containers[0].name))
    return page(call, "deed", status=status, headers=headers, crumbs=crumbs, level=1, part=False, **values)


def _ends(
    call: Call[Any, Any], found: Look, form: DeedForm, words: Words, *, has_next: bool
) -> tuple[Ends, list[Wrong]]:
    """Return which end is chosen, and what is wrong with it."""
    if not found.kind.lasting and found.kind.name != "change-override":
        return "manual", []
    usual: Ends = "next_change" if has_next else "at"
    if found.override is not None and not form.sent:
        usual = found.override.ends
    if form.ends not in ("", "next_change", "at", "manual"):
        return usual, [Wrong("ends", words.gettext("Choose one of the ends"))]
    ends: Ends = form.ends or usual  # type: ignore[assignment]  # one of the three, see above
    if ends != "at" or (form.until and _until(call, found) is not None):
        return ends, []
    if moments_of(form.until, call.now, zone_for(found)):
        text = words.gettext("The clock shows this time twice that day: choose which of both")
        return ends, [Wrong("until", text)]
    if form.until:
        text = words.gettext(
            "“%(text)s” is no time of that day: write it as 16:00, or 2026-03-01 16:00", text=form.until[:40]
        )
        return ends, [Wrong("until", text)]
    return ends, [Wrong("until", words.gettext("Say until when"))] if form.sent else []


def _until(call: Call[Any, Any], found: Look) -> datetime | None:
    return until_of(found.form.until, found.form.twice, call.now, zone_for(found))


def _wrong_reason(form: DeedForm, words: Words) -> list[Wrong]:
    if not form.reason.strip():
        return [Wrong("reason", words.gettext("Say why: the reason is kept with it"))]
    if len(form.reason) > MOST_REASON:
        return [
            Wrong(
                "reason",
                words.ngettext(
                    "It has at most %(num)s character", "It has at most %(num)s characters", MOST_REASON
                ),
            )
        ]
    return []


def _wrong(words: Words, problem: Problem) -> list[Wrong]:
    """Return the mistakes of a refusal that stand in fields of the form."""
    found = []
    for one in problem.mistakes:
        field = _FIELDS.get(one.at)
        if field is not None:
            found.append(Wrong(field, words.formats.filters()["sentence"](words.told(one.detail))))
    return found


def _refusal(words: Words, found: Look, problem: Problem, error: Exception) -> list[Notice]:
    """Return why a deed was not done, and what can be done about it."""
    text = words.told(_text(error, problem))
    match problem.kind:
        case "plan-changed":
            plan = problem.more.get("plan")
            return [_changed(words, found.form, plan)] if isinstance(plan, Plan) else []
        case "changed-meanwhile":
            return [
                Notice(
                    words.gettext(
                        "Somebody has changed it meanwhile. Nothing was done; this is how it stands now."
                    ),
                    alarm=True,
                )
            ]
        case "busy" if "operation_id" in problem.more:
            link = (
                operation_path(str(problem.more["operation_id"])),
                words.gettext("See that operation"),
            )
            return [
                Notice(
                    words.gettext("Nothing was done: another operation is in the way."), True, (text,), link
                )
            ]
        case "control-is-observed":
            places = tuple(str(place) for place in problem.more.get("places", ()))
            said = words.gettext("Nothing was done: Hashyard only observes there. The lines to change:")
            return [Notice(said, alarm=True, lines=places or (text,))]
        case "over-limit":
            return [
                Notice(words.gettext("Nothing was done: it is more power than is allowed."), True, (text,))
            ]
        case "in-doubt":
            return [Notice(words.gettext("Nothing was done: what is known is in doubt."), True, (text,))]
        case "storage-away":
            said = words.gettext(
                "The database does not answer, so nothing can be recorded. Look at the operations before you send it again."
            )
            return [Notice(said, alarm=True, link=("/operations", words.gettext("Operations")))]
        case "busy" | "invalid" if any(one.at == repeated.HEADER for one in problem.mistakes):
            said = words.gettext(
                "This form was sent before. Look at the operations whether it was done; sent once more, it is done again."
            )
            return [Notice(said, alarm=True, link=("/operations", words.gettext("Operations")))]
        case _ if _wrong(words, problem):
            return []
        case _:
            return [Notice(words.gettext("Nothing was done:"), True, (text,))]


def _text(error: Exception, problem: Problem) -> str:
    """Return the words of a refusal, still knowing from which pattern they were made where they do."""
    return error.args[0] if error.args and isinstance(error.args[0], str) else problem.detail


def _changed(words: Words, form: DeedForm, plan: Plan) -> Notice:
    if not form.plan:
        return Notice(
            words.gettext(
                "Nothing was done yet: it would end sooner than it does now. Look at what that would do, and send it if it is right."
            ),
            alarm=True,
        )
    return Notice(
        words.gettext(
            "Nothing was done: the miners have changed since you looked. Look again, and send it if it is right."
        ),
        alarm=True,
        lines=tuple(differences(words, form.seen, plan)),
    )


def _running(call: Call[Any, Any], found: Look) -> str | None:
    if found.kind.name not in ("reboot", "locate", "locate-off"):
        return None
    running = (call.deeds.running_in(container.id) for container in found.containers)
    return next((one for one in running if one is not None), None)


def _kind(call: Call[Any, Any]) -> DeedKind:
    kind = KINDS.get(call.path["kind"])
    if kind is None:
        raise Problem("not-found", worded("there is no such deed"))
    return kind


def _is_part(call: Call[Any, Any], form: DeedForm) -> bool:
    return bool(form.part) or PART in call.request.headers


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/deeds/{kind}",
        roles=ADMINISTRATORS,
        scopes=("control",),
        query=DeedForm,
        summary="What a deed would do",
        handler=get_deed,
        reply_media=HTML,
        page=True,
    ),
    Route(
        method="POST",
        path="/deeds/{kind}",
        roles=ADMINISTRATORS,
        scopes=("control",),
        body=bytes,
        body_media=(FORM,),
        summary="Do it",
        handler=post_deed,
        reply_media=HTML,
        page=True,
    ),
)
