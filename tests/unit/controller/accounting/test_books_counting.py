"""From counters to what was counted: adds up exactly however it is cut, whatever happened to the counter."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounting.counting import (
    BRIDGED_ABOVE_S,
    MinerPoints,
    Point,
    believed,
    counted,
    edges_around,
    falls_between,
    gaps_in,
    miner_sums,
    rises,
    unread_s,
    with_kinds,
)
from controller.accounting.model import KINDS, Sums

HOUR_S = 3600.0
steps = st.one_of(st.floats(1.0, 120.0), st.floats(301.0, 4000.0), st.sampled_from([30.0, 300.0, 700_000.0]))
growths = st.one_of(st.floats(0.0, 1e6), st.sampled_from([0.0, -1.0]))


@st.composite
def courses(draw: st.DrawFn) -> list[Point]:
    """Draw a counter's figures: it rises, stands, and begins anew (a growth below 0), looked at as often as it may be."""
    at, value = draw(st.floats(0.0, 5000.0)), draw(st.floats(0.0, 1e9))
    points = [(at, value)]
    for step, growth in draw(st.lists(st.tuples(steps, growths), max_size=30)):
        at += step
        value = value + growth if growth >= 0 else draw(st.floats(0.0, 1e5))
        points.append((at, value))
    return points


@st.composite
def steady(draw: st.DrawFn) -> list[Point]:
    """Draw the figures of a counter to which nothing happened: no beginning anew, no gap."""
    at, value = draw(st.floats(0.0, 100.0)), draw(st.floats(0.0, 1e9))
    points = [(at, value)]
    for step, growth in draw(
        st.lists(st.tuples(st.floats(1.0, 299.0), st.floats(0.0, 1e6)), min_size=3, max_size=80)
    ):
        at, value = at + step, value + growth
        points.append((at, value))
    return points


cut_lists = st.lists(st.floats(-1000.0, 800_000.0), min_size=2, max_size=8, unique=True).map(sorted)


@given(points=courses(), cuts=cut_lists)
def test_increases_add_up_exactly_wherever_they_are_cut(points: list[Point], cuts: list[float]) -> None:
    course = rises(points, ())
    parts = [counted(course, begin, end) for begin, end in pairwise(cuts)]
    assert sum(parts) == counted(course, cuts[0], cuts[-1])
    assert all(part >= 0 for part in parts)


@given(points=courses())
def test_all_of_it_is_every_growth_and_every_new_beginning(points: list[Point]) -> None:
    course = rises(points, ())
    truth = sum(
        after[1] - before[1] if after[1] >= before[1] else after[1]
        for before, after in pairwise(points)
        if after[0] - before[0] <= 7 * 86400
    )
    assert counted(course, points[0][0] - 1, points[-1][0] + 1) == pytest.approx(
        truth, abs=0.5 * len(points) + 1
    )


@given(
    points=steady(), cuts=st.lists(st.floats(0.0, 5000.0), min_size=2, max_size=5, unique=True).map(sorted)
)
def test_figures_next_to_the_cuts_give_what_all_figures_give(points: list[Point], cuts: list[float]) -> None:
    seen = [at for at, _ in points]
    edges = set(edges_around(cuts, seen))
    sparse = [point for point in points if point[0] in edges]
    for begin, end in pairwise(cuts):
        assert counted(rises(sparse, seen), begin, end) == counted(rises(points, ()), begin, end)


@given(points=courses(), cuts=cut_lists)
def test_with_the_figures_beside_each_fall_few_figures_are_enough(
    points: list[Point], cuts: list[float]
) -> None:
    seen = [at for at, _ in points]
    wanted = {*edges_around(cuts, seen), *(at for pair in falls_between(points) for at in pair)}
    sparse = [point for point in points if point[0] in wanted]
    for begin, end in pairwise(cuts):
        few, all_of_them = rises(sparse, seen), rises(points, ())
        assert counted(few, begin, end) == counted(all_of_them, begin, end)
        assert counted(few, begin, end, bridged_only=True) == counted(
            all_of_them, begin, end, bridged_only=True
        )


@given(points=courses(), cuts=cut_lists)
def test_a_miners_time_is_never_more_than_there_was(points: list[Point], cuts: list[float]) -> None:
    observed = [(at, min(value, at)) for at, value in points]
    sums = miner_sums(MinerPoints(measured=points, observed=observed), cuts, (), "sha256d")
    for (begin, end), one in zip(pairwise(cuts), sums, strict=True):
        assert 0 <= one.bridged_s <= one.read_s <= one.miner_s <= end - begin + 1
    whole = miner_sums(MinerPoints(measured=points, observed=observed), [cuts[0], cuts[-1]], (), "sha256d")[0]
    assert sum(one.measured_j for one in sums) == whole.measured_j
    assert sum(one.miner_s for one in sums) == whole.miner_s


def test_a_counter_that_began_anew_counts_in_the_time_it_has_counted() -> None:
    # The exporter was away for twenty minutes and had counted for 40 s when it was looked at again.
    course = rises([(0.0, 900.0), (1200.0, 80.0)], (), {1200.0: 40.0})
    assert counted(course, 0.0, 1160.0) == 0
    assert counted(course, 1160.0, 1200.0) == 80
    assert counted(course, 0.0, 1200.0, bridged_only=True) == 0


def test_a_first_figure_counts_for_nothing() -> None:
    assert rises([(10.0, 5000.0)], ()) == []
    assert counted(rises([(10.0, 5000.0), (40.0, 5060.0)], ()), 0.0, 100.0) == 60


