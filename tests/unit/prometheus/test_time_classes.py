"""Every minute of a day of every miner has exactly one class, and it is the one that design asks for.

A day is made up for many miners: what they do, what is ordered of them and when the controller is away. What each minute
was worth is worked out here from the words of the design, and the rules must say the same, minute by minute.
"""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise, permutations
from pathlib import Path

import msgspec
import pytest

from tests.unit.prometheus import promtool_files

DAY = 24 * 60
SETTLING_MIN = 30
STATES = ("mining", "sleeping", "starting", "fault", "unknown")
CLASSES = ("unreachable", "hashing", "curtailed", "sleeping", "settling", "fault")


class Minute(msgspec.Struct, frozen=True):
    """What there is of a miner in a minute. `doing` is a state, or "silent", or "" for a miner out of the inventory."""

    doing: str
    hashrate: float | None
    uptime_min: float | None
    order: float | None
    """What the controller would say, were it there; None for no order."""
    since: int | None
    """The minute of that order."""


def classes(day: list[Minute], answers: list[bool]) -> Iterator[str | None]:
    """The class of every minute, by the words of the design; None for a miner that is not in the inventory."""
    held: float | None = None
    last_order: int | None = None
    for now, (minute, answering) in enumerate(zip(day, answers, strict=True)):
        if answering:
            held = minute.order
            last_order = minute.since if minute.since is not None else last_order
        elif not minute.doing:
            held = None
        young = minute.uptime_min is not None and minute.uptime_min < SETTLING_MIN
        if not minute.doing:
            yield None
        elif minute.doing == "silent":
            yield "unreachable"
        elif minute.doing == "mining" and minute.hashrate != 0:
            yield "hashing"
        elif held == 0:
            yield "curtailed"
        elif minute.doing == "sleeping" and held is None:
            yield "sleeping"
        elif young or (last_order is not None and now - last_order < SETTLING_MIN):
            yield "settling"
        else:
            yield "fault"


def stretches(chance: random.Random, choices: list, longest: int) -> Iterator:
    """One of the choices a minute, each for a while."""
    while True:
        yield from [chance.choice(choices)] * chance.randint(1, longest)


def made_up(seed: int) -> list[Minute]:
    """A day of a miner about which nothing is certain."""
    chance = random.Random(seed)
    doing = stretches(chance, [*STATES, "mining", "mining", "sleeping", "silent", ""], 90)
    hashrates = stretches(chance, [0.0, 100.0, 100.0, None], 50)
    orders = stretches(chance, [None, 0.0, 0.0, 0.75, 1.0, 1.0], 120)
    uptime = 90.0
    order: float | None = None
    since: int | None = None
    day = []
    for now in range(DAY):
        does, wanted = next(doing), next(orders)
        answers = does not in ("", "silent")
        uptime = 0.0 if chance.random() < 0.01 else uptime + 1
        if wanted != order or now == 0:
            order, since = wanted, now
        day.append(
            Minute(
                does,
                next(hashrates) if answers else None,
                uptime if answers else None,
                order,
                since if order is not None else None,
            )
        )
    return day


def told(*parts: tuple[int, str, float | None], uptime: float | None = None) -> list[Minute]:
    """A day from stretches of minutes with a deed and an order; the last one lasts. Uptime, where told, counts on."""
    day: list[Minute] = []
    since = -DAY
    for number, (length, does, order) in enumerate(parts):
        if day and order != day[-1].order:
            since = len(day)
        for _ in range(length if number < len(parts) - 1 else DAY - len(day)):
            answers = does not in ("", "silent")
            day.append(
                Minute(
                    does,
                    (100.0 if does == "mining" else 0.0) if answers else None,
                    None if uptime is None or not answers else uptime + len(day),
                    order,
                    None if order is None else since,
                )
            )
    return day


# The controller is away for two hours, from minute 600; for all miners alike.
AWAY = range(600, 720)

TOLD = {
    "follows the clock": told(
        (360, "mining", 1), (4, "mining", 0), (116, "sleeping", 0), (12, "starting", 1), (0, "mining", 1)
    ),
    "stays asleep and then stands": told(
        (100, "sleeping", 0), (10, "sleeping", 1), (80, "starting", 1), (0, "mining", 1)
    ),
    "hashes though ordered off": told((100, "mining", 1), (200, "mining", 0), (0, "sleeping", 0)),
    "is nobody's": told(
        (300, "mining", None), (300, "sleeping", None), (90, "fault", None), (0, "mining", None)
    ),
    "is given to observe while off": told(
        (300, "mining", 1), (100, "sleeping", 0), (100, "sleeping", None), (0, "mining", None)
    ),
    "is off while the controller is away": told((500, "mining", 1), (500, "sleeping", 0), (0, "mining", 1)),
    "is taken out while the controller is away": told((650, "sleeping", 0), (20, "", 0), (0, "sleeping", 0)),
    "ramps as the controller goes away": told((590, "sleeping", 0), (60, "starting", 1), (0, "mining", 1)),
    "restarts": told((200, "silent", 1), (0, "starting", 1), uptime=-200),
    "falls silent when off": told((200, "sleeping", 0), (200, "silent", 0), (0, "sleeping", 0)),
}


