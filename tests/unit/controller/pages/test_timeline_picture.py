"""The strip of what holds when: as long as its time, on days of 23, 24 and 25 hours, in every zone, with overrides over it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.timeline_routes import laid_out
from controller.model import Actor, Override, new_id
from controller.pages.language import words
from controller.pages.timeline_picture import (
    TimelinePicture,
    density_of,
    legend,
    letter_of,
    timeline_picture,
)
from miners.inventory.fleet import Schedule, Window
from miners.inventory.schedules import BUILT_IN

TARGETS = {"overclock": 115.0, "normal": 100.0, "underclock": 75.0, "curtail": 0.0}
QUARTERS = BUILT_IN["default"]
EVERY_DAY = tuple(range(7))


def drawn(
    zone: str,
    day: date,
    schedule: Schedule | None = QUARTERS,
    *,
    days: int = 1,
    overrides: tuple[Override, ...] = (),
    now: datetime | None = None,
) -> TimelinePicture:
    timeline = laid_out("c", zone, schedule, overrides, day, days)
    return timeline_picture(timeline, targets=TARGETS, words=words("en"), now=now)


def share(text: str) -> float:
    return float(text.removesuffix("%"))


def test_a_day_has_its_hours_and_letters() -> None:
    found = drawn("Europe/Berlin", date(2026, 3, 2), now=datetime(2026, 3, 2, 11, tzinfo=UTC))
    assert [(piece.x, piece.width, piece.letter, piece.density) for piece in found.pieces] == [
        ("0%", "25%", "O", "3"),
        ("25%", "25%", "N", "2"),
        ("50%", "25%", "U", "1"),
        ("75%", "25%", "C", "0"),
    ]
    assert [tick.text for tick in found.ticks] == ["00", "03", "06", "09", "12", "15", "18", "21", "24"]
    assert found.now_path == "M5000 0V24"
    assert found.said.startswith("2 Mar 2026: 00:00–06:00 overclock; 06:00–12:00 normal")
    assert found.zone == "Europe/Berlin (UTC+01:00)"
    assert not found.shifts


def test_a_day_of_23_hours_is_shorter_by_the_hour_that_does_not_come() -> None:
    found = drawn("Europe/Berlin", date(2026, 3, 29))
    assert [piece.width for piece in found.pieces] == ["21.739%", "26.087%", "26.087%", "26.087%"]
    # 03:00 comes after two hours, which is too near to midnight for a text.
    assert [(tick.x, tick.text) for tick in found.ticks][:3] == [
        ("0%", "00"),
        ("21.739%", "06"),
        ("34.783%", "09"),
    ]
    assert [row.lasts for row in found.rows] == ["5\u00a0h", "6\u00a0h", "6\u00a0h", "6\u00a0h"]
    (shift,) = found.shifts
    assert shift.x == "8.696%"
    assert shift.text == "29 Mar 2026 lasts 23\u00a0h: 02:00–03:00 does not exist"


def test_in_a_day_of_25_hours_what_the_clock_shows_twice_says_which_time() -> None:
    schedule = Schedule(
        id="s", name="s", windows=(Window(EVERY_DAY, 150, 165, "curtail"),), otherwise="normal"
    )
    found = drawn("Europe/Berlin", date(2026, 10, 25), schedule)
    assert [(row.begins, row.ends, row.profile) for row in found.rows] == [
        ("00:00", "02:30 the first time", "normal"),
        ("02:30 the first time", "02:45 the first time", "curtail"),
        ("02:45 the first time", "02:30 the second time", "normal"),
        ("02:30 the second time", "02:45 the second time", "curtail"),
        ("02:45 the second time", "24:00", "normal"),
    ]
    (shift,) = found.shifts
    assert shift.text == "25 Oct 2026 lasts 25\u00a0h: 02:00–03:00 comes twice"
    assert [piece.letter for piece in found.pieces] == [
        "N",
        "",
        "N",
        "",
        "N",
    ]  # a quarter of an hour has no room


def test_half_an_hour_is_half_an_hour() -> None:
    found = drawn("Australia/Lord_Howe", date(2026, 10, 4))
    (shift,) = found.shifts
    assert shift.text == "4 Oct 2026 lasts 23.5\u00a0h: 02:00–02:30 does not exist"
    assert drawn("Asia/Kathmandu", date(2026, 3, 2)).zone == "Asia/Kathmandu (UTC+05:45)"


def test_a_day_that_was_left_out_is_no_division_by_nought() -> None:
    found = drawn("Pacific/Apia", date(2011, 12, 30))
    assert found.said == "30 Dec 2011 does not exist here"
    assert not found.pieces


def test_an_override_lies_hatched_over_the_schedule() -> None:
    begin = datetime(2026, 3, 2, 8, tzinfo=UTC)
    made = Override(
        id=new_id("ov"),
        profile="curtail",
        ends="at",
        reason="breaker 2",
        created_by=Actor("user", "boris"),
        created_at=begin,
        starts_at=begin,
        until=begin + timedelta(hours=5),
        containers=("c",),
    )
    found = drawn("Europe/Berlin", date(2026, 3, 2), overrides=(made,))
    assert [(piece.letter, piece.override) for piece in found.pieces] == [
        ("O", False), ("N", False), ("C", True), ("U", False), ("C", False),
    ]  # fmt: skip
    assert found.pieces[2].title == "09:00–14:00 curtail, by an override"
    assert found.rows[2].override_id == made.id


def test_several_days_have_their_names_and_a_table_for_the_rest() -> None:
    found = drawn("Europe/Berlin", date(2026, 3, 28), days=7)
    assert [tick.text for tick in found.ticks] == [
        "Sat 28", "Sun 29", "Mon 30", "Tue 31", "Wed 1", "Thu 2", "Fri 3",
    ]  # fmt: skip
    assert found.rows[0].begins == "Sat 28, 00:00"
    assert found.rows[3].ends == "Sat 28, 24:00"
    assert found.said == "7 days from 28 Mar 2026, their hours in the table"


def test_without_a_schedule_nothing_is_ordered() -> None:
    (piece,) = drawn("UTC", date(2026, 3, 2), None).pieces
    assert (piece.density, piece.letter, piece.title) == ("none", "", "00:00–24:00 nothing is ordered")


@pytest.mark.parametrize(
    ("target", "density"),
    [(0, "0"), (60, "1"), (100, "2"), (115, "3"), (None, "none")],
)
def test_the_stronger_the_denser(target: float | None, density: str) -> None:
    assert density_of(target) == density


@pytest.mark.parametrize(("name", "letter"), [("normal", "N"), ("<script>", "S"), ("—", "?"), ("ночь", "Н")])
def test_a_letter_stands_for_a_profile(name: str, letter: str) -> None:
    assert letter_of(name) == letter


def test_the_legend_has_what_occurs_the_strongest_first() -> None:
    found = legend(["curtail", None, "overclock", "gone"], TARGETS)
    assert [entry.name for entry in found] == ["overclock", "curtail"]


ZONES = ("Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC")
CUTS = st.lists(st.integers(0, 1439), min_size=1, max_size=12, unique=True)


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    days=st.integers(1, 8),
    cuts=CUTS,
)
def test_the_pieces_fill_the_strip(zone: str, day: date, days: int, cuts: list[int]) -> None:
    names = list(TARGETS)
    ends = [*sorted(cuts)[1:], min(cuts)]
    windows = tuple(
        Window(EVERY_DAY, begin, end, names[place % len(names)])
        for place, (begin, end) in enumerate(zip(sorted(cuts), ends, strict=True))
    )
    found = drawn(zone, day, Schedule(id="s", name="s", windows=windows), days=days)
    reached = 0.0
    for piece in found.pieces:
        assert share(piece.x) == pytest.approx(reached, abs=0.01)
        reached = share(piece.x) + share(piece.width)
    assert reached == pytest.approx(100, abs=0.01)
    places = [share(tick.x) for tick in found.ticks]
    assert places == sorted(set(places))
