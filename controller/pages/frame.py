"""What every page stands in: title, navigation, who is signed in, the language, and the notices that all pages carry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import hdrs
from markupsafe import Markup

from controller.api.gate import masked
from controller.api.person import Person
from controller.api.preferences import Preferences
from controller.api.route import Answer, Call
from controller.pages.frame_live import frame_state
from controller.pages.language import Words, language_of, words
from controller.pages.live_state import LiveState
from controller.pages.notices import KINDS
from controller.pages.rendering import rendered
from controller.settings import Settings

HTML: Final = "text/html; charset=utf-8"
SIGN_IN: Final = "/sign-in"
_SECRETS: Final = "/invitation/"
"""Below it, addresses are secrets themselves."""


def words_of(call: Call[Any, Any]) -> Words:
    """Return the language of the reader."""
    return words(language_of(call.asker, call.request.cookies, call.request.headers))


def page(
    call: Call[Any, Any],
    template: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    section: str | None = None,
    crumbs: Sequence[tuple[str, str]] = (),
    live: LiveState | None = None,
    live_page: str | None = None,
    **values: Any,
) -> Answer:
    """Return the answer of a page: a template with the frame around it.

    `section`: of the navigation, by the path of its link. `crumbs`: (path, name) of the pages above. `live`: the places of
    the page whose texts the stream brings up to date, filled in as they are now; `live_page`: the stream's name for it,
    `container:konteiner-1`, with which `live` is made again.
    """
    language = words_of(call)
    body = framed(
        template,
        settings=call.settings,
        person=call.asker,
        language=language,
        asked=True,
        address=call.request.path_qs,
        section=section,
        crumbs=crumbs,
        preferences=call.preferences,
        live=frame_state(call, language) | (live or LiveState()),
        live_page=live_page,
        **values,
    )
    varied: dict[str, str] = {hdrs.VARY: "Accept-Language, Cookie", hdrs.CONTENT_TYPE: HTML}
    return Answer(body=body, status=status, headers={**(headers or {}), **varied})


def framed(
    template: str,
    *,
    settings: Settings,
    person: Person | None,
    language: Words,
    asked: bool,
    address: str,
    **values: Any,
) -> str:
    """Return a template with the frame around it.

    `asked`: whether it was looked who asks. `address`: path and query of the page, to come back to.
    """
    operator = person is not None and person.role != "client"
    defaults = {
        "section": None,
        "crumbs": (),
        "live": LiveState(),
        "live_page": None,
        "notice_kinds": KINDS,
        "preferences": Preferences(),
    }
    return rendered(
        template,
        language,
        **{
            **defaults,
            "person": _masked(person),
            "own_name": None if person is None else _own_name(person),
            "view_name": None if person is None or person.client is None else _apart(person.client.name),
            "asked": asked,
            "address": address,
            "grafana": settings.grafana_url if operator else None,
            "sign_in": sign_in_address(address),
            **values,
        },
    )


def _masked(person: Person | None) -> Person | None:
    """Return the person with a token that is another text in each page."""
    return person if person is None or person.csrf is None else replace(person, csrf=masked(person.csrf))


def _own_name(person: Person) -> Markup:
    """Return what a person is called, set apart: people choose their names."""
    return _apart(person.user.name or person.user.username)


def _apart(name: str) -> Markup:
    return Markup("<bdi>{}</bdi>").format(name)


def sign_in_address(back_to: str) -> str:
    """Return where to sign in, and come back from to a page; not to a link that is a secret."""
    if back_to == "/" or back_to.partition("?")[0] == SIGN_IN or back_to.startswith(_SECRETS):
        return SIGN_IN
    return f"{SIGN_IN}?{urlencode({'next': back_to})}"