@pytest.fixture(scope="module")
def days() -> dict[str, list[Minute]]:
    return TOLD | {f"made up {seed}": made_up(seed) for seed in range(12)}


def test_the_days_hold_every_transition(days: dict[str, list[Minute]]) -> None:
    answers = [now not in AWAY for now in range(DAY)]
    there = {pair for day in days.values() for pair in pairwise(classes(day, answers))}
    assert there >= set(permutations(CLASSES, 2))


def test_the_words_of_the_design_by_hand() -> None:
    answers = [now not in AWAY for now in range(DAY)]
    spells = {
        name: [(kind, sum(1 for _ in run)) for kind, run in groupby(classes(day, answers))]
        for name, day in TOLD.items()
    }
    assert spells["follows the clock"] == [
        ("hashing", 364),
        ("curtailed", 116),
        ("settling", 12),
        ("hashing", 948),
    ]
    assert spells["stays asleep and then stands"] == [
        ("curtailed", 100),
        ("settling", 30),
        ("fault", 60),
        ("hashing", 1250),
    ]
    assert spells["is given to observe while off"][1:3] == [("curtailed", 100), ("sleeping", 100)]
    assert spells["is off while the controller is away"][1] == ("curtailed", 500)
    assert spells["is taken out while the controller is away"] == [
        ("curtailed", 650),
        (None, 20),
        ("sleeping", 50),
        ("curtailed", 720),
    ]
    assert spells["ramps as the controller goes away"][1:3] == [("settling", 30), ("fault", 30)]
    assert spells["restarts"] == [("unreachable", 200), ("settling", 30), ("fault", 1210)]


def test_the_rules_give_every_minute_that_one_class(
    promtool: Path, tmp_path: Path, days: dict[str, list[Minute]]
) -> None:
    answers = [now not in AWAY for now in range(DAY)]
    inputs = [promtool_files.series("up", {"job": "hashyard-controller"}, [float(now) for now in answers])]
    worths = []
    for miner, day in days.items():
        labels = {"client": "ann", "container": "c1", "miner": miner}
        worth = list(classes(day, answers))
        worths.append(worth)
        up = [None if not m.doing else float(m.doing != "silent") for m in day]
        ordered = [m.order if there else None for m, there in zip(day, answers, strict=True)]
        since = [
            m.since * 60.0 if there and m.since is not None else None
            for m, there in zip(day, answers, strict=True)
        ]
        uptime = [None if m.uptime_min is None else m.uptime_min * 60 for m in day]
        inputs += [
            promtool_files.series("miner_up", labels, up),
            promtool_files.series("miner_hashrate_hashes_per_second", labels, [m.hashrate for m in day]),
            promtool_files.series("miner_uptime_seconds", labels, uptime),
            promtool_files.series("hashyard_controller_desired_power_ratio", labels, ordered),
            promtool_files.series("hashyard_controller_desired_since_timestamp_seconds", labels, since),
        ]
        for state in STATES:
            values = [float(m.doing == state) if m.doing in STATES else None for m in day]
            inputs.append(promtool_files.series("miner_state", labels | {"state": state}, values))
        for kind in CLASSES:
            values = [1.0 if kind == worth_then else None for worth_then in worth]
            inputs.append(promtool_files.series("wanted", labels | {"class": kind}, values))
    on = "(client, container, miner)"
    wrong = (
        "miner:time_class:bool unless on (client, container, miner, class) wanted",
        f"count by {on} (miner:time_class:bool) != 1",
        "miner:time_class:bool != 1",
    )
    spell = 30  # minutes a question: promtool loads few samples at a time
    questions = []
    for end in range(spell - 1, DAY, spell):
        at, over = f"{end}m", f"{spell}m"
        # In no minute a class that is not wanted, nor two of them, nor one that is worth anything but one.
        questions += [promtool_files.question(f"count_over_time(({expr})[{over}:1m])", at) for expr in wrong]
        # Nor a minute without one. The half minute keeps the window off its other end, which counts in some versions.
        counts = Counter(
            worth_then for worth in worths for worth_then in worth[end - spell + 1 : end + 1] if worth_then
        )
        questions.append(
            promtool_files.question(
                f"sum by (class) (count_over_time(miner:time_class:bool[{spell * 60 - 30}s]))",
                at,
                [(f'{{class="{kind}"}}', count) for kind, count in counts.items()],
            )
        )
    done = promtool_files.run(
        promtool,
        tmp_path,
        rules=["record-1m.yml"],
        step="1m",
        evaluation="1m",
        inputs=inputs,
        questions=questions,
    )
    assert done.returncode == 0, done.stdout[:4000] + done.stderr[:4000]
