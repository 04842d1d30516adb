"""Where the books are cut: every hour in one day, every day in one month, whatever the clock on the wall does."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounting.periods import (
    day_bounds,
    day_of,
    days_of_month,
    hour_at,
    hours_between,
    month_bounds,
    month_days,
    month_of,
)

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Asia/Irkutsk",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",  # put back over midnight until 2011
    "America/Santiago",  # changes at midnight
    "Africa/Cairo",
    "Pacific/Apia",  # left a day out
    "Antarctica/Troll",  # by two hours
]
SECOND = timedelta(seconds=1)
zones = st.sampled_from(ZONES)
moments = st.datetimes(datetime(2005, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # a strategy's
days = st.dates(date(2005, 1, 1), date(2039, 12, 31))


def hours_of(zone: str, day: date) -> list[tuple[datetime, datetime]]:
    return list(hours_between(zone, *day_bounds(zone, day)))


@given(zone=zones, moment=moments)
def test_an_hour_holds_its_moment_and_joins_its_neighbours(zone: str, moment: datetime) -> None:
    begin, end = hour_at(zone, moment)
    assert begin <= moment < end
    assert end - begin <= timedelta(hours=1)
    assert hour_at(zone, begin) == (begin, end)
    assert hour_at(zone, end - SECOND) == (begin, end)
    assert hour_at(zone, begin - SECOND)[1] == begin
    assert hour_at(zone, end)[0] == end


@given(zone=zones, moment=moments)
def test_an_hour_is_one_of_the_walls_clock_or_ends_where_that_is_changed(zone: str, moment: datetime) -> None:
    there = ZoneInfo(zone)
    for edge in hour_at(zone, moment):
        wall = edge.astimezone(there)
        changed = wall.utcoffset() != (edge - SECOND).astimezone(there).utcoffset()
        assert changed or (wall.minute, wall.second, wall.microsecond) == (0, 0, 0)


@given(zone=zones, day=days)
def test_hours_fill_a_day_and_lie_in_it_alone(zone: str, day: date) -> None:
    begin, end = day_bounds(zone, day)
    hours = hours_of(zone, day)
    assert sum((last - first for first, last in hours), timedelta()) == end - begin
    assert all(one[1] == other[0] for one, other in pairwise(hours))
    if begin < end:
        assert (hours[0][0], hours[-1][1]) == (begin, end)
    for first, last in hours:
        assert day_of(zone, first) == day_of(zone, last - SECOND) == day


@given(zone=zones, moment=moments)
def test_a_day_holds_its_moments(zone: str, moment: datetime) -> None:
    begin, end = day_bounds(zone, day_of(zone, moment))
    assert begin <= moment < end


@given(zone=zones, day=days)
def test_days_fill_a_month(zone: str, day: date) -> None:
    month = month_of(day)
    bounds = [day_bounds(zone, one) for one in days_of_month(month)]
    assert (bounds[0][0], bounds[-1][1]) == month_bounds(zone, month)
    assert all(one[1] == other[0] for one, other in pairwise(bounds))
    assert day in days_of_month(month)
    assert month_days(month) == (days_of_month(month)[0], days_of_month(month)[-1])


@pytest.mark.parametrize(
    ("zone", "day", "lengths_min"),
    [
        ("Europe/Berlin", date(2026, 3, 28), [60] * 24),
        ("Europe/Berlin", date(2026, 3, 29), [60] * 23),
        ("Europe/Berlin", date(2026, 10, 25), [60] * 25),
        ("Asia/Kolkata", date(2026, 10, 25), [60] * 24),
        ("Australia/Lord_Howe", date(2026, 10, 4), [60, 60, 30, *[60] * 21]),
        ("Australia/Lord_Howe", date(2026, 4, 5), [60, 60, 30, *[60] * 22]),
        ("America/Santiago", date(2026, 9, 6), [60] * 23),
        ("Pacific/Apia", date(2011, 12, 30), []),
    ],
)
def test_days_that_differ(zone: str, day: date, lengths_min: list[int]) -> None:
    assert [(end - begin) // timedelta(minutes=1) for begin, end in hours_of(zone, day)] == lengths_min


def test_a_half_hour_zone_is_cut_at_its_own_full_hours() -> None:
    begin, end = hour_at("Asia/Kolkata", datetime(2026, 10, 4, 12, 10, tzinfo=UTC))
    assert begin == datetime(2026, 10, 4, 11, 30, tzinfo=UTC)
    assert end == datetime(2026, 10, 4, 12, 30, tzinfo=UTC)


def test_a_day_that_has_begun_goes_on_where_the_clock_is_put_back_over_midnight() -> None:
    # St John's put its clock back at 00:01: 23:01 of the day before came again.
    again = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    assert again.astimezone(ZoneInfo("America/St_Johns")).date() == date(2010, 11, 6)
    assert day_of("America/St_Johns", again) == date(2010, 11, 7)


@pytest.mark.parametrize(
    "word", ["2026", "2026-13", "2026-00", "0000-01", "2026-1", "2026-10-01", "٢٠٢٦-١٠", ""]
)
def test_what_is_no_month_is_refused_with_how_to_write_it(word: str) -> None:
    with pytest.raises(ValueError, match="is no month: write it as 2026-10"):
        month_days(word)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        hour_at("UTC", datetime(2026, 10, 4))  # noqa: DTZ001  # that is the mistake
