"""The routes that Grafana itself asks: a code against an access token, whose that is, and how to check what was signed.

Errors of the first are those of RFC 6749 5.2, of the second those of RFC 6750 3; none says whether a person exists.
"""

from typing import Any, Final

import msgspec
import structlog
from aiohttp import hdrs
from multidict import MultiDict

from controller.api.forms import FORM, fields_of
from controller.api.gate import bearer_of, network_of
from controller.api.lockout import ShutOut
from controller.api.problems import Problem
from controller.api.route import ANYBODY, Answer, Call, NoQuery, Route
from controller.model import Actor, User
from controller.sign_on.claims import claims_of, id_token
from controller.sign_on.client import CLIENT_ID, shown_in
from controller.sign_on.grants import ACCESS_FOR, Grant, Replayed
from controller.sign_on.page_routes import sign_on_of
from controller.sign_on.provider import DISCOVERY, KEYS, TOKEN, USERINFO, SignOn
from controller.sign_on.refusals import Refused
from controller.sign_on.vouching import why_not
from controller.wording import worded

_log = structlog.get_logger(__name__)

_PROGRAM: Final = Actor("system", CLIENT_ID)
_UNKEPT: Final[dict[str, str]] = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}
_ONCE: Final = ("grant_type", "code", "redirect_uri", "code_verifier")


class TokenReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a code gives (RFC 6749 5.1, OpenID Connect Core 3.1.3.3)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # OAuth's word, no token
    expires_in: int
    scope: str
    id_token: str


async def token(call: Call[bytes, NoQuery]) -> Answer:
    """Give an access token and an ID token for a code."""
    sign_on = sign_on_of(call)
    try:
        return await _exchanged(call, sign_on, _fields(call.body))
    except Refused as refused:
        await _note(call, refused)
        return _refusal(refused)


async def userinfo(call: Call[None, NoQuery]) -> Answer:
    """Say whose an access token is, as long as he is signed in here."""
    sign_on = sign_on_of(call)
    given = bearer_of(call.request.headers.getall(hdrs.AUTHORIZATION, []))
    if given is None:
        return _challenge("")
    grant = sign_on.grants.of(given)
    if grant is None:
        sign_on.strangers.count(network_of(call.address))
    user = None if grant is None else await _still(call, grant)
    if grant is None or user is None:
        sign_on.grants.revoke(given)
        return _challenge(
            'error="invalid_token", error_description="unknown, lapsed, or its person is signed out"'
        )
    return Answer(body=claims_of(user, grant.scopes), headers=_UNKEPT)


async def keys(call: Call[None, NoQuery]) -> Answer:
    """Answer the public keys."""
    return Answer(body=sign_on_of(call).keys.published())


async def discovery(call: Call[None, NoQuery]) -> Answer:
    """Answer what there is and where."""
    return Answer(body=sign_on_of(call).document())


async def _exchanged(call: Call[bytes, NoQuery], sign_on: SignOn, form: MultiDict[str]) -> Answer:
    """Return the tokens for a code. Raises Refused, Problem (too-many)."""
    _check_client(call, sign_on, form)
    if any(len(form.getall(name, [])) > 1 for name in _ONCE):
        raise Refused("invalid_request", "a parameter is given twice")
    if not form.get("grant_type"):
        raise Refused("invalid_request", "grant_type is missing")
    if form["grant_type"] != "authorization_code":
        raise Refused("unsupported_grant_type", "grant_type has to be authorization_code")
    if not form.get("code") or not form.get("redirect_uri"):
        raise Refused("invalid_request", "code or redirect_uri is missing")
    try:
        access, grant = sign_on.grants.redeem(
            form["code"], form["redirect_uri"], form.get("code_verifier", ""), CLIENT_ID
        )
    except Replayed as replayed:
        person = replayed.grant.person
        params = {"program": CLIENT_ID, "username": person.user.username}
        await call.record("auth", "auth.sign_on_replayed", actor=_PROGRAM, outcome="refused", params=params)
        return _refusal(Refused("invalid_grant", "the code is unknown or has lapsed"))
    if await _still(call, grant) is None:
        sign_on.grants.revoke(access)
        raise Refused("invalid_grant", "the code is unknown or has lapsed")
    reply = TokenReply(
        access_token=access,
        expires_in=int(ACCESS_FOR.total_seconds()),
        scope=" ".join(grant.scopes),
        id_token=id_token(grant, access, sign_on.issuer, sign_on.keys.signing(call.now), call.now),
    )
    return Answer(body=reply, headers=_UNKEPT)


