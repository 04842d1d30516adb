"""From an HTTP request to a route's handler and back: who asks, whether he may, what he says, and the answer.

The order of the checks is the order in which they protect: site, credentials, role and scopes, rate, cross-site token,
password, condition, and only then what stands in the request.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web
from multidict import MultiDict

from controller.api import gate, repeated
from controller.api.compressing import compressed
from controller.api.conditions import needed, unchanged
from controller.api.decoding import decode_body, decode_query, decode_sort, is_text
from controller.api.forms import FORM, FORMS, PASSWORD_FIELD, csrf_in, password_in
from controller.api.metrics_reader import MetricsReader
from controller.api.passwords import MAX_LENGTH
from controller.api.person import Person
from controller.api.preferences import Preferences, preferences_of
from controller.api.problems import Mistake, Problem
from controller.api.rates import Rates
from controller.api.route import ADMINISTRATORS, OFFICE, Answer, Call, Open, Route
from controller.api.signing_in import SigningIn, Visit
from controller.deeds import Deeds
from controller.model import Role
from controller.settings import Settings
from controller.storage.faults import StorageAway
from controller.storage.storage import Storage
from controller.wording import Wording, english, worded

REQUEST_ID = web.RequestKey("request_id", str)
ASKER = web.RequestKey("asker", Person)
"""Who asks, once that is known: for the record of refusals."""
ROUTE = web.RequestKey("route", Route)
PREFERENCES = web.RequestKey("preferences", Preferences)
"""How who asks likes the pages."""

JSON = "application/json"


class Dispatch:
    """What every call gets, and the way to it."""

    def __init__(
        self,
        settings: Settings,
        deeds: Deeds,
        storage: Storage,
        signing_in: SigningIn,
        services: Mapping[type[Any], Any],
        metrics_reader: MetricsReader,
    ) -> None:
        """`services`: further parts of the controller, by their type, for `Call.service`."""
        self.gate = gate.Gate(settings)
        self.metrics_reader = metrics_reader
        self._settings = settings
        self._deeds = deeds
        self._storage = storage
        self._signing_in = signing_in
        self._services = services
        self._rates = Rates(lambda: deeds.now)

    def handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return what aiohttp calls for a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            request[ROUTE] = route
            secure = self.gate.secure(request.remote, request.headers)
            asker = await self._asker(request, route, secure=secure)
            if route.page and asker is not None:
                request[PREFERENCES] = await preferences_of(self._storage, asker.user.id)
            raw = await _body(request, route)
            asker = await self._still(asker, route)
            call = self._call(request, route, asker, raw, secure=secure)
            if route.idempotent:
                key = repeated.key_of(request.headers.get(repeated.HEADER))
                if key is not None:
                    return await repeated.once(call, key, raw, lambda: _answered(call))
            answered = await _answered(call)
            return await compressed(request, answered) if route.page else answered

        return handle

    def visit(self, request: web.Request) -> Visit:
        """Return from where a request comes."""
        return Visit(
            address=self.gate.caller(request.remote, request.headers),
            request_id=request[REQUEST_ID],
            user_agent=request.headers.get(hdrs.USER_AGENT),
        )

    async def known(self, request: web.Request) -> Person | None:
        """Return who asks for what is no route, for the page that says so; None where that cannot be told."""
        try:
            secure = self.gate.secure(request.remote, request.headers)
            return await self._identified(request, None, secure=secure)
        except (Problem, StorageAway):
            return None

    async def _asker(self, request: web.Request, route: Route, *, secure: bool) -> Person | None:
        """Return who asks, with all checks passed that do not concern what is asked. Raises Problem."""
        unsafe = request.method not in gate.SAFE_METHODS
        if unsafe:
            self.gate.check_site(request.host, request.headers)
        asker = await self._identified(request, route, secure=secure)
        if asker is not None:
            request[ASKER] = asker
            if unsafe and asker.viewing and not route.in_view:
                raise Problem(
                    "not-allowed",
                    worded("you see what a client sees: end that view before you change anything"),
                )
            if asker.token is not None:
                self._rates.count(asker.token.id)
        csrf = request.headers.get(gate.CSRF_HEADER)
        if csrf is None and unsafe and route.page and request.content_type in FORMS:
            csrf = csrf_in(await request.read(), request.headers.get(hdrs.CONTENT_TYPE, ""))
        if isinstance(route.roles, Open):
            # A cookie that another site may have made the browser send says nothing of who asks.
            forged = (
                unsafe and asker is not None and asker.csrf is not None and not gate.is_csrf(csrf, asker.csrf)
            )
            return None if forged else asker
        if asker is None:
            raise Problem("sign-in-needed", worded("sign in, or send Authorization: Bearer with a token"))
        check_allowed(asker, route)
        if unsafe and asker.csrf is not None:
            gate.check_csrf(csrf, asker.csrf)
        if route.step_up and not self._signing_in.is_confirmed(asker):
            asker = await self._confirmed(request, route, asker)
        if route.conditional and not request.headers.get(hdrs.IF_MATCH, "").strip():
            raise needed()
        return asker

    async def _still(self, asker: Person | None, route: Route) -> Person | None:
        """Return who asks, once his request is there whole: whoever sends a body decides how long that takes. Raises Problem.

        He may have been signed out, disabled or given another role since he was looked at.
        """
        if asker is None or route.body is None:
            return asker
        if isinstance(route.roles, Open):
            return asker if await self._signing_in.still_allowed(asker, route) else None
        await self._signing_in.check_still_allowed(asker, route)
        return asker

    async def _confirmed(self, request: web.Request, route: Route, asker: Person) -> Person:
        """Return the person, who has given his password again in the form itself. Raises Problem (password-needed)."""
        of_form = route.page and request.content_type == FORM
        given = password_in(await request.read()) if of_form else None
        if given is None:
            raise Problem("password-needed", worded("give your password again at /api/v1/auth/confirm"))
        confirmed = None
        if 0 < len(given) <= MAX_LENGTH:
            confirmed = await self._signing_in.confirmed(asker, given, self.visit(request))
        if confirmed is None:
            wrong = worded("this is not your password")
            raise Problem("password-needed", wrong, [Mistake(f"/{PASSWORD_FIELD}", "wrong", wrong)])
        return confirmed

    async def _identified(self, request: web.Request, route: Route | None, *, secure: bool) -> Person | None:
        if self.metrics_reader.is_asking(request):
            return None  # a program, whose token is nobody's
        bearer = gate.bearer_of(request.headers.getall(hdrs.AUTHORIZATION, []))
        cookie = request.cookies.get(gate.session_cookie(secure=secure))
        if bearer is not None and cookie is not None:
            raise Problem(
                "malformed", worded("a session's cookie and a bearer token at once: send one of them")
            )
        try:
            if bearer is not None:
                return await self._signing_in.by_token(bearer, self.visit(request))
            if cookie is not None:
                return await self._signing_in.by_cookie(cookie, self.visit(request))
        except Problem as problem:
            if route is None or not (route.open and problem.status == 401):
                raise
        return None

    def _call(
        self, request: web.Request, route: Route, asker: Person | None, raw: bytes, *, secure: bool
    ) -> Call[Any, Any]:
        if any("\0" in value or not is_text(value) for value in request.match_info.values()):
            raise Problem("not-found", worded("there is no such thing"))
        given = request.query
        if route.page and route.method == "GET":  # messengers add parameters of their own to a link
            known = {field.encode_name for field in msgspec.structs.fields(route.query)}
            given = MultiDict((name, value) for name, value in given.items() if name in known)
        query = decode_query(given, route.query, route.sorts)
        sort = decode_sort(request.query.get("sort"), route.sorts) if route.sorts else ()
        body: Any = None
        if route.body is bytes:
            body = raw
        elif route.body is not None:
            body = decode_body(raw, route.body)
        visit = self.visit(request)
        return Call(
            route=route,
            request=request,
            path=dict(request.match_info),
            body=body,
            query=query,
            sort=sort,
            asker=asker,
            request_id=request[REQUEST_ID],
            address=visit.address,
            secure=secure,
            deeds=self._deeds,
            storage=self._storage,
            settings=self._settings,
            signing_in=self._signing_in,
            preferences=request.get(PREFERENCES, Preferences()),
            services=self._services,
        )


RESERVED: Final[Mapping[tuple[Role, ...], Wording]] = {
    ADMINISTRATORS: worded("this is for administrators alone"),
    OFFICE: worded("this is for administrators and accountants"),
}
"""What is said to somebody in another role, by the roles that a route is for; there is no route for others than these."""


def check_allowed(person: Person, route: Route) -> None:
    """Raise Problem (not-allowed) unless the role and the token's scopes include this route."""
    if person.token is not None and person.token.miner is not None:
        raise Problem(
            "not-allowed", worded("this token is good for one miner at the older tools' paths only")
        )
    if not isinstance(route.roles, Open) and person.role not in route.roles:
        raise Problem("not-allowed", RESERVED[route.roles])
    lacking = person.lacks(*route.scopes)
    if lacking:
        raise Problem(
            "not-allowed", worded("this needs a token with the scope %(names)s", names=", ".join(lacking))
        )
    if route.everywhere and person.narrow:
        raise Problem(
            "not-allowed",
            worded("this concerns all containers, and this token is for the ones that it names"),
        )


