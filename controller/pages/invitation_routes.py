"""The page of an invitation: whoever opens its link chooses a password there, once, and then signs in with it.

The token stands in the link and nowhere else: no answer of these pages lets a browser send it on as a referrer, and opening the
link changes nothing and signs nobody in.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from controller.api.forms import FORM, decode_form
from controller.api.passwords import MAX_LENGTH, MIN_LENGTH
from controller.api.problems import Problem
from controller.api.route import ANYBODY, Answer, Call, Method, NoQuery, Route
from controller.api.user_changes import accept_invitation, invited_by
from controller.model import User
from controller.pages.form_mistakes import by_field
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words

CHOSEN: Final = "/invitation"
_LINK: Final = "/invitation/{token}"
_MOST_TOKEN: Final = 200
_HEADERS: Final = {"Referrer-Policy": "strict-origin"}
"""Without any referrer a browser would send the form from nowhere (`Origin: null`), and be refused as another site."""
_GONE: Final = 410


class ChosenPassword(msgspec.Struct, frozen=True, kw_only=True):
    """What the form sends: the password, twice."""

    new: str
    new_again: str


async def get_invitation(call: Call[None, NoQuery]) -> Answer:
    """Answer the form; where the link is not good any more, why not, and what to do."""
    found = await _good(call)
    return found if isinstance(found, Answer) else _form(call, found)


async def post_invitation(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Set the password that was chosen and lead on; or answer the form again with what is wrong with it."""
    form, words = decode_form(call.body, ChosenPassword), words_of(call)
    found = await _good(call)
    if isinstance(found, Answer):
        return found
    errors, refused = _seen(form, words), None
    if not errors:
        try:
            await accept_invitation(call, call.path["token"], found, form.new)
        except Problem as problem:
            if problem.kind == "not-found":  # somebody was quicker, or it was withdrawn meanwhile
                again = await _good(call)
                return again if isinstance(again, Answer) else _form(call, again)
            if problem.kind not in ("invalid", "too-many"):
                raise
            errors, refused = by_field(problem, words), problem
    if errors:
        return _form(call, found, errors, refused)
    return web.Response(status=303, headers={**_HEADERS, hdrs.LOCATION: CHOSEN})


async def get_chosen(call: Call[None, NoQuery]) -> Answer:
    """Answer that the password is set, and lead to signing in."""
    return page(
        call, "invitation", headers=_HEADERS, state="chosen", found=[], errors={}, user=None, moment=""
    )


async def _good(call: Call[Any, Any]) -> User | Answer:
    """Return whose the link is; or the page that says why it is not good."""
    token = call.path["token"]
    found = await invited_by(call, token) if len(token) <= _MOST_TOKEN else None
    if found is None:
        return _not_good(call, "unknown")
    invitation, user = found
    if invitation.used_at is not None:
        return _not_good(call, "used", invitation.used_at)
    if call.now >= invitation.expires_at:
        return _not_good(call, "lapsed", invitation.expires_at)
    return user if user.active else _not_good(call, "unknown")


def _not_good(call: Call[Any, Any], state: str, moment: datetime | None = None) -> Answer:
    said = "" if moment is None else f"{words_of(call).formats.day(moment.date())}, {moment:%H:%M} UTC"
    return page(
        call,
        "invitation",
        status=404 if moment is None else _GONE,
        headers=_HEADERS,
        state=state,
        found=[],
        errors={},
        user=None,
        moment=said,
    )


def _form(
    call: Call[Any, Any], user: User, errors: dict[str, str] | None = None, refused: Problem | None = None
) -> Answer:
    """Return the page with the form. `refused`: what the controller says to it, with the time to wait among its headers."""
    given = errors or {}
    return page(
        call,
        "invitation",
        status=refused.status if refused is not None else 422 if given else 200,
        headers={**({} if refused is None else refused.headers), **_HEADERS},
        state="open",
        found=list(given.items()),
        errors={name: given.get(name, "") for name in ("new", "new_again")},
        user=user,
        moment="",
    )


def _seen(form: ChosenPassword, words: Words) -> dict[str, str]:
    """Return what can be seen to be wrong, by field."""
    if len(form.new) < MIN_LENGTH:
        return {"new": words.gettext("The new password has at least %(num)s characters", num=MIN_LENGTH)}
    if len(form.new) > MAX_LENGTH:
        return {"new": words.gettext("The new password has at most %(num)s characters", num=MAX_LENGTH)}
    if form.new != form.new_again:
        return {"new_again": words.gettext("The new password was typed in two ways: give it again")}
    return {}


def _route(method: Method, path: str, summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        roles=ANYBODY,
        scopes=(),
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", CHOSEN, "The password is chosen", get_chosen),
    _route("GET", _LINK, "Choose a password by an invitation", get_invitation),
    _route(
        "POST", _LINK, "Choose a password by an invitation", post_invitation, body=bytes, body_media=(FORM,)
    ),
)
