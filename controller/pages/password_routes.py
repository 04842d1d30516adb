"""The routes of one's own password: changing it, and giving it once more before what changes who may do what."""

from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from controller.api.forms import FORM, PASSWORD_FIELD, decode_form, password_in
from controller.api.me_routes import change_password
from controller.api.passwords import MAX_LENGTH, MIN_LENGTH
from controller.api.problems import Problem
from controller.api.route import EVERYBODY, Answer, Call, NoQuery, Route
from controller.api.signing_in_routes import visit_of
from controller.pages.form_mistakes import by_field
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.page_route import led
from controller.pages.sign_in_routes import own_path

CONFIRM: Final = "/confirm-password"
PASSWORD: Final = "/password"  # noqa: S105  # a path, no password
CHANGED: Final = "/me?done=password"
_SCOPES: Final = ("people",)


class BackQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`next`: the path to come back to."""

    next: str = CHANGED


class PasswordForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form sends: the password as it is, and as it is to be, twice."""

    current: str
    new: str
    new_again: str
    next: str = CHANGED


class ConfirmForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form sends beside the password itself."""

    next: str = "/"


async def get_password(call: Call[None, BackQuery]) -> Answer:
    """Answer the form."""
    return _password_page(call, call.query.next)


async def post_password(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Change the password and lead back, or answer the form again with what is wrong. Passwords are never filled in again."""
    form, words = decode_form(call.body, PasswordForm), words_of(call)
    errors, refused = _seen(form, words), None
    answer = Answer()
    if not errors:
        try:
            answer = await change_password(call, form.current, form.new)
        except Problem as problem:
            if problem.kind not in ("invalid", "too-many"):
                raise
            errors, refused = by_field(problem, words), problem
    if errors:
        return _password_page(call, form.next, errors, refused)
    return web.Response(status=303, headers={**answer.headers, hdrs.LOCATION: own_path(form.next)})


async def get_confirm(call: Call[None, BackQuery]) -> Answer:
    """Answer the form for giving the password once more."""
    return confirming(call, call.query.next)


async def post_confirm(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Take the password once more and lead on, or answer the form again."""
    given = password_in(call.body) or ""
    form = decode_form(call.body, ConfirmForm)
    right = 0 < len(given) <= MAX_LENGTH and await call.signing_in.confirmed(
        call.person, given, visit_of(call)
    )
    if not right:
        return confirming(call, form.next, words_of(call).gettext("This is not your password"))
    return led(own_path(form.next))


def confirming(call: Call[Any, Any], back_to: str, wrong: str = "") -> Answer:
    """Return the page on which the password is given once more. `wrong`: what was wrong with the one before."""
    back_to = own_path(back_to)
    return page(
        call,
        "confirm_password",
        status=422 if wrong else 200,
        action=CONFIRM,
        kept=[("next", back_to)],
        goes_on=False,
        back_to=back_to,
        found=[(PASSWORD_FIELD, wrong)] if wrong else [],
    )


def _password_page(
    call: Call[Any, Any], back_to: str, errors: dict[str, str] | None = None, refused: Problem | None = None
) -> Answer:
    """Return the page of the form. `refused`: what the controller says to it, with the time to wait among its headers."""
    given = errors or {}
    return page(
        call,
        "password",
        status=refused.status if refused is not None else 422 if given else 200,
        headers=None if refused is None else refused.headers,
        back_to=own_path(back_to),
        found=list(given.items()),
        errors={name: given.get(name, "") for name in ("current", "new", "new_again")},
    )


def _seen(form: PasswordForm, words: Words) -> dict[str, str]:
    """Return what can be seen to be wrong without asking anybody, by field."""
    errors = {}
    if not 0 < len(form.current) <= MAX_LENGTH:
        errors["current"] = words.gettext("Give the password as it is now")
    if len(form.new) < MIN_LENGTH:
        errors["new"] = words.gettext("The new password has at least %(num)s characters", num=MIN_LENGTH)
    elif len(form.new) > MAX_LENGTH:
        errors["new"] = words.gettext("The new password has at most %(num)s characters", num=MAX_LENGTH)
    elif form.new != form.new_again:
        errors["new_again"] = words.gettext("The new password was typed in two ways: give it again")
    return errors


def _route(method: Any, path: str, summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        roles=EVERYBODY,
        scopes=_SCOPES,
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", PASSWORD, "Change my password", get_password, query=BackQuery),
    _route("POST", PASSWORD, "Change my password", post_password, body=bytes, body_media=(FORM,)),
    _route("GET", CONFIRM, "Give my password once more", get_confirm, query=BackQuery),
    _route("POST", CONFIRM, "Give my password once more", post_confirm, body=bytes, body_media=(FORM,)),
)
