"""What the LuxOS writer sends, in which session, and what it makes of the answers, those of strangers included."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.actions import Action, Locate, Reboot, SetMode, SetPreset, Sleep, Wake
from miners.errors import HashyardError, Malformed, NoAnswer, PollError
from miners.model import Identity, Snapshot, State
from miners.writers.luxos import WRITER, presets, send
from miners.writing import CommandRefused, NotSupported, ReadOnly, Session, SessionTaken, WriteError
from tests.unit.miners.commanded import Answer, CommandedMiner, always

SID = "f3Ab91xZ"
"""A session's id: whoever has it commands the miner."""


def said(code: int, words: str, letter: str = "S", **more: Any) -> dict[str, Any]:
    return {
        "STATUS": [{"STATUS": letter, "Code": code, "Msg": words, "Description": "LUXminer"}],
        "id": 1,
    } | more


PROFILES = [
    {"Profile Name": "default", "Step": "0", "Hashrate": 120.0, "Watts": 2760},
    {"Profile Name": "415MHz", "Step": "-3", "Hashrate": 101.5, "Watts": 2100},
    {"Profile Name": "2", "Hashrate": 1.0, "Watts": 1},
    {"Profile Name": "a,b", "Hashrate": 1.0, "Watts": 1},
    {"Profile Name": "tuning", "Hashrate": 0, "Watts": 0},
    {"Step": "9"},
]
ANOTHER = said(402, "Another session is active", "E")
LAPSED = said(403, f"Invalid session id {SID}", "E")


