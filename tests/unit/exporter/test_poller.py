"""When miners are polled: spread, bounded, with pauses for the silent, never twice at once. Real loop, real time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.poller import Leased, Poller
from exporter.turns import FIRST_SWEEP_S, LONGEST_BACK_OFF_S, Turn, first_sweep_s
from miners.model import FailureReason


class Miners:
    """Answers polls as told, and writes down who was polled when, and how many at once."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, float]] = []
        self.counts: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.most = 0
        self.twice = False
        self.answers: dict[str, Callable[[], Awaitable[FailureReason | None]]] = {}

    async def poll(self, miner: str, _began_s: float) -> FailureReason | None:
        self.begun.append((miner, asyncio.get_running_loop().time()))
        self.counts[miner] += 1
        self.running[miner] += 1
        self.twice |= self.running[miner] > 1
        self.most = max(self.most, self.running.total())
        try:
            answer = self.answers.get(miner)
            return None if answer is None else await answer()
        finally:
            self.running[miner] -= 1

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110  # what is waited for is a number, which sets no event
                await asyncio.sleep(0.005)


@pytest.fixture
def miners() -> Miners:
    return Miners()


@pytest.fixture
async def make(miners: Miners) -> AsyncIterator[Callable[..., Poller[str]]]:
    made: list[Poller[str]] = []

    def poller(places: int = 50, longest_s: Callable[[], float] = lambda: 60.0) -> Poller[str]:
        made.append(Poller(miners.poll, places=places, longest_s=lambda _miner: longest_s()))
        return made[-1]

    yield poller
    for each in made:
        await each.stop()


def silent(after: float = 0.0, reason: FailureReason = "timeout") -> Callable[[], Awaitable[FailureReason]]:
    async def answer() -> FailureReason:
        await asyncio.sleep(after)
        return reason

    return answer


async def test_everyone_is_polled_again_and_again(make: Any, miners: Miners) -> None:
    poller = make()
    names = [f"m{n}" for n in range(20)]
    assert poller.unpolled == 0
    poller.add([(name, 0.1) for name in names])
    assert poller.unpolled == 20
    await miners.until(lambda: min(miners.counts[name] for name in names) >= 4)
    assert poller.unpolled == 0
    assert max(miners.counts.values()) - min(miners.counts.values()) <= 2
    assert poller.statistics.results["ok"] == miners.counts.total()
    assert poller.statistics.sweep_s is not None
    assert poller.shortest_interval_s == 0.1


@given(count=st.integers(1, 3_000), interval=st.floats(5, 120), now=st.floats(0, 1e5))
def test_a_first_sweep_is_even_and_takes_ten_seconds_at_most(count: int, interval: float, now: float) -> None:
    within = min(first_sweep_s(count), interval)
    assert within <= FIRST_SWEEP_S
    turns: list[Turn[str]] = [Turn("m", interval, place) for place in range(1, count + 1)]
    times = sorted(turn.first_due_s(now, 0.0, within) - now for turn in turns)
    assert times[0] >= 0.0
    assert times[-1] <= within + 1e-6
    gaps = [late - early for early, late in pairwise(times)]
    assert not gaps or max(gaps) <= 3 * interval / count + 1e-6


@pytest.mark.parametrize("count", [5, 240, 10_000])
def test_phases_are_spread_evenly_over_the_interval(count: int) -> None:
    phases = sorted(Turn("m", 30.0, place).phase for place in range(1, count + 1))
    gaps = [after - before for before, after in zip(phases, [*phases[1:], phases[0] + 1.0], strict=True)]
    assert max(gaps) < 3.0 / count


@given(
    place=st.integers(0, 10_000),
    interval=st.floats(1, 600),
    polled=st.integers(0, 40),
    now=st.floats(0, 1e6),
    origin=st.floats(0, 1e3),
)
def test_a_turn_keeps_its_phase_and_its_pause(
    place: int, interval: float, polled: int, now: float, origin: float
) -> None:
    turn: Turn[str] = Turn("m", interval, place)
    turn.silent = polled
    now += origin
    pause = turn.next_due_s(now, origin) - now
    longest = max(LONGEST_BACK_OFF_S, interval)
    wanted = interval if polled <= 1 else min(interval * 2.0 ** (polled - 1), longest)
    assert wanted - interval * 0.75 - 1e-3 <= pause <= wanted + interval * 0.25 + 1e-3
    in_phase = (turn.next_due_s(now, origin) - origin) / interval - turn.phase
    assert abs(in_phase - round(in_phase)) < 1e-3


async def test_places_are_bounded(make: Any, miners: Miners) -> None:
    poller = make(places=4)
    for name in "abcdefghij":
        miners.answers[name] = silent(0.2, "auth")
    poller.add([(name, 0.05) for name in "abcdefghij"])
    await miners.until(lambda: len(miners.counts) == 10)
    await miners.until(lambda: poller.waiting > 0)
    assert miners.most == 4
    assert poller.lag_s >= 0.0


