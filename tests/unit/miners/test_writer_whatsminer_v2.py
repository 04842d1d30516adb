"""What the Whatsminer v2 writer sends, keeps and makes of the answers, those of strangers included."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import md5_crypt

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
from miners.writers.whatsminer_v2 import TOKEN_S, send
from miners.writing import (
    CommandRefused,
    NoPermission,
    NotSupported,
    ReadOnly,
    Session,
    SessionTaken,
    WriteError,
)
from tests.unit.miners.commanded import NOW, PASSWORD, Answer, CommandedMiner, always

OK = {"STATUS": "S", "When": 1, "Code": 131, "Msg": "API command OK", "Description": ""}


def said(code: int, words: str, letter: str = "E") -> dict[str, Any]:
    return {"STATUS": letter, "When": 1, "Code": code, "Msg": words, "Description": ""}


class Whatsminer:
    """A miner's own side of the protocol, written for the tests. `opened`: the commands that it could decrypt."""

    def __init__(self, password: str = PASSWORD) -> None:
        self.password = password
        self.tokens_given = 0
        self.opened: list[dict[str, Any]] = []
        self.react: Callable[[dict[str, Any]], Answer] = lambda _command: self.sealed(OK)
        self._key = b""
        self._sign = ""

    def __call__(self, request: dict[str, Any]) -> Answer:
        if request.get("command", request.get("cmd")) == "get_token":
            self.tokens_given += 1
            salt, new_salt, time = f"BQ5hoXV{self.tokens_given}", "jbzkfQls", "5626"
            key = md5_crypt.using(salt=salt).hash(self.password).split("$")[3]
            self._sign = md5_crypt.using(salt=new_salt).hash(key + time).split("$")[3]
            self._key = hashlib.sha256(key.encode()).digest()
            return said(134, "", "S") | {"Msg": {"time": time, "salt": salt, "newsalt": new_salt}}
        assert request["enc"] == 1
        decryptor = Cipher(algorithms.AES(self._key), modes.ECB()).decryptor()
        plain = decryptor.update(b64decode(request["data"])) + decryptor.finalize()
        try:
            command = json.loads(plain.rstrip(b"\0"))
        except ValueError:
            return said(23, "json cmd err")
        if command.pop("token") != self._sign:
            return said(135, "check token error")
        self.opened.append(command)
        return self.react(command)

    def forget(self) -> None:
        """Restart: the tokens that were given hold no longer."""
        self._sign = "forgotten"

    def sealed(self, answer: dict[str, Any]) -> dict[str, Any]:
        plain = json.dumps(answer).encode()
        encryptor = Cipher(algorithms.AES(self._key), modes.ECB()).encryptor()
        raw = encryptor.update(plain + bytes(-len(plain) % 16)) + encryptor.finalize()
        return {"enc": b64encode(raw).decode()}


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (Sleep(), {"cmd": "power_off", "respbefore": "true"}),
        (Wake(), {"cmd": "power_on"}),
        (SetPowerPercent(80), {"cmd": "set_power_pct", "percent": "80"}),
        (SetPowerLimit(3000), {"cmd": "adjust_power_limit", "power_limit": "3000"}),
        (SetMode("low"), {"cmd": "set_low_power"}),
        (SetMode("normal"), {"cmd": "set_normal_power"}),
        (SetMode("high"), {"cmd": "set_high_power"}),
        (Reboot(), {"cmd": "reboot"}),
        (Locate(), {"cmd": "set_led", "color": "red", "period": 1000, "duration": 500, "start": 0}),
        (Locate(on=False), {"cmd": "set_led", "param": "auto"}),
    ],
)
async def test_each_action_is_one_command(action: Action, command: dict[str, Any]) -> None:
    whatsminer = Whatsminer()
    async with CommandedMiner(whatsminer) as miner:
        assert await send(miner.hand(), Session(), action) == "API command OK"
    assert whatsminer.opened == [command]


async def test_a_plain_answer_is_understood_as_well() -> None:
    whatsminer = Whatsminer()
    whatsminer.react = always(OK)
    async with CommandedMiner(whatsminer) as miner:
        assert await send(miner.hand(), Session(), Sleep()) == "API command OK"


async def test_a_token_is_kept_for_half_an_hour_less_a_little() -> None:
    whatsminer, session = Whatsminer(), Session()
    async with CommandedMiner(whatsminer) as miner:
        for after, given in ((0.0, 1), (60.0, 1), (TOKEN_S - 1, 1), (TOKEN_S + 1, 2)):
            await send(miner.hand(now=NOW + after), session, Sleep())
            assert whatsminer.tokens_given == given
    assert PASSWORD not in repr(session)
    assert f"{session} {session.token}" == "<secret> <secret>"


