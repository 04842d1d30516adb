"""The paths by which a farm's older tools watch and command: /state, /logs, and the token-shaped login, profileset, curtail.

Thin functions over the deeds of /api/v1; unlike their models they ask who is there. A token is for a miner and 15 minutes.
"""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import hdrs

from controller.api.figures import state_of
from controller.api.person import Person
from controller.api.problems import Kind, Mistake, Problem
from controller.api.record_routes import EventsQuery, filter_of, seen
from controller.api.route import ANYBODY, EVERYBODY, Answer, Call, Handler, Method, NoQuery, Route
from controller.api.signing_in_routes import visit_of
from controller.deeds import Choice, MinerView, OverrideWish
from controller.desire import ends_by_container
from controller.model import Event, Operation, Override, Result

TAGS: Final = ("compatibility",)
TOKEN_FOR: Final = timedelta(minutes=15)
WITHIN_S: Final = 20.0
LINES: Final = 200
PROFILES: Final = ("underclock", "normal", "overclock")
MODES: Final = ("sleep", "active")
CURTAIL: Final = "curtail"

_Word = Annotated[str, msgspec.Meta(max_length=200)]


class MinerState(msgspec.Struct, frozen=True, kw_only=True):
    """A miner as /state shows it. `mode`: whether it is meant to be awake."""

    miner_ip: str | None
    miner: str
    container: str
    profile: str | None
    mode: Literal["active", "sleep"]
    state: str
    updated_at: datetime | None


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """An event as /logs shows it."""

    timestamp: datetime
    miner_ip: str | None
    miner: str | None
    container: str | None
    event: str
    actor: str
    outcome: str | None
    params: Any


class LogsQuery(msgspec.Struct, frozen=True):
    """`miner_ip`: only what concerns the miner of this address."""

    miner_ip: _Word | None = None


class MinerLogin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which miner a token is wanted for; `username` and `password` where no Authorization header says who asks."""

    miner_ip: _Word
    username: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    password: Annotated[str, msgspec.Meta(max_length=128)] | None = None


class MinerToken(msgspec.Struct, frozen=True):
    """A token for one miner."""

    token: str


class Message(msgspec.Struct, frozen=True):
    """What was done, in words."""

    message: str


class ProfileOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token of /api/login, and underclock, normal or overclock."""

    token: _Word
    profile: _Word


class CurtailOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token of /api/login, and sleep or active."""

    token: _Word
    mode: _Word


class Commanded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a command. `operation_id` null: there was nothing to do."""

    message: str
    outcome: str
    operation_id: str | None


async def get_state(call: Call[None, NoQuery]) -> Answer:
    """Return every miner that one may see, in a few words; a browser gets the page."""
    if _is_browser(call):
        return Answer(status=303, headers={"Location": "/"})
    private = call.person.role == "client"
    shown = [
        MinerState(
            miner_ip=None if private else view.miner.address,
            miner=view.miner.name,
            container=container.name,
            profile=view.wanted.profile,
            mode="sleep" if view.wanted.profile == CURTAIL else "active",
            state=state_of(view),
            updated_at=view.reading.taken_at if view.reading is not None else None,
        )
        for container in call.containers()
        for view in call.deeds.views(container.id)
    ]
    return Answer(body=shown, headers=canonical("/api/v1/miners"))


async def get_logs(call: Call[None, Any]) -> Answer:
    """Return the newest lines of the record; a browser gets the page."""
    if _is_browser(call):
        return Answer(status=303, headers={"Location": "/log"})
    events: list[Event] = []
    # To whom addresses are not shown, none is found by one either.
    if call.query.miner_ip is None or call.person.role != "client":
        asked = EventsQuery(address=() if call.query.miner_ip is None else (call.query.miner_ip,))
        wanted = filter_of(call, asked)
        events, _ = await call.storage.events.find(wanted, limit=LINES)
    lines = [
        LogLine(
            timestamp=event.at,
            miner_ip=event.miner_address,
            miner=event.miner,
            container=event.container,
            event=event.kind,
            actor=event.actor.name,
            outcome=event.outcome,
            params=event.params,
        )
        for event in (seen(call, one) for one in events)
    ]
    return Answer(body=lines, headers=canonical("/api/v1/events"))


async def log_in(call: Call[MinerLogin, NoQuery]) -> Answer:
    """Give out a token for one miner."""
    person = await _commander(call)
    view = _miner_at(call, person, call.body.miner_ip)
    text, token = await call.signing_in.issue_token(
        person.user,
        "one miner",
        ("control",),
        call.now + TOKEN_FOR,
        containers=() if person.token is None else person.token.containers,
        miner=view.id,
        shown=person.shown,
    )
    await call.record(
        "auth", "auth.signed_in", actor=person.actor, miner=view.id, outcome="ok", params={"token": token.id}
    )
    return Answer(body=MinerToken(text), headers=canonical("/api/v1/auth/login"))