def test_a_gap_is_spread_evenly_and_said_to_be_bridged() -> None:
    course = rises([(0.0, 0.0), (7200.0, 7200.0)], ())
    assert counted(course, 1800.0, 3600.0) == counted(course, 1800.0, 3600.0, bridged_only=True) == 1800


def test_of_more_than_seven_days_nothing_is_said() -> None:
    course = rises([(0.0, 0.0), (8 * 86400.0, 8e6), (8 * 86400.0 + 30, 8e6 + 30)], ())
    assert counted(course, 0.0, 9 * 86400.0) == 30


def test_what_is_no_figure_is_passed_over() -> None:
    points = [(0.0, 10.0), (30.0, float("nan")), (60.0, -5.0), (90.0, float("inf")), (120.0, 130.0)]
    assert counted(rises(points, ()), 0.0, 120.0) == 120


def test_hashes_of_a_gap_count_by_the_share_of_it_that_was_read() -> None:
    # Nobody read the miner for an hour but in its first quarter; it hashed on, and its own counter knows.
    points = MinerPoints(
        observed=[(0.0, 0.0), (3600.0, 900.0)],
        measured=[(0.0, 0.0), (3600.0, 900_000.0)],
        hashes=[(0.0, 0.0), (3600.0, 8e15)],
    )
    (sums,) = miner_sums(points, [0.0, 3600.0], (), "sha256d")
    assert sums.megahashes == {"sha256d": 2_000_000_000}
    assert (sums.read_s, sums.bridged_s, sums.miner_s) == (900, 900, 3600)


def test_a_miner_was_there_from_its_first_figure_to_its_last() -> None:
    points = MinerPoints(observed=[(600.0, 0.0), (1200.0, 600.0)])
    first, second = miner_sums(points, [0.0, 900.0, 3600.0], (), "sha256d")
    assert (first.miner_s, second.miner_s) == (300, 300)
    (held,) = miner_sums(points, [0.0, 3600.0], (), "sha256d", there_from=0.0, there_until=3600.0)
    assert held.miner_s == 3600


def test_a_miner_that_nobody_saw_is_there_as_long_as_it_is_said_to_be() -> None:
    (sums,) = miner_sums(MinerPoints(), [0.0, 3600.0], (), "sha256d", there_from=0.0, there_until=3600.0)
    assert sums == Sums(miner_s=3600)
    assert miner_sums(MinerPoints(), [0.0, 3600.0], (), "sha256d") == [Sums()]


@given(st.dictionaries(st.sampled_from(KINDS), st.integers(0, 70)), st.integers(0, 4000))
def test_minutes_by_kind_are_never_more_than_there_was(minutes: dict[str, int], there_s: int) -> None:
    sums = with_kinds(Sums(miner_s=there_s), minutes)  # type: ignore[arg-type]  # keys are drawn of the kinds
    seconds = {kind: sums.seconds_of(kind) for kind in KINDS}
    assert sum(seconds.values()) == min(there_s, sum(minutes.values()) * 60)
    assert all(0 <= seconds[kind] <= minutes.get(kind, 0) * 60 for kind in KINDS)
    assert sums.unwatched_s >= 0


def test_energy_that_cannot_be_is_left_out_with_its_time_and_flagged() -> None:
    sums = [Sums(measured_j=6_000_000, miner_s=1800, read_s=1800), Sums(measured_j=1, miner_s=1800, read_s=9)]
    assert believed(sums, HOUR_S, 3000.0, None) == (sums, False)
    kept, refused = believed(sums, HOUR_S, 1000.0, None)
    assert refused
    assert [(one.total_j, one.read_s, one.miner_s) for one in kept] == [(0, 0, 1800), (0, 0, 1800)]


def test_energy_of_an_unknown_model_is_believed_up_to_what_no_miner_draws() -> None:
    assert not believed([Sums(measured_j=20_000 * 3600, miner_s=3600)], HOUR_S, None, None)[1]
    assert believed([Sums(measured_j=10**15, miner_s=3600)], HOUR_S, None, None)[1]


def test_hashes_that_cannot_be_are_left_out_and_the_energy_stays() -> None:
    sums = [Sums(measured_j=3_600_000, miner_s=3600, read_s=3600, megahashes={"sha256d": 10**14})]
    (kept,), refused = believed(sums, HOUR_S, 3000.0, 1e14)
    assert (kept.measured_j, kept.megahashes, refused) == (3_600_000, {}, True)


def test_the_edges_are_the_looks_beside_the_cuts_and_both_ends_of_each_gap() -> None:
    seen = [0.0, 30.0, 60.0, 500.0, 530.0, 560.0, 590.0]
    assert edges_around([45.0, 560.0], seen) == [30.0, 60.0, 500.0, 560.0]
    assert edges_around([-5.0, 600.0], seen) == [0.0, 60.0, 500.0, 590.0]
    assert edges_around([10.0], []) == []


def test_time_that_could_not_be_read_is_what_the_exporter_did_not_count() -> None:
    seen = [0.0, 30.0, 1200.0, 1230.0]
    read = MinerPoints(observed=[(0.0, 0.0), (30.0, 30.0), (1200.0, 1200.0), (1230.0, 1230.0)])
    assert unread_s(read, seen, gaps_in(seen)) == pytest.approx(0.0)
    dead = MinerPoints(observed=[(0.0, 0.0), (3600.0, 0.0)])
    assert unread_s(dead, [0.0, 1800.0, 3600.0], [(0.0, 1800.0), (1800.0, 3600.0)]) == pytest.approx(0.0)
    assert unread_s(dead, [at * 30.0 for at in range(121)], []) == pytest.approx(3600.0)
    assert BRIDGED_ABOVE_S == 300.0
