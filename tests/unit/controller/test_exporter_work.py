"""How an exporter keeps up: what its own page of metrics says is read, and of nothing else anything is made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.exporter_work import ExporterWork, work_of

PAGE = """\
# HELP hashyard_exporter_sweep_duration_seconds Time of the latest round.
# TYPE hashyard_exporter_sweep_duration_seconds gauge
hashyard_exporter_sweep_duration_seconds 9.8
hashyard_exporter_poll_interval_seconds 15.0
hashyard_exporter_poll_lag_seconds 0.25
hashyard_exporter_polls_waiting 3.0
hashyard_exporter_miners_backing_off 2.0
hashyard_exporter_polls_total{result="ok"} 4e+06
process_open_fds 12.0
"""


def test_a_page_is_read() -> None:
    assert work_of(PAGE) == ExporterWork(sweep_s=9.8, interval_s=15, lag_s=0.25, waiting=3, backing_off=2)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1", "", "warm", "0x10"])
def test_what_is_no_figure_is_not_known(value: str) -> None:
    assert work_of(f"hashyard_exporter_poll_lag_seconds {value}\n") == ExporterWork()


def test_a_time_behind_the_value_is_none_of_it() -> None:
    assert work_of("hashyard_exporter_poll_lag_seconds 1.5 1763719560000\n").lag_s == 1.5


@given(st.text())
def test_whatever_a_stranger_answers_nothing_breaks(text: str) -> None:
    assert work_of(text) == ExporterWork() or "hashyard_exporter_" in text
