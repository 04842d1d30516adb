"""The route of a page with its forms, and the answer that leads on from a form that was taken."""

from typing import Any

from aiohttp import hdrs, web

from controller.api.forms import FORM
from controller.api.route import Handler, Method, Route
from controller.model import Role, Scope
from controller.pages.frame import HTML


def page_route(
    method: Method,
    path: str,
    summary: str,
    handler: Handler,
    roles: tuple[Role, ...],
    scopes: tuple[Scope, ...],
    **more: Any,
) -> Route:
    """Return the route of a page; one that is no GET takes a form. `more`: fields of Route in place of the usual ones."""
    form: dict[str, Any] = {} if method == "GET" else {"body": bytes, "body_media": (FORM,)}
    return Route(
        method=method,
        path=path,
        roles=roles,
        scopes=scopes,
        summary=summary,
        handler=handler,
        page=True,
        **{"reply_media": HTML, **form, **more},
    )


def led(path: str) -> web.Response:
    """Return the answer that leads a browser on, by GET: where to go."""
    return web.Response(status=303, headers={hdrs.LOCATION: path})
