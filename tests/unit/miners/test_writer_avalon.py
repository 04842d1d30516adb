"""What the Avalon writer sends, and what it makes of the answers, those of strangers included."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.actions import Action, Locate, Reboot, SetMode, SetPowerLimit, SetPreset, Sleep, Wake
from miners.errors import HashyardError, Malformed, NoAnswer, PollError
from miners.writers.avalon import MODEL_S, send
from miners.writing import CommandRefused, NotSupported, ReadOnly, Session, WriteError
from tests.unit.miners.commanded import NOW, Answer, CommandedMiner, always

AT = int(NOW) + 5


def said(code: int, words: str, letter: str) -> dict[str, Any]:
    status = {"STATUS": letter, "When": int(NOW), "Code": code, "Msg": words, "Description": "cgminer 4.11.1"}
    return {"STATUS": [status], "id": 1}


DONE = said(119, "ASC 0 set OK", "S")


class Avalon:
    """A miner's own side of the protocol, written for the tests. `told`: the parameters of `ascset`."""

    def __init__(self, model: str | None = "1246-83") -> None:
        self.version = {"VERSION": [{"MODEL": model}]} if model else {}
        self.versions_asked = 0
        self.told: list[str] = []
        self.react: Callable[[str], Answer] = always(DONE)

    def __call__(self, request: dict[str, Any]) -> Answer:
        if request["command"] == "version":
            self.versions_asked += 1
            return said(22, "CGMiner versions", "S") | self.version
        assert request["command"] == "ascset"
        self.told.append(request["parameter"])
        return self.react(request["parameter"])


@pytest.mark.parametrize(
    ("action", "parameter"),
    [
        (Sleep(), f"0,softoff,1:{AT}"),
        (Wake(), f"0,softon,1:{AT}"),
        (SetMode("low"), "0,workmode,set,0"),
        (SetMode("normal"), "0,workmode,set,1"),
        (SetMode("high"), "0,workmode,set,2"),
        (SetPreset("3"), "0,worklevel,set,3"),
        (SetPreset("-1"), "0,worklevel,set,-1"),
        (Reboot(), "0,reboot,0"),
        (Locate(), "0,led,1-1"),
        (Locate(on=False), "0,led,1-0"),
    ],
)
@pytest.mark.parametrize("answer", [DONE, said(118, "ASC 0 set info: success", "I")], ids=["119", "118"])
async def test_each_action_is_one_command(action: Action, parameter: str, answer: Answer) -> None:
    avalon = Avalon()
    avalon.react = always(answer)
    async with CommandedMiner(avalon) as miner:
        assert (await send(miner.hand(), Session(), action)).startswith("ASC 0 set")
    assert avalon.told == [parameter]


@pytest.mark.parametrize(
    ("model", "parameter"),
    [
        ("1346-110", "0,reboot,0"),
        ("AvalonMiner 1346", "0,reboot,0"),
        ("1366", f"0,softon,1:{AT}"),
        ("Q", f"0,softon,1:{AT}"),
        ("15-194", f"0,softon,1:{AT}"),
        ("Nano3s", f"0,softon,1:{AT}"),
        (None, f"0,softon,1:{AT}"),
    ],
)
async def test_a_1346_wakes_by_a_reboot_and_others_do_not(model: str | None, parameter: str) -> None:
    avalon = Avalon(model)
    async with CommandedMiner(avalon) as miner:
        await send(miner.hand(), Session(), Wake())
    assert avalon.told == [parameter]


@pytest.mark.parametrize("model", ["1066-50", "1026", "921", "741"])
@pytest.mark.parametrize("action", [Sleep(), Wake()])
async def test_models_that_know_no_sleep_are_not_told_to(model: str, action: Action) -> None:
    avalon = Avalon(model)
    async with CommandedMiner(avalon) as miner:
        hand = miner.hand()
        with pytest.raises(NotSupported, match="knows no sleep"):
            await send(hand, Session(), action)
    assert not avalon.told
    assert not hand.left


async def test_the_model_is_asked_for_once_an_hour() -> None:
    avalon, session = Avalon(), Session()
    async with CommandedMiner(avalon) as miner:
        for after, asked in ((0.0, 1), (60.0, 1), (MODEL_S + 1, 2)):
            await send(miner.hand(now=NOW + after), session, Sleep())
            assert avalon.versions_asked == asked