async def _body(request: web.Request, route: Route) -> bytes:
    if route.body is None:
        if request.method == "DELETE" and request.can_read_body:
            # What somebody wrote there would have said which, and to ignore it would end something else.
            told = worded("this takes no body: what it is about stands in the address")
            raise Problem("malformed", told, [Mistake("", "unknown", told)])
        return b""
    if request.content_type not in route.body_media:
        wanted = " or ".join(route.body_media)
        raise Problem(
            "media-type",
            worded("send the body as %(wanted)s", wanted=wanted),
            [Mistake("Content-Type", "media-type", worded("it is not %(wanted)s", wanted=wanted))],
        )
    return await request.read()


async def _answered(call: Call[Any, Any]) -> web.StreamResponse:
    return _response(call.route, call.request, await call.route.handler(call))


def _response(route: Route, request: web.Request, reply: Any) -> web.StreamResponse:
    """Return what goes out: a struct as JSON, an Answer with its status and headers, a response as it is."""
    if isinstance(reply, web.StreamResponse):
        return reply
    answer = reply if isinstance(reply, Answer) else Answer(body=reply)
    headers = dict(answer.headers)
    status = answer.status or route.status
    if answer.etag is not None:
        headers[hdrs.ETAG] = answer.etag
        if route.method == "GET" and unchanged(request.headers.get(hdrs.IF_NONE_MATCH), answer.etag):
            return web.Response(status=304, headers=headers)
    if answer.body is None:
        return web.Response(status=204 if status == 200 else status, headers=headers)
    if isinstance(answer.body, (str, bytes)) and route.reply_media != JSON:
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        headers.setdefault(hdrs.CONTENT_TYPE, route.reply_media)
        return web.Response(status=status, body=body, headers=headers)
    headers.setdefault(hdrs.CONTENT_TYPE, JSON)
    return web.Response(
        status=status, body=msgspec.json.encode(answer.body, enc_hook=english), headers=headers
    )
