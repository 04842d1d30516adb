"""The chart of energy and cost: heights true to the figures, days without rows left open, estimated energy apart."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounting.model import Energy, Money
from controller.pages.energy_chart import HEIGHT, cost_charts, energy_chart, keys_between
from controller.pages.language import words
from tests.unit.controller.pages.sample_reports import empty_row, row

EN = words("en")
DAYS = ["2026-10-01", "2026-10-02", "2026-10-03"]


def test_a_bar_is_measured_below_and_estimated_upon_it() -> None:
    chart = energy_chart(
        [row("2026-10-01"), row("2026-10-03", energy_kwh=Energy(500.0, 0.0, 500.0))], DAYS, EN
    )
    assert chart is not None
    first, third = chart.bars
    measured, estimated = first.parts
    assert [part.look for part in first.parts] == ["bar-measured", "bar-estimated"]
    assert estimated.y + estimated.height == pytest.approx(measured.y)
    assert measured.y + measured.height == pytest.approx(HEIGHT)
    assert measured.height == pytest.approx(4 * estimated.height, rel=0.01)
    assert third.parts[0].height == pytest.approx((measured.height + estimated.height) * 0.4, rel=0.01)
    assert (first.x, third.x) == ("4.667%", "71.333%")
    assert chart.estimated


def test_a_day_without_a_row_has_no_bar_and_says_so_in_the_table() -> None:
    chart = energy_chart([row("2026-10-01")], DAYS, EN)
    assert chart is not None
    assert len(chart.bars) == 1
    assert [values[0] for _, values in chart.rows] == ["1,250.0", "no readings", "no readings"]


def test_a_day_that_readings_hardly_cover_is_marked() -> None:
    chart = energy_chart(
        [row("2026-10-01", coverage_ratio=0.5), row("2026-10-02", coverage_ratio=0.99)], DAYS, EN
    )
    assert chart is not None
    assert [bar.thin for bar in chart.bars] == [True, False]
    assert "coverage 50.0" in chart.bars[0].said


def test_currencies_are_never_added() -> None:
    rows = [
        row("2026-10-01", cost=(Money("RUB", "10.00"), Money("USD", "1.00"))),
        row("2026-10-02", cost=(Money("USD", "2.50"),)),
    ]
    rub, usd = cost_charts(rows, DAYS, EN)
    assert (len(rub.bars), len(usd.bars)) == (1, 2)
    assert usd.bars[1].said.endswith("$2.50")
    assert [values for _, values in rub.rows][1:] == [("no cost",), ("no cost",)]


def test_nothing_is_drawn_of_nothing() -> None:
    assert energy_chart([], DAYS, EN) is None
    assert energy_chart([empty_row("2026-10-01")], DAYS, EN) is None
    assert cost_charts([empty_row("2026-10-01")], DAYS, EN) == []


def test_months_and_days_are_named_by_the_calendar() -> None:
    assert keys_between(date(2026, 1, 31), date(2026, 3, 1), "month") == ["2026-01", "2026-02", "2026-03"]
    assert keys_between(date(2028, 2, 28), date(2028, 3, 1), "day") == [
        "2028-02-28",
        "2028-02-29",
        "2028-03-01",
    ]


@given(
    st.lists(
        st.tuples(st.floats(0, 1e9, allow_subnormal=False), st.floats(0, 1e9, allow_subnormal=False)),
        min_size=1,
        max_size=40,
    )
)
def test_no_bar_leaves_the_drawing(figures: list[tuple[float, float]]) -> None:
    keys = keys_between(
        date(2026, 10, 1), date(2026, 11, len(figures) - 31 if len(figures) > 31 else 1), "day"
    )
    rows = [
        row(key, energy_kwh=Energy(measured, estimated, measured + estimated))
        for key, (measured, estimated) in zip(keys, figures, strict=False)
    ]
    chart = energy_chart(rows, keys, EN)
    assert (chart is None) is all(sum(one) == 0 for one in figures[: len(keys)])
    for bar in chart.bars if chart is not None else ():
        for part in bar.parts:
            assert -0.2 <= part.y <= HEIGHT
            assert part.y + part.height <= HEIGHT + 0.2