async def test_a_token_that_lapsed_on_the_miner_is_renewed_once() -> None:
    whatsminer, session = Whatsminer(), Session()
    async with CommandedMiner(whatsminer) as miner:
        await send(miner.hand(), session, Sleep())
        whatsminer.forget()
        assert await send(miner.hand(now=NOW + 60), session, Wake()) == "API command OK"
    assert [command["cmd"] for command in whatsminer.opened] == ["power_off", "power_on"]
    assert whatsminer.tokens_given == 2


async def test_tokens_that_lapse_at_once_end_in_a_clear_failure_after_one_more() -> None:
    whatsminer, session = Whatsminer(), Session()
    whatsminer.react = always(said(135, "check token error"))
    async with CommandedMiner(whatsminer) as miner:
        with pytest.raises(NoPermission, match="also with a new token"):
            await send(miner.hand(), session, Sleep())
        assert whatsminer.tokens_given == 1
        assert not session.valid(NOW)
        whatsminer.react = lambda _command: whatsminer.sealed(OK)
        await send(miner.hand(), session, Sleep())
        whatsminer.react = always(said(135, "check token error"))
        with pytest.raises(NoPermission, match="also with a new token"):
            await send(miner.hand(), session, Sleep())
    assert whatsminer.tokens_given == 3


async def test_a_wrong_password_is_told_and_nothing_was_obeyed() -> None:
    async with CommandedMiner(Whatsminer("another")) as miner:
        hand = miner.hand()
        with pytest.raises(NoPermission, match="cannot read what was encrypted with this password") as raised:
            await send(hand, Session(), Sleep())
    assert not hand.left
    assert PASSWORD not in str(raised.value)


async def test_without_a_password_nothing_is_sent() -> None:
    async with CommandedMiner(Whatsminer()) as miner:
        hand = miner.hand()
        hand.target = msgspec.structs.replace(hand.target, credentials=None)
        with pytest.raises(NoPermission, match="no password is configured"):
            await send(hand, Session(), Sleep())
        with pytest.raises(NoPermission, match="no password is configured"):
            await send(miner.hand(credentials=Credentials("admin", "")), Session(), Sleep())
    assert not miner.requests


async def test_a_password_that_no_miner_can_have_is_not_sent_nor_told() -> None:
    async with CommandedMiner(Whatsminer()) as miner:
        with pytest.raises(NoPermission, match="cannot have this password") as raised:
            await send(miner.hand(credentials=Credentials("admin", "planted\0x")), Session(), Sleep())
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (said(14, "invalid cmd"), ReadOnly, "dropped writing by API v2 and needs v3"),
        (said(45, "can't access write cmd"), ReadOnly, "switch the API on in WhatsMinerTool"),
        (said(45, "permission denied"), NoPermission, "maker's default password"),
        (said(136, "token over max times"), SessionTaken, "given out all its tokens"),
        (said(45, "over max connect"), SessionTaken, "given out all its tokens"),
        (said(132, "API command ERROR"), CommandRefused, "API command ERROR"),
    ],
)
async def test_each_reason_to_give_no_token_is_told_apart(
    answer: Answer, kind: type[WriteError], words: str
) -> None:
    async with CommandedMiner(always(answer)) as miner:
        hand = miner.hand()
        with pytest.raises(kind, match=words) as raised:
            await send(hand, Session(), Sleep())
    assert type(raised.value) is kind
    assert "answers get_token" in str(raised.value)
    assert not hand.left


@pytest.mark.parametrize(
    ("action", "answer", "kind", "words"),
    [
        (Sleep(), said(14, "invalid cmd"), ReadOnly, "needs v3"),
        (SetPowerPercent(80), said(14, "invalid cmd"), NotSupported, "does not know it"),
        (Locate(), said(14, "invalid cmd"), NotSupported, "does not know it"),
        (Sleep(), said(45, "can't access write cmd"), ReadOnly, "switch the API on"),
        (Sleep(), said(45, "permission denied"), NoPermission, "maker's default password"),
        (SetMode("high"), said(132, "API command ERROR"), CommandRefused, "API command ERROR"),
        (Sleep(), said(136, "token over max times"), SessionTaken, "given out all its tokens"),
        (Sleep(), said(137, "base64 decode error"), CommandRefused, "code 137"),
        (Sleep(), said(131, "odd", "E"), CommandRefused, "odd"),
        (Sleep(), said(777, "odd", "S"), CommandRefused, "code 777"),
    ],
)
@pytest.mark.parametrize("encrypted", [True, False])
async def test_each_reason_to_refuse_a_command_is_told_apart(
    action: Action, answer: dict[str, Any], kind: type[WriteError], words: str, encrypted: bool
) -> None:
    whatsminer = Whatsminer()
    whatsminer.react = lambda _command: whatsminer.sealed(answer) if encrypted else answer
    async with CommandedMiner(whatsminer) as miner:
        with pytest.raises(kind, match=words) as raised:
            await send(miner.hand(), Session(), action)
    assert type(raised.value) is kind
    assert len(whatsminer.opened) == 1


