"""How fast power may step: budgets kept whatever waits, and everything let through in the end."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.ramps import UNKNOWN_W, Allowed, History, Pending, Taken, allowed, slowed
from miners.inventory.fleet import Ramp

NO_RAMPS: Mapping[str, Ramp] = {}


def changes(
    count: int, *, container: str = "c", watts: float | None = 1000.0, **more: object
) -> list[Pending]:
    return [
        Pending(miner=f"{container}.m{number}", container=container, change_w=watts, **more)  # type: ignore[arg-type]
        for number in range(count)
    ]


def run(
    waiting: Sequence[Pending],
    containers: Mapping[str, Ramp],
    feeds: Mapping[str, Ramp],
    *,
    begin: float = 1_000_000.0,
    history: History | None = None,
) -> list[tuple[float, Pending]]:
    """Let everything through, looking again exactly when told to; return when each went."""
    left, now, gone = list(waiting), begin, []
    history = history or History()
    for _ in range(10 * len(waiting) + 10):
        found = allowed(left, history, containers, feeds, now)
        history = found.history
        gone += [(now, change) for change in found.now]
        left = [change for change in left if change not in found.now]
        if found.look_again_at is None:
            assert left == []
            return gone
        assert left
        assert found.look_again_at > now
        now = found.look_again_at
    raise AssertionError(f"{len(left)} changes are still waiting")


def test_without_ramps_everything_goes_at_once() -> None:
    waiting = [*changes(500), *changes(500, container="d", feed="f")]
    found = allowed(waiting, History(), NO_RAMPS, NO_RAMPS, 0.0)
    assert set(found.now) == set(waiting)
    assert found.look_again_at is None
    assert found.history.taken == ()


def test_a_container_steps_by_watts() -> None:
    ramp = {"c": Ramp(step_w=250_000.0, every_s=10.0, batch=1000)}
    gone = run(changes(200, watts=3250.0, up=True), ramp, NO_RAMPS, begin=0.0)
    counts = {at: sum(1 for when, _ in gone if when == at) for at, _ in gone}
    assert counts == {0.0: 76, 10.0: 76, 20.0: 48}


def test_a_container_steps_by_batches() -> None:
    ramp = {"c": Ramp(step_w=1e9, every_s=10.0, batch=20)}
    gone = run(changes(45), ramp, NO_RAMPS, begin=0.0)
    assert [at for at, _ in gone] == [0.0] * 20 + [10.0] * 20 + [20.0] * 5


def test_forty_containers_do_not_step_together_on_one_feed() -> None:
    waiting = [change for n in range(40) for change in changes(5, container=f"c{n}", feed="f", up=True)]
    containers = {f"c{n}": Ramp(step_w=3000.0) for n in range(40)}
    gone = run(waiting, containers, {"f": Ramp(step_w=20_000.0, every_s=10.0, batch=10_000)}, begin=0.0)
    assert len(gone) == 200
    assert [sum(1 for at, _ in gone if at == step * 10.0) for step in range(10)] == [20] * 10
    # Turns: no container has two steps more behind it than another at any time.
    done = dict.fromkeys(containers, 0)
    for _, change in gone:
        done[change.container] += 1
        assert max(done.values()) - min(done.values()) <= 1


def test_a_small_container_does_not_wait_for_a_large_one() -> None:
    waiting = [*changes(100, container="large", feed="f"), *changes(3, container="small", feed="f")]
    gone = run(waiting, NO_RAMPS, {"f": Ramp(step_w=2000.0, every_s=10.0)}, begin=0.0)
    assert max(at for at, change in gone if change.container == "small") == 20.0


def test_a_miner_larger_than_the_step_goes_alone() -> None:
    ramp = {"c": Ramp(step_w=5000.0, every_s=10.0)}
    waiting = [*changes(2), *changes(1, container="c", watts=7000.0), *changes(2, watts=1500.0)]
    waiting = [
        Pending(miner=f"c.{number}", container="c", change_w=change.change_w)
        for number, change in enumerate(waiting)
    ]
    gone = run(waiting, ramp, NO_RAMPS, begin=0.0)
    assert [(at, change.change_w) for at, change in gone] == [
        (0.0, 1000.0),
        (0.0, 1000.0),
        (10.0, 7000.0),
        (20.0, 1500.0),
        (20.0, 1500.0),
    ]


def test_a_large_one_is_not_overtaken_for_ever_by_other_containers() -> None:
    large = Pending(miner="b.0", container="b", feed="f", change_w=9000.0, up=True)
    history, now, at = History(), 0.0, None
    for round_ in range(50):
        small = changes(5, container="a", feed="f", up=True)
        waiting = [*small, large] if at is None else small
        found = allowed(waiting, history, NO_RAMPS, {"f": Ramp(step_w=4000.0, every_s=10.0)}, now)
        history, now = found.history, now + 1.0
        if large in found.now:
            at = round_
    assert at is not None
    assert at <= 10


def test_an_emergency_waits_for_nothing_on_the_way_down_and_nothing_follows_on_its_heels() -> None:
    ramps = {"c": Ramp(step_w=2000.0, every_s=10.0, batch=2)}
    down = changes(30, emergency=True)
    up = [
        Pending(miner=f"c.u{number}", container="c", change_w=1000.0, up=True, emergency=True)
        for number in range(4)
    ]
    found = allowed([*up, *down], History(), ramps, NO_RAMPS, 100.0)
    assert set(found.now) == set(down)
    assert found.look_again_at == 110.0
    after = allowed(up, found.history, ramps, NO_RAMPS, 109.9)
    assert after.now == ()
    assert allowed(up, after.history, ramps, NO_RAMPS, 110.0).now == tuple(up[:2])


def test_power_falls_before_it_rises() -> None:
    waiting = [*changes(3, up=True), *changes(3, container="c", up=False)]
    ramp = {"c": Ramp(step_w=3000.0)}
    assert [change.up for change in allowed(waiting, History(), ramp, NO_RAMPS, 0.0).now] == [False] * 3


def test_a_change_that_is_not_known_counts_for_a_large_miner() -> None:
    found = allowed(changes(9, watts=None), History(), {"c": Ramp(step_w=3 * UNKNOWN_W)}, NO_RAMPS, 0.0)
    assert len(found.now) == 3


def test_a_clock_that_was_set_back_does_not_stop_the_ramp_for_long() -> None:
    history = History(taken=(Taken(5000.0, "c", None, 250_000.0),))
    found = allowed(changes(1), history, {"c": Ramp()}, NO_RAMPS, 1000.0)
    assert found.now == ()
    assert found.look_again_at == 1010.0
    assert allowed(changes(1), found.history, {"c": Ramp()}, NO_RAMPS, 1010.0).now == tuple(changes(1))


def test_looking_at_nothing_keeps_only_what_still_counts() -> None:
    ramps = {"c": Ramp(every_s=10.0)}
    found = allowed(changes(5), History(), ramps, NO_RAMPS, 0.0)
    assert len(found.history.taken) == 5
    later = allowed([], found.history, ramps, NO_RAMPS, 10.0)
    assert later == Allowed((), History((), found.history.served, 5), None)


@pytest.mark.parametrize(
    ("over_s", "batch", "expected"),
    [
        (None, None, Ramp()),
        (None, 5, Ramp(batch=5)),
        (None, 500, Ramp()),
        (300.0, None, Ramp(every_s=30.0)),
        (300.0, 10, Ramp(every_s=15.0, batch=10)),
        (1.0, None, Ramp()),
    ],
)
def test_a_slower_ramp_spreads_miners_over_a_time(
    over_s: float | None, batch: int | None, expected: Ramp
) -> None:
    assert slowed(Ramp(), over_s=over_s, batch=batch, miners=200) == expected


def test_a_slower_ramp_takes_as_long_as_it_was_told() -> None:
    ramp = slowed(Ramp(step_w=1e9), over_s=300.0, batch=None, miners=200)
    gone = run(changes(200), {"c": ramp}, NO_RAMPS, begin=0.0)
    assert gone[-1][0] == 270.0


RAMPS = st.builds(
    Ramp,
    step_w=st.sampled_from([1000.0, 2500.0, 9999.5, 1e6]),
    every_s=st.sampled_from([1.0, 0.3, 7.7, 10.0]),
    batch=st.integers(1, 6),
)
NAMES = st.sampled_from(["a", "b", "c"])
FEEDS = st.sampled_from([None, "f", "g"])


@st.composite
def many_changes(draw: st.DrawFn) -> list[Pending]:
    feeds = {name: draw(FEEDS) for name in "abc"}
    return [
        Pending(
            miner=f"m{number}",
            container=(container := draw(NAMES)),
            feed=feeds[container],
            change_w=draw(st.none() | st.floats(-4000, 4000) | st.just(0.0)),
            up=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 40)))
    ]


@settings(max_examples=300, deadline=None)
@given(
    many_changes(),
    st.dictionaries(NAMES, RAMPS),
    st.dictionaries(st.sampled_from(["f", "g"]), RAMPS),
    st.floats(0, 2e9),
)
def test_no_step_is_larger_than_allowed_and_everything_goes_in_the_end(
    waiting: list[Pending], containers: dict[str, Ramp], feeds: dict[str, Ramp], begin: float
) -> None:
    gone = run(waiting, containers, feeds, begin=begin)
    assert sorted(change.miner for _, change in gone) == sorted(change.miner for change in waiting)
    for ramps, key in ((containers, "container"), (feeds, "feed")):
        for name, ramp in ramps.items():
            mine = [(at, change.size_w) for at, change in gone if getattr(change, key) == name]
            for begins, _ in mine:
                step = [size for at, size in mine if begins <= at < begins + ramp.every_s]
                assert len(step) <= ramp.batch
                assert len(step) == 1 or sum(step) <= ramp.step_w + 1e-6


@settings(max_examples=100, deadline=None)
@given(
    many_changes(),
    st.lists(st.floats(0, 20), min_size=1, max_size=30),
    st.dictionaries(NAMES, RAMPS),
    st.dictionaries(st.sampled_from(["f", "g"]), RAMPS),
)
def test_looking_too_early_or_too_late_breaks_no_budget(
    waiting: list[Pending], pauses: list[float], containers: dict[str, Ramp], feeds: dict[str, Ramp]
) -> None:
    now, history, gone = 0.0, History(), []
    left = list(waiting)
    for pause in pauses:
        found = allowed(left, history, containers, feeds, now)
        history = found.history
        gone += [(now, change) for change in found.now]
        left = [change for change in left if change not in found.now]
        now += pause
    for ramps, key in ((containers, "container"), (feeds, "feed")):
        for name, ramp in ramps.items():
            mine = [(at, change.size_w) for at, change in gone if getattr(change, key) == name]
            for begins, _ in mine:
                step = [size for at, size in mine if begins <= at < begins + ramp.every_s]
                assert len(step) <= ramp.batch
                assert len(step) == 1 or sum(step) <= ramp.step_w + 1e-6
