"""The routes of signing in and out as a person does it: a form, its own token, and the way back to the page asked for.

The token of the form is made from a cookie that the form's page sets, so that another site cannot sign a browser in under
a name of its choosing. Who may sign in, and how often one may try, decides `SigningIn`, as for the API.
"""

import asyncio
import base64
import hmac
import re
import secrets
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from aiohttp import hdrs, web

from controller.api import signing_in_routes
from controller.api.first_administrator import PASSWORD_FILE
from controller.api.forms import FORM, decode_form
from controller.api.gate import is_csrf, masked, session_cookie, set_cookie
from controller.api.passwords import MAX_LENGTH
from controller.api.problems import Problem
from controller.api.route import ANYBODY, EVERYBODY, Answer, Call, NoQuery, Route
from controller.api.signing_in import ABSOLUTE
from controller.pages.frame import HTML, SIGN_IN, page
from controller.pages.language import COOKIE, LANGUAGES
from controller.settings import Settings
from controller.wording import worded

_COOKIE: Final = "hashyard-sign-in"
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LANGUAGE_KEPT_S: Final = 365 * 86_400
_MOST_NAME: Final = 128
_MOST_PATH: Final = 2000
_KEPT_IN_PATHS: Final = "/?&=%#+:@!$'()*,;~"


class SignInPageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`next`: the path to come back to. `signed_out`: somebody has just signed out."""

    next: str = "/"
    signed_out: str = ""


class SignInForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form sends. `token`: its own."""

    username: str
    password: str
    token: str
    next: str = "/"


class LanguageForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which language, and the path to come back to."""

    language: str
    next: str = "/"


async def get_sign_in(call: Call[None, SignInPageQuery]) -> Answer | web.Response:
    """Answer the form; who is signed in is led on."""
    back_to = own_path(call.query.next)
    if call.asker is not None:
        return _led(back_to)
    ended = session_cookie(secure=call.secure) in call.request.cookies
    return await _form(call, back_to, ended=ended, signed_out=bool(call.query.signed_out))


async def post_sign_in(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Begin a session, and lead back; or answer the form again with what is wrong."""
    form = decode_form(call.body, SignInForm)
    back_to = own_path(form.next)
    secret = call.request.cookies.get(_cookie_name(call))
    if secret is None or not is_csrf(form.token, _token_of(secret)):
        raise Problem(
            "cross-site",
            worded("this form has lapsed or came from another site, or the browser keeps no cookies"),
        )
    try:
        _check_length(form)
        session, user = await signing_in_routes.begin_session(call, form.username, form.password)
    except Problem as problem:
        if problem.kind not in ("sign-in-needed", "too-many"):
            raise
        return await _form(call, back_to, problem=problem, username=form.username[:_MOST_NAME])
    cookie = set_cookie(session, secure=call.secure, max_age_s=ABSOLUTE.total_seconds())
    if user.password_change_needed:
        back_to = f"/password?{urlencode({'next': back_to})}"
    return _led(back_to, cookie)


async def post_language(call: Call[bytes, NoQuery]) -> web.Response:
    """Keep which language somebody reads who is not signed in, and lead back."""
    form = decode_form(call.body, LanguageForm)
    if form.language not in LANGUAGES:
        raise Problem("malformed", worded("there is no such language"))
    cookie = f"{COOKIE}={form.language}; Path=/; Max-Age={_LANGUAGE_KEPT_S}; HttpOnly; SameSite=Lax"
    return _led(own_path(form.next), cookie + ("; Secure" if call.secure else ""))


async def post_sign_out(call: Call[bytes, NoQuery]) -> web.Response:
    """End the session, and lead to signing in."""
    ended = await signing_in_routes.sign_out(call)
    told = "" if _grafana_sign_out(call.settings) is None else "?signed_out=1"
    return _led(SIGN_IN + told, ended.headers[hdrs.SET_COOKIE])


def _check_length(form: SignInForm) -> None:
    if not 0 < len(form.username) <= _MOST_NAME or not 0 < len(form.password) <= MAX_LENGTH:
        raise Problem("sign-in-needed", worded("name or password is not right"))


