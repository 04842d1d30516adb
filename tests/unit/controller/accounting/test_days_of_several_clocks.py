"""A day of containers whose clocks differ: it is as long as a day, so that a mean over it is the mean of what they used."""

import pytest

from controller.accounting.model import Terms
from controller.accounting.tallying import Known, Tally
from controller.storage.books_schema import SUMS
from controller.storage.ledger_reading import DayRow, HourRow

HOUR = 3600
DAY = 20261003
KNOWN = Known(containers={1: "east", 2: "west"}, terms={1: Terms(client=None)}, algorithms={1: "SHA-256"})


def tallied(*begins: tuple[int, int], kw: int = 100) -> Tally:
    """Return one day of containers (number, the hour in which its day begins), each with one miner of so many kilowatts."""
    tally = Tally()
    for container, first in begins:
        figures = dict.fromkeys(SUMS, 0) | {
            "measured_j": kw * 1000 * 24 * HOUR,
            "miner_s": 24 * HOUR,
            "read_s": 24 * HOUR,
            "hashing_s": 24 * HOUR,
        }
        done = [*(figures[name] for name in SUMS[:-1]), 24 * HOUR * 10**8]
        tally.add(DayRow(container, DAY, 1, 1, 0, done, 0, None))
        for hour in range(first, first + 24):
            begin = hour * HOUR
            tally.add_hour(
                HourRow(container, DAY, begin, 1, begin, begin + HOUR, kw * 1000 * HOUR, HOUR, HOUR, HOUR),
                first * HOUR,
            )
    return tally


@pytest.mark.parametrize("apart", [0, 1, 14])
def test_a_mean_of_a_day_is_of_one_day(apart: int) -> None:
    row = tallied((1, 0), (2, apart)).row(KNOWN, key="2026-10-03", name="")
    assert row.energy_kwh.total == 4800
    assert row.average_w == pytest.approx(200_000)
    assert row.hashrate_hs == {"SHA-256": pytest.approx(2 * 1e14)}


def test_the_highest_hour_is_of_one_moment() -> None:
    assert tallied((1, 0), (2, 14)).row(KNOWN, key="", name="").peak_hour_w == pytest.approx(200_000)
    assert tallied((1, 0), (2, 24)).row(KNOWN, key="", name="").peak_hour_w == pytest.approx(100_000)
