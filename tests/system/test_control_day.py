"""A day of the default schedule over a fleet of every make that can be commanded, some dead and some disobedient.

What is expected is worked out here from the hours of the day and the simulator's own figures, and compared with what the
simulated miners truly draw and were truly told.
"""

import socket
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from controller.model import Event
from simulator.miner import SimulatedMiner
from simulator.presets import presets_of
from simulator.quiet import run_quietly
from tests.system.whole_controller import CALM, USUAL, Yard, account, yard

HOUR = 3600.0
MIDNIGHT = datetime(2026, 5, 29, tzinfo=UTC).timestamp()
INTERVAL_S = 600.0
STEP_S = 10.0
"""How often the true power is looked at: the grid of the simulator's physics, and the ramps' `every`."""

SETTLED_S = 40 * 60.0
"""After so long a boundary lies behind: ramp, start of mining, and the slowest make's proof."""

CAUGHT_S = 1.5 * INTERVAL_S
"""Within so long of its return a miner is found and told."""

JITTER_S = 1.0
"""A command leaves within so long of being let through."""

NOISE: Final = 0.06
"""Units of one model draw some percent more or less than its plate says, and the heat of the day adds to it."""

STEPS_BACK: Final = 6
"""So many steps of power are looked back upon."""

MOST_TRIES: Final = 5 + 6 * 3600 // 1800
"""Of one that does not obey, in a quarter of the day: five, and then one each half an hour."""

SHARES: Final = {"overclock": 1.15, "normal": 1.0, "underclock": 0.75, "curtail": 0.0}


class Kind(NamedTuple):
    """Miners of one model in a container. `more`: further keys of their entry in the inventory."""

    container: str
    letter: str
    maker: str
    model: str
    parts: int
    more: str = ""


KINDS: Final = (
    Kind("north", "a", "AntMiner", "S19 Pro", 2),
    Kind("north", "b", "AntMiner", "S21", 2),
    Kind("north", "c", "AntMiner", "S19k Pro", 2, ", simulate: {device: luxos}"),
    Kind("south", "a", "Whatsminer", "M50", 4),
    Kind("south", "b", "Whatsminer", "M60S", 4),
    Kind("west", "a", "Avalon", "1246", 2),
    Kind("west", "b", "Avalon", "1566", 2),
    Kind("west", "c", "Elphapex", "DG1+", 3),
    Kind("west", "d", "AntMiner", "L7", 2),
    Kind("gate", "a", "Whatsminer", "M30S+", 1),
)
ZONES: Final = {"north": "UTC", "south": "UTC", "west": "UTC", "gate": "America/St_Johns"}
FEEDS: Final = {"north": "line 1", "south": "line 1", "west": "line 2", "gate": "line 2"}
PARTS: Final = sum(kind.parts for kind in KINDS)


class Day(NamedTuple):
    """The fleet and the hours. `dead`, `late` (until when), `disobedient`: by miner id. Ramps in W a step."""

    begin: float
    end: float
    targets: str
    step_w: Mapping[str, float]
    batch: int
    dead: frozenset[str]
    late: Mapping[str, float]
    disobedient: frozenset[str]

    @property
    def odd(self) -> frozenset[str]:
        """Those that are not as they should be for a time, or at all."""
        return self.dead | self.disobedient | frozenset(self.late)


