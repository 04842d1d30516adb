import asyncio
import logging

import pytest

from miners.errors import AuthFailed, Malformed, PollError, Refused, TimedOut, Unreachable, Unsupported
from miners.model import Credentials
from miners.transport.web import WebClient, WebPort, shared_client
from tests.replay.hostile import HOSTILE, hostile_server, say
from tests.replay.server import WebReplayServer

PAGE = "/cgi-bin/get_system_info.cgi"
REPLIES = {"get_system_info": {"minertype": "Antminer S19"}, "stats": b'{"a":nan}'}
BODY = b'{"minertype": "Antminer S19"}'


def _port(port: int, credentials: Credentials | None = None, address: str = "127.0.0.1") -> WebPort:
    return WebPort(shared_client(), address, port, credentials)


async def _get(web: WebPort, path: str = PAGE, time_s: float = 5.0) -> tuple[bytes, bool]:
    return await web.get(path, connect_timeout_s=3.0, deadline=asyncio.get_running_loop().time() + time_s)


@pytest.mark.parametrize("scheme", ["digest", "basic", "none"])
async def test_the_makers_default_opens_what_has_it(scheme: str) -> None:
    async with WebReplayServer(REPLIES, scheme=scheme) as server:  # type: ignore[arg-type]
        web = _port(server.port)
        assert await _get(web) == (BODY, False)
        assert await _get(web, "/cgi-bin/stats.cgi?new=1") == (b'{"a":nan}', False)
        # What it wants is learnt at the first page.
        assert server.refused == (0 if scheme == "none" else 1)


@pytest.mark.parametrize("scheme", ["digest", "basic"])
async def test_given_credentials_are_used_and_only_those(scheme: str) -> None:
    async with WebReplayServer(REPLIES, scheme=scheme, user="farm", password="s3cret-ü") as server:  # type: ignore[arg-type]
        assert await _get(_port(server.port, Credentials("farm", "s3cret-ü"))) == (BODY, False)
        with pytest.raises(
            AuthFailed, match="refuses the user or password given: correct the miner's credentials"
        ):
            await _get(_port(server.port, Credentials("farm", "wrong")))
        with pytest.raises(AuthFailed, match="wants a password, and the maker's default is not it"):
            await _get(_port(server.port))


async def test_a_refused_password_is_not_tried_again() -> None:
    async with WebReplayServer(REPLIES, password="other") as server:
        web = _port(server.port)
        for _ in range(3):
            with pytest.raises(AuthFailed):
                await _get(web)
        assert server.refused == 2


async def test_passwords_are_neither_logged_nor_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = Credentials("farm", "very-secret-word")
    messages = []
    async with WebReplayServer(REPLIES) as server:
        for credentials in (secret, Credentials("fa:rm", "very-secret-word")):
            with pytest.raises(AuthFailed) as caught:
                await _get(_port(server.port, credentials))
            messages.append(f"{caught.value!r} {caught.value.__cause__!r}")
    assert "very-secret-word" not in caplog.text + "".join(messages)


async def test_what_is_not_there_is_unsupported() -> None:
    async with WebReplayServer(REPLIES) as server:
        with pytest.raises(Unsupported, match=f"127.0.0.1:{server.port} has no page /cgi-bin/nothing.cgi"):
            await _get(_port(server.port), "/cgi-bin/nothing.cgi")
    with pytest.raises(Refused, match=f"^127.0.0.1:{server.port} refuses the connection"):
        await _get(_port(server.port))


async def test_redirects_are_not_followed() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/evil\r\nContent-Length: 0\r\n\r\n"
    async with hostile_server(say(head)) as port:
        with pytest.raises(Unsupported, match="redirects"):
            await _get(_port(port))


@pytest.mark.parametrize("name", HOSTILE)
async def test_the_hostile_end_in_a_poll_error(name: str) -> None:
    async with hostile_server(HOSTILE[name]) as port:
        with pytest.raises(PollError) as caught:
            await _get(_port(port), time_s=0.5)
        assert str(caught.value).isprintable()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        (
            (OK + b"Transfer-Encoding: chunked\r\n\r\n", *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 40),
            Malformed,
        ),
        ((OK + b"\r\n", *[b"x" * 65536] * 40), Malformed),
        ((OK + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",), Malformed),
        ((b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",), Malformed),
        ((b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",), AuthFailed),
        ((b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=1\r\nContent-Length: 0\r\n\r\n",), PollError),
        (
            (b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest qop=x, nonce=\r\nContent-Length: 0\r\n\r\n",),
            PollError,
        ),
        ((OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n",), Malformed),
    ],
)
async def test_answers_that_are_no_page(parts: tuple[bytes, ...], kind: type[PollError]) -> None:
    async with hostile_server(say(*parts)) as port:
        with pytest.raises(kind):
            await _get(_port(port))


async def test_a_page_that_breaks_off_gives_what_came() -> None:
    page = OK + b'Content-Length: 100\r\n\r\n{"a":1,"b'
    async with hostile_server(say(page)) as port:
        assert await _get(_port(port)) == (b'{"a":1,"b', True)
    async with hostile_server(say(page, then_hang=True)) as port:
        assert await _get(_port(port), time_s=0.3) == (b'{"a":1,"b', True)


async def test_no_time_left_is_said() -> None:
    with pytest.raises(TimedOut, match="no time was left"):
        await _get(_port(1), time_s=-1.0)


@pytest.mark.parametrize("address", ["no-such-miner.invalid", "x" * 300, "a b", ""])
async def test_an_address_that_cannot_be_reached_is_a_poll_error(address: str) -> None:
    with pytest.raises((Unreachable, TimedOut)):
        await _get(_port(80, address=address), time_s=3.0)


async def test_one_client_serves_the_whole_process() -> None:
    assert shared_client() is shared_client()
    assert isinstance(shared_client(), WebClient)


async def test_a_challenge_that_makes_no_sense_keeps_no_connection() -> None:
    """More of them than the connections to one miner, each with a body that never ends, while nothing is collected."""
    challenge = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest qop="auth"\r\nContent-Length: 99\r\n\r\nx'
    kept: list[BaseException] = []
    async with hostile_server(say(challenge, then_hang=True)) as port:
        for _ in range(4):
            with pytest.raises(Malformed, match="does not speak proper HTTP") as caught:
                await _get(_port(port))
            kept.append(caught.value)  # and with it, all that its traceback refers to