def own_path(text: str) -> str:
    r"""Return a path of ours to lead somebody to; the first page for whatever is none or might lead elsewhere.

    Browsers take `//host` and `/\host` for another host, and leave out tabs and line feeds.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    odd = any(character <= " " or character in "\\\x7f" for character in text)
    if not text.startswith("/") or text.startswith("//") or odd or parts.netloc or len(text) > _MOST_PATH:
        return "/"
    return quote(text, safe=_KEPT_IN_PATHS, errors="replace")


async def _form(
    call: Call[Any, Any],
    back_to: str,
    *,
    problem: Problem | None = None,
    username: str = "",
    ended: bool = False,
    signed_out: bool = False,
) -> Answer:
    """Return the page of the form; whoever has signed out here is told that Grafana has a session of its own.

    The cookie of a form in another tab is kept, so that both can be sent.
    """
    name = _cookie_name(call)
    secret = call.request.cookies.get(name, "")
    if not _SECRET.fullmatch(secret):
        secret = secrets.token_urlsafe(32)
    cookie = f"{name}={secret}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if call.secure else "")
    wait_s = int(problem.headers.get(hdrs.RETRY_AFTER, "60")) if problem is not None else 0
    return page(
        call,
        "sign_in",
        status=None if problem is None else problem.status,
        headers={hdrs.SET_COOKIE: cookie, **_refusal(problem)},
        wrong=problem is not None and problem.kind == "sign-in-needed",
        wait_s=None if problem is None or problem.kind != "too-many" else wait_s,
        again_at=call.now + timedelta(seconds=wait_s),
        ended=ended,
        grafana_sign_out=_grafana_sign_out(call.settings) if signed_out else None,
        first=await asyncio.to_thread((call.settings.data / PASSWORD_FILE).exists),
        password_file=PASSWORD_FILE,
        token=masked(_token_of(secret)),
        back_to=back_to,
        username=username,
    )


def _grafana_sign_out(settings: Settings) -> str | None:
    """Return where people sign out of Grafana; None where nobody signs on to it from here."""
    if settings.grafana_url is None or settings.grafana_client_secret_file is None:
        return None
    return f"{settings.grafana_url.rstrip('/')}/logout"


def _refusal(problem: Problem | None) -> dict[str, str]:
    """Return the headers that go with a refusal: what it names itself, and the challenge that 401 needs (RFC 9110 11.6.1)."""
    if problem is None:
        return {}
    headers = dict(problem.headers)
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="hashyard"'
    return headers


def _cookie_name(call: Call[Any, Any]) -> str:
    return f"__Host-{_COOKIE}" if call.secure else _COOKIE


def _token_of(secret: str) -> str:
    digest = hmac.digest(secret.encode(errors="replace"), b"hashyard sign-in form", "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _led(where: str, cookie: str | None = None) -> web.Response:
    headers = {hdrs.LOCATION: where}
    if cookie is not None:
        headers[hdrs.SET_COOKIE] = cookie
    return web.Response(status=303, headers=headers)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=SIGN_IN,
        roles=ANYBODY,
        scopes=(),
        query=SignInPageQuery,
        summary="Sign in",
        handler=get_sign_in,
        reply_media=HTML,
        page=True,
    ),
    Route(
        method="POST",
        path=SIGN_IN,
        roles=ANYBODY,
        scopes=(),
        body=bytes,
        body_media=(FORM,),
        summary="Sign in",
        handler=post_sign_in,
        reply_media=HTML,
        page=True,
    ),
    Route(
        method="POST",
        path="/language",
        roles=ANYBODY,
        scopes=(),
        body=bytes,
        body_media=(FORM,),
        summary="Choose the language before signing in",
        handler=post_language,
        reply_media=HTML,
        page=True,
    ),
    Route(
        method="POST",
        path="/sign-out",
        roles=EVERYBODY,
        scopes=(),
        body=bytes,
        body_media=(FORM,),
        summary="Sign out",
        handler=post_sign_out,
        reply_media=HTML,
        page=True,
        in_view=True,
    ),
)
