"""The route by which Grafana sends people here: who is signed in is led back with a code, who is not signs in first.

There is no page that asks for consent: the one program that people can sign on to belongs to the house.
"""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import hdrs, web

from controller.api.person import Person
from controller.api.problems import Problem
from controller.api.route import ANYBODY, Call, NoQuery, Route
from controller.pages.frame import HTML, SIGN_IN
from controller.pages.password_routes import CONFIRM, PASSWORD
from controller.pages.sign_in_routes import own_path
from controller.sign_on.asking import Asked, read_asked
from controller.sign_on.client import CLIENT_ID
from controller.sign_on.grants import Grant
from controller.sign_on.provider import AUTHORIZE, SignOn
from controller.sign_on.refusals import Refused, Unanswerable
from controller.sign_on.vouching import why_not
from controller.wording import text_of, worded

_RESTING: Final = "/"


async def authorize(call: Call[None, NoQuery]) -> web.Response:
    """Lead the person to Grafana with a code, or first to what he has to do here."""
    sign_on = sign_on_of(call)
    try:
        asked = read_asked(call.request.query, sign_on.client.redirect_uri)
    except Unanswerable as error:
        raise Problem("malformed", text_of(error)) from None
    if asked.refused is not None:
        return _refused(sign_on, asked, asked.refused)
    person = call.asker
    if person is None:
        return _first(call, sign_on, asked, SIGN_IN, Refused("login_required", "nobody is signed in"))
    if person.session is None:
        raise Problem("not-allowed", worded("a token signs nobody on to Grafana: sign in with a browser"))
    if person.viewing:
        raise Problem(
            "not-allowed", worded("you see what a client sees: end that view before you go on to Grafana")
        )
    if person.user.password_change_needed:
        needed = Refused("interaction_required", "the password has to be changed first")
        return _first(call, sign_on, asked, PASSWORD, needed)
    confirmed_at = person.session.confirmed_at
    if asked.within_s is not None and (call.now - confirmed_at).total_seconds() >= asked.within_s:
        needed = Refused("login_required", "the password has to be given again")
        return _first(call, sign_on, asked, CONFIRM, needed)
    why = await why_not(call, person.user)
    if why is not None:
        if asked.silent:
            return _refused(sign_on, asked, Refused("access_denied", "the person is not in Grafana"))
        raise Problem("not-allowed", why)
    return await _signed_on(call, sign_on, asked, person, confirmed_at)


def sign_on_of(call: Call[Any, Any]) -> SignOn:
    """Return the provider. Raises Problem (not-found) where the controller signs nobody on."""
    found: SignOn | None = call.services.get(SignOn)
    if found is None:
        raise Problem("not-found", worded("nobody signs on to Grafana here: docs/single-sign-on.md says how"))
    return found


async def _signed_on(
    call: Call[Any, Any], sign_on: SignOn, asked: Asked, person: Person, confirmed_at: datetime
) -> web.Response:
    """Record the sign-on, and then give out the code: nobody is vouched for without a record of it."""
    try:
        sign_on.sign_ons.count(person.user.id)
    except Problem as full:
        told = worded("you were led to Grafana too often within a minute: wait a minute, then open it again")
        raise Problem("too-many", told, headers=full.headers) from None
    await call.record("auth", "auth.signed_on", outcome="ok", params={"program": CLIENT_ID})
    grant = Grant(
        person=person,
        confirmed_at=confirmed_at,
        client_id=CLIENT_ID,
        redirect_uri=sign_on.client.redirect_uri,
        scopes=asked.scopes,
        challenge=asked.challenge,
        nonce=asked.nonce,
    )
    return _led(sign_on.back(asked, code=sign_on.grants.issue(grant)))


def _first(call: Call[Any, Any], sign_on: SignOn, asked: Asked, page: str, silently: Refused) -> web.Response:
    """Lead to a page of ours and from there back here; where nothing may be asked of the person, back to Grafana."""
    if asked.silent:
        return _refused(sign_on, asked, silently)
    again = call.request.rel_url.raw_path_qs
    if own_path(again) == _RESTING:
        return _refused(sign_on, asked, Refused("invalid_request", "the request is too long to come back to"))
    return _led(f"{page}?{urlencode({'next': again})}")


def _refused(sign_on: SignOn, asked: Asked, refused: Refused) -> web.Response:
    return _led(sign_on.back(asked, error=refused.code, error_description=refused.said))


def _led(where: str) -> web.Response:
    return web.Response(status=303, headers={hdrs.LOCATION: where})


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=AUTHORIZE,
        roles=ANYBODY,
        scopes=(),
        summary="Sign on to Grafana",
        handler=authorize,
        reply_media=HTML,
        page=True,
    ),
)
