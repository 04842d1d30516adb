"""The Hand on real sockets: what it sends, what it never sends, and whether a command has left."""

import asyncio
import logging
from typing import Any

import pytest

from miners.ask import TcpLink
from miners.errors import Malformed, NoAnswer, Refused, TimedOut, Unsupported
from miners.hand import TcpHand
from miners.link import Object
from miners.model import Target
from miners.transport.web import WebPort
from miners.writing import CommandRefused, NoPermission, NotSupported
from tests.replay.hostile import hostile_server, say
from tests.replay.server import ReplayServer
from tests.unit.miners.written_web import GIVEN, SECRET, WrittenWeb

PAGE = "/cgi-bin/set_miner_conf.cgi"
DONE: Object = {"code": "M000"}


def _hand(target: Target) -> TcpHand:
    return TcpHand(target, now=1_700_000_000.0)


def _tcp(port: int, **more: Any) -> Target:
    return Target(
        container="c", miner="m", address="127.0.0.1", port=port, v3_port=port, web_port=port,
        connect_timeout_s=1.0, timeout_s=0.5, **more,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", ["digest", "basic", "none"])
async def test_post_sends_json_with_the_given_password(scheme: Any) -> None:
    async with WrittenWeb({"set_miner_conf": DONE}, scheme=scheme) as server:
        hand = _hand(server.target())
        assert not hand.left
        assert await hand.post(PAGE, {"b": [1, None], "a": "ü"}) == DONE
        assert hand.left
        assert server.sent[-1] == ("POST", PAGE, '{"b":[1,null],"a":"ü"}', "application/json")
        assert len(server.sent) == 1


async def test_reading_and_writing_share_one_challenge() -> None:
    async with WrittenWeb({"get_miner_conf": {"pools": []}, "set_miner_conf": DONE}) as server:
        hand = _hand(server.target())
        assert await hand.web("/cgi-bin/get_miner_conf.cgi") == {"pools": []}
        assert not hand.left
        await hand.post(PAGE, {})
        assert server.refused == 1


async def test_press_is_a_get_that_counts_as_a_command() -> None:
    replies: Any = {"reboot": b"<html>rebooting", "blink": b'{"code":"B0', "set": b"[1]"}
    async with WrittenWeb(replies) as server:
        for path in ("/cgi-bin/reboot.cgi", "/cgi-bin/set.cgi"):
            hand = _hand(server.target())
            assert await hand.press(path) == {}
            assert hand.left
            assert server.sent[-1][:2] == ("GET", path)


async def test_without_credentials_nothing_is_sent_not_even_a_question() -> None:
    async with WrittenWeb({"set_miner_conf": DONE}, password="root") as server:
        hand = _hand(server.target(credentials=None))
        for asked in (hand.post(PAGE, {}), hand.press("/cgi-bin/reboot.cgi"), hand.web(PAGE)):
            with pytest.raises(NoPermission, match=r"no password is configured.*give it credentials"):
                await asked
        assert (server.sent, server.refused, hand.left) == ([], 0, False)


@pytest.mark.parametrize(
    ("status", "error", "left"),
    [
        (404, NotSupported, False),
        (405, NotSupported, False),
        (403, NoPermission, False),
        (400, CommandRefused, True),
        (500, CommandRefused, True),
        (302, CommandRefused, True),
    ],
)
async def test_a_status_that_is_no_consent(status: int, error: type[Exception], left: bool) -> None:
    async with WrittenWeb({"set_miner_conf": DONE}) as server:
        server.statuses[PAGE] = status
        hand = _hand(server.target())
        with pytest.raises(error):
            await hand.post(PAGE, {})
        assert hand.left is left


async def test_a_wrong_password_is_told_and_neither_logged_nor_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with WrittenWeb({"set_miner_conf": DONE}, password="another") as server:
        hand = _hand(server.target())
        with pytest.raises(NoPermission) as caught:
            await hand.post(PAGE, {"pools": [{"pass": SECRET}]})
        assert (server.sent, hand.left) == ([], False)
    assert SECRET not in f"{caught.value!r}{caplog.text}{hand.target!r}"


async def test_a_command_without_an_answer_has_left_and_one_without_a_connection_has_not() -> None:
    async with hostile_server(say(b"", then_hang=True)) as port:
        for ask in ("tell", "tell_frame", "post"):
            hand = _hand(_tcp(port, credentials=GIVEN))
            with pytest.raises(TimedOut):
                await _ask(hand, ask)
            assert hand.left, ask
    for ask in ("tell", "tell_frame", "post"):
        hand = _hand(_tcp(port, credentials=GIVEN))
        with pytest.raises(Refused):
            await _ask(hand, ask)
        assert not hand.left, ask


async def test_a_question_that_has_no_answer_is_no_command() -> None:
    async with hostile_server(say(b"", then_hang=True)) as port:
        hand = _hand(_tcp(port))
        with pytest.raises(TimedOut):
            await hand.ask("summary")
        assert not hand.left


async def test_an_answer_that_is_none_comes_after_the_command() -> None:
    for said in (b"", b"no json at all", b"[1,2]"):
        async with hostile_server(say(said)) as port:
            hand = _hand(_tcp(port))
            with pytest.raises(Malformed) as caught:
                await hand.tell({"command": "ascset", "parameter": "0,softoff,1:5"})
            assert hand.left
            assert isinstance(caught.value, NoAnswer) is (said == b"")


async def test_tell_sends_any_object_and_each_question_has_its_own_time() -> None:
    async with ReplayServer({"ascset": {"STATUS": "S"}}, delay_s=0.3) as server:
        hand = _hand(_tcp(server.port))
        for _ in range(3):
            assert await hand.tell({"command": "ascset", "parameter": "0,x"}) == {"STATUS": "S"}
        assert server.asked == ["ascset:0,x"] * 3
    async with ReplayServer({"set.led": {"code": 0}}, v3=True) as server:
        assert await _hand(_tcp(server.port)).tell_frame({"cmd": "set.led", "token": "t"}) == {"code": 0}


async def test_a_port_that_is_not_given_and_a_request_too_long_are_not_sent() -> None:
    nowhere = Target(container="c", miner="m", address="127.0.0.1", port=None, web_port=None, v3_port=None)
    hand = _hand(nowhere)
    for ask in ("tell", "tell_frame", "post"):
        with pytest.raises(Unsupported):
            await _ask(hand, ask)
    async with ReplayServer({}) as server:
        hand = _hand(_tcp(server.port))
        with pytest.raises(Unsupported, match="longer than the 4095"):
            await hand.tell({"command": "x" * 5000})
        assert (server.connections, hand.left) == (0, False)


def test_what_reads_has_no_way_to_write() -> None:
    for kind in (TcpLink, WebPort):
        public = {name for name in dir(kind) if not name.startswith("_")}
        assert not public & {"post", "put", "tell", "tell_frame", "press", "write"}


async def test_cancelling_a_command_is_not_swallowed() -> None:
    async with hostile_server(say(b"", then_hang=True)) as port:
        task = asyncio.create_task(_hand(_tcp(port)).tell({"command": "x"}))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def _ask(hand: TcpHand, how: str) -> Object:
    if how == "tell":
        return await hand.tell({"command": "x"})
    if how == "tell_frame":
        return await hand.tell_frame({"cmd": "x"})
    return await hand.post(PAGE, {"x": 1})