async def log_out(call: Call[MinerLogin, NoQuery]) -> Answer:
    """End the caller's tokens for one miner."""
    person = await _commander(call)
    view = _miner_at(call, person, call.body.miner_ip)
    ended = await call.storage.access.tokens.end_of_user(person.user.id, miner=view.id)
    await call.record("auth", "auth.signed_out", actor=person.actor, miner=view.id, outcome="ok")
    words = "no token was open" if not ended else f"{ended} token{'s' if ended > 1 else ''} ended"
    return Answer(body=Message(words), headers=canonical("/api/v1/auth/logout"))


async def set_profile(call: Call[ProfileOrder, NoQuery]) -> Answer:
    """Put one miner into a profile until the next change of its schedule."""
    person, view = await _by_miner_token(call, call.body.token)
    profile = call.body.profile
    if profile not in PROFILES:
        raise _unusable("/profile", f"it is one of {', '.join(PROFILES)}")
    return await _answered(call, view, await _override(call, person, view, profile))


async def curtail(call: Call[CurtailOrder, NoQuery]) -> Answer:
    """Put one miner to sleep until the next change of its schedule, or wake it."""
    person, view = await _by_miner_token(call, call.body.token)
    if call.body.mode not in MODES:
        raise _unusable("/mode", f"it is one of {', '.join(MODES)}")
    if call.body.mode == "sleep":
        return await _answered(call, view, await _override(call, person, view, CURTAIL))
    own = _curtailments_of(call, view)
    if call.deeds.wanted_of(view.container.id).profile == CURTAIL or (
        not own and view.wanted.profile == CURTAIL
    ):
        return await _answered(call, view, await _override(call, person, view, "normal"))
    operation = None
    for one in own:
        operation = await call.deeds.end_override(one.id, person.actor, request_id=call.request_id)
    if operation is None:
        body = Commanded(message="it is not curtailed", outcome="unchanged", operation_id=None)
        return Answer(body=body, headers=canonical("/api/v1/overrides"))
    return await _answered(call, view, operation)


def canonical(path: str) -> dict[str, str]:
    """Return the header that leads from an alias to what it is an alias of."""
    return {"Link": f'<{path}>; rel="canonical"'}


async def _commander(call: Call[MinerLogin, NoQuery]) -> Person:
    """Return who asks, by a token or session, Basic, or name and password in the body; he may command. Raises Problem."""
    person = call.asker
    if person is None:
        username, password = _basic(call.request.headers.get(hdrs.AUTHORIZATION, "")) or (
            call.body.username,
            call.body.password,
        )
        if not username or not password:
            raise Problem(
                "sign-in-needed",
                "say who asks: Authorization: Bearer with a token that may control, Basic, or username and password in "
                "the body",
            )
        user, shown = await call.signing_in.by_password(username, password, visit_of(call))
        person = Person(user=user, password_hash=shown.password_hash)
    _check_commander(person)
    if person.token is not None and person.token.miner is not None:
        raise Problem("not-allowed", "a token for one miner gives no further ones")
    return person


def _check_commander(person: Person) -> None:
    if person.role != "administrator" or person.lacks("control"):
        raise Problem(
            "not-allowed", "commanding is for administrators, and for tokens of theirs with the scope control"
        )


async def _by_miner_token(call: Call[Any, NoQuery], text: str) -> tuple[Person, MinerView]:
    """Return whose token it is and for which miner. Raises Problem: malformed (400) for a bad or lapsed one."""
    try:
        person = await call.signing_in.by_token(text, visit_of(call))
    except Problem as problem:
        if problem.status != 401:
            raise
        raise _unusable("/token", "this token is unknown or has lapsed: /api/login gives a new one") from None
    miner = person.token.miner if person.token is not None else None
    if miner is None:
        raise _unusable("/token", "this token is not for one miner: /api/login gives such a one")
    _check_commander(person)
    view = call.deeds.view(miner)
    if view is None or not person.may_see(view.container):
        raise _unusable("/token", "the miner of this token is not there any more")
    return person, view


def _miner_at(call: Call[MinerLogin, NoQuery], person: Person, address: str) -> MinerView:
    found = [
        view
        for view in call.deeds.views()
        if view.miner.address == address and person.may_see(view.container)
    ]
    if not found:
        raise _unusable("/miner_ip", "there is no miner of this address")
    names = ", ".join(view.id for view in found[:5])
    if len(found) > 1:
        raise _unusable("/miner_ip", f"several miners have this address: {names}; use /api/v1/overrides")
    return found[0]


def _curtailments_of(call: Call[Any, Any], view: MinerView) -> list[Override]:
    """Return the curtailments in force that are this miner's alone."""
    return [
        one
        for one in call.deeds.overrides()
        if one.miners == (view.id,)
        and not one.containers
        and one.profile == CURTAIL
        and one.starts_at <= call.now
    ]


async def _override(call: Call[Any, Any], person: Person, view: MinerView, profile: str) -> Operation:
    changes = ends_by_container((view.container,), call.deeds.inventory.schedules, call.now)
    wish = OverrideWish(
        choice=Choice(miners=(view.id,)),
        profile=profile,
        ends="next_change" if changes else "manual",
        reason=f"asked for at {call.request.path}",
    )
    _, operation = await call.deeds.override(
        wish, person.actor, request_id=call.request_id, address=call.address
    )
    return operation


