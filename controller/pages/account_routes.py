"""The routes of one's own account: how the pages are liked, which sessions are open, and the tokens of programs."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from controller.api.decoding import decode_body
from controller.api.forms import decode_form
from controller.api.me_access_routes import (
    MadeToken,
    NewToken,
    end_other_sessions,
    end_own_session,
    make_token,
    own_sessions,
    own_tokens,
    revoke_token,
)
from controller.api.me_routes import MeChange, change_me
from controller.api.problems import Problem
from controller.api.route import EVERYBODY, Answer, Call, Method, NoQuery, Route
from controller.model import SCOPES
from controller.pages import shown_once
from controller.pages.devices import device_words
from controller.pages.form_mistakes import by_field
from controller.pages.frame import page, words_of
from controller.pages.language import Words
from controller.pages.page_route import led, page_route
from controller.pages.zones import reading_zone

ACCOUNT: Final = "/me"
MADE: Final = "made"
"""What was done when a token was made."""
USUAL_DAYS: Final = "90"
_TOKEN_FIELDS: Final = {"name": "token_name"}
_FORMLESS: Final = ("length", "range", "type")


class AccountQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`done`: what was done just now."""

    done: str = ""


class LooksForm(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody likes the pages, as the form sends it. `time_zone` empty: each container's own."""

    name: str
    language: str
    time_zone: str
    density: str
    shortcuts: str = ""


class TokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """A token that is wished for, as the form sends it."""

    token_name: str
    scopes: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    expires_in_days: str = USUAL_DAYS


async def get_account(call: Call[None, AccountQuery]) -> Answer:
    """Answer the account; where a token was made just now, with it, this once."""
    done = call.query.done
    return await _account(call, done=done, made=shown_once.fetch(call, MadeToken) if done == MADE else None)


async def post_looks(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Keep how somebody likes the pages, or answer the form again with what is wrong."""
    form = decode_form(call.body, LooksForm)
    wish = {
        "name": form.name.strip() or None,
        "language": form.language,
        "time_zone": form.time_zone.strip() or None,
        "density": form.density,
        "shortcuts": form.shortcuts != "",
    }
    try:
        await change_me(call, decode_body(msgspec.json.encode(wish), MeChange))
    except Problem as problem:
        if problem.kind != "invalid":
            raise
        typed = msgspec.to_builtins(form)
        return await _account(call, typed=typed, errors=by_field(problem, words_of(call)))
    return _led("saved")


async def post_end_session(call: Call[bytes, NoQuery]) -> web.Response:
    """End one of one's own sessions."""
    await end_own_session(call, call.path["id"])
    return _led("session")


async def post_end_others(call: Call[bytes, NoQuery]) -> web.Response:
    """End all of one's own sessions but this one."""
    await end_other_sessions(call)
    return _led("sessions")


async def post_new_token(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Make a token and lead to where it is shown once; or answer the form again with what is wrong."""
    form = decode_form(call.body, TokenForm)
    days = form.expires_in_days.strip()
    wish = {
        "name": form.token_name.strip(),
        "scopes": form.scopes,
        "containers": form.containers,
        "expires_in_days": int(days) if days.isascii() and days.isdigit() else days,
    }
    try:
        made = await make_token(call, decode_body(msgspec.json.encode(wish), NewToken))
    except Problem as problem:
        if problem.kind != "invalid":
            raise
        typed = msgspec.to_builtins(form)
        return await _account(call, typed=typed, errors=_of_token(problem, words_of(call)))
    shown_once.keep(call, made)
    return _led(MADE)


async def post_revoke_token(call: Call[bytes, NoQuery]) -> web.Response:
    """Revoke one of one's own tokens."""
    await revoke_token(call, call.person.user.id, call.path["id"])
    return _led("token")


def _of_token(problem: Problem, words: Words) -> dict[str, str]:
    """Return what is wrong with the token that is wished for, by field; what has no form is said as the form asks for it."""
    plain = {
        "token_name": words.gettext("Say in 1 to 100 characters what the token is for"),
        "scopes": words.gettext("Choose at least one thing that the token may do"),
        "expires_in_days": words.gettext("Give the days until it lapses as a number from 1 to 365"),
    }
    formless = {
        _TOKEN_FIELDS.get(member, member)
        for member in (mistake.at.lstrip("/") for mistake in problem.mistakes if mistake.code in _FORMLESS)
    }
    found = by_field(problem, words, _TOKEN_FIELDS)
    return {field: plain.get(field, told) if field in formless else told for field, told in found.items()}


async def _account(
    call: Call[Any, Any],
    *,
    done: str = "",
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    made: MadeToken | None = None,
) -> Answer:
    """Return the page. `typed`: what a form held that is wrong, and `errors` what is wrong with it; `made`: a new token."""
    words, zone, user = words_of(call), reading_zone(call), call.person.user
    containers = call.containers()
    fields = {
        "name": user.name or "",
        "language": user.language,
        "time_zone": call.preferences.time_zone or "",
        "density": call.preferences.density,
        "shortcuts": "yes" if call.preferences.shortcuts else "",
        "token_name": "",
        "scopes": ("read",),
        "containers": (),
        "expires_in_days": USUAL_DAYS,
    }
    return page(
        call,
        "account",
        status=422 if errors else 200,
        done=done,
        typed={**fields, **(typed or {})},
        errors=dict.fromkeys(fields, "") | dict(errors or {}),
        found=list((errors or {}).items()),
        made=made,
        sessions=await own_sessions(call),
        tokens=await own_tokens(call),
        containers={container.id: container.name for container in containers},
        zones=sorted({container.timezone for container in containers} | {"UTC"}),
        grantable=[scope for scope in SCOPES if scope in call.person.scopes],
        device=lambda agent: device_words(agent, words),
        clock=lambda moment: words.formats.clock(moment, call.now, zone),
        zone=words.formats.zone_words(call.now, zone),
        lapsed=lambda token: token.expires_at <= call.now,
    )


def _led(done: str) -> web.Response:
    return led(f"{ACCOUNT}?done={done}")


def _route(method: Method, path: str, summary: str, handler: Any, **more: Any) -> Route:
    return page_route(method, path, summary, handler, EVERYBODY, ("people",), **more)


ROUTES: tuple[Route, ...] = (
    _route("GET", ACCOUNT, "My account", get_account, query=AccountQuery),
    _route("POST", ACCOUNT, "Change how I like the pages", post_looks),
    _route("POST", "/me/sessions/{id}/end", "End one of my sessions", post_end_session),
    _route("POST", "/me/sessions/end", "End all my other sessions", post_end_others),
    _route("POST", "/me/tokens", "Make a token", post_new_token, step_up=True),
    _route("POST", "/me/tokens/{id}/revoke", "Revoke one of my tokens", post_revoke_token),
)