async def test_an_api_switched_off_while_a_token_is_kept_is_told_from_a_default_password() -> None:
    whatsminer, session = Whatsminer(), Session()
    off = False

    def decide(request: dict[str, Any]) -> Answer:
        return said(45, "can't access write cmd") if off and "enc" not in request else whatsminer(request)

    async with CommandedMiner(decide) as miner:
        await send(miner.hand(), session, Sleep())
        whatsminer.react = always(said(45, "permission denied"))
        with pytest.raises(NoPermission, match="maker's default password"):
            await send(miner.hand(), session, Sleep())
        whatsminer.react = lambda _command: whatsminer.sealed(OK)
        await send(miner.hand(), session, Sleep())
        off = True
        whatsminer.react = always(said(45, "permission denied"))
        hand = miner.hand()
        with pytest.raises(ReadOnly, match="switch the API on"):
            await send(hand, session, Sleep())
    assert not hand.left
    assert not session.valid(NOW)


@pytest.mark.parametrize("token", ["a gateway's", 7])
async def test_what_another_writer_left_in_the_session_is_not_used(token: Any) -> None:
    whatsminer, session = Whatsminer(), Session(token, NOW + 3600)
    async with CommandedMiner(whatsminer) as miner:
        await send(miner.hand(), session, Sleep())
    assert len(whatsminer.opened) == 1


async def test_an_action_that_the_make_does_not_know_is_not_sent() -> None:
    async with CommandedMiner(Whatsminer()) as miner:
        with pytest.raises(NotSupported, match="set_preset"):
            await send(miner.hand(), Session(), SetPreset("fast"))
    assert not miner.requests


async def test_a_miner_that_is_gone_before_it_answers_to_a_reboot_has_obeyed_or_will_not_show_it() -> None:
    whatsminer = Whatsminer()
    whatsminer.react = always(b"")
    async with CommandedMiner(whatsminer) as miner:
        assert await send(miner.hand(), Session(), Reboot()) == ""
        hand = miner.hand()
        with pytest.raises(NoAnswer):
            await send(hand, Session(), Sleep())
        assert hand.left


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage",
        b'{"STATUS":"S"',
        b"{}",
        b"[]",
        b"null",
        b'{"enc":"not base64!"}',
        b'{"enc":"QUJD"}',
        b'{"enc":1}',
        b'{"enc":["x"]}',
        b'{"enc":"' + b64encode(bytes(64)) + b'"}',
        b'{"enc":"' + b"A" * 200_000 + b'"}',
        b'{"STATUS":7,"Code":"x","Msg":{}}',
        b'{"STATUS":[[]],"Code":[131]}',
        b"x" * 9_000_000,
    ],
    ids=lambda answer: answer[:16].decode(),
)
async def test_strange_answers_end_in_one_line(answer: bytes) -> None:
    whatsminer = Whatsminer()
    whatsminer.react = always(answer)
    for decide in (whatsminer, always(answer)):
        async with CommandedMiner(decide) as miner:
            with pytest.raises((WriteError, PollError)) as raised:
                await send(miner.hand(), Session(), Sleep())
        assert str(raised.value).isprintable()
        assert PASSWORD not in str(raised.value)


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=60)
@given(
    token=st.fixed_dictionaries({}, optional={"salt": STRANGE, "newsalt": STRANGE, "time": STRANGE}),
    status=STRANGE | st.sampled_from(["S", "E"]),
    code=STRANGE | st.sampled_from([14, 45, 131, 134, 135, 136]),
    message=STRANGE,
    sealed=st.booleans(),
)
async def test_answers_of_any_types_end_in_words_or_errors_of_ours(
    token: Any, status: Any, code: Any, message: Any, sealed: bool
) -> None:
    whatsminer = Whatsminer()
    whatsminer.react = lambda _command: whatsminer.sealed(answer) if sealed else json.dumps(answer).encode()
    answer = {"STATUS": status, "Code": code, "Msg": message}
    for decide in (
        whatsminer,
        always(json.dumps({"STATUS": status, "Code": code, "Msg": token}).encode()),
    ):
        async with CommandedMiner(decide) as miner:
            try:
                ended = await send(miner.hand(), Session(), Sleep())
            except HashyardError as error:
                ended = str(error)
        assert ended.isprintable()


async def test_a_reply_that_is_a_list_is_malformed() -> None:
    async with CommandedMiner(always(b'[{"STATUS":"S"}]')) as miner:
        with pytest.raises(Malformed):
            await send(miner.hand(), Session(), Sleep())
