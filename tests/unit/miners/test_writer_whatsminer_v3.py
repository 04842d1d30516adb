"""What the Whatsminer v3 writer sends, keeps and makes of the answers, those of strangers included."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.actions import (
    Action,
    Locate,
    Reboot,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    SetPreset,
    Sleep,
    Wake,
)
from miners.errors import HashyardError, Malformed, NoAnswer, PollError
from miners.model import Credentials
from miners.writers.whatsminer_v3 import SALT_S, send
from miners.writing import CommandRefused, NoPermission, NotSupported, ReadOnly, Session, WriteError
from tests.unit.miners.commanded import NOW, PASSWORD, Answer, CommandedMiner, always


def said(code: Any, words: Any = "ok") -> dict[str, Any]:
    return {"code": code, "when": int(NOW), "msg": words, "desc": "whatsminer"}


class Whatsminer:
    """A miner's own side of the protocol, written for the tests. `taken`: the commands with a token that is right."""

    def __init__(self, password: str = PASSWORD, account: str = "super") -> None:
        self.password = password
        self.account = account
        self.salt = "QbVy1Ou3"
        self.salts_given = 0
        self.system: dict[str, Any] = {"apiswitch": "1"}
        self.taken: list[tuple[str, Any]] = []
        self.react: Callable[[str, Any], Answer] = lambda _command, _parameter: said(0)

    def __call__(self, request: dict[str, Any]) -> Answer:
        command, parameter = request["cmd"], request.get("param")
        if command == "get.device.info":
            self.salts_given += parameter == "salt"
            return said(0, {"salt": self.salt} if parameter == "salt" else {"system": self.system})
        seed = f"{command}{self.password}{self.salt}{request['ts']}"
        token = b64encode(hashlib.sha256(seed.encode()).digest())[:8].decode()
        if (request["token"], request["account"]) != (token, self.account):
            return said(-4, "no permission")
        self.taken.append((command, parameter))
        return self.react(command, parameter)


@pytest.mark.parametrize(
    ("action", "command", "parameter"),
    [
        (Sleep(), "set.miner.service", "stop"),
        (Wake(), "set.miner.service", "start"),
        (SetPowerPercent(80), "set.miner.power_percent", {"percent": "80", "mode": "normal"}),
        (SetPowerLimit(3000), "set.miner.power_limit", 3000),
        (SetMode("low"), "set.miner.power_mode", "low"),
        (SetMode("high"), "set.miner.power_mode", "high"),
        (Reboot(), "set.system.reboot", None),
        (Locate(), "set.system.led", [{"color": "red", "period": 1000, "duration": 500, "start": 0}]),
        (Locate(on=False), "set.system.led", "auto"),
    ],
)
async def test_each_action_is_one_command(action: Action, command: str, parameter: Any) -> None:
    whatsminer = Whatsminer()
    async with CommandedMiner(whatsminer, v3=True) as miner:
        assert await send(miner.hand(), Session(), action) == "ok"
    assert whatsminer.taken == [(command, parameter)]


@pytest.mark.parametrize(
    ("action", "unknown", "code", "expected"),
    [
        (SetMode("low"), "set.miner.power_mode", -2, ("set.miner.mode", "low")),
        (SetPowerPercent(75), "75", -3, ("set.miner.power_percent", {"percent": 75, "mode": "normal"})),
    ],
)
async def test_the_other_form_is_tried_where_one_is_not_understood(
    action: Action, unknown: str, code: int, expected: tuple[str, Any]
) -> None:
    whatsminer = Whatsminer()
    whatsminer.react = lambda command, parameter: said(
        code if unknown in (command, parameter.get("percent") if isinstance(parameter, dict) else "") else 0
    )
    async with CommandedMiner(whatsminer, v3=True) as miner:
        assert await send(miner.hand(), Session(), action) == "ok"
    assert len(whatsminer.taken) == 2
    assert whatsminer.taken[-1] == expected