def _check_client(call: Call[Any, Any], sign_on: SignOn, form: MultiDict[str]) -> None:
    """Raise Refused unless it is Grafana that asks; Problem (too-many) for an address that has failed too often."""
    client_id, secret = shown_in(call.request.headers.getall(hdrs.AUTHORIZATION, []), form)
    try:
        trying = sign_on.lockout.begin(CLIENT_ID, network_of(call.address))
    except ShutOut as shut:
        told = worded(
            "the client secret was wrong too often: try again at %(until)s UTC", until=f"{shut.until:%H:%M}"
        )
        raise Problem("too-many", told, headers={"Retry-After": str(shut.wait_s)}) from None
    if not sign_on.client.is_shown(client_id, secret):
        raise Refused("invalid_client", "the client is unknown, or its secret is not right")
    sign_on.lockout.succeeded(trying)


async def _still(call: Call[Any, Any], grant: Grant) -> User | None:
    """Return the person as he is now, None where he is vouched for no more.

    He is disabled, or the session is over in which he signed on, or Grafana has not followed a change of his address yet.
    """
    if not await call.signing_in.still_allowed(grant.person, call.route):
        return None
    user = await call.storage.people.users.get(grant.person.user.id)
    return None if user is None or await why_not(call, user) is not None else user


def _fields(body: bytes) -> MultiDict[str]:
    try:
        return fields_of(body)
    except Problem:
        raise Refused("invalid_request", "the body is no form in UTF-8") from None


async def _note(call: Call[Any, Any], refused: Refused) -> None:
    """Put into the record who is not Grafana; what Grafana itself does wrong stands in the log."""
    if refused.code == "invalid_client":
        params = {"program": CLIENT_ID}
        await call.record("auth", "auth.sign_on_refused", actor=_PROGRAM, outcome="refused", params=params)
    _log.warning("sign-on refused", code=refused.code, reason=refused.said, request_id=call.request_id)


def _refusal(refused: Refused) -> Answer:
    body = {"error": refused.code, "error_description": refused.said}
    if refused.code != "invalid_client":
        return Answer(status=400, body=body, headers=_UNKEPT)
    return Answer(status=401, body=body, headers={**_UNKEPT, hdrs.WWW_AUTHENTICATE: 'Basic realm="hashyard"'})


def _challenge(error: str) -> Answer:
    """Return 401 as RFC 6750 3 wants it: without a reason for who showed nothing."""
    challenge = 'Bearer realm="hashyard"' + (f", {error}" if error else "")
    return Answer(status=401, body={}, headers={**_UNKEPT, hdrs.WWW_AUTHENTICATE: challenge})


def _route(method: Any, path: str, summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        roles=ANYBODY,
        scopes=(),
        summary=summary,
        handler=handler,
        tags=("single sign-on",),
        problems=("not-found", "too-many"),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", DISCOVERY, "What the OpenID Connect provider can", discovery, reply=dict[str, Any]),
    _route("GET", KEYS, "The keys that ID tokens are checked with", keys, reply=dict[str, Any]),
    _route(
        "POST",
        TOKEN,
        "Give tokens for a code",
        token,
        body=bytes,
        body_media=(FORM,),
        reply=TokenReply,
        description="For Grafana alone, which shows its client secret (Basic, or in the form). Only `authorization_code`, with "
        "`redirect_uri` and `code_verifier`. Errors are those of RFC 6749 5.2, with 400 and 401.",
    ),
    _route(
        "GET",
        USERINFO,
        "Whose an access token is",
        userinfo,
        reply=dict[str, Any],
        description="With `Authorization: Bearer` and the access token of a sign-on, for 5 minutes and as long as the person is "
        "signed in here. Errors are those of RFC 6750 3.",
    ),
    _route("POST", USERINFO, "Whose an access token is", userinfo, reply=dict[str, Any]),
)