async def _answered(call: Call[Any, Any], view: MinerView, operation: Operation) -> Answer:
    """Wait for what comes of it, and say so: 200 read back, 202 not yet. Raises Problem: miner-failed, in-doubt."""
    await call.deeds.wait(operation.id, WITHIN_S)
    result = await _result(call, operation.id, view.id)
    state, detail = ("waiting", "") if result is None else (result.state, result.detail)
    more = {"outcome": state, "operation_id": operation.id}
    if state in ("refused", "auth_failed", "unsupported", "unreachable"):
        raise Problem("miner-failed", detail or f"the miner did not do it: {state}", more=more)
    if state in ("skipped", "cancelled"):
        raise Problem("in-doubt", detail or f"nothing was sent: {state}", more=more)
    done = state in ("applied", "unchanged")
    words = detail or ("done, and read back" if done else "accepted, and not read back yet")
    return Answer(
        body=Commanded(message=words, outcome=state, operation_id=operation.id),
        status=200 if done else 202,
        headers={**canonical("/api/v1/overrides"), "Location": f"/api/v1/operations/{operation.id}"},
    )


async def _result(call: Call[Any, Any], operation_id: str, miner_id: str) -> Result | None:
    results: Sequence[Result] | None = call.deeds.results(operation_id)
    if results is None:
        results = await call.storage.operations.all_results(operation_id)
    return next((result for result in results if result.miner == miner_id), None)


def _basic(header: str) -> tuple[str, str] | None:
    """Return name and password of a Basic header, None for any other."""
    scheme, _, given = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (username, password) if colon else None


def _unusable(at: str, detail: str) -> Problem:
    return Problem("malformed", detail, [Mistake(at, "invalid", detail)])


def _is_browser(call: Call[Any, Any]) -> bool:
    """Return whether a page is wanted before data."""
    accepted = call.request.headers.get(hdrs.ACCEPT, "")
    return any(part.split(";")[0].strip().lower() == "text/html" for part in accepted.split(","))


def alias_route(method: Method, path: str, handler: Handler, summary: str, **more: Any) -> Route:
    """Return a route of an older tool's path."""
    return Route(method=method, path=path, handler=handler, summary=summary, tags=TAGS, **more)


_COMMANDS: tuple[Kind, ...] = (
    "malformed",
    "not-allowed",
    "control-is-observed",
    "in-doubt",
    "over-limit",
    "busy",
    "miner-failed",
    "too-many",
)
_WHO: Final = "Who asks is said by Authorization (Bearer with the scope control, or Basic), or by username and password."
_HERE: Final = {303: "A browser is sent to the page"}

ROUTES: tuple[Route, ...] = (
    alias_route(
        "GET",
        "/state",
        get_state,
        "Every miner in a few words",
        roles=EVERYBODY,
        scopes=("read",),
        reply=list[MinerState],
        also=_HERE,
    ),
    alias_route(
        "GET",
        "/logs",
        get_logs,
        "The newest 200 lines of the record",
        roles=EVERYBODY,
        scopes=("read",),
        query=LogsQuery,
        reply=list[LogLine],
        also=_HERE,
    ),
    alias_route(
        "POST",
        "/api/login",
        log_in,
        "A token for one miner, for 15 minutes",
        description=_WHO,
        roles=ANYBODY,
        scopes=(),
        body=MinerLogin,
        reply=MinerToken,
        problems=("sign-in-needed", "not-allowed", "too-many"),
        body_example={"miner_ip": "10.1.7.16"},
    ),
    alias_route(
        "POST",
        "/api/logout",
        log_out,
        "End one's tokens for one miner",
        description=_WHO,
        roles=ANYBODY,
        scopes=(),
        body=MinerLogin,
        reply=Message,
        problems=("sign-in-needed", "not-allowed", "too-many"),
        body_example={"miner_ip": "10.1.7.16"},
    ),
    alias_route(
        "POST",
        "/api/profileset",
        set_profile,
        "Put one miner into a profile",
        description="Until the next change of its schedule. Waits 20 s at most for the read-back.",
        roles=ANYBODY,
        scopes=(),
        body=ProfileOrder,
        reply=Commanded,
        also={202: "Begun, and not read back yet"},
        problems=_COMMANDS,
        body_example={"token": "hy_…", "profile": "underclock"},
    ),
    alias_route(
        "POST",
        "/api/curtail",
        curtail,
        "Put one miner to sleep, or wake it",
        description="Sleep until the next change of its schedule; `active` ends that, or is `normal` where the schedule says "
        "curtail. Waits 20 s at most for the read-back.",
        roles=ANYBODY,
        scopes=(),
        body=CurtailOrder,
        reply=Commanded,
        also={202: "Begun, and not read back yet"},
        problems=_COMMANDS,
        body_example={"token": "hy_…", "mode": "sleep"},
    ),
)
