"""Which profile the clock asks for: named cases with dates that are in the calendar, and everything against a plain oracle."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import schedule as clock
from controller.schedule import Piece
from miners.clocks import ClockChange, clock_changes
from miners.inventory.fleet import DayException, Schedule, Window
from miners.inventory.schedules import BUILT_IN
from tests.unit.controller import schedule_oracle as oracle

QUARTERS = BUILT_IN["default"]
EVERY_DAY = tuple(range(7))
DAY_MINUTES = 1440


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def schedule_of(
    *windows: Window, otherwise: str | None = None, exceptions: tuple[DayException, ...] = ()
) -> Schedule:
    return Schedule(id="s", name="s", windows=windows, otherwise=otherwise, exceptions=exceptions)


@pytest.mark.parametrize(
    ("moment", "profile", "changes", "since"),
    [
        ("2026-07-01T00:00+02:00", "overclock", "2026-07-01T06:00+02:00", "2026-07-01T00:00+02:00"),
        ("2026-07-01T05:59:59.999999+02:00", "overclock", "2026-07-01T06:00+02:00", "2026-07-01T00:00+02:00"),
        ("2026-07-01T06:00+02:00", "normal", "2026-07-01T12:00+02:00", "2026-07-01T06:00+02:00"),
        ("2026-07-01T23:59+02:00", "curtail", "2026-07-02T00:00+02:00", "2026-07-01T18:00+02:00"),
        # The clock goes from 02:00 to 03:00, and back from 03:00 to 02:00: the first quarter has 5 hours, and 7.
        ("2026-03-29T03:30+02:00", "overclock", "2026-03-29T06:00+02:00", "2026-03-29T00:00+01:00"),
        ("2026-10-25T02:30+02:00", "overclock", "2026-10-25T06:00+01:00", "2026-10-25T00:00+02:00"),
        ("2028-02-29T12:00+01:00", "underclock", "2028-02-29T18:00+01:00", "2028-02-29T12:00+01:00"),
    ],
)
def test_the_built_in_quarters_in_berlin(moment: str, profile: str, changes: str, since: str) -> None:
    zone = "Europe/Berlin"
    assert clock.profile_at(QUARTERS, zone, at(moment)) == profile
    change = clock.next_change(QUARTERS, zone, at(moment))
    assert change is not None
    assert change[0] == at(changes)
    assert change[1] == clock.profile_at(QUARTERS, zone, at(changes)) != profile
    assert clock.change_before(QUARTERS, zone, at(moment)) == at(since)


def test_a_boundary_in_the_hour_that_is_left_out_holds_from_the_jump_on() -> None:
    schedule = schedule_of(Window(EVERY_DAY, 150, 180, "curtail"), otherwise="normal")
    late = schedule_of(Window(EVERY_DAY, 150, 240, "curtail"), otherwise="normal")
    jump = at("2026-03-29T01:00Z")
    assert clock.pieces(late, "Europe/Berlin", at("2026-03-29T00:00Z"), at("2026-03-29T03:00Z")) == [
        Piece(at("2026-03-29T00:00Z"), jump, "normal"),
        Piece(jump, at("2026-03-29T02:00Z"), "curtail"),
        Piece(at("2026-03-29T02:00Z"), at("2026-03-29T03:00Z"), "normal"),
    ]
    # What lies wholly inside it falls out, and the next change is that of the day after.
    assert clock.next_change(schedule, "Europe/Berlin", at("2026-03-28T12:00Z")) == (
        at("2026-03-30T00:30Z"),
        "curtail",
    )


def test_a_boundary_in_the_hour_that_comes_twice_holds_each_time() -> None:
    schedule = schedule_of(Window(EVERY_DAY, 150, 240, "curtail"), otherwise="normal")
    found = clock.pieces(schedule, "Europe/Berlin", at("2026-10-25T00:00Z"), at("2026-10-25T04:00Z"))
    assert [(piece.begin, piece.profile) for piece in found] == [
        (at("2026-10-25T00:00Z"), "normal"),
        (at("2026-10-25T00:30Z"), "curtail"),
        (at("2026-10-25T01:00Z"), "normal"),
        (at("2026-10-25T01:30Z"), "curtail"),
        (at("2026-10-25T03:00Z"), "normal"),
    ]


def test_a_date_of_exception_is_cut_out_of_the_week_and_out_of_nothing_else() -> None:
    schedule = schedule_of(
        Window((3,), 22 * 60, 6 * 60, "overclock"),
        otherwise="normal",
        exceptions=(DayException("2026-12-31", (Window((0,), 16 * 60, 1440, "curtail"),)),),
    )
    # 2026-12-31 is a Thursday: its own night begins on it, and reaches into Friday as in any week.
    found = clock.pieces(schedule, "UTC", at("2026-12-30T00:00Z"), at("2027-01-02T00:00Z"))
    assert [(piece.begin, piece.profile) for piece in found] == [
        (at("2026-12-30T00:00Z"), "normal"),
        (at("2026-12-31T16:00Z"), "curtail"),
        (at("2027-01-01T00:00Z"), "overclock"),
        (at("2027-01-01T06:00Z"), "normal"),
    ]


def test_what_runs_over_midnight_does_not_reach_into_a_date_of_exception() -> None:
    schedule = schedule_of(
        Window((2,), 22 * 60, 6 * 60, "overclock"),
        otherwise="normal",
        exceptions=(DayException("2026-12-31"),),
    )
    assert clock.next_change(schedule, "UTC", at("2026-12-30T23:00Z")) == (at("2026-12-31T00:00Z"), "normal")


def test_nothing_ever_changes() -> None:
    schedule = schedule_of(
        Window(EVERY_DAY, 60, 120, "normal"), otherwise="normal", exceptions=(DayException("2026-12-31"),)
    )
    assert clock.next_change(schedule, "Europe/Berlin", at("2026-01-01T00:00Z")) is None
    assert clock.change_before(schedule, "Europe/Berlin", at("2026-01-01T00:00Z")) is None
    begin, end = at("2026-01-01T00:00Z"), at("2026-12-01T00:00Z")
    assert clock.pieces(schedule, "Europe/Berlin", begin, end) == [Piece(begin, end, "normal")]
    assert clock.pieces(schedule, "Europe/Berlin", begin, begin) == []


def test_the_next_change_may_be_years_off() -> None:
    exception = DayException("2031-06-01", (Window((0,), 0, 60, "curtail"),))
    schedule = schedule_of(otherwise="normal", exceptions=(exception,))
    zone = "Asia/Kathmandu"
    assert clock.next_change(schedule, zone, at("2026-01-01T00:00Z")) == (
        at("2031-06-01T00:00+05:45"),
        "curtail",
    )
    assert clock.next_change(schedule, zone, at("2031-06-01T00:30+05:45")) == (
        at("2031-06-01T01:00+05:45"),
        "normal",
    )
    assert clock.next_change(schedule, zone, at("2031-06-02T00:00+05:45")) is None
    assert clock.change_before(schedule, zone, at("2040-01-01T00:00Z")) == at("2031-06-01T01:00+05:45")
    assert clock.change_before(schedule, zone, at("2026-01-01T00:00Z")) is None


def test_exceptions_that_hide_the_only_change_for_weeks() -> None:
    hidden = [date(2026, 1, 5) + timedelta(weeks=week) for week in range(8)]
    schedule = schedule_of(
        Window((0,), 360, 420, "curtail"),
        otherwise="normal",
        exceptions=tuple(DayException(day.isoformat()) for day in hidden),
    )
    assert clock.next_change(schedule, "UTC", at("2025-12-30T00:00Z")) == (
        at("2026-03-02T06:00Z"),
        "curtail",
    )
    assert clock.change_before(schedule, "UTC", at("2026-03-01T00:00Z")) == at("2025-12-29T07:00Z")


def test_a_moment_needs_a_zone_and_a_schedule_no_gap() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        clock.profile_at(QUARTERS, "UTC", datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point
    gap = schedule_of(Window(EVERY_DAY, 0, 1380, "normal"))
    with pytest.raises(ValueError, match="says nothing for 23:00"):
        clock.profile_at(gap, "UTC", at("2026-01-01T00:00Z"))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 7, 1), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", date(2028, 2, 29), 24),
        ("Africa/Casablanca", date(2026, 2, 15), 25),
        ("Africa/Casablanca", date(2026, 3, 22), 23),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("Pacific/Apia", date(2011, 12, 31), 24),
        # The clock is put forward at midnight, and back at midnight to the day before.
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Africa/Cairo", date(2026, 10, 29), 25),
    ],
)
def test_how_long_a_day_is(zone: str, day: date, hours: float) -> None:
    assert clock.day_length_s(zone, day) == hours * 3600


def test_the_first_moment_of_a_wall_clock_time() -> None:
    zone = "Europe/Berlin"
    assert clock.moment(zone, datetime(2026, 7, 1, 18)) == at("2026-07-01T16:00Z")  # noqa: DTZ001  # the wall's clock
    assert clock.moment(zone, datetime(2026, 3, 29, 2, 30)) == at("2026-03-29T01:00Z")  # noqa: DTZ001  # left out
    assert clock.moment(zone, datetime(2026, 10, 25, 2, 30)) == at("2026-10-25T00:30Z")  # noqa: DTZ001  # comes twice
    assert clock.day_begin("Pacific/Apia", date(2011, 12, 30)) == at("2011-12-30T10:00Z")


def test_when_the_clock_is_changed() -> None:
    assert clock_changes("Australia/Lord_Howe", at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z")) == [
        ClockChange(at("2026-04-04T15:00Z"), -1800.0),
        ClockChange(at("2026-10-03T15:30Z"), 1800.0),
    ]
    assert clock_changes("Asia/Kathmandu", at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z")) == []
    change = at("2026-03-29T01:00Z")
    assert clock_changes("Europe/Berlin", change - timedelta(days=1), change) == []
    assert len(clock_changes("Europe/Berlin", change - timedelta(days=1), change + timedelta(days=1))) == 1


# Zones, and moments around which something happens to their clocks, or to the calendar.
MOMENTS = {
    "Europe/Berlin": ["2026-03-29T01:00Z", "2026-10-25T01:00Z", "2028-02-29T12:00Z"],
    "America/New_York": ["2026-03-08T07:00Z", "2026-11-01T06:00Z"],
    "Australia/Lord_Howe": ["2026-04-04T15:00Z", "2026-10-03T15:30Z"],
    "Asia/Kathmandu": ["2026-01-01T00:00Z", "2028-02-29T00:00Z"],
    "Africa/Casablanca": ["2026-02-15T02:00Z", "2026-03-22T02:00Z"],
    "Pacific/Apia": ["2011-12-30T10:00Z", "2020-04-04T14:00Z"],
    "Africa/Cairo": ["2026-04-23T22:00Z", "2026-10-29T21:00Z"],
    "UTC": ["2026-12-31T23:00Z"],
}
PROFILES = st.sampled_from(["overclock", "normal", "curtail"])


@st.composite
def days_of_minutes(draw: st.DrawFn, most: int) -> list[tuple[int, int, str | None]]:
    """Cut a day into stretches, each with a profile or (None) left to `otherwise`."""
    near = st.integers(0, 16).map(lambda quarter: quarter * 15)  # where clocks are changed
    anywhere = st.integers(0, DAY_MINUTES)
    cuts = sorted({0, DAY_MINUTES, *draw(st.lists(near | anywhere, max_size=most))})
    return [(begin, end, draw(st.none() | PROFILES)) for begin, end in pairwise(cuts)]


@st.composite
def schedules(draw: st.DrawFn, around: date) -> Schedule:
    windows: list[Window] = []
    shared = [draw(days_of_minutes(4)) for _ in range(draw(st.integers(1, 3)))]
    for day in range(7):
        stretches = draw(st.sampled_from(shared))
        windows += [Window((day,), begin, end, name) for begin, end, name in stretches if name is not None]
    night = draw(st.none() | st.tuples(st.integers(1200, 1439), st.integers(1, 300)))
    if night is not None:
        begin, end = night
        # Room for a window over midnight: what the others have there gives way.
        windows = [
            Window(window.days, max(window.from_minute, end), min(window.to_minute, begin), window.profile)
            for window in windows
            if max(window.from_minute, end) < min(window.to_minute, begin)
        ]
        windows.append(Window(EVERY_DAY, begin, end, draw(PROFILES)))
    dates = draw(st.lists(st.integers(-20, 20), max_size=4, unique=True))
    exceptions = tuple(
        DayException(
            (around + timedelta(days=offset)).isoformat(),
            tuple(
                Window((0,), begin, end, name)
                for begin, end, name in draw(days_of_minutes(3))
                if name is not None
            ),
        )
        for offset in dates
    )
    return schedule_of(*windows, otherwise=draw(PROFILES), exceptions=exceptions)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schedule, str, datetime]:
    zone = draw(st.sampled_from(sorted(MOMENTS)))
    around = at(draw(st.sampled_from(MOMENTS[zone])))
    schedule = draw(schedules(around.date()))
    return schedule, zone, around + timedelta(minutes=draw(st.integers(-3000, 3000)))


@settings(max_examples=80, deadline=None)
@given(cases())
def test_profiles_and_pieces_are_those_of_the_oracle(case: tuple[Schedule, str, datetime]) -> None:
    schedule, zone, begin = case
    expected = oracle.minutes(schedule, ZoneInfo(zone), begin, 3 * DAY_MINUTES)
    moments = [begin + oracle.MINUTE * index for index in range(len(expected))]
    assert [clock.profile_at(schedule, zone, moment) for moment in moments] == expected
    found = clock.pieces(schedule, zone, begin, begin + timedelta(days=3))
    assert found[0].begin == begin
    assert found[-1].end == begin + timedelta(days=3)
    for before, after in pairwise(found):
        assert before.end == after.begin
        assert before.profile != after.profile
    assert [
        piece.profile for piece in found for _ in range(round((piece.end - piece.begin) / oracle.MINUTE))
    ] == expected


@settings(max_examples=30, deadline=None)
@given(cases(), st.integers(0, 59_999_999))
def test_the_next_change_is_the_next_and_the_last_the_last(
    case: tuple[Schedule, str, datetime], microseconds: int
) -> None:
    schedule, zone, minute = case
    moment = minute + timedelta(microseconds=microseconds)
    days = 20
    ahead = oracle.minutes(schedule, ZoneInfo(zone), minute, days * DAY_MINUTES)
    back = oracle.minutes(schedule, ZoneInfo(zone), minute - timedelta(days=days), days * DAY_MINUTES)
    change = clock.next_change(schedule, zone, moment)
    step = next((index for index, profile in enumerate(ahead) if profile != ahead[0]), None)
    if step is None:
        assert change is None or change[0] >= minute + timedelta(days=days)
    else:
        assert change == (minute + oracle.MINUTE * step, ahead[step])
    since = clock.change_before(schedule, zone, moment)
    steps = next((index for index, profile in enumerate(reversed(back)) if profile != ahead[0]), None)
    if steps is None:
        assert since is None or since <= minute - timedelta(days=days)
    else:
        assert since == minute - oracle.MINUTE * steps


@settings(max_examples=40, deadline=None)
@given(cases(), st.lists(st.integers(-40_000, 40_000), min_size=2, max_size=12))
def test_answers_do_not_depend_on_what_was_asked_before(
    case: tuple[Schedule, str, datetime], offsets: list[int]
) -> None:
    schedule, zone, begin = case
    moments = [begin + timedelta(minutes=offset) for offset in offsets]

    def answers(moment: datetime) -> tuple[object, ...]:
        return (
            clock.profile_at(schedule, zone, moment),
            clock.next_change(schedule, zone, moment),
            clock.change_before(schedule, zone, moment),
        )

    first = [answers(moment) for moment in moments]
    again = []
    for moment in reversed(moments):
        clock._course.cache_clear()
        again.append(answers(moment))
    assert first == again[::-1]
