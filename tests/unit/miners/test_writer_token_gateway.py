"""What the token gateway's writer sends, when it counts as sent, and what it makes of the answers, those of strangers included."""

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.actions import Action, Locate, SetPreset, Sleep, Wake
from miners.errors import AuthFailed, HashyardError, Malformed, PollError, Refused, TimedOut, Unreachable
from miners.hand import TcpHand
from miners.model import Credentials, Identity, Snapshot, State, Target
from miners.transport import gateway as transport
from miners.writers.token_gateway import KEPT_S, WRITER, leave, send
from miners.writing import CommandRefused, NoPermission, NotSupported, ReadOnly, Session, WriteError

NOW = 1_790_000_000.0
MINER = "10.9.0.7"
TOKEN = "tok-planted-8831"
PASSWORD = "pw-planted-4711"
BAD_TOKEN = (400, {"error": "invalid or expired token"})


class Gateway:
    """A farm's service, written for the tests. `asked`: path and body; `headers`: of the last request."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.logins = 0
        self.login: Callable[[], tuple[int, Any]] = lambda: (200, {"token": f"{TOKEN}-{self.logins}"})
        self.react: Callable[[str], tuple[int, Any]] = lambda _token: (200, {"message": "ok"})
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append((request.path, body))
        self.headers = dict(request.headers)
        if request.path.endswith("/api/login"):
            self.logins += 1
            status, answer = self.login()
        elif request.path.endswith("/api/logout"):
            status, answer = 200, {"message": "logged out"}
        else:
            status, answer = self.react(body["token"])
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return web.Response(status=status or 200, body=raw)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def hand(self, *, now: float = NOW, credentials: Credentials | None = None, **more: Any) -> TcpHand:
        given = {"gateway": self.url, "gateway_credentials": credentials, **more}
        target = Target(
            container="c", miner="m", address=MINER, port=None, web_port=None, v3_port=None,
            connect_timeout_s=1.0, timeout_s=1.0, **given,
        )  # fmt: skip
        return TcpHand(target, now=now)


@asynccontextmanager
async def running() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    runner = web.ServerRunner(web.Server(gateway.handle, access_log=None), shutdown_timeout=0.1)  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    gateway.url = f"http://{host}:{port}"
    try:
        yield gateway
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("action", "path", "body"),
    [
        (Sleep(), "/api/curtail", {"mode": "sleep"}),
        (Wake(), "/api/curtail", {"mode": "active"}),
        (SetPreset("underclock"), "/api/profileset", {"profile": "underclock"}),
        (SetPreset("normal"), "/api/profileset", {"profile": "normal"}),
        (SetPreset("overclock"), "/api/profileset", {"profile": "overclock"}),
    ],
)
async def test_each_action_is_a_login_and_one_call(action: Action, path: str, body: dict[str, str]) -> None:
    async with running() as gateway:
        hand = gateway.hand()
        assert await send(hand, Session(), action) == "ok"
        assert gateway.asked == [
            ("/api/login", {"miner_ip": MINER}),
            (path, {"token": f"{TOKEN}-1", **body}),
        ]
        assert hand.left


@pytest.mark.parametrize("action", [SetPreset("turbo"), Locate()])
async def test_what_it_does_not_know_is_not_asked(action: Action) -> None:
    async with running() as gateway:
        with pytest.raises(NotSupported, match=r"a token gateway (knows the profiles|does not know locate)"):
            await send(gateway.hand(), Session(), action)
        assert gateway.asked == []


async def test_a_token_is_kept_and_given_back() -> None:
    async with running() as gateway:
        session = Session()
        await send(gateway.hand(), session, Sleep())
        await send(gateway.hand(now=NOW + KEPT_S - 1), session, Wake())
        assert gateway.logins == 1
        await send(gateway.hand(now=NOW + 3 * KEPT_S), session, Wake())
        assert gateway.logins == 2
        await leave(gateway.hand(), session)
        await leave(gateway.hand(), session)
        assert gateway.paths.count("/api/logout") == 1
        assert session.token is None


async def test_another_writers_token_is_not_shown_to_the_gateway() -> None:
    async with running() as gateway:
        await send(gateway.hand(), Session(token=("salt", "of a miner"), until=NOW + 100), Sleep())
        assert gateway.logins == 1


@pytest.mark.parametrize("answer", [BAD_TOKEN, (400, {"error": "please log in"}), (400, {})])
async def test_a_kept_token_that_lapsed_is_renewed_once(answer: tuple[int, Any]) -> None:
    async with running() as gateway:
        session = Session()
        await send(gateway.hand(), session, Sleep())
        gateway.react = lambda token: answer if token.endswith("-1") else (200, {"message": "ok"})
        hand = gateway.hand()
        assert await send(hand, session, Wake()) == "ok"
        assert gateway.paths[2:] == ["/api/curtail", "/api/login", "/api/curtail"]
        assert hand.left


async def test_tokens_that_always_lapse_end_in_a_clear_failure() -> None:
    async with running() as gateway:
        gateway.react = lambda _token: BAD_TOKEN
        for session in (Session(), Session(token="kept", until=NOW + 60)):
            hand = gateway.hand()
            with pytest.raises(NoPermission, match="does not take the token that it has just given"):
                await send(hand, session, Sleep())
            assert not hand.left
            assert session.token is None
        assert gateway.paths == ["/api/login", "/api/curtail"] * 2 + [
            "/api/curtail",
            "/api/login",
            "/api/curtail",
        ]


async def test_a_refusal_is_not_taken_for_a_lapsed_token() -> None:
    async with running() as gateway:
        session = Session()
        await send(gateway.hand(), session, Sleep())
        gateway.react = lambda _token: (400, {"error": "the miner refused"})
        with pytest.raises(CommandRefused):
            await send(gateway.hand(), session, Wake())
        assert gateway.paths[2:] == ["/api/curtail"]


STATUSES: list[tuple[int, type[HashyardError], str, bool]] = [
    (401, NoPermission, 'wants to know who asks: "no": give the miner gateway_credentials', False),
    (403, NoPermission, "may not command", False),
    (404, NotSupported, "is not there", False),
    (405, NotSupported, "is not there", False),
    (409, ReadOnly, "does not command this miner", False),
    (429, CommandRefused, "is asked too often", False),
    (302, Unreachable, "points elsewhere with HTTP status 302", False),
    (400, CommandRefused, 'refuses: "no"', True),
    (422, CommandRefused, 'refuses: "no"', True),
    (502, CommandRefused, 'refuses: "no"', True),
    (500, Unreachable, "answers with HTTP status 500", True),
    (503, Unreachable, "answers with HTTP status 503", True),
]


@pytest.mark.parametrize("at", ["login", "command"])
@pytest.mark.parametrize(("status", "kind", "words", "left"), STATUSES, ids=[str(row[0]) for row in STATUSES])
async def test_each_status_is_told_apart_and_only_what_passed_the_door_has_left(
    at: str, status: int, kind: type[HashyardError], words: str, left: bool
) -> None:
    async with running() as gateway:
        if at == "login":
            gateway.login = lambda: (status, {"error": "no"})
        else:
            gateway.react = lambda _token: (status, {"error": "no"})
        hand = gateway.hand()
        with pytest.raises(kind, match=words) as raised:
            await send(hand, Session(), Sleep())
        assert type(raised.value) is kind
        assert hand.left is (left and at == "command")
        assert f"{gateway.url}/api/" in str(raised.value)


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_consent_may_be_immediate_or_later(status: int) -> None:
    async with running() as gateway:
        gateway.react = lambda _token: (status, {"message": "working on it"} if status == 202 else b"")
        hand = gateway.hand()
        assert await send(hand, Session(), Sleep()) == ("working on it" if status == 202 else "")
        assert hand.left


@pytest.mark.parametrize("at", ["login", "command"])
async def test_an_answer_that_breaks_off_may_have_been_obeyed(at: str) -> None:
    async with running() as gateway:
        if at == "login":
            gateway.login = lambda: (0, {})
        else:
            gateway.react = lambda _token: (0, {})
        hand = gateway.hand()
        with pytest.raises(Refused, match="broke off"):
            await send(hand, Session(), Sleep())
        assert hand.left is (at == "command")


async def test_an_answer_that_never_comes_may_have_been_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "WITHIN_S", 0.3)
    async with running() as gateway:
        session = Session()
        await send(gateway.hand(), session, Sleep())

        async def hang(_request: Any) -> Any:
            await asyncio.sleep(3600)

        silent = web.ServerRunner(web.Server(hang), shutdown_timeout=0.1)
        await silent.setup()
        site = web.TCPSite(silent, "127.0.0.1", 0)
        await site.start()
        gateway.url = f"http://127.0.0.1:{silent.addresses[0][1]}"
        hand = gateway.hand()
        with pytest.raises(TimedOut, match="did not answer in time: is the gateway on"):
            await send(hand, session, Wake())
        assert hand.left
        await silent.cleanup()


async def test_a_gateway_that_is_away_was_not_asked() -> None:
    async with running() as gateway:
        session = Session()
        await send(gateway.hand(), session, Sleep())
    hand = gateway.hand()
    with pytest.raises(Refused):
        await send(hand, session, Wake())
    assert not hand.left


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://no-such-host.invalid", "the name is not known"),
        ("http://[::bad", "is not a URL that can be asked"),
        (None, "has no gateway in the inventory"),
    ],
)
async def test_a_gateway_that_cannot_be_asked(url: str | None, words: str) -> None:
    hand = Gateway().hand(gateway=url)
    with pytest.raises(Unreachable, match=words):
        await send(hand, Session(), Sleep())
    assert not hand.left


async def test_one_that_speaks_no_tls_is_told() -> None:
    async with running() as gateway:
        hand = gateway.hand(gateway=gateway.url.replace("http:", "https:"))
        with pytest.raises(Unreachable, match=r"no trust between it and this host .*URL's scheme"):
            await send(hand, Session(), Sleep())
        assert not hand.left


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (Credentials("farm", PASSWORD), "Basic " + b64encode(f"farm:{PASSWORD}".encode()).decode()),
        (Credentials("", PASSWORD), f"Bearer {PASSWORD}"),
        (None, None),
    ],
)
async def test_the_gateways_own_credentials_are_sent_along(
    credentials: Credentials | None, header: str | None
) -> None:
    async with running() as gateway:
        hand = gateway.hand(credentials=credentials)
        await send(hand, Session(), Sleep())
        assert gateway.headers.get("Authorization") == header


async def test_a_user_that_http_does_not_allow_is_told() -> None:
    async with running() as gateway:
        with pytest.raises(AuthFailed, match="may not hold a colon"):
            await send(gateway.hand(credentials=Credentials("a:b", PASSWORD)), Session(), Sleep())
        assert gateway.asked == []


async def test_wrong_credentials_are_to_be_corrected() -> None:
    async with running() as gateway:
        gateway.login = lambda: (401, {"error": f"who is {PASSWORD}?"})
        with pytest.raises(NoPermission, match="correct gateway_credentials") as raised:
            await send(gateway.hand(credentials=Credentials("farm", PASSWORD)), Session(), Sleep())
        assert PASSWORD not in str(raised.value)


async def test_secrets_that_are_echoed_reach_no_words_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    async with running() as gateway:
        for status in (200, 400, 401, 500):
            gateway.react = lambda token, status=status: (  # type: ignore[misc]
                status,
                {"message": f"invalid token {token} of {PASSWORD}\n" if status != 500 else token},
            )
            session = Session()
            try:
                said.append(
                    await send(gateway.hand(credentials=Credentials("farm", PASSWORD)), session, Sleep())
                )
            except HashyardError as error:
                said.append(str(error))
            assert TOKEN not in repr(session)
    whole = "".join(said) + caplog.text
    assert len(said) == 4
    assert TOKEN not in whole
    assert PASSWORD not in whole


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"token":7}',
        b'{"token":""}',
        json.dumps({"token": "x" * 5000}).encode(),
    ],
    ids=lambda answer: answer[:12].decode(),
)
async def test_a_login_that_gives_no_token_is_told(answer: bytes) -> None:
    async with running() as gateway:
        gateway.login = lambda: (200, answer)
        hand = gateway.hand()
        with pytest.raises(Malformed, match="answers without a token: is it a token gateway"):
            await send(hand, Session(), Sleep())
        assert not hand.left


async def test_an_answer_without_end_is_cut_and_may_have_been_obeyed() -> None:
    async with running() as gateway:
        gateway.react = lambda _token: (200, b"x" * (transport.MAX_BYTES + 1))
        hand = gateway.hand()
        with pytest.raises(Malformed, match="more than 64 KiB"):
            await send(hand, Session(), Sleep())
        assert hand.left


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None)
@given(
    status=st.sampled_from([200, 202, 400, 401, 404, 409, 418, 500]),
    answer=STRANGE | st.dictionaries(st.sampled_from(["token", "error", "message", "detail"]), STRANGE),
)
async def test_answers_of_any_types_end_in_words_or_errors_of_ours(status: int, answer: Any) -> None:
    async with running() as gateway:
        gateway.react = lambda _token: (status, answer)
        for login in ((200, {"token": TOKEN}), (status, answer)):
            gateway.login = lambda login=login: login  # type: ignore[misc]
            try:
                ended = await send(gateway.hand(), Session(), Sleep())
            except (WriteError, PollError) as error:
                ended = str(error)
            assert ended.isprintable()


def _shot(state: State = "mining", **more: Any) -> Snapshot:
    return Snapshot(
        container="c", miner="m", address=MINER, taken_at=datetime(2026, 3, 1, 12, tzinfo=UTC), duration_s=0.1,
        driver="whatsminer_v2", identity=Identity(), state=state, **more,
    )  # fmt: skip


SETTLED = {"power_source": "measured", "nominal_power_w": 3000.0, "mining_s": 5000.0}


@pytest.mark.parametrize(
    ("action", "shot", "shown"),
    [
        (Sleep(), {"state": "sleeping"}, True),
        (Sleep(), {"state": "mining"}, False),
        (Wake(), {"state": "starting"}, True),
        (Wake(), {"state": "sleeping"}, False),
        (Wake(), {"state": "fault"}, None),
        (SetPreset("normal"), {"power_w": 3050.0, **SETTLED}, True),
        (SetPreset("underclock"), {"power_w": 3050.0, **SETTLED}, False),
        (SetPreset("underclock"), {"power_w": 2300.0, **SETTLED}, True),
        (SetPreset("overclock"), {"power_w": 3400.0, **SETTLED}, True),
        (SetPreset("normal"), {"state": "sleeping", "power_w": 3000.0, **SETTLED}, False),
        (SetPreset("normal"), {"power_w": 3000.0, **SETTLED, "mining_s": 60.0}, None),
        (SetPreset("normal"), {"power_w": 3000.0, **SETTLED, "power_source": "estimated"}, None),
        (SetPreset("normal"), {"power_w": 3000.0, **SETTLED, "nominal_power_w": None}, None),
        (SetPreset("turbo"), {"power_w": 3000.0, **SETTLED}, None),
    ],
)
def test_what_the_miner_itself_shows(action: Action, shot: dict[str, Any], shown: bool | None) -> None:
    assert WRITER.shows(action, _shot(**shot), None) is shown
