"""What is wanted of a miner: the newest override in force, else the schedule; when it began, when overrides lapse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.desire import ends_by_container, lapsed, next_turn, wanted
from controller.model import SYSTEM, Actor, Override, Wanted
from miners.inventory.fleet import Container, Origin, Schedule, Window
from miners.inventory.schedules import BUILT_IN

QUARTERS = BUILT_IN["default"]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PERSON = Actor("user", "A. Petrov", "usr_1")


def override(name: str, profile: str = "curtail", *, begin: float = 0, **more: Any) -> Override:
    """`begin`: hours after noon."""
    more.setdefault("ends", "manual")
    if not {"containers", "miners"} & more.keys():
        more["containers"] = ("c",)
    return Override(
        id=f"ov_{name}",
        profile=profile,
        reason="breaker",
        created_by=PERSON,
        created_at=NOON + begin * HOUR,
        starts_at=NOON + begin * HOUR,
        **more,
    )


def ask(
    *overrides: Override, hours: float = 1, schedule: Schedule | None = QUARTERS, miner: str = "c.m1"
) -> Wanted:
    return wanted(miner.split(".", maxsplit=1)[0], miner, schedule, "UTC", overrides, NOON + hours * HOUR)


def by(found: Wanted) -> str | None:
    return found.override_id


def test_the_schedule_where_no_override_is() -> None:
    assert ask() == Wanted(profile="underclock", source="schedule", since=NOON)
    assert ask(hours=-3) == Wanted(profile="normal", source="schedule", since=NOON - 6 * HOUR)


def test_nothing_where_there_is_neither() -> None:
    assert ask(schedule=None) == Wanted()


def test_an_override_stands_above_the_schedule_and_needs_none() -> None:
    expected = Wanted(profile="curtail", source="override", override_id="ov_a", since=NOON)
    assert ask(override("a")) == expected
    assert ask(override("a"), schedule=None) == expected


def test_the_newest_wins_whatever_its_reach() -> None:
    one_miner = override("miner", "normal", miners=("c.m1",))
    whole = override("whole", containers=("c",), begin=0.5)
    assert by(ask(whole, one_miner)) == "ov_whole"
    later = override("later", "overclock", miners=("c.m1",), begin=0.75)
    assert by(ask(later, whole, one_miner)) == "ov_later"
    assert by(ask(later, whole, one_miner, miner="c.m2")) == "ov_whole"
    assert ask(later, whole, one_miner, miner="d.m1").source == "schedule"


def test_what_has_been_taken_out_of_an_override_is_not_held_by_it() -> None:
    older = override("older", "normal")
    narrowed = override("narrowed", except_miners=("c.m1",))
    assert by(ask(narrowed, older)) == "ov_older"
    assert by(ask(narrowed, older, miner="c.m2")) == "ov_narrowed"


def test_one_that_waits_does_not_hold_yet_and_covers_nothing() -> None:
    waiting = override("waiting", begin=2)
    running = override("running", "normal")
    assert by(ask(waiting, running, hours=1.99)) == "ov_running"
    assert by(ask(waiting, running, hours=2)) == "ov_waiting"


def test_it_ends_at_its_end_and_an_older_one_holds_again_from_then_on() -> None:
    short = override("short", ends="at", until=NOON + 2 * HOUR, begin=0.5)
    older = override("older", "normal", begin=0.25)
    assert by(ask(short, older, hours=1.999)) == "ov_short"
    assert ask(short, older, hours=2) == Wanted(
        profile="normal", source="override", override_id="ov_older", since=NOON + 2 * HOUR
    )
    assert ask(short, hours=3) == Wanted(profile="underclock", source="schedule", since=NOON + 2 * HOUR)
    assert ask(short, hours=7) == Wanted(profile="curtail", source="schedule", since=NOON + 6 * HOUR)


def test_one_that_a_person_has_ended_is_over() -> None:
    ended = override("a", "normal", ends="at", until=NOON + 9 * HOUR, ended_at=NOON + HOUR, ended_by=SYSTEM)
    assert by(ask(ended, hours=0.9)) == "ov_a"
    assert ask(ended, hours=1) == Wanted(profile="underclock", source="schedule", since=NOON + HOUR)


def test_until_the_next_change_ends_in_each_container_by_itself() -> None:
    both = override(
        "both",
        ends="next_change",
        containers=("c", "d"),
        miners=("e.m1",),
        until_by_container={"c": NOON + 2 * HOUR, "d": NOON + 4 * HOUR, "e": NOON + 3 * HOUR},
    )
    assert by(ask(both, hours=1.9)) == "ov_both"
    assert by(ask(both, hours=2)) is None
    assert by(ask(both, hours=3, miner="d.m1")) == "ov_both"
    assert by(ask(both, hours=2.9, miner="e.m1")) == "ov_both"
    assert by(ask(both, hours=3, miner="e.m1")) is None
    assert lapsed([both], NOON + 3.9 * HOUR) == []
    assert lapsed([both], NOON + 4 * HOUR) == [both]


def test_what_never_changes_is_left_to_a_person() -> None:
    both = override("a", ends="next_change", containers=("c", "d"), until_by_container={"c": NOON + HOUR})
    assert by(ask(both, hours=1000, miner="d.m1")) == "ov_a"
    assert lapsed([both], NOON + 1000 * HOUR) == []


@pytest.mark.parametrize(
    ("one", "over"),
    [
        (override("a"), False),
        (override("a", ends="at", until=NOON + HOUR), True),
        (override("a", ends="at", until=NOON + 2 * HOUR), False),
        (override("a", ends="manual", until=NOON), False),
        (override("a", ends="at", until=NOON, ended_at=NOON), False),
        (override("a", ends="next_change", until_by_container={"c": NOON + HOUR}), True),
    ],
)
def test_what_has_lapsed(one: Override, over: bool) -> None:
    assert lapsed([one], NOON + HOUR) == ([one] if over else [])


def test_the_next_moment_at_which_overrides_turn() -> None:
    overrides = [
        override("gone", ends="at", until=NOON + HOUR, ended_at=NOON),
        override("for good"),
        override("waits", begin=5),
        override("runs", ends="at", until=NOON + 7 * HOUR),
        override("changes", ends="next_change", until_by_container={"c": NOON + 6 * HOUR}),
    ]
    turns = [NOON]
    while (turn := next_turn(overrides, turns[-1])) is not None:
        turns.append(turn)
    assert turns[1:] == [NOON + 5 * HOUR, NOON + 6 * HOUR, NOON + 7 * HOUR]


def test_each_containers_own_next_change() -> None:
    always = Schedule(id="always", name="always", windows=(Window((0,), 0, 0, "normal"),), otherwise="normal")

    def container(name: str, schedule: str | None, zone: str) -> Container:
        return Container(
            name=name, id=name, schedule=schedule, timezone=zone, origin=Origin("targets.yml", 1)
        )

    containers = [
        container("a", "default", "UTC"),
        container("b", "default", "Asia/Kathmandu"),
        container("c", "always", "UTC"),
        container("d", None, "UTC"),
        container("e", "gone", "UTC"),
    ]
    schedules = {"default": QUARTERS, "always": always}
    assert ends_by_container(containers, schedules, NOON + HOUR) == {
        "a": NOON + 6 * HOUR,
        "b": datetime(2026, 7, 1, 18, 15, tzinfo=UTC),
    }


OVERRIDES = st.lists(
    st.builds(
        override,
        st.text("abc", min_size=1, max_size=3),
        st.sampled_from(["curtail", "normal"]),
        begin=st.integers(-5, 5),
        ends=st.sampled_from(["at", "manual", "next_change"]),
        until=st.none() | st.integers(-5, 9).map(lambda hour: NOON + hour * HOUR),
        until_by_container=st.dictionaries(
            st.sampled_from(["c", "d"]), st.integers(-5, 9).map(lambda hour: NOON + hour * HOUR)
        ),
        containers=st.lists(st.sampled_from(["c", "d"]), unique=True).map(tuple),
        miners=st.lists(st.sampled_from(["c.m1", "c.m2", "d.m1"]), unique=True).map(tuple),
        except_miners=st.lists(st.sampled_from(["c.m1", "d.m1"]), unique=True).map(tuple),
    ),
    max_size=5,
)


@given(OVERRIDES, st.sampled_from(["c.m1", "c.m2", "d.m1"]), st.integers(-20, 40))
def test_it_is_the_first_that_holds_and_began_no_later_than_now(
    overrides: list[Override], miner: str, quarters: int
) -> None:
    at = NOON + quarters * HOUR / 4
    container = miner.split(".", maxsplit=1)[0]
    found = wanted(container, miner, QUARTERS, "UTC", overrides, at)
    holding = []
    for one in overrides:
        meant = (container in one.containers or miner in one.miners) and miner not in one.except_miners
        until = one.until if one.ends == "at" else None
        if one.ends == "next_change":
            until = one.until_by_container.get(container) or one.until
        if meant and one.starts_at <= at and (until is None or at < until):
            holding.append(one)
    if holding:
        assert (found.profile, found.override_id) == (holding[0].profile, holding[0].id)
    else:
        assert (found.source, found.override_id) == ("schedule", None)
    assert found.since is not None
    assert found.since <= at
    for one in lapsed(overrides, at):
        assert one not in holding


@given(OVERRIDES, st.integers(-20, 40))
def test_nothing_changes_before_the_next_turn(overrides: list[Override], quarters: int) -> None:
    at = NOON + quarters * HOUR / 4
    turn = next_turn(overrides, at)
    still = (turn or at + 100 * HOUR) - timedelta(microseconds=1)
    if still < at:
        return
    for miner in ("c.m1", "c.m2", "d.m1"):
        container = miner.split(".")[0]
        before, after = (wanted(container, miner, None, "UTC", overrides, moment) for moment in (at, still))
        assert (before.profile, before.override_id) == (after.profile, after.override_id)
