"""How numbers and times are written: three figures or four, the two largest parts, the container's own clock."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.pages import formats as figures
from controller.pages.language import words
from controller.wording import worded

formats = words("en").formats

SAMARA = ZoneInfo("Europe/Samara")
NOW = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("rate_hs", "text"),
    [
        (0.0, "0 TH/s"),
        (98.4e12, "98.4 TH/s"),
        (9.5e9, "9.50 GH/s"),
        (412.6e15, "412.6 PH/s"),
        (1.02e18, "1.02 EH/s"),
        (5_640e18, "5,640 EH/s"),
        (999.0, "999.0 H/s"),
        (0.5, "0.50 H/s"),
    ],
)
def test_hash_rates_take_the_unit_in_which_they_are_short(rate_hs: float, text: str) -> None:
    assert plain(formats.hash_rate(rate_hs)) == text


def test_a_column_has_one_unit() -> None:
    unit = figures.hash_rate_unit([33.0e12, None, 0.4e12])
    assert unit == (1e12, "TH/s")
    assert plain(formats.hash_rate(0.4e12, unit)) == "0.40 TH/s"
    assert figures.hash_rate_unit([None])[1] == "TH/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (8.9, "8 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (11_400, "3 h 10 min"),
        (86_400, "1 d"),
        (1_051_200, "12 d 4 h"),
    ],
)
def test_lengths_of_time_have_their_two_largest_parts(seconds: float, text: str) -> None:
    assert plain(formats.duration(seconds)) == text


@given(st.floats(min_value=1, max_value=1e7))
def test_who_waits_as_long_as_he_is_told_has_waited_enough(seconds: float) -> None:
    number, unit = plain(formats.wait(seconds)).split()
    assert int(number.replace(",", "")) * {"s": 1, "min": 60}[unit] >= seconds


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(minutes=5), "00:25"),
        (timedelta(minutes=31), "yesterday 23:59"),
        (timedelta(days=1, minutes=31), "20 Nov 2026, 23:59"),
        (timedelta(days=200), "6 May 2026, 00:30"),
    ],
)
def test_moments_are_of_the_containers_own_day(ago: timedelta, text: str) -> None:
    assert formats.clock(NOW - ago, NOW, SAMARA) == text


def test_a_time_that_the_clock_shows_twice_says_which_of_both_it_is() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)  # put back from 03:00 to 02:00 that day
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert formats.clock(first, now, berlin) == "02:30 (UTC+02:00)"
    assert formats.clock(second, now, berlin) == "02:30 (UTC+01:00)"
    assert formats.moment(second, now, berlin) == "today 02:30 (UTC+01:00)"
    assert formats.clock(second, now + timedelta(days=1), berlin) == "yesterday 02:30 (UTC+01:00)"
    assert formats.clock(second, now + timedelta(days=9), berlin) == "25 Oct 2026, 02:30 (UTC+01:00)"
    assert figures.wall(first.astimezone(berlin), "%H:%M:%S") == "02:30:00 (UTC+02:00)"
    for once in (first - timedelta(hours=1), second + timedelta(hours=1), first.replace(month=3)):
        assert "UTC" not in formats.clock(once, now, berlin)
    assert "UTC" not in formats.clock(first, now, ZoneInfo("UTC"))


def test_zones_say_how_far_they_are_from_utc() -> None:
    assert formats.zone_words(NOW, SAMARA) == "Europe/Samara (UTC+04:00)"
    assert formats.zone_words(NOW, ZoneInfo("America/St_Johns")) == "America/St_Johns (UTC-03:30)"
    assert formats.zone_words(NOW, ZoneInfo("UTC")) == "UTC"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "UTC"),
        ("Europe/Samara", "UTC+4"),
        ("America/Chicago", "UTC−6"),
        ("Asia/Kathmandu", "UTC+5:45"),
    ],
)
def test_times_of_another_zone_say_how_far_it_is_from_utc(zone: str, text: str) -> None:
    assert formats.offset(datetime(2026, 11, 21, tzinfo=UTC), ZoneInfo(zone)) == text


@given(st.text())
def test_plain_words_turn_nothing_around_them(text: str) -> None:
    assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x1f]", figures.plain(text))


def test_a_name_from_right_to_left_is_set_apart_within_a_sentence() -> None:
    assert figures.isolated("\u05e2\u05d1\u05e8") == "\u2068\u05e2\u05d1\u05e8\u2069"
    assert figures.isolated("a\u202eb") == "\u2068ab\u2069"
    assert figures.isolated("Container 7") == "Container 7"
    assert figures.isolated("Контейнер 1 · 3,2 кВт") == "Контейнер 1 · 3,2 кВт"
    fan = figures.isolated("\u0645\u0631\u0648\u062d\u0629")
    inner = f"Fan of {fan} at 4"
    assert figures.isolated(inner) == f"\u2068{inner}\u2069"
    assert (
        words("en").gettext("%(name)s is at %(share)s", name="\u05d0 5", share=3.5)
        == "\u2068\u05d0 5\u2069 is at 3.5"
    )
    assert (
        words("ru").told(worded("there is no %(names)s in the inventory", names="\u05d0")).count("\u2068")
        == 1
    )


@given(
    st.text(
        alphabet=st.sampled_from(
            "a1\u05d0\u0627\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\u200f\u061c"
        )
    )
)
def test_what_is_set_apart_ends_where_it_should(text: str) -> None:
    found = figures.isolated(text)
    assert figures.plain(found) == figures.plain(text)
    if found == text:
        assert re.fullmatch("[a1]*", text), "it turns what stands around it"
        return
    depths, depth = [], 0
    for character in found:
        depth += (character in "\u2066\u2067\u2068") - (character == "\u2069")
        depths.append(depth)
    assert min(depths[:-1]) > 0, "it ends before its end"
    assert depths[-1] == 0, "it does not end"
    assert not re.search("[\u202a-\u202e]", found)


@given(st.text(max_size=60))
def test_a_name_that_may_be_broken_is_the_same_name_and_no_markup(text: str) -> None:
    broken = figures.breakable(text)
    assert broken.replace("<wbr>", "").unescape() == text
    assert "<" not in broken.replace("<wbr>", "")


def test_sentences_begin_large_and_end() -> None:
    assert figures.sentence("no answer") == "No answer."
    assert figures.sentence("What?") == "What?"
    assert figures.sentence("") == "."
