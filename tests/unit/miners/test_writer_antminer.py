"""What an Antminer's writer sends: the configuration whole and as it came, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.actions import Action, Locate, Reboot, SetMode, SetPowerLimit, Sleep, Wake
from miners.errors import Malformed, PollError
from miners.hand import TcpHand
from miners.writers import antminer, cgi_writing, elphapex
from miners.writing import CommandRefused, NotSupported, Session, WriteError
from tests.unit.miners.written_web import WrittenWeb

POOL_SECRET = "pool-pass-9c1"
SET, BLINK = "/cgi-bin/set_miner_conf.cgi", "/cgi-bin/blink.cgi"
DONE = {"stats": "success", "code": "M000", "msg": "OK!"}
SETTINGS = {
    "pools": [
        {"url": "stratum+tcp://a:3333", "user": "ü.1", "pass": POOL_SECRET},
        {"url": "", "user": "", "pass": ""},
    ],
    "bitmain-work-mode": "0",
    "api-allow": "A:0/0,W:*",
    "bitmain-fan-ctrl": False,
    "bitmain-fan-pwm": "100",
    "something-new": {"b": [1.5, None], "a": 10**15},
}


async def _send(web: WrittenWeb, action: Action, **target: Any) -> str:
    hand = TcpHand(web.target(**target), now=1_700_000_000.0)
    return await antminer.send(hand, Session(), action)


@pytest.mark.parametrize(
    ("action", "number"),
    [(Sleep(), 1), (Wake(), 0), (SetMode("normal"), 0), (SetMode("high"), 2), (SetMode("low"), 3)],
)
async def test_the_configuration_goes_back_whole_with_another_mode(action: Action, number: int) -> None:
    async with WrittenWeb({"get_miner_conf": SETTINGS, "set_miner_conf": DONE}) as web:
        assert await _send(web, action) == "M000 OK! success"
        (posted,) = web.posted(SET)
        assert posted == {**SETTINGS, "miner-mode": number}
        assert json.dumps(posted) == json.dumps({**SETTINGS, "miner-mode": number})


async def test_a_mode_that_is_there_stays_in_its_place_and_of_its_kind() -> None:
    for was, written in (("0", "1"), (0, 1), (None, 1)):
        page = {"a": 1, "miner-mode": was, "z": 2}
        async with WrittenWeb({"get_miner_conf": page, "set_miner_conf": DONE}) as web:
            await _send(web, Sleep())
            assert json.dumps(web.posted(SET)[0]) == json.dumps({**page, "miner-mode": written})


async def test_a_value_that_the_firmware_leaves_out_goes_back_as_null() -> None:
    page = b'{"pools": [], "miner-mode": 0, "bitmain-freq-level" : , "z": 1}'
    async with WrittenWeb({"get_miner_conf": page, "set_miner_conf": DONE}) as web:
        await _send(web, Sleep())
        assert web.posted(SET) == [{"pools": [], "miner-mode": 1, "bitmain-freq-level": None, "z": 1}]


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(1, len(json.dumps(SETTINGS)) - 1))
async def test_a_configuration_cut_anywhere_is_never_written(cut: int) -> None:
    page = json.dumps(SETTINGS).encode()[:cut]
    async with WrittenWeb({"get_miner_conf": page, "set_miner_conf": DONE}) as web:
        with pytest.raises(PollError) as caught:
            await _send(web, Sleep())
        assert web.posted(SET) == []
        assert POOL_SECRET not in str(caught.value)


@pytest.mark.parametrize("page", [b"[]", b"{}", b'"x"', b"", b"<html>", [SETTINGS]])
async def test_what_is_no_configuration_is_not_written(page: Any) -> None:
    async with WrittenWeb({"get_miner_conf": page, "set_miner_conf": DONE}) as web:
        with pytest.raises(Malformed):
            await _send(web, Sleep())
        assert web.posted(SET) == []


async def test_a_firmware_without_a_work_mode_is_left_alone() -> None:
    async with WrittenWeb({"get_miner_conf": {"pools": [], "bitmain-freq": "650"}}) as web:
        with pytest.raises(NotSupported, match="has no work mode in its configuration"):
            await _send(web, Sleep())
        assert web.posted(SET) == []


@pytest.mark.parametrize(
    ("model", "old"),
    [
        ("Antminer S9", True),
        ("Antminer S9j", True),
        ("Antminer T9+", True),
        ("Antminer S11", True),
        ("antminer s17 Pro", True),
        ("Antminer T17e", True),
        ("Antminer S15", True),
        ("Antminer S19", False),
        ("Antminer S19j Pro", False),
        ("Antminer T19", False),
        ("Antminer S21", False),
        ("Antminer L7", False),
        ("Antminer KS3", False),
        ("Antminer S100", False),
    ],
)
async def test_old_models_mean_something_else_by_the_numbers(model: str, old: bool) -> None:
    async with WrittenWeb({"get_miner_conf": SETTINGS, "set_miner_conf": DONE}) as web:
        if old:
            with pytest.raises(NotSupported, match="its firmware has no work mode that can be written"):
                await _send(web, Sleep(), model=model)
        else:
            await _send(web, Sleep(), model=model)
        assert len(web.sent) == (0 if old else 2)


async def test_a_model_that_is_not_known_is_not_guessed() -> None:
    async with WrittenWeb({"get_miner_conf": SETTINGS, "set_miner_conf": DONE}) as web:
        with pytest.raises(NotSupported, match=r"does not tell its model.*give it `model`"):
            await _send(web, Sleep(), model=None)
        assert web.sent == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"stats": "error", "code": "M001", "msg": "FAIL!"}, CommandRefused),
        ({"code": "M002"}, CommandRefused),
        ({"success": False}, CommandRefused),
        ({}, Malformed),
        ({"msg": "hello"}, Malformed),
        (b"", Malformed),
        (b"<h1>ok</h1>", Malformed),
        (b"[]", Malformed),
    ],
)
async def test_only_a_yes_is_a_yes(reply: Any, error: type[Exception]) -> None:
    async with WrittenWeb({"get_miner_conf": SETTINGS, "set_miner_conf": reply}) as web:
        hand = TcpHand(web.target(), now=0.0)
        with pytest.raises(error):
            await antminer.send(hand, Session(), Sleep())
        assert hand.left


async def test_an_answer_that_echoes_the_configuration_gives_no_secret_away() -> None:
    for code in ("M000", "M001"):
        reply = {"code": code, "msg": "no", "conf": SETTINGS, "pools": SETTINGS["pools"]}
        async with WrittenWeb({"get_miner_conf": SETTINGS, "set_miner_conf": reply}) as web:
            try:
                said = await _send(web, Sleep())
            except WriteError as error:
                said = str(error)
            assert POOL_SECRET not in said


@pytest.mark.parametrize("on", [True, False])
async def test_the_light(on: bool) -> None:
    for send in (antminer.send, elphapex.send):
        async with WrittenWeb({"blink": {"code": "B000" if on else "B100"}}) as web:
            await send(TcpHand(web.target(), now=0.0), Session(), Locate(on=on))
            assert web.posted(BLINK) == [{"blink": on}]


async def test_a_reboot_is_asked_for_with_get_and_with_post_where_that_is_no_page() -> None:
    path = "/cgi-bin/reboot.cgi"
    for send in (antminer.send, elphapex.send):
        async with WrittenWeb({"reboot": b""}) as web:
            await send(TcpHand(web.target(), now=0.0), Session(), Reboot())
            assert [sent[:2] for sent in web.sent] == [("GET", path)]
            web.statuses[path] = 405
            with pytest.raises(NotSupported):
                await send(TcpHand(web.target(), now=0.0), Session(), Reboot())
            assert [sent[:2] for sent in web.sent[1:]] == [("GET", path), ("POST", path)]


async def test_a_reboot_that_is_refused_says_so() -> None:
    async with WrittenWeb({"reboot": {"stats": "error", "code": "M001", "msg": "busy"}}) as web:
        with pytest.raises(CommandRefused, match="busy"):
            await _send(web, Reboot())


async def test_elphapex_is_told_its_mode_alone() -> None:
    path = "/cgi-bin/luci/setworkmode.cgi"
    async with WrittenWeb({path: DONE}) as web:
        for action in (Sleep(), Wake()):
            await elphapex.send(TcpHand(web.target(), now=0.0), Session(), action)
        assert web.posted(path) == [{"workmode": "-1000"}, {"workmode": "0"}]


async def test_what_a_make_does_not_know_is_not_sent() -> None:
    async with WrittenWeb({}) as web:
        for send in (antminer.send, elphapex.send):
            with pytest.raises(NotSupported):
                await send(TcpHand(web.target(), now=0.0), Session(), SetPowerLimit(3000))
        assert web.sent == []


@given(reply=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.floats()))
def test_any_answer_is_a_yes_or_an_error(reply: dict[str, Any]) -> None:
    said = cgi_writing.words(reply)
    assert said.isprintable()
    assert len(said) <= 120


@pytest.mark.parametrize("answer", ["M000", "M001"])
async def test_a_pool_password_that_it_repeats_is_not_among_its_words(answer: str) -> None:
    reply = {
        "stats": "success" if answer == "M000" else "error",
        "code": answer,
        "msg": f"set {POOL_SECRET}!",
    }
    async with WrittenWeb({"get_miner_conf": SETTINGS, "set_miner_conf": reply}) as web:
        try:
            said = await _send(web, Sleep())
        except CommandRefused as error:
            said = str(error)
    assert f"{answer} set <secret>!" in said