async def test_the_salt_is_kept_and_asked_for_again_once_a_day() -> None:
    whatsminer, session = Whatsminer(), Session()
    async with CommandedMiner(whatsminer, v3=True) as miner:
        for after, given in ((0.0, 1), (60.0, 1), (SALT_S - 1, 1), (SALT_S + 1, 2)):
            await send(miner.hand(now=NOW + after), session, Sleep())
            assert whatsminer.salts_given == given


async def test_a_salt_that_changed_is_learnt_once_more_and_the_command_repeated() -> None:
    whatsminer, session = Whatsminer(), Session()
    async with CommandedMiner(whatsminer, v3=True) as miner:
        await send(miner.hand(), session, Sleep())
        whatsminer.salt = "another1"
        assert await send(miner.hand(), session, Wake()) == "ok"
    assert whatsminer.taken == [("set.miner.service", "stop"), ("set.miner.service", "start")]


async def test_a_wrong_password_is_not_tried_twice_with_the_same_salt() -> None:
    whatsminer, session = Whatsminer(), Session()
    async with CommandedMiner(whatsminer, v3=True) as miner:
        await send(miner.hand(), session, Sleep())
        whatsminer.password = "changed"
        hand = miner.hand()
        with pytest.raises(NoPermission, match="the password is wrong") as raised:
            await send(hand, session, Sleep())
    commands = [request["cmd"] for request in miner.requests if request["cmd"].startswith("set.")]
    assert len(commands) == 2
    assert not hand.left
    assert not session.valid(NOW)
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize("switch", ["0", 0, False, "false"])
async def test_an_api_that_is_read_only_says_so(switch: Any) -> None:
    whatsminer = Whatsminer("another")
    whatsminer.system = {"apiswitch": switch}
    async with CommandedMiner(whatsminer, v3=True) as miner:
        with pytest.raises(ReadOnly, match="switch the API on in WhatsMinerTool"):
            await send(miner.hand(), Session(), Sleep())


async def test_an_account_that_may_not_is_told_from_a_wrong_password() -> None:
    whatsminer = Whatsminer(account="user1")
    whatsminer.react = lambda _command, _parameter: said(-4, "account not allowed")
    async with CommandedMiner(whatsminer, v3=True) as miner:
        with pytest.raises(NoPermission, match="the account user1 may not do that"):
            await send(miner.hand(credentials=Credentials("user1", PASSWORD)), Session(), Sleep())


@pytest.mark.parametrize(
    ("when", "words"), [(NOW - 3600, "-3600 s off ours"), (NOW - 30, "the password is wrong, or")]
)
async def test_a_clock_that_is_off_is_told_from_a_wrong_password(when: float, words: str) -> None:
    whatsminer = Whatsminer()
    whatsminer.react = lambda _command, _parameter: said(-4, "no permission") | {"when": int(when)}
    async with CommandedMiner(whatsminer, v3=True) as miner:
        with pytest.raises(NoPermission, match=words):
            await send(miner.hand(), Session(), Sleep())


@pytest.mark.parametrize("user", ["root", "admin", "super", ""])
async def test_a_user_that_is_no_account_of_this_api_means_super(user: str) -> None:
    whatsminer = Whatsminer()
    async with CommandedMiner(whatsminer, v3=True) as miner:
        await send(miner.hand(credentials=Credentials(user, PASSWORD)), Session(), Sleep())
    assert len(whatsminer.taken) == 1


async def test_without_a_password_nothing_is_sent() -> None:
    async with CommandedMiner(Whatsminer(), v3=True) as miner:
        hand = miner.hand()
        hand.target = msgspec.structs.replace(hand.target, credentials=None)
        with pytest.raises(NoPermission, match="no password is configured"):
            await send(hand, Session(), Sleep())
        with pytest.raises(NoPermission, match="it is no text"):
            await send(miner.hand(credentials=Credentials("super", "\udcff")), Session(), Sleep())
    assert not miner.requests


