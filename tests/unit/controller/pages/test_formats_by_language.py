"""How each language writes figures and times: its own signs, the same values, nothing that is broken over a line's end."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.pages.formats import NBSP, Formats
from controller.pages.language import LANGUAGES, words

ENGLISH, RUSSIAN = words("en").formats, words("ru").formats
SAMARA = ZoneInfo("Europe/Samara")
NOW = datetime(2026, 11, 21, 6, 6, tzinfo=UTC)
every_language = pytest.mark.parametrize("formats", [words(code).formats for code in LANGUAGES])
sizes = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)


def read(formats: Formats, text: str) -> float:
    """Return the number that a text says, by the signs of its language."""
    point, group = (",", NBSP) if formats is RUSSIAN else (".", ",")
    body = text.removeprefix("\u2212")
    assert re.fullmatch(rf"(\d{{1,3}}({group}\d{{3}})+|\d+)({re.escape(point)}\d+)?", body), text
    value = float(body.replace(group, "").replace(point, "."))
    return -value if body != text else value


@every_language
@given(number=sizes)
def test_a_number_says_its_value(formats: Formats, number: float) -> None:
    assert read(formats, formats.number(number)) == pytest.approx(number, abs=0.00051, rel=1e-12)


@every_language
@given(number=sizes, digits=st.integers(min_value=0, max_value=3))
def test_a_number_has_as_many_digits_as_are_asked_for(formats: Formats, number: float, digits: int) -> None:
    text = formats.number(number, digits)
    assert read(formats, text) == pytest.approx(number, abs=0.51 * 10**-digits, rel=1e-12)
    fraction = re.split(r"[.,](?=\d*$)", text)[1:] if digits else []
    assert [len(part) for part in fraction] == ([digits] if digits else [])


@every_language
@given(number=st.floats(min_value=-1e9, max_value=1e9, allow_nan=False))
def test_a_figure_is_never_nought_unless_it_is(formats: Formats, number: float) -> None:
    text = formats.figure(number)
    if number == 0:
        assert text == "0"
    elif abs(number) < 0.005:
        assert text == f"{'<' if number > 0 else '>'}{NBSP}{formats.number(0.01 if number > 0 else -0.01, 2)}"
    else:
        assert read(formats, text) == pytest.approx(number, rel=0.0051, abs=0.0051)
        assert sum(character.isdecimal() for character in text) >= 3


@every_language
@given(ratio=st.floats(min_value=-10, max_value=10, allow_nan=False))
def test_a_share_keeps_its_sign_beside_it(formats: Formats, ratio: float) -> None:
    text = formats.percent(ratio)
    assert text.endswith(f"{NBSP}%")
    small = text.startswith(("<", ">"))
    assert small == (ratio != 0 and abs(ratio * 100) < 0.05)
    if not small:
        assert read(formats, text.removesuffix(f"{NBSP}%")) == pytest.approx(ratio * 100, abs=0.051)


@every_language
@given(power_w=st.floats(min_value=-1e9, max_value=1e9, allow_nan=False))
def test_power_takes_the_unit_in_which_it_is_short(formats: Formats, power_w: float) -> None:
    number, unit = formats.power(power_w).rsplit(NBSP, 1)
    # Of a unit: how many watts it is, and half of the last digit that is written.
    units = (("W", 1.0, 0.51), ("kW", 1e3, 51.0), ("MW", 1e6, 5100.0))
    size, half = {formats.unit_name(name): told for name, *told in units}[unit]
    value = read(formats, number)
    assert value * size == pytest.approx(power_w, rel=1e-9, abs=half)
    assert abs(value) < 1000 or size == 1e6


@every_language
@given(seconds=st.floats(min_value=0, max_value=1e8))
def test_a_length_of_time_is_the_right_one_to_its_smaller_part(formats: Formats, seconds: float) -> None:
    parts = [part.rsplit(NBSP, 1) for part in formats.duration(seconds).split(" ")]
    sizes = {
        formats.unit_name(name): size for name, size in (("s", 1), ("min", 60), ("h", 3600), ("d", 86_400))
    }
    told = sum(read(formats, number) * sizes[unit] for number, unit in parts)
    assert told <= seconds
    assert seconds - told < max(sizes[parts[-1][1]], 1) * (1 if len(parts) == 2 else 60)
    assert len(parts) <= 2


@every_language
@given(
    at=st.integers(0, 4_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)),
    zone=st.sampled_from(["UTC", "Europe/Samara", "America/St_Johns", "Asia/Kolkata"]),
)
def test_a_moment_ends_in_its_clock_time_of_24_hours(formats: Formats, at: datetime, zone: str) -> None:
    text = formats.clock(at, NOW, ZoneInfo(zone))
    assert text.endswith(f"{at.astimezone(ZoneInfo(zone)):%H:%M}")
    assert "None" not in text


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (RUSSIAN.power(812_400), "812,4 кВт"),
        (RUSSIAN.power(9_840_000), "9,84 МВт"),
        (RUSSIAN.watts(3250), "3 250 Вт"),
        (RUSSIAN.energy(438_912), "438 912 кВт·ч"),
        (RUSSIAN.hash_rate(98.4e12), "98,4 TH/s"),
        (RUSSIAN.of(29.4, "J/TH", 1), "29,4 J/TH"),
        (RUSSIAN.of(5640, "rpm"), "5 640 об/мин"),
        (RUSSIAN.of(71, "°C"), "71 °C"),
        (RUSSIAN.of(545, "MHz"), "545 МГц"),
        (RUSSIAN.percent(0.941), "94,1 %"),
        (RUSSIAN.duration(1_051_200), "12 д 4 ч"),
        (RUSSIAN.duration(11_400), "3 ч 10 мин"),
        (RUSSIAN.wait(40), "40 с"),
        (RUSSIAN.size(84e6), "84 МБ"),
        (RUSSIAN.number(-798), "\u2212798"),
        (RUSSIAN.figure(0.001), "< 0,01"),
        (ENGLISH.energy(438_912), "438,912 kWh"),
        (ENGLISH.energy(2.44), "2.4 kWh"),
        (ENGLISH.percent(0.0004), "< 0.1 %"),
        (ENGLISH.percent(0.0), "0.0 %"),
        (ENGLISH.number(-0.04, 1), "0.0"),
        (ENGLISH.figure(9.996), "10.0"),
        (ENGLISH.figure(999.96), "1,000"),
        (ENGLISH.power(999_960), "1.00 MW"),
        (ENGLISH.power(999.6), "1.0 kW"),
        (ENGLISH.size(999.7e6), "1.0 GB"),
        (ENGLISH.size(84e6), "84 MB"),
        (ENGLISH.size(0), "0 B"),
    ],
)
def test_figures_are_written_as_the_language_does(made: str, text: str) -> None:
    assert " " not in re.sub(r"(?<=[мчд]) ", "", made), "a figure and its unit are never parted"
    assert made.replace(NBSP, " ") == text


def test_dates_have_the_day_before_the_month() -> None:
    assert RUSSIAN.day(date(2026, 11, 21)) == "21 нояб. 2026"
    assert RUSSIAN.day(date(2026, 5, 9)) == "9 мая 2026"
    assert ENGLISH.day(date(2026, 5, 9)) == "9 May 2026"


@pytest.mark.parametrize(
    ("ago", "english", "russian"),
    [
        (timedelta(0), "10:06", "10:06"),
        (timedelta(hours=11), "yesterday 23:06", "вчера 23:06"),
        (-timedelta(hours=20), "tomorrow 06:06", "завтра 06:06"),
        (timedelta(days=2), "19 Nov 2026, 10:06", "19 нояб. 2026, 10:06"),
    ],
)
def test_days_nearby_are_called_by_their_names(ago: timedelta, english: str, russian: str) -> None:
    assert ENGLISH.clock(NOW - ago, NOW, SAMARA) == english
    assert RUSSIAN.clock(NOW - ago, NOW, SAMARA) == russian


def test_where_the_day_is_to_be_said_today_is_said_as_well() -> None:
    assert ENGLISH.moment(NOW, NOW, SAMARA) == "today 10:06"
    assert RUSSIAN.moment(NOW, NOW, SAMARA) == "сегодня 10:06"
    assert RUSSIAN.moment(NOW + timedelta(days=1), NOW, SAMARA) == "завтра 10:06"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 майнеров"),
        (1, "1 майнер"),
        (2, "2 майнера"),
        (5, "5 майнеров"),
        (11, "11 майнеров"),
        (21, "21 майнер"),
        (22, "22 майнера"),
        (112, "112 майнеров"),
        (3144, "3 144 майнера"),
        (1.5, "1,5 майнера"),
        (2.0, "2 майнера"),
        (-1, "\u22121 майнер"),
    ],
)
def test_russian_counts_in_three_forms_and_fractions_in_the_second(number: float, text: str) -> None:
    assert words("ru").ngettext("%(num)s miner", "%(num)s miners", number).replace(NBSP, " ") == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 miners"), (1, "1 miner"), (1.5, "1.5 miners")])
def test_english_counts_in_two(number: float, text: str) -> None:
    assert words("en").ngettext("%(num)s miner", "%(num)s miners", number) == text
