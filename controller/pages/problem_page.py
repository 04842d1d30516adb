"""What a person sees in place of a page: what is wrong, what still works, what can be done; or the way to signing in.

Whoever has to give his password again is asked for it here, with the form that he sent kept behind it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from controller.api.compressing import compressed
from controller.api.dispatch import PREFERENCES, ROUTE
from controller.api.forms import FORM, OF_EVERY_FORM, PASSWORD_FIELD, fields_of
from controller.api.person import Person
from controller.api.preferences import Preferences
from controller.api.problems import KINDS, Kind, Problem
from controller.api.route import Route
from controller.pages.formats import sentence
from controller.pages.frame import HTML, framed, sign_in_address
from controller.pages.language import Words, language_of, words
from controller.pages.password_routes import CONFIRM
from controller.pages.sign_in_routes import own_path
from controller.settings import Settings

_STILL: Final[Mapping[Kind, Callable[[Words], str]]] = {
    "storage-away": lambda words: words.gettext(
        "Miners go on doing what they were told. Nothing can be changed or recorded until the database is back; "
        "the runbooks can be read."
    ),
    "exporter-away": lambda words: words.gettext(
        "The last readings, the schedule and the log can be seen, and what is ordered is sent as before."
    ),
    "prometheus-away": lambda words: words.gettext("What is so now, and commands, go on without history."),
    "starting": lambda words: words.gettext(
        "Miners keep doing what they do. Reload the page in a few seconds."
    ),
    "not-found": lambda words: words.gettext(
        "It may have been removed, have another name now, or not be yours to see. Search for it above."
    ),
    "not-allowed": lambda words: words.gettext("An administrator can change what you may do."),
    "internal": lambda words: words.gettext(
        "Nothing of what you asked for is certain. The other pages work; tell the administrator the request below."
    ),
    "cross-site": lambda words: words.gettext("Open the page again and repeat there what you did."),
    "changed-meanwhile": lambda words: words.gettext("Open the page again to see how it is now."),
    "plan-changed": lambda words: words.gettext("Open the page again to see how it is now."),
}
"""What still works, or what to do, by the kind of problem."""


def answers_page(request: web.Request, route: Route | None) -> bool:
    """Return whether a problem with this request is told in a page: those of pages, and of paths that are not there."""
    if route is not None:
        return route.page
    return "text/html" in request.headers.get(hdrs.ACCEPT, "") and not request.path.startswith("/api/")


async def problem_response(
    problem: Problem, request: web.Request, settings: Settings, asker: Person | None, request_id: str
) -> web.StreamResponse:
    """Return the page of a problem; where somebody has to sign in first, lead him there."""
    shown = request.method in ("GET", "HEAD")
    if problem.status == 401:
        return web.Response(
            status=303, headers={hdrs.LOCATION: sign_in_address(request.path_qs if shown else "/")}
        )
    language = words(language_of(asker, request.cookies, request.headers))
    frame: dict[str, Any] = {
        "settings": settings,
        "person": asker,
        "preferences": request.get(PREFERENCES, Preferences()),
        "language": language,
        "asked": request.get(ROUTE) is not None and problem.kind != "storage-away",
        "address": request.path_qs if shown else "/",
    }
    if problem.kind == "password-needed" and asker is not None:
        text = framed("confirm_password", **frame, **await _confirming(problem, request, language))
    else:
        text = framed("problem", **frame, **_told(problem, request, language, asker), request_id=request_id)
    headers = {**problem.headers, hdrs.CONTENT_TYPE: HTML, hdrs.VARY: "Accept-Language, Cookie"}
    return await compressed(request, web.Response(status=problem.status, body=text.encode(), headers=headers))


def _told(problem: Problem, request: web.Request, language: Words, asker: Person | None) -> dict[str, Any]:
    about = KINDS[problem.kind]
    title, said = (
        language.told(about.title),
        [(mistake.at.lstrip("?/"), sentence(language.told(mistake.detail))) for mistake in problem.mistakes],
    )
    if problem.kind == "not-found" and request.get(ROUTE) is None:
        title = language.gettext("There is no such page")
        said = [("", language.gettext("Nothing is at this address."))]
    wait_s = problem.headers.get(hdrs.RETRY_AFTER, "")
    still = _STILL.get(problem.kind)
    if problem.kind == "not-found" and asker is None:
        still = None  # there is no search to point to
    return {
        "title": title,
        "said": said or [("", sentence(language.told(problem.detail)))],
        "still": "" if still is None else still(language),
        "wait_s": int(wait_s) if wait_s.isdigit() else None,
        "status": about.status,
        "again": request.path_qs if request.method in ("GET", "HEAD") else None,
    }


async def _confirming(problem: Problem, request: web.Request, language: Words) -> dict[str, Any]:
    """Return what the page needs on which the password is given again: the form that was sent goes on with it."""
    kept = await _fields(request)
    back_to = own_path(_path(request.headers.get(hdrs.REFERER, "")))
    wrong = sentence(language.told(problem.mistakes[0].detail)) if problem.mistakes else ""
    return {
        "action": CONFIRM if kept is None else request.path_qs,
        "kept": [("next", back_to)] if kept is None else kept,
        "goes_on": kept is not None,
        "back_to": back_to,
        "found": [(PASSWORD_FIELD, wrong)] if wrong else [],
    }


async def _fields(request: web.Request) -> list[tuple[str, str]] | None:
    """Return what a form was filled in with; None where none was sent that could be sent again."""
    if request.content_type != FORM:
        return None
    try:
        fields = fields_of(await request.read())
    except Problem:
        return None
    return [(name, value) for name, value in fields.items() if name not in OF_EVERY_FORM]


def _path(address: str) -> str:
    """Return the path of an address: of the page whose form was sent."""
    try:
        return urlsplit(address).path
    except ValueError:
        return "/"