@pytest.mark.parametrize(
    ("action", "answer", "kind", "words"),
    [
        (SetPowerLimit(3000), said(-1, "failed"), CommandRefused, "failed"),
        (SetPowerLimit(3000), said(-3, "invalid param"), CommandRefused, "invalid param"),
        (Sleep(), said(-2, "invalid command"), NotSupported, "does not know it"),
        (SetMode("low"), said(-2, "invalid command"), NotSupported, "answers set.miner.mode"),
        (Sleep(), said(99, "odd"), CommandRefused, "code 99"),
        (Sleep(), {"msg": "odd"}, Malformed, "without a code"),
    ],
)
async def test_each_reason_to_refuse_is_told_apart(
    action: Action, answer: Answer, kind: type[HashyardError], words: str
) -> None:
    whatsminer = Whatsminer()
    whatsminer.react = lambda _command, _parameter: answer
    async with CommandedMiner(whatsminer, v3=True) as miner:
        with pytest.raises(kind, match=words) as raised:
            await send(miner.hand(), Session(), action)
    assert type(raised.value) is kind


@pytest.mark.parametrize("token", ["a gateway's", 7])
async def test_what_another_writer_left_in_the_session_is_not_used(token: Any) -> None:
    whatsminer, session = Whatsminer(), Session(token, NOW + 3600)
    async with CommandedMiner(whatsminer, v3=True) as miner:
        await send(miner.hand(), session, Sleep())
    assert len(whatsminer.taken) == 1


async def test_an_action_that_the_make_does_not_know_is_not_sent() -> None:
    async with CommandedMiner(Whatsminer(), v3=True) as miner:
        with pytest.raises(NotSupported, match="set_preset"):
            await send(miner.hand(), Session(), SetPreset("fast"))
    assert not miner.requests


async def test_a_miner_that_is_gone_before_it_answers_to_a_reboot_will_show_it() -> None:
    class Gone(CommandedMiner):
        async def _serve(self, reader: Any, writer: Any) -> None:
            request = await self._read_frame(reader)
            if request["cmd"].startswith("set."):
                writer.close()
                return
            raw = json.dumps(whatsminer(request)).encode()
            writer.write(len(raw).to_bytes(4, "little") + raw)
            await writer.drain()
            writer.close()

    whatsminer = Whatsminer()
    async with Gone(whatsminer, v3=True) as miner:
        assert await send(miner.hand(), Session(), Reboot()) == ""
        hand = miner.hand()
        with pytest.raises(NoAnswer):
            await send(hand, Session(), Sleep())
        assert hand.left


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage",
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"code":"x"}',
        b'{"code":true,"msg":{"salt":"x"}}',
        b'{"code":0,"msg":{"salt":7}}',
        b'{"code":0,"msg":{"salt":""}}',
        b'{"code":0,"msg":{"salt":"' + b"x" * 65 + b'"}}',
        b'{"code":0,"msg":[1]}',
        b'{"code":-4,"msg":"no permission"}',
        b'{"code":1e400,"msg":"huge"}',
        b"x" * 9_000_000,
    ],
    ids=lambda answer: answer[:24].decode(),
)
async def test_strange_answers_to_the_first_question_end_in_one_line(answer: bytes) -> None:
    async with CommandedMiner(always(answer), v3=True) as miner:
        with pytest.raises((WriteError, PollError)) as raised:
            await send(miner.hand(), Session(), Sleep())
    assert str(raised.value).isprintable()
    assert PASSWORD not in str(raised.value)


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=60)
@given(code=STRANGE | st.sampled_from([0, -1, -2, -3, -4]), message=STRANGE, system=STRANGE)
async def test_answers_of_any_types_end_in_words_or_errors_of_ours(
    code: Any, message: Any, system: Any
) -> None:
    whatsminer = Whatsminer()
    answer = json.dumps(said(code, message)).encode()
    whatsminer.react = lambda _command, _parameter: answer
    whatsminer.system = system
    for decide in (whatsminer, always(answer)):
        async with CommandedMiner(decide, v3=True) as miner:
            try:
                ended = await send(miner.hand(), Session(), Sleep())
            except HashyardError as error:
                ended = str(error)
        assert ended.isprintable()