async def test_miners_that_hang_do_not_hold_up_the_others(make: Any, miners: Miners) -> None:
    poller = make(places=8)
    for n in range(20):
        miners.answers[f"dead{n}"] = silent(0.3)
    poller.add([(f"dead{n}", 0.05) for n in range(20)])
    await miners.until(lambda: len(miners.counts) == 20)
    await miners.until(lambda: poller.in_flight <= 4)
    poller.add([("alive", 0.05)])
    await miners.until(lambda: miners.counts["alive"] >= 10)
    assert miners.counts["alive"] >= max(miners.counts[f"dead{n}"] for n in range(20))


async def test_one_that_never_ends_is_cancelled_and_polled_again(make: Any, miners: Miners) -> None:
    longest_s = 60.0
    poller = make(longest_s=lambda: longest_s)
    stuck = asyncio.Event()

    async def never() -> FailureReason | None:
        await stuck.wait()
        return None

    miners.answers["stuck"] = never
    poller.add([("stuck", 0.05)])
    await miners.until(lambda: miners.counts["stuck"] == 1)
    assert poller.cancel_overdue() == []
    longest_s = 0.05
    await asyncio.sleep(0.1)
    assert poller.cancel_overdue() == ["stuck"]
    await miners.until(lambda: miners.counts["stuck"] == 2)
    assert poller.statistics.results["timeout"] == 1


async def test_the_silent_back_off_and_are_back_at_once(make: Any, miners: Miners) -> None:
    poller = make()
    miners.answers["m"] = silent()
    poller.add([("m", 0.02)])
    await miners.until(lambda: miners.counts["m"] == 6)
    assert poller.backing_off == 1
    times = [time for _, time in miners.begun]
    # Sixteen intervals after the fifth silence, less a part of one for the phase. A busy machine only makes it longer.
    assert times[5] - times[4] > 15 * 0.02
    del miners.answers["m"]
    poller.hurry(["m", "unknown"])
    await miners.until(lambda: miners.counts["m"] >= 9)
    assert poller.backing_off == 0


async def test_wrong_answers_are_no_silence(make: Any, miners: Miners) -> None:
    poller = make()
    miners.answers["m"] = silent(0, "malformed")
    poller.add([("m", 0.02)])
    await miners.until(lambda: miners.counts["m"] == 6)
    assert poller.backing_off == 0


async def test_poll_now_waits_for_a_poll_that_began_after_it_was_asked_for(make: Any, miners: Miners) -> None:
    poller = make()
    poller.add([("m", 60.0)])
    await miners.until(lambda: miners.counts["m"] == 1)
    miners.answers["m"] = silent(0.05, "auth")
    first = asyncio.create_task(poller.poll_now("m"))
    await miners.until(lambda: miners.counts["m"] == 2)
    others = [asyncio.create_task(poller.poll_now("m")) for _ in range(3)]
    await asyncio.gather(first, *others)
    assert miners.counts["m"] == 3
    assert not miners.twice
    with pytest.raises(KeyError):
        await poller.poll_now("unknown")


async def test_a_lease_keeps_the_poller_away_until_it_ends(make: Any, miners: Miners) -> None:
    poller = make()
    loop = asyncio.get_running_loop()
    poller.add([("m", 0.02), ("other", 0.02)])
    await miners.until(lambda: miners.counts["m"] >= 1)
    poller.lease("m", loop.time() + 60.0)
    await poller.wait_idle("m")
    before = miners.counts["m"]
    assert poller.is_leased("m")
    assert poller.leased == 1
    with pytest.raises(Leased):
        await poller.poll_now("m")
    await miners.until(lambda: miners.counts["other"] >= 10)
    assert miners.counts["m"] == before
    poller.lease("m", 0.0)
    await miners.until(lambda: miners.counts["m"] > before)


async def test_a_miner_that_is_removed_is_polled_no_more(make: Any, miners: Miners) -> None:
    poller = make()
    miners.answers["slow"] = silent(30.0)
    poller.add([("slow", 0.02), ("m", 0.02), ("stays", 0.02)])
    await miners.until(lambda: miners.counts["slow"] == 1 and miners.counts["stays"] >= 1)
    waiting = asyncio.create_task(poller.wait_idle("slow"))
    await asyncio.sleep(0)
    poller.remove(["slow", "m"])
    await waiting
    before = miners.counts["m"]
    await miners.until(lambda: miners.counts["stays"] >= 10)
    assert (miners.counts["slow"], miners.counts["m"]) == (1, before)
    assert poller.miners == 1
    assert miners.running["slow"] == 0


async def test_another_interval_is_taken_over_at_once(make: Any, miners: Miners) -> None:
    poller = make()
    poller.add([("m", 600.0)])
    await miners.until(lambda: miners.counts["m"] == 1)
    poller.change([("m", 0.02)])
    await miners.until(lambda: miners.counts["m"] >= 4)
    assert poller.shortest_interval_s == 0.02


async def test_stop_cancels_what_is_under_way(make: Any, miners: Miners) -> None:
    poller = make()
    miners.answers["m"] = silent(30.0)
    poller.add([("m", 0.02)])
    await miners.until(lambda: miners.counts["m"] == 1)
    await poller.stop()
    assert miners.running["m"] == 0
    assert poller.in_flight == 0