async def test_older_firmware_is_told_the_mode_without_the_word_set() -> None:
    avalon = Avalon()
    avalon.react = lambda told: said(120, "ASC 0 set failed: invalid", "E") if "set" in told else DONE
    async with CommandedMiner(avalon) as miner:
        assert await send(miner.hand(), Session(), SetMode("low")) == "ASC 0 set OK"
    assert avalon.told == ["0,workmode,set,0", "0,workmode,0"]


async def test_some_hang_up_on_the_wake_and_wake_all_the_same() -> None:
    avalon = Avalon("1366")
    avalon.react = always(b"")
    async with CommandedMiner(avalon) as miner:
        for action in (Wake(), Reboot()):
            hand = miner.hand()
            assert await send(hand, Session(), action) == ""
            assert hand.left
        with pytest.raises(NoAnswer):
            await send(miner.hand(), Session(), Sleep())


@pytest.mark.parametrize("preset", ["fast", "2;3", "2,reboot,0", "1.5", "٣", "100", " 1"])
async def test_what_is_no_work_level_is_not_sent(preset: str) -> None:
    avalon = Avalon()
    async with CommandedMiner(avalon) as miner:
        with pytest.raises(CommandRefused, match="is no work level"):
            await send(miner.hand(), Session(), SetPreset(preset))
    assert not miner.requests


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (said(120, "ASC 0 set failed: Unknown option: softoff", "E"), NotSupported, "does not know it"),
        (said(120, "ASC 0 set failed: busy", "E"), CommandRefused, "busy"),
        (said(14, "Invalid command", "E"), NotSupported, "does not know it"),
        (said(45, "Access denied to 'ascset' command", "E"), ReadOnly, "read-only for this host"),
        (said(118, "odd", "E"), CommandRefused, "odd"),
        ({"id": 1}, Malformed, "without a status"),
    ],
)
async def test_each_reason_to_refuse_is_told_apart(
    answer: Answer, kind: type[HashyardError], words: str
) -> None:
    avalon = Avalon()
    avalon.react = always(answer)
    async with CommandedMiner(avalon) as miner:
        with pytest.raises(kind, match=words) as raised:
            await send(miner.hand(), Session(), Sleep())
    assert type(raised.value) is kind


async def test_an_action_that_the_make_does_not_know_is_not_sent() -> None:
    async with CommandedMiner(Avalon()) as miner:
        with pytest.raises(NotSupported, match="set_power_limit"):
            await send(miner.hand(), Session(), SetPowerLimit(3000))
    assert not miner.requests


@pytest.mark.parametrize(
    "answer",
    [
        b"Socket connect failed",
        b"{",
        b"[]",
        b"null",
        b'{"STATUS":[{"Code":"x"}]}',
        b'{"STATUS":7}',
        b"x" * 9_000_000,
    ],
    ids=lambda answer: answer[:16].decode(),
)
async def test_strange_answers_end_in_one_line(answer: bytes) -> None:
    avalon = Avalon()
    avalon.react = always(answer)
    for decide in (avalon, always(answer)):
        async with CommandedMiner(decide) as miner:
            with pytest.raises((WriteError, PollError)) as raised:
                await send(miner.hand(), Session(), Sleep())
        assert str(raised.value).isprintable()


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=60)
@given(
    status=STRANGE
    | st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "STATUS": STRANGE | st.sampled_from("SIE"),
                "Code": STRANGE | st.sampled_from([118, 119, 120]),
                "Msg": STRANGE,
            },
        ),
        max_size=2,
    ),
    version=STRANGE | st.lists(st.fixed_dictionaries({"MODEL": STRANGE, "PROD": STRANGE}), max_size=2),
)
async def test_answers_of_any_types_end_in_words_or_errors_of_ours(status: Any, version: Any) -> None:
    answer = json.dumps({"STATUS": status, "VERSION": version}).encode()
    async with CommandedMiner(always(answer)) as miner:
        try:
            ended = await send(miner.hand(), Session(), Wake())
        except HashyardError as error:
            ended = str(error)
    assert ended.isprintable()