class Luxos:
    """A miner's own side of the protocol, written for the tests. `told`: commands and parameters of the sessions, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.react: Callable[[str], Answer] = always(said(335, "Curtail command sent"))
        self.logon: Callable[[], Answer] = lambda: said(316, "Session created", SESSION=[{"SessionID": SID}])
        self.logoff: Answer = said(317, "Session ended")

    def __call__(self, request: dict[str, Any]) -> Answer:
        command, parameter = request["command"], request.get("parameter", "")
        if command == "profiles":
            return said(323, "List profiles", PROFILES=PROFILES)
        self.told.append((command, parameter))
        if command == "logon":
            return self.logon()
        return self.logoff if command == "logoff" else self.react(command)

    @property
    def names(self) -> list[str]:
        return [command for command, _ in self.told]


@pytest.mark.parametrize(
    ("action", "commands"),
    [
        (Sleep(), [("curtail", f"{SID},sleep")]),
        (Wake(), [("curtail", f"{SID},wakeup")]),
        (SetPreset("415MHz"), [("atmset", f"{SID},enabled=false"), ("profileset", f"{SID},415MHz")]),
        (Reboot(), [("rebootdevice", SID)]),
        (Locate(), [("ledset", f"{SID},red,blink")]),
        (Locate(on=False), [("ledset", f"{SID},red,auto")]),
    ],
)
async def test_each_action_has_a_session_of_its_own(action: Action, commands: list[tuple[str, str]]) -> None:
    luxos, session = Luxos(), Session()
    async with CommandedMiner(luxos) as miner:
        hand = miner.hand()
        assert await send(hand, session, action) == "Curtail command sent"
    assert luxos.told == [("logon", ""), *commands, ("logoff", SID)]
    assert hand.left
    assert session.token is None


async def test_the_presets_are_those_that_the_miner_lists_and_can_be_told() -> None:
    async with CommandedMiner(Luxos()) as miner:
        found = await presets(miner.hand())
    assert [(preset.name, preset.watts, preset.hashrate_hs) for preset in found] == [
        ("default", 2760, 120e12),
        ("415MHz", 2100, 101.5e12),
        ("tuning", None, None),
    ]


@pytest.mark.parametrize("preset", ["415mhz", "2", "a,b", "default,1", "x"])
async def test_an_unknown_preset_is_refused_before_anything_is_sent(preset: str) -> None:
    luxos = Luxos()
    async with CommandedMiner(luxos) as miner:
        hand = miner.hand()
        with pytest.raises(CommandRefused, match=r"has no preset .*; it has default, 415MHz, tuning"):
            await send(hand, Session(), SetPreset(preset))
    assert (luxos.told, hand.left) == ([], False)


async def test_an_action_that_the_make_does_not_know_opens_no_session() -> None:
    luxos = Luxos()
    async with CommandedMiner(luxos) as miner:
        with pytest.raises(NotSupported, match="does not know set_mode: it works by presets"):
            await send(miner.hand(), Session(), SetMode("low"))
    assert not luxos.told


async def test_a_session_that_lapsed_is_taken_anew_once() -> None:
    luxos = Luxos()
    answers = [LAPSED, said(335, "Curtail command sent")]
    luxos.react = lambda _command: answers.pop(0)
    async with CommandedMiner(luxos) as miner:
        hand = miner.hand()
        assert await send(hand, Session(), Sleep()) == "Curtail command sent"
    assert luxos.names == ["logon", "curtail", "logoff"] * 2
    assert hand.left


async def test_sessions_that_always_lapse_end_in_a_clear_failure() -> None:
    luxos = Luxos()
    luxos.react = always(LAPSED)
    luxos.logoff = LAPSED
    async with CommandedMiner(luxos) as miner:
        hand = miner.hand()
        with pytest.raises(SessionTaken, match="lapsed, twice in a row: another program ends it"):
            await send(hand, Session(), Sleep())
    assert luxos.names == ["logon", "curtail", "logoff"] * 2
    assert not hand.left


async def test_one_that_lapses_between_two_commands_has_been_told_the_first() -> None:
    luxos = Luxos()
    luxos.react = lambda command: LAPSED if command == "profileset" else said(346, "ATM configuration set")
    async with CommandedMiner(luxos) as miner:
        hand = miner.hand()
        with pytest.raises(SessionTaken):
            await send(hand, Session(), SetPreset("default"))
    assert hand.left


@pytest.mark.parametrize("command", ["logon", "curtail"])
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (ANOTHER, SessionTaken, "another program commands it; it is free a minute after"),
        (said(45, "Access denied", "E"), ReadOnly, "read-only for this host; allow it in the miner"),
        (said(14, "Invalid command", "E"), NotSupported, "this version of LuxOS does not know it"),
        (said(499, f"busy {SID}", "E"), CommandRefused, 'refuses .*: "busy .*code 499'),
    ],
    ids=["taken", "read-only", "unknown", "no"],
)
async def test_each_reason_to_refuse_is_told_apart(
    command: str, answer: Answer, kind: type[HashyardError], words: str
) -> None:
    luxos = Luxos()
    if command == "logon":
        luxos.logon = lambda: answer
    else:
        luxos.react = always(answer)
    async with CommandedMiner(luxos) as miner:
        hand = miner.hand()
        with pytest.raises(kind, match=words) as raised:
            await send(hand, Session(), Sleep())
    assert type(raised.value) is kind
    # What was turned away at the door, or stood before it, has changed nothing.
    assert hand.left is (command == "curtail" and kind is CommandRefused)
    assert luxos.names == (["logon"] if command == "logon" else ["logon", "curtail", "logoff"])
    if command == "curtail":
        assert SID not in str(raised.value)


async def test_a_preset_that_is_refused_says_that_its_tuning_is_off_by_now() -> None:
    luxos = Luxos()
    luxos.react = lambda command: said(499, "no", "E") if command == "profileset" else said(346, "ATM set")
    async with CommandedMiner(luxos) as miner:
        hand = miner.hand()
        with pytest.raises(
            CommandRefused, match=r"refuses profileset.*tuning \(ATM\) is switched off by now"
        ):
            await send(hand, Session(), SetPreset("default"))
    assert hand.left
    assert luxos.names[-1] == "logoff"


async def test_a_lost_answer_counts_as_left_and_the_session_is_given_back() -> None:
    luxos = Luxos()
    luxos.react = always(b"")
    async with CommandedMiner(luxos) as miner:
        hand = miner.hand()
        with pytest.raises(NoAnswer):
            await send(hand, Session(), Sleep())
    assert hand.left
    assert luxos.names == ["logon", "curtail", "logoff"]


async def test_a_session_that_is_not_named_is_no_session() -> None:
    for named in (
        {},
        {"SESSION": []},
        {"SESSION": [{"SessionID": "a,b"}]},
        {"SESSION": [{"SessionID": None}]},
    ):
        luxos = Luxos()
        luxos.logon = lambda named=named: said(316, "Session created", **named)  # type: ignore[misc]
        async with CommandedMiner(luxos) as miner:
            hand = miner.hand()
            with pytest.raises(Malformed, match="does not name it: is it LuxOS"):
                await send(hand, Session(), Sleep())
        assert (luxos.names, hand.left) == (["logon"], False)


@pytest.mark.parametrize("answer", [said(499, f"no {SID}", "E"), b"", b"{"])
async def test_a_session_that_cannot_be_given_back_is_told(answer: Answer) -> None:
    luxos = Luxos()
    luxos.logoff = answer
    async with CommandedMiner(luxos) as miner:
        words = await send(miner.hand(), Session(), Sleep())
        assert words.startswith(
            "Curtail command sent (its session was not given back, and lapses within a minute: "
        )
        assert SID not in words
        # One that restarts may be gone by then, and its sessions with it.
        assert await send(miner.hand(), Session(), Reboot()) == "Curtail command sent"


@pytest.mark.parametrize("cancels", [1, 2])
async def test_a_task_that_is_cancelled_gives_its_session_back(cancels: int) -> None:
    luxos = Luxos()
    curtailed, ended = asyncio.Event(), asyncio.Event()

    class Slow(CommandedMiner):
        def answer(self, request: dict[str, Any]) -> bytes:
            answer = super().answer(request)
            if request["command"] == "curtail":
                curtailed.set()
            if request["command"] == "logoff":
                ended.set()
            return answer

    async with Slow(luxos) as miner:
        miner.delay_s = 0.2
        task = asyncio.create_task(send(miner.hand(), Session(), Sleep()))
        await asyncio.wait_for(curtailed.wait(), 60)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 60)
    assert luxos.names == ["logon", "curtail", "logoff"]


AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _shot(state: State = "mining", after_s: float = 0.0, **more: Any) -> Snapshot:
    return Snapshot(
        container="c", miner="m", address="10.0.0.1", taken_at=AT + timedelta(seconds=after_s), duration_s=0.1,
        driver="luxos", identity=Identity(), state=state, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "shot", "shown"),
    [
        (Sleep(), {"state": "sleeping", "profile": "default"}, True),
        (Sleep(), {"state": "mining", "profile": "default"}, False),
        (Sleep(), {"state": "mining"}, None),
        (Wake(), {"state": "starting", "profile": "default"}, True),
        (Wake(), {"state": "sleeping"}, False),
        (Wake(), {"state": "mining"}, None),
        (SetPreset("a"), {"profile": "a"}, True),
        (SetPreset("a"), {"profile": "A"}, False),
        (SetPreset("a"), {}, None),
        (Locate(), {"locating": True}, True),
        (Locate(), {}, None),
        (SetMode("low"), {"power_mode": "low"}, None),
        (Reboot(), {"mining_s": 5}, None),
    ],
)
def test_what_a_reading_shows(action: Action, shot: dict[str, Any], shown: bool | None) -> None:
    assert WRITER.shows(action, _shot(**shot), None) is shown


@pytest.mark.parametrize(
    ("before_s", "now_s", "shown"),
    [
        (5000, 20, True),
        (5000, 5300, False),
        (5, 200, True),
        (5, 305, False),
        (200, 200, False),
        (5000, None, None),
    ],
)
def test_a_restart_shows_by_the_mining_that_began_anew(
    before_s: float, now_s: float | None, shown: bool | None
) -> None:
    assert WRITER.shows(Reboot(), _shot(after_s=300, mining_s=now_s), _shot(mining_s=before_s)) is shown


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
    luxos = Luxos()
    luxos.react = always(answer)
    for decide in (luxos, always(answer)):
        async with CommandedMiner(decide) as miner:
            try:
                ended = await send(miner.hand(), Session(), Sleep())
            except (WriteError, PollError) as error:
                ended = str(error)
        assert ended.isprintable()


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["Profile Name", "Watts", "Hashrate", "SessionID"]), STRANGE), max_size=2
)


@settings(max_examples=60)
@given(
    status=STRANGE
    | st.lists(st.dictionaries(st.sampled_from(["STATUS", "Code", "Msg"]), STRANGE), max_size=2),
    found=STRANGE | ROWS,
)
async def test_answers_of_any_types_end_in_words_or_errors_of_ours(status: Any, found: Any) -> None:
    answer = json.dumps({"STATUS": status, "SESSION": found, "PROFILES": found}).encode()
    async with CommandedMiner(always(answer)) as miner:
        for action in (Sleep(), SetPreset("default")):
            try:
                ended = await send(miner.hand(), Session(), action)
            except HashyardError as error:
                ended = str(error)
            assert ended.isprintable()
