"""Charts of any series: inside their box, never drawn over a gap, with round labels that a clock of the place shows."""

import itertools
import math
import re
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.stats_routes import METRICS, Metric, Series, Stats
from controller.pages.chart import HEIGHT, WIDTH, Chart, charts, line_path, sparkline
from controller.pages.chart_axes import round_numbers, round_times
from controller.pages.language import words
from controller.pages.measures import HOURS

EN = words("en")
SAMARA, BERLIN, HAVANA = ZoneInfo("Europe/Samara"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/Havana")
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

values = st.one_of(st.none(), st.floats(-1e20, 1e20, allow_nan=False), st.just(0.0), st.floats(0, 1e15))
metrics = st.sampled_from(get_args(Metric))


def spots(path: str) -> list[list[tuple[float, float]]]:
    """Return the places that a path goes through, a list for each stroke without lifting the pen. Fails for any other path."""
    assert re.fullmatch(r"([MLHVh][-\d. ]+)*", path), path
    found: list[list[tuple[float, float]]] = []
    for letter, numbers in re.findall(r"([MLHVh])([-\d. ]+)", path):
        given = [float(number) for number in numbers.split()]
        if letter == "M":
            found.append([(given[0], given[1])])
            continue
        x, y = found[-1][-1]
        if letter == "h":
            x += given[0]
        elif letter == "V":
            y = given[0]
        else:
            x, y = given[0], y if letter == "H" else given[1]
        found[-1].append((x, y))
    return found


def stats_of(columns: list[list[float | None]], *, labels: list[dict[str, str]] | None = None) -> Stats:
    """Return series at even times that end now, as the API gives them."""
    length = max((len(column) for column in columns), default=0)
    begin = NOW - timedelta(seconds=60 * max(1, length - 1))
    first = int(begin.timestamp())
    return Stats(
        from_=begin,
        to=NOW,
        step_s=60,
        coverage_ratio=1.0,
        series=[
            Series(
                metric="power",
                unit="W",
                labels=labels[at] if labels else {},
                points=[(first + 60 * place, value) for place, value in enumerate(column)],
            )
            for at, column in enumerate(columns)
        ],
    )


def only(found: list[Chart]) -> Chart:
    """Return the only chart, with plain spaces in its figures."""
    assert len(found) == 1
    return msgspec.convert(
        msgspec.json.decode(msgspec.json.encode(found[0]).decode().replace("\u00a0", " ")), Chart
    )


@given(metrics, st.lists(st.lists(values, min_size=3, max_size=30), max_size=3), st.booleans())
def test_any_series_is_drawn_inside_its_box(
    metric: Metric, columns: list[list[float | None]], one: bool
) -> None:
    for chart in charts(stats_of(columns), metric, EN, SAMARA, NOW, one=one):
        for line in chart.lines:
            for x, y in itertools.chain.from_iterable(spots(line.path)):
                assert 0 <= x <= WIDTH
                assert 0 <= y <= HEIGHT
        assert all(0 <= label.at <= HEIGHT for label in chart.up)
        assert all(0 <= label.at <= 100 for label in chart.across)
        assert len(chart.cursor.x) == len(chart.cursor.texts)
        assert all(0 <= x <= 100 for x in chart.cursor.x)
        assert all(len(told) == len(chart.lines) for _, told in chart.rows)
        assert chart.empty == all(value is None for column in columns for value in column)


@given(metrics.filter(lambda metric: metric != "state"), st.lists(values, min_size=2, max_size=40))
def test_a_gap_is_never_bridged_and_no_value_left_out(metric: Metric, column: list[float | None]) -> None:
    chart = only(charts(stats_of([column]), metric, EN, SAMARA, NOW, one=True))
    runs = [
        [at for at, _ in run]
        for known, run in itertools.groupby(enumerate(column), lambda pair: pair[1] is not None)
        if known
    ]
    strokes = spots(chart.lines[0].path) if chart.lines else []
    assert len(strokes) == len(runs)
    for stroke, run in zip(strokes, runs, strict=True):
        places = [at / (len(column) - 1) * WIDTH for at in run]
        assert stroke[0][0] == pytest.approx(places[0], abs=0.06)
        assert stroke[-1][0] == pytest.approx(places[-1], abs=0.06)
        assert len({x for x, _ in stroke}) == len(run)


@given(st.lists(st.sampled_from([None, 0.0, 1.0]), min_size=2, max_size=40))
def test_a_state_is_drawn_only_while_it_held(column: list[float | None]) -> None:
    chart = only(charts(stats_of([column], labels=[{"state": "mining"}]), "state", EN, SAMARA, NOW, one=True))
    held = [at for at, value in enumerate(column) if value]
    drawn = [] if not chart.lines else spots(chart.lines[0].path)
    step = WIDTH / (len(column) - 1)
    covered = {
        at
        for at in range(len(column))
        for stroke in drawn
        if stroke[0][0] - 0.1 <= at * step < stroke[-1][0] - 0.1 or (at * step >= WIDTH - 0.1 <= stroke[0][0])
    }
    assert covered <= set(held)
    assert {at for at in held if at < len(column) - 1} <= covered


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_an_axis_has_two_to_four_round_numbers(low: float, span: float) -> None:
    span = max(span, abs(low) * 1e-6)
    numbers, digits = round_numbers(low, low + span)
    assert 2 <= len(numbers) <= 4
    assert all(low - span * 1e-6 <= number <= low + span * (1 + 1e-6) for number in numbers)
    steps = {round((after - before) / span, 4) for before, after in itertools.pairwise(numbers)}
    assert max(steps) - min(steps) < 0.01
    # As they are written, they are still apart and still right.
    for number in numbers:
        assert float(f"{number:.{digits}f}") == pytest.approx(number, abs=span * 1e-3)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001  # given its zone below
    st.sampled_from(HOURS),
    st.sampled_from([SAMARA, BERLIN, HAVANA, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")]),
)
def test_times_stand_where_the_places_clock_shows_them(end: datetime, hours: int, zone: ZoneInfo) -> None:
    end = end.replace(tzinfo=UTC)
    begin = end - timedelta(hours=hours)
    labels = round_times(begin, end, zone, EN, now=False)
    assert 1 <= len(labels) <= 4
    for label in labels:
        local = (begin + (end - begin) * (label.at / 100) + timedelta(seconds=40)).astimezone(zone)
        near = {f"{local - timedelta(seconds=back):%H:%M}" for back in range(0, 100, 20)}
        assert label.text in near or ("00:00" in near and re.fullmatch(r"\d+ \w{3}", label.text))
    assert len({label.text for label in labels}) == len(labels)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("hours", HOURS)
def test_no_time_stands_where_now_is_written(hours: int, language: str) -> None:
    """On the narrowest phone a drawing is 190 px wide, and a character of its labels 6 px."""
    for minute in range(0, 24 * 60, 7):
        end = NOW + timedelta(minutes=minute)
        *labels, last = round_times(end - timedelta(hours=hours), end, SAMARA, words(language), now=True)
        ends = [label.at * 1.9 + len(label.text) * 6 / 2 for label in labels if label.text]
        assert max(ends, default=0) < 190 - len(last.text) * 6, labels


def test_a_night_that_is_put_forward_has_no_label_in_the_hour_that_is_left_out() -> None:
    begin, end = datetime(2026, 3, 28, 23, 30, tzinfo=UTC), datetime(2026, 3, 29, 5, 30, tzinfo=UTC)
    assert [label.text for label in round_times(begin, end, BERLIN, EN, now=False)] == ["04:00", "06:00"]
    fall = datetime(2026, 10, 24, 22, 30, tzinfo=UTC), datetime(2026, 10, 25, 4, 30, tzinfo=UTC)
    labels = round_times(*fall, BERLIN, EN, now=False)
    assert [label.text for label in labels] == ["02:00", "04:00"]
    # From two to four are three hours in that night.
    assert labels[1].at - labels[0].at == pytest.approx(50, abs=0.1)


def test_figures_are_those_of_the_points() -> None:
    chart = only(charts(stats_of([[3250.0, None, 2000.0, 3000.0]]), "power", EN, SAMARA, NOW, one=True))
    line = chart.lines[0]
    assert (line.low, line.mean, line.high, line.last) == ("2,000 W", "2,750 W", "3,250 W", "3,000 W")
    assert chart.description == "Lowest 2,000 W, mean 2,750 W, highest 3,250 W, last 3,000 W."
    assert chart.rows[0] == ("16:00", ["3,000 W"])
    assert chart.rows[2] == ("15:58", ["–"])
    assert chart.cursor.texts == [
        "15:57 · 3,250 W", "15:58 · no reading", "15:59 · 2,000 W", "16:00 · 3,000 W",
    ]  # fmt: skip
    assert chart.across[-1].text == "now"
    assert [label.text for label in chart.up] == ["0", "1,000", "2,000", "3,000"]


def test_hash_rates_of_two_algorithms_are_two_charts_and_powers_one_with_their_sum() -> None:
    labels = [{"algorithm": "SHA-256"}, {"algorithm": "Scrypt"}]
    found = charts(stats_of([[1e15] * 3, [8e9] * 3], labels=labels), "hashrate", EN, SAMARA, NOW, one=False)
    assert [(chart.about, chart.unit) for chart in found] == [("SHA-256", "PH/s"), ("Scrypt", "GH/s")]
    sources = [{"source": "measured"}, {"source": "estimated"}]
    power = only(
        charts(
            stats_of([[100.0, None, None], [50.0, 50.0, None]], labels=sources),
            "power",
            EN,
            SAMARA,
            NOW,
            one=False,
        )
    )
    assert [(line.name, line.last) for line in power.lines] == [
        ("together", "50 W"), ("measured", "100 W at 15:58"), ("estimated", "50 W"),
    ]  # fmt: skip
    assert power.lines[0].high == "150 W"
    assert len({line.look for line in power.lines}) == 3


def test_a_long_time_has_a_short_table() -> None:
    chart = only(charts(stats_of([[1.0] * 240]), "power", EN, SAMARA, NOW, one=True))
    assert len(chart.rows) <= 48
    assert chart.rows[0][0] == "16:00"


@given(
    st.lists(values.filter(lambda value: value is None or abs(value) < 1e18), max_size=60),
    st.floats(10, 400),
    st.floats(8, 100),
)
def test_a_small_line_stays_in_its_box(column: list[float | None], width: float, height: float) -> None:
    path = sparkline(list(enumerate(column)), width, height)
    assert (path == "") == all(value is None for value in column)
    for x, y in itertools.chain.from_iterable(spots(path)):
        assert -0.1 <= x <= width + 0.1
        assert 0.9 <= y <= height - 0.9
    known = list(itertools.groupby(column, lambda value: value is None))
    assert len(spots(path)) == sum(1 for absent, _ in known if not absent)


def test_a_lone_point_is_a_dot() -> None:
    assert line_path([(0, None), (5, 3.0), (10, None)]) == "M5.0 3.0h0"


def test_every_metric_of_the_api_has_its_words_in_every_language() -> None:
    for code in ("en", "ru"):
        for metric in METRICS:
            chart = only(charts(stats_of([[1.0, 2.0]]), metric, words(code), SAMARA, NOW, one=True))
            assert chart.title
            assert math.isfinite(chart.up[0].at) or chart.lanes


def test_the_last_value_of_a_line_that_ended_is_dated() -> None:
    sources = [{"source": "measured"}, {"source": "estimated"}]
    columns: list[list[float | None]] = [[3000.0, 3100.0, None, None, None], [1000.0] * 5]
    chart = only(charts(stats_of(columns, labels=sources), "power", EN, SAMARA, NOW, one=False))
    assert [(line.name, line.last) for line in chart.lines] == [
        ("together", "1,000 W"),
        ("measured", "3,100 W at 15:57"),
        ("estimated", "1,000 W"),
    ]
    assert chart.last_at == NOW


def test_moments_of_an_hour_that_comes_twice_are_told_apart() -> None:
    end = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    times = range(int(end.timestamp()) - 3 * 3600, int(end.timestamp()) + 1, 1800)
    series = Series(metric="power", unit="W", labels={}, points=[(at, 1.0) for at in times])
    found = Stats(from_=end - timedelta(hours=3), to=end, step_s=1800, coverage_ratio=1.0, series=[series])
    chart = only(charts(found, "power", EN, BERLIN, end, one=True))
    told = [moment for moment, _ in chart.rows]
    assert len(set(told)) == len(told) == 7
    assert told == [
        "03:30",
        "03:00",
        "02:30 (UTC+01:00)",
        "02:00 (UTC+01:00)",
        "02:30 (UTC+02:00)",
        "02:00 (UTC+02:00)",
        "01:30",
    ]
