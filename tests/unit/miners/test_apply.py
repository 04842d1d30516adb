"""How a command goes its way with whatever writer: when it is read, sent, waited for, and what is told of it."""

import asyncio
import logging
from typing import Any

import pytest
from msgspec import structs

from miners.actions import Action, Reboot, Sleep, Wake
from miners.apply import LONGEST_WAIT_S, apply, presets_of, writer_for
from miners.client import read_miner
from miners.driver import Memory
from miners.errors import HashyardError, Malformed, TimedOut, Unreachable
from miners.model import Credentials, Snapshot, Target
from miners.writers import WRITERS
from miners.writing import (
    Ability,
    CommandRefused,
    Hand,
    NoPermission,
    NotSupported,
    ReadOnly,
    Session,
    SessionTaken,
    Writer,
)
from tests.replay.server import ReplayServer

SECRET = "wxyz-secret-77"
REPLIES = {
    "summary": {"STATUS": [{"STATUS": "S"}], "SUMMARY": [{"Elapsed": 5000, "MHS 5s": 1e8, "Accepted": 1}]},
    "version": {"STATUS": [{"STATUS": "S"}], "VERSION": [{"CGMiner": "4.1"}]},
}


class Hours:
    """A clock of hours that pass at once."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.at += seconds


class Pretended:
    """A writer whose answers and proofs are as told. `proofs`: what each reading shows; the last holds on."""

    def __init__(self, answer: str | Exception = "yes", *proofs: bool | None, left: bool = True) -> None:
        self.answer = answer
        self.proofs = list(proofs) or [True]
        self.left = left
        self.sent: list[Action] = []
        self.hand: Hand | None = None
        kinds: tuple[type[Action], ...] = (Sleep, Wake, Reboot)
        self.writer = Writer(
            name="pretended",
            abilities={kind: Ability(within_s=100.0) for kind in kinds},
            send=self._send,
            shows=self._shows,
        )

    async def _send(self, hand: Hand, session: Session, action: Action) -> str:
        self.sent.append(action)
        self.hand = hand
        session.token = SECRET
        hand.left = self.left
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def _shows(self, _action: Action, _now: Snapshot, before: Snapshot | None) -> bool | None:
        if before is None:
            return False
        return self.proofs.pop(0) if len(self.proofs) > 1 else self.proofs[0]


class Bench:
    """A miner that answers, and all that `apply` wants."""

    def __init__(self, port: int) -> None:
        self.clock = Hours()
        self.memory = Memory()
        self.session = Session()
        self.target = Target(
            container="c", miner="m", address="127.0.0.1", port=port, web_port=None, v3_port=None, driver="cgminer",
            credentials=Credentials("root", "planted-password"), connect_timeout_s=0.5, timeout_s=0.5,
        )  # fmt: skip

    async def do(self, pretended: Pretended | None, action: Action | None = None, **more: Any) -> Any:
        return await apply(
            self.target,
            action or Sleep(),
            writer=pretended.writer if pretended else None,
            session=self.session,
            memory=self.memory,
            clock=self.clock,
            **more,
        )


async def test_a_fresh_reading_is_not_read_again_and_one_look_suffices() -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
        before = await read_miner(bench.target, bench.memory)
        asked = server.connections
        await read_miner(bench.target, bench.memory)
        a_reading = server.connections - asked
        asked = server.connections
        done = await bench.do(Pretended("OK"), before=before)
        assert done.outcome.status == "applied"
        assert 'the miner said yes ("OK"); it shows mining, 0 s after the command' in done.outcome.detail
        assert server.connections - asked == a_reading
        assert done.before is before
        assert done.after is not None


async def test_what_is_an_appointment_is_looked_for_when_it_has_come() -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
        pretended = Pretended("OK", False, False, True)
        ability = Ability(within_s=100.0, shows_after_s=20.0)
        pretended.writer = structs.replace(pretended.writer, abilities={Sleep: ability})
        done = await bench.do(pretended)
        assert done.outcome.status == "applied"
        assert bench.clock.slept[0] == 20.0
        assert sum(bench.clock.slept) < 25.0


@pytest.mark.parametrize("action", [Sleep(), Reboot()])
async def test_the_light_is_asked_for_where_a_command_may_have_changed_it(action: Action) -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
        for question in ("light", "work mode"):
            bench.memory.keep(question, True, bench.clock.now() + 1e9)
        await bench.do(Pretended("OK"), action)
        assert (bench.memory.recall("light", 0.0) is None) is isinstance(action, Reboot)
        assert bench.memory.recall("work mode", 0.0) is None


@pytest.mark.parametrize("shows_now", [True, False])
async def test_unchanged_is_said_of_a_reading_of_our_own_alone(shows_now: bool) -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
        handed_in = await read_miner(bench.target, Memory())
        pretended = Pretended("OK")

        def shows(_action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
            return True if before is not None or now is handed_in else shows_now

        pretended.writer = structs.replace(pretended.writer, shows=shows)
        done = await bench.do(pretended, before=handed_in)
        assert done.outcome.status == ("unchanged" if shows_now else "applied")
        assert len(pretended.sent) == (not shows_now)
        assert done.before is not None
        assert done.before is not handed_in


async def test_the_looks_grow_apart_and_end_in_time() -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
        done = await bench.do(Pretended("OK", False))
        slept = bench.clock.slept
        assert done.outcome.status == "accepted_unverified"
        assert sum(slept) == pytest.approx(100.0)
        assert slept[0] <= 1.0
        assert slept[:-1] == sorted(slept[:-1])
        assert max(slept) <= LONGEST_WAIT_S
        assert done.outcome.duration_s == pytest.approx(100.0)


async def test_a_clock_set_back_does_not_keep_it_waiting_for_ever() -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
        real = bench.clock.sleep

        async def back(seconds: float) -> None:
            await real(seconds)
            bench.clock.at -= 3600.0

        bench.clock.sleep = back  # type: ignore[method-assign]
        outcome = (await bench.do(Pretended("OK", False))).outcome
        assert (outcome.status, outcome.duration_s) == ("accepted_unverified", 0.0)
        assert sum(bench.clock.slept) == pytest.approx(100.0)


async def test_what_the_readings_cannot_tell_is_said() -> None:
    async with ReplayServer(REPLIES) as server:
        outcome = (await Bench(server.port).do(Pretended("", None))).outcome
        assert outcome.status == "accepted_unverified"
        assert outcome.detail.startswith("the miner said yes, but after 100 s it shows mining")
        assert "its readings do not tell whether it was done: look at the miner" in outcome.detail


@pytest.mark.parametrize(
    ("error", "left", "status"),
    [
        (CommandRefused("busy"), True, "refused"),
        (ReadOnly("read-only"), True, "refused"),
        (SessionTaken("taken"), False, "refused"),
        (NoPermission("wrong"), False, "auth_failed"),
        (NotSupported("unknown"), False, "unsupported"),
        (Unreachable("no route"), False, "unreachable"),
        (Malformed("nonsense"), False, "unreachable"),
    ],
)
async def test_each_error_of_a_writer_has_its_status(error: HashyardError, left: bool, status: str) -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
        done = await bench.do(Pretended(error, left=left))
        assert (done.outcome.status, done.outcome.sent) == (status, left)
        assert str(error) in done.outcome.detail
        assert (done.after, bench.clock.slept) == (None, [])


@pytest.mark.parametrize("error", [TimedOut("no answer"), KeyError(SECRET)])
@pytest.mark.parametrize(("shown", "status"), [(True, "applied"), (False, "unreachable")])
async def test_a_lost_answer_is_decided_by_reading_and_sent_once(
    error: Exception, shown: bool, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with ReplayServer(REPLIES) as server:
        pretended = Pretended(error, shown)
        outcome = (await Bench(server.port).do(pretended)).outcome
        assert (outcome.status, outcome.sent, len(pretended.sent)) == (status, True, 1)
        assert "no answer came" in outcome.detail
    assert SECRET not in outcome.detail + caplog.text


async def test_a_writer_that_stumbles_before_sending_has_sent_nothing(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with ReplayServer(REPLIES) as server:
        outcome = (await Bench(server.port).do(Pretended(ValueError(SECRET), left=False))).outcome
        assert (outcome.status, outcome.sent) == ("unreachable", False)
        assert outcome.detail == "nothing was sent: the answer could not be understood (ValueError)"
    shown = capsys.readouterr()
    assert SECRET not in caplog.text + shown.out + shown.err


async def test_a_proof_that_stumbles_ends_one_command_and_not_the_program() -> None:
    def stumble(_action: Action, _now: Snapshot, before: Snapshot | None) -> bool | None:
        if before is None and not at_once:
            return False
        raise ZeroDivisionError(SECRET)

    async with ReplayServer(REPLIES) as server:
        for at_once, status in ((False, "accepted_unverified"), (True, "refused")):
            pretended = Pretended()
            pretended.writer = structs.replace(pretended.writer, shows=stumble)
            outcome = (await Bench(server.port).do(pretended)).outcome
            assert (outcome.status, outcome.sent) == (status, not at_once)
            assert "Hashyard stumbled (ZeroDivisionError)" in outcome.detail
            assert len(pretended.sent) == outcome.sent


async def test_secrets_that_a_miner_echoes_are_cut_out() -> None:
    async with ReplayServer(REPLIES) as server:
        for answer in (f"ok {SECRET}\nplanted-password", CommandRefused(f"no {SECRET} planted-password")):
            done = await Bench(server.port).do(Pretended(answer))
            assert "<secret> <secret>" in done.outcome.detail
            assert SECRET not in repr(done)
            assert "planted-password" not in repr(done)


async def test_a_reading_that_fails_meanwhile_is_waited_out() -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
        real = bench.clock.sleep
        good = server.replies

        async def away(seconds: float) -> None:
            await real(seconds)
            server.replies = {} if len(bench.clock.slept) < 4 else good

        bench.clock.sleep = away  # type: ignore[method-assign]
        done = await bench.do(Pretended("OK"))
        assert done.outcome.status == "applied"
        assert len(bench.clock.slept) == 4


async def test_what_cannot_be_read_first_is_not_written_to() -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)
    pretended = Pretended()
    done = await bench.do(pretended)
    assert (done.outcome.status, done.outcome.sent, done.before) == ("unreachable", False, None)
    assert done.outcome.detail.startswith("nothing was sent: 127.0.0.1:")
    assert pretended.sent == []


async def test_a_make_that_is_only_read_is_unsupported() -> None:
    async with ReplayServer(REPLIES) as server:
        outcome = (await Bench(server.port).do(None)).outcome
        assert (outcome.status, outcome.sent) == ("unsupported", False)
        assert outcome.detail.startswith("miners read by cgminer cannot be commanded, only read;")


async def test_the_intent_is_recorded_before_the_command_leaves() -> None:
    async with ReplayServer(REPLIES) as server:
        pretended = Pretended()
        seen: list[int] = []

        async def on_sent() -> None:
            await asyncio.sleep(0)
            seen.append(len(pretended.sent))

        await Bench(server.port).do(pretended, on_sent=on_sent)
        assert seen == [0]
        assert len(pretended.sent) == 1


async def test_cancelling_cancels() -> None:
    async with ReplayServer(REPLIES) as server:
        bench = Bench(server.port)

        async def wait(seconds: float) -> None:
            await asyncio.sleep(3600)

        bench.clock.sleep = wait  # type: ignore[method-assign]
        task = asyncio.create_task(bench.do(Pretended()))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_writer_is_the_gateways_where_there_is_one() -> None:
    target = Target(container="c", miner="m", address="127.0.0.1")
    assert writer_for(target, "antminer") is WRITERS["antminer"]
    assert writer_for(target, "cgminer") is None
    assert writer_for(target, None) is None
    behind = Target(container="c", miner="m", address="127.0.0.1", gateway="http://127.0.0.1:1")
    assert writer_for(behind, "cgminer") is WRITERS["token_gateway"]
    assert await presets_of(target, WRITERS["elphapex"], Hours()) == ()
