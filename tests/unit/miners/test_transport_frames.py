import asyncio

import pytest

from miners.errors import Malformed, PollError, TimedOut
from miners.repair import parse_reply
from miners.transport.frames import ask_frame
from tests.replay.hostile import HOSTILE, hostile_server, say
from tests.replay.server import ReplayServer

QUESTION = b'{"cmd":"get.device.info"}'


def _frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "little") + body


async def _ask(port: int, time_s: float = 5.0) -> tuple[bytes, bool]:
    deadline = asyncio.get_running_loop().time() + time_s
    return await ask_frame("127.0.0.1", port, QUESTION, connect_timeout_s=3.0, deadline=deadline)


async def test_a_frame_is_asked_and_read() -> None:
    async with ReplayServer({"get.device.info": b'{"code":0,"msg":{}}'}, v3=True) as server:
        assert await _ask(server.port) == (b'{"code":0,"msg":{}}', False)
        assert server.asked == ["get.device.info"]


@pytest.mark.parametrize(
    "parts",
    [
        (_frame(b'{"code":0}'),),
        (_frame(b'{"code":0}')[:2], _frame(b'{"code":0}')[2:7], _frame(b'{"code":0}')[7:]),
        (_frame(b'{"code":0}') + b"more that is not read",),
    ],
)
async def test_ends_with_the_frame_though_the_socket_stays_open(parts: tuple[bytes, ...]) -> None:
    async with hostile_server(say(*parts, then_hang=True)) as port:
        assert await _ask(port, 60.0) == (b'{"code":0}', False)


async def test_a_frame_that_breaks_off_gives_what_came() -> None:
    broken = _frame(b'{"code":0,"msg":{"a":1}}')[:20]
    async with hostile_server(say(broken)) as port:
        raw, cut = await _ask(port)
    assert (parse_reply(raw), cut) == (({"code": 0}, True), False)
    async with hostile_server(say(broken, then_hang=True)) as port:
        assert await _ask(port, 0.3) == (raw, True)


@pytest.mark.parametrize(
    "sent", [b'{"STATUS":"E"}', b"HTTP/1.1 400 Bad Request\r\n", b"\xff\xff\xff\x7f", b"ab"]
)
async def test_what_does_not_speak_v3_is_told_apart(sent: bytes) -> None:
    async with hostile_server(say(sent)) as port:
        with pytest.raises(Malformed, match=f"^127.0.0.1:{port} does not speak Whatsminer v3, it answers"):
            await _ask(port)


@pytest.mark.parametrize("name", HOSTILE)
async def test_the_hostile_end_in_a_poll_error(name: str) -> None:
    async with hostile_server(HOSTILE[name]) as port:
        with pytest.raises(PollError):
            parse_reply((await _ask(port, 0.5))[0])


async def test_silence_times_out() -> None:
    async with hostile_server(HOSTILE["never answers"]) as port:
        with pytest.raises(TimedOut, match="did not answer in time"):
            await _ask(port, 0.2)
