"""What every page stands in: title, navigation, who is signed in, and the notice of a first password."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import hdrs

from controller.api.person import Person
from controller.api.route import Answer, Call
from controller.pages.rendering import rendered
from controller.settings import Settings

HTML = "text/html; charset=utf-8"
SIGN_IN = "/sign-in"


def page(
    call: Call[Any, Any],
    template: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Answer:
    """Return the answer of a page: a template with the frame around it."""
    body = framed(
        template,
        settings=call.settings,
        person=call.asker,
        asked=True,
        address=call.request.path_qs,
        **values,
    )
    return Answer(body=body, status=status, headers={**(headers or {}), hdrs.CONTENT_TYPE: HTML})


def framed(
    template: str, *, settings: Settings, person: Person | None, asked: bool, address: str, **values: Any
) -> str:
    """Return a template with the frame around it.

    `asked`: whether it was looked who asks. `address`: path and query of the page, to come back to.
    """
    operator = person is not None and person.role != "client"
    return rendered(
        template,
        person=person,
        asked=asked,
        grafana=settings.grafana_url if operator else None,
        sign_in=sign_in_address(address),
        **values,
    )


def sign_in_address(back_to: str) -> str:
    """Return where to sign in, and come back from to a page."""
    if back_to == "/" or back_to.partition("?")[0] == SIGN_IN:
        return SIGN_IN
    return f"{SIGN_IN}?{urlencode({'next': back_to})}"
