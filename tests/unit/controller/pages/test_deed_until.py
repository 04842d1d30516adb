"""Times typed for the end of a deed: every minute of a clock means the moments at which it shows it, and no other."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.pages.deed_until import moments_of, suggested_until, until_of, which_of, written

BERLIN, HOWE, SAMARA = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Europe/Samara")
NOW = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
ZONES = st.sampled_from([BERLIN, HOWE, SAMARA, ZoneInfo("America/St_Johns"), ZoneInfo("Asia/Kathmandu")])
MOMENTS = st.integers(1_577_836_800, 2_051_222_400).map(lambda at: datetime.fromtimestamp(at, UTC))


def test_a_time_that_the_clock_shows_twice_is_not_guessed() -> None:
    typed = "2026-10-25T02:30"
    assert [f"{one:%H:%M}" for one in moments_of(typed, NOW, BERLIN)] == ["00:30", "01:30"]
    assert until_of(typed, "", NOW, BERLIN) is None
    assert until_of(typed, "third", NOW, BERLIN) is None
    first, second = (until_of(typed, which, NOW, BERLIN) for which in ("first", "second"))
    assert (first, second) == moments_of(typed, NOW, BERLIN)
    # Once the first has passed, there is only one left to be meant.
    assert until_of("2:30", "", datetime(2026, 10, 25, 0, 45, tzinfo=UTC), BERLIN) == second
    assert until_of(typed, "first", datetime(2026, 10, 25, 0, 45, tzinfo=UTC), BERLIN) == second


def test_a_time_that_the_clock_leaves_out_is_none() -> None:
    assert moments_of("2026-03-29T02:30", NOW, BERLIN) == ()
    assert moments_of("2026-03-29T03:00", NOW, BERLIN) == (datetime(2026, 3, 29, 1, 0, tzinfo=UTC),)
    assert moments_of("2026-10-04 02:15", NOW, HOWE) == ()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "noon",
        "25:00",
        "12:60",
        "2026-02-30T12:00",
        "2026-10-25T12:00Z",
        "١٢:٠٠",
        "12:00 "[:4],
        "9999-12-31",
    ],
)
def test_what_is_no_time_is_none(typed: str) -> None:
    assert until_of(typed, "first", NOW, BERLIN) is None


def test_without_a_date_it_is_the_next_time_and_with_one_it_may_have_passed() -> None:
    assert until_of("16:00", "", NOW, SAMARA) == NOW + timedelta(days=1)
    assert until_of("16:01", "", NOW, SAMARA) == NOW + timedelta(minutes=1)
    assert until_of(" 9:05 ", "", NOW, SAMARA) == datetime(2026, 10, 25, 5, 5, tzinfo=UTC)
    assert until_of("2020-01-01T10:00", "", NOW, SAMARA) == datetime(2020, 1, 1, 6, 0, tzinfo=UTC)
    assert until_of("2020-10-25T02:30", "", NOW, BERLIN) is not None  # passed, whichever it was
    assert until_of("9999-12-31T23:59", "", NOW, ZoneInfo("America/New_York")) is None


@given(MOMENTS, ZONES)
def test_every_moment_is_found_again_by_what_stands_in_the_field(moment: datetime, zone: ZoneInfo) -> None:
    moment = moment.replace(second=0, microsecond=0)
    before = moment - timedelta(hours=3)
    assert until_of(written(moment, zone), which_of(moment, zone), before, zone) == moment
    assert len(moments_of(written(moment, zone), before, zone)) == len(
        {
            moment,
            *(
                one
                for hours in (-1, -0.5, 0.5, 1)
                if written(one := moment + timedelta(hours=hours), zone) == written(moment, zone)
            ),
        }
    )


@given(MOMENTS, ZONES)
def test_what_is_suggested_is_a_full_hour_at_least_an_hour_away(now: datetime, zone: ZoneInfo) -> None:
    text = suggested_until(now, zone)
    assert text.endswith(":00")
    found = moments_of(text, now, zone)
    assert found
    assert timedelta(hours=1) <= found[-1] - now < timedelta(hours=4)
