"""What a person sees in place of a page: what is wrong, what can be done, and the way on; or the way to signing in."""

from aiohttp import hdrs, web

from controller.api.dispatch import ROUTE
from controller.api.person import Person
from controller.api.problems import KINDS, Problem
from controller.api.route import Route
from controller.pages.frame import HTML, framed, sign_in_address
from controller.pages.language import language_of, words
from controller.settings import Settings


def answers_page(request: web.Request, route: Route | None) -> bool:
    """Return whether a problem with this request is told in a page: those of pages, and of paths that are not there."""
    if route is not None:
        return route.page
    return "text/html" in request.headers.get(hdrs.ACCEPT, "") and not request.path.startswith("/api/")


def problem_response(
    problem: Problem, request: web.Request, settings: Settings, asker: Person | None, request_id: str
) -> web.Response:
    """Return the page of a problem; where somebody has to sign in first, lead him there."""
    if problem.status == 401:
        back_to = request.path_qs if request.method in ("GET", "HEAD") else "/"
        return web.Response(status=303, headers={hdrs.LOCATION: sign_in_address(back_to)})
    about = KINDS[problem.kind]
    text = framed(
        "problem",
        settings=settings,
        person=asker,
        language=words(language_of(asker, request.cookies, request.headers)),
        asked=request.get(ROUTE) is not None,
        address=request.path_qs if request.method in ("GET", "HEAD") else "/",
        about=about,
        problem=problem,
        request_id=request_id,
    )
    headers = {**problem.headers, hdrs.CONTENT_TYPE: HTML}
    return web.Response(status=problem.status, body=text.encode(), headers=headers)