def day(begin: float, end: float, *, miners: int, container_w: float, feed_w: float, batch: int) -> Day:
    """Return a day of a fleet: one miner in twenty does not answer, another one says yes and does nothing.

    Of those that do not answer every other one comes back meanwhile.
    """
    size = miners // PARTS
    entries: dict[str, list[str]] = {}
    ids: list[str] = []
    for net, kind in enumerate(KINDS, start=1):
        count = kind.parts * size
        entries.setdefault(kind.container, []).append(
            f'      - {{name: "{kind.letter}{{n}}", addresses: 127.N.{net}.1-{count}, '
            f"manufacturer: {kind.maker}, model: {kind.model}{kind.more}}}"
        )
        ids += [f"{kind.container}.{kind.letter}{at}" for at in range(1, count + 1)]
    bad = max(2, len(ids) // 20)
    spread = len(ids) / bad
    silent = [ids[int(spread * at)] for at in range(bad)]
    disobedient = [ids[int(spread * (at + 0.5))] for at in range(bad)]
    back = silent[1::2]
    late = {id_: begin + (end - begin) * (0.1 + 0.7 * at / len(back)) for at, id_ in enumerate(back)}
    text = [f"defaults: {{interval: {INTERVAL_S:.0f}s, control: enforce, schedule: default, {USUAL},"]
    text += [f"  ramp: {{step: {container_w:.0f} W, every: {STEP_S:.0f}s, batch: {batch}}}}}", "feeds:"]
    text += [
        f"  {feed}: {{ramp: {{step: {feed_w:.0f} W, every: {STEP_S:.0f}s}}}}"
        for feed in sorted(set(FEEDS.values()))
    ]
    text += ["containers:"]
    for container, miners_of in entries.items():
        faults = [
            *(_fault(id_, "disobeys") for id_ in disobedient if id_.startswith(f"{container}.")),
            *(
                _fault(id_, ("refused", "silent")[at % 2], late[id_] - begin if id_ in late else None)
                for at, id_ in enumerate(silent)
                if id_.startswith(f"{container}.")
            ),
        ]
        gateway = ""
        if container == "gate":
            port = _free_port()
            text += [f"  - name: {container}", f"    gateway: http://127.0.0.1:{port}"]
            gateway = f", gateway: {port}"
        else:
            text += [f"  - name: {container}"]
        text += [f"    timezone: {ZONES[container]}", f"    feed: {FEEDS[container]}"]
        text += [
            f"    simulate: {{{CALM}{gateway}, faults: [{', '.join(faults)}]}}",
            "    miners:",
            *miners_of,
        ]
    steps = {**dict.fromkeys(ZONES, container_w), **dict.fromkeys(FEEDS.values(), feed_w)}
    return Day(
        begin,
        end,
        "\n".join(text) + "\n",
        steps,
        batch,
        frozenset(silent) - late.keys(),
        late,
        frozenset(disobedient),
    )


def _fault(id_: str, name: str, for_s: float | None = None) -> str:
    lasting = "" if for_s is None else f", for_s: {for_s:.0f}"
    return f"{{fault: {name}, miners: [{id_.partition('.')[2]}]{lasting}}}"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def profile_at(container: str, at: float) -> str:
    """Return what the default schedule says: a quarter of the day each, by the clock on the container's wall."""
    hour = datetime.fromtimestamp(at, ZoneInfo(ZONES[container])).hour
    return ("overclock", "normal", "underclock", "curtail")[hour // 6]


def quarter_of(container: str, at: float) -> int:
    """Return a number for the quarter of the day in which a moment lies."""
    offset = datetime.fromtimestamp(at, ZoneInfo(ZONES[container])).utcoffset()
    assert offset is not None
    return int((at + offset.total_seconds()) // (6 * HOUR))


def drawn_w(miner: SimulatedMiner, profile: str) -> float | None:
    """Return what a miner draws that has followed a profile; None where its make cannot be told so."""
    figures, share = miner.physics.figures, SHARES[profile]
    if not share:
        return figures.standby_w
    if miner.device_name == "elphapex":  # it sleeps and wakes, and knows nothing between or above
        return None if share < 1 else figures.power_w
    if miner.device_name == "luxos":  # the largest preset that draws no more
        return max(one.power for one in presets_of(figures) if one.power <= share * 1.02) * figures.power_w
    return share * figures.power_w


class Watch:
    """Looks on as the day goes by, and holds what the miners truly draw against the plan."""

    def __init__(self, on: Yard, plan: Day) -> None:
        self.on, self.plan = on, plan
        self.seen: dict[str, deque[float]] = {name: deque(maxlen=STEPS_BACK + 1) for name in plan.step_w}

    def look(self) -> None:
        """Assert that every container and feed draws what the plan allows now, and came there within its ramp."""
        now = self.on.clock.now()
        drawn = dict.fromkeys(self.plan.step_w, 0.0)
        least, most = dict(drawn), dict(drawn)
        for id_, miner in self.on.miners.items():
            miner.physics.advance(now)
            low, high = self.bounds(id_, miner, now)
            for name in (miner.spec.container, FEEDS[miner.spec.container]):
                drawn[name] += miner.physics.power_w
                least[name] += low
                most[name] += high
        for name, watts in drawn.items():
            when = f"{name} at {datetime.fromtimestamp(now, UTC)}"
            assert least[name] * (1 - NOISE) <= watts <= most[name] * (1 + NOISE), (
                f"{when} draws {watts:.0f} W, the plan says {least[name]:.0f} to {most[name]:.0f} W"
            )
            for steps, before in enumerate(self.seen[name], start=1):
                # One step more: makes act some seconds after they were told, some at once.
                allowed = (steps + 1) * self.plan.step_w[name] * (1 + NOISE)
                assert abs(watts - before) <= allowed, (
                    f"{when}: from {before:.0f} to {watts:.0f} W in {steps} steps of {self.plan.step_w[name]:.0f} W"
                )
            self.seen[name].appendleft(watts)

    def bounds(self, id_: str, miner: SimulatedMiner, now: float) -> tuple[float, float]:
        """Return between what a miner may draw now: its order's power, or all on the way there from the last."""
        plan, figures = self.plan, miner.physics.figures
        if id_ in plan.dead or id_ in plan.disobedient:
            return figures.power_w, figures.power_w
        returned = plan.late.get(id_, plan.begin)
        if now < returned:
            return figures.power_w, figures.power_w
        moments = [now]
        begun = max(now - SETTLED_S, returned)
        moments += _every(begun, now, 600.0)
        orders = {profile_at(miner.spec.container, at) for at in moments}
        powers = {self._order_w(id_, miner, at) for at in moments}
        if now - SETTLED_S < returned + (CAUGHT_S if returned > plan.begin else 0.0):
            powers.add(figures.power_w)
            orders.add("")
        if len(orders) == 1:
            (watts,) = powers
            return watts, watts
        return figures.standby_w, max(powers)

    def _order_w(self, id_: str, miner: SimulatedMiner, at: float) -> float:
        found = drawn_w(miner, profile_at(miner.spec.container, at))
        if found is not None:
            return found
        # It is left as it was: as the quarter before had it, or as it began.
        before = at - 6 * HOUR
        if before < max(self.plan.begin, self.plan.late.get(id_, 0.0)):
            return miner.physics.figures.power_w
        return self._order_w(id_, miner, before)


def _every(begin: float, end: float, step: float) -> Iterator[float]:
    at = begin
    while at < end:
        yield at
        at += step


async def live(folder: Path, plan: Day) -> None:
    """Let the day pass, and prove what is to be proved of it."""
    async with yard(folder, plan.targets, plan.begin) as on:
        watch = Watch(on, plan)
        while on.clock.now() < plan.end:
            await on.pass_(STEP_S)
            watch.look()
        sent, finished = await on.events("command.sent"), await on.events("command.finished")
        account(on.miners, sent, finished)
        orders = by_miner(sent)
        outcomes = by_miner(finished)
        for id_, miner in on.miners.items():
            if id_ in plan.dead:
                assert orders[id_] == []
            elif id_ in plan.disobedient:
                # LuxOS that goes on tuning itself after all refuses every preset.
                refusals = {"refused"} if miner.device_name == "luxos" else set()
                found = {event.outcome for event in outcomes[id_]}
                assert {"accepted_unverified"} <= found <= {"accepted_unverified", *refusals}, id_
                tries = Counter(
                    quarter_of(miner.spec.container, event.at.timestamp()) for event in orders[id_]
                )
                assert max(tries.values()) <= MOST_TRIES, id_
            else:
                assert {event.outcome for event in outcomes[id_]} <= {"applied", "unchanged"}, id_
                assert told_in(orders[id_], miner) == needed_in(plan, id_, miner), id_
                assert on.view(id_).matches, id_
        caught(on, plan, orders)
        stepped(on, plan, sent)
        assert {event.miner for event in await on.events("drift.begun")} == plan.disobedient
        assert await on.events("state.departed") == []
        drifting = {id_ for id_ in plan.disobedient if strays(on.miner(id_), plan.end)}
        last = {event.miner: event.kind for event in await on.events("drift.begun", "drift.ended")}
        assert {id_ for id_, kind in last.items() if kind == "drift.begun"} == drifting
        figures = on.controller.engine.container_figures()
        assert sum(one.drifting for one in figures) == len(drifting) > 0
        operations, _ = await on.controller.storage.operations.find(limit=500)
        assert {one.cause for one in operations} == {"schedule"}
        assert {one.state for one in operations} <= {"done", "done_with_failures"}
        assert all(sum(one.counts.values()) == one.total for one in operations)


def strays(miner: SimulatedMiner, at: float) -> bool:
    """Return whether a miner that has never obeyed draws something else than it was told to."""
    told_w = drawn_w(miner, profile_at(miner.spec.container, at))
    return told_w is not None and told_w != miner.physics.figures.power_w


def by_miner(events: Sequence[Event]) -> dict[str, list[Event]]:
    """Return events by the miner that they are about; of one without any an empty list."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        assert event.miner is not None
        found[event.miner].append(event)
    return found


def told_in(orders: Sequence[Event], miner: SimulatedMiner) -> dict[int, list[str]]:
    """Return the actions that a miner was told, by quarter of the day; a quarter without any is not there."""
    found: dict[int, list[str]] = {}
    for event in orders:
        quarter = quarter_of(miner.spec.container, event.at.timestamp())
        found.setdefault(quarter, []).append(str(event.params["action"]))
    return found


def needed_in(plan: Day, id_: str, miner: SimulatedMiner) -> dict[int, list[str]]:
    """Return the actions that bring a miner from quarter to quarter and no more, from when it answers."""
    begin, container = plan.late.get(id_, plan.begin), miner.spec.container
    before, found = "normal", {}
    for quarter in range(quarter_of(container, begin), quarter_of(container, plan.end) + 1):
        profile = ("overclock", "normal", "underclock", "curtail")[quarter % 4]
        actions = needed(miner, before, profile)
        if actions:
            found[quarter] = actions
        if drawn_w(miner, profile) is not None:
            before = profile
    return found


def needed(miner: SimulatedMiner, before: str, profile: str) -> list[str]:
    """Return the actions that bring a miner from one profile to another."""
    setting = {"luxos": "set_preset", "elphapex": None}.get(miner.device_name, "set_mode")
    if miner.spec.container == "gate":
        setting = "set_preset"
    if before == profile or drawn_w(miner, profile) is None:
        return []
    if profile == "curtail":
        return ["sleep"]
    told = [] if setting is None else [setting]
    if before != "curtail":
        return told if drawn_w(miner, before) != drawn_w(miner, profile) else []
    return told if miner.device_name == "antminer_new" else ["wake", *told]


def caught(on: Yard, plan: Day, orders: Mapping[str, Sequence[Event]]) -> None:
    """Assert that each miner that came back late was told soon after, where it had anything to be told then."""
    behind = 0
    for id_, returned in plan.late.items():
        miner, first = on.miner(id_), orders[id_][0]
        assert returned <= first.at.timestamp(), id_
        if quarter_of(miner.spec.container, returned) in needed_in(plan, id_, miner):
            assert first.at.timestamp() <= returned + CAUGHT_S, id_
            assert first.params["why"] == "late"
            behind += 1
    assert behind


def stepped(on: Yard, plan: Day, sent: Sequence[Event]) -> None:
    """Assert that in no time of a step more was ordered than a step of the container, or of its feed, holds.

    A miner whose mining begins anew falls to almost nothing and rises again: it counts with all that it draws.
    """
    steps: dict[str, list[tuple[float, float]]] = {name: [] for name in plan.step_w}
    profiles: dict[str, str] = {}
    for event in sent:
        assert event.miner is not None
        miner, profile = on.miner(event.miner), str(event.params["profile"])
        before = profiles.get(event.miner, "normal")
        if before == profile and event.miner not in plan.disobedient:
            continue  # the second half of one order: it was let through with the first
        if event.miner not in plan.disobedient:
            profiles[event.miner] = profile
        standby_w = miner.physics.figures.standby_w
        powers = (drawn_w(miner, before) or standby_w, drawn_w(miner, profile) or standby_w)
        for name in (miner.spec.container, FEEDS[miner.spec.container]):
            steps[name].append((event.at.timestamp(), max(powers) - standby_w))
    for name, taken in steps.items():
        assert taken
        taken.sort()
        for begin, _ in taken:
            within = [watts for at, watts in taken if begin <= at < begin + STEP_S - JITTER_S]
            assert sum(within) <= plan.step_w[name] * (1 + NOISE), (name, begin, within)
            assert name not in ZONES or len(within) <= plan.batch, (name, begin, within)


def test_six_hours_around_two_boundaries(tmp_path: Path) -> None:
    begin = MIDNIGHT + 17 * HOUR + 2400
    plan = day(begin, begin + 7 * HOUR, miners=24, container_w=8_000.0, feed_w=12_000.0, batch=4)
    run_quietly(live(tmp_path, plan))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_full_day_of_240_miners(tmp_path: Path) -> None:
    begin = MIDNIGHT - 1800
    plan = day(begin, begin + 25.5 * HOUR, miners=240, container_w=25_000.0, feed_w=40_000.0, batch=20)
    assert len(plan.dead | plan.late.keys()) == len(plan.disobedient) == 12
    run_quietly(live(tmp_path, plan))
