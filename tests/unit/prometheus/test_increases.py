"""What is counted and then added up: counters that begin anew or are not seen for a while, local days, two exporters.

An increase may lose what nobody saw. It is never negative, and never more than the miner did, but for one scrape.
"""

import datetime as dt
from itertools import pairwise, product
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.unit.prometheus import promtool_files

SCRAPE_S = 30


class Counted(msgspec.Struct, frozen=True):
    """A counter that rises steadily, and the recorded series that adds it up over a window of scrapes."""

    counter: str
    beside: dict[str, str]
    a_scrape: float
    recorded: str
    window: int
    rules: str


COUNTED = {
    "energy of an hour": Counted(
        "miner_energy_joules_total",
        {"source": "measured"},
        90e3,
        "miner:energy_joules:increase1h",
        120,
        "record-1h.yml",
    ),
    "energy of five minutes": Counted(
        "miner_energy_joules_total",
        {"source": "measured"},
        90e3,
        "container:energy_joules:increase5m",
        10,
        "record-5m.yml",
    ),
    "hashes": Counted("miner_hashes_total", {}, 3e15, "miner:hashes:increase1h", 120, "record-1h.yml"),
    "shares": Counted(
        "miner_shares_total", {"result": "accepted"}, 6, "miner:shares:increase30m", 60, "record-2m.yml"
    ),
}

# How many scrapes see nothing, and whether the counter has begun anew by the next.
TROUBLES = {
    "reset": (0, True),
    "gap of 3": (3, False),
    "gap of 3 and reset": (3, True),
    "gap of 20": (20, False),
    "gap of 20 and reset": (20, True),
}


def seen(counted: Counted, at: int, trouble: str) -> list[float | None]:
    """What the scrapes of a window see of a counter that has long run when the trouble begins; None within the gap."""
    gap, reset = TROUBLES[trouble]
    return [
        None
        if at <= scrape < at + gap
        else counted.a_scrape * (scrape - at - gap if reset and scrape >= at else 1000 + scrape)
        for scrape in range(counted.window)
    ]


@pytest.mark.parametrize("counted", COUNTED.values(), ids=COUNTED)
def test_an_increase_is_never_negative_nor_more_than_there_was(
    counted: Counted, promtool: Path, tmp_path: Path
) -> None:
    # Scrapes fall 10, 20 and 30 s after the window's beginning, and the trouble begins at any of them: so it lies over
    # the beginning, within, and over the end. Each case is a container, since some recorded series are of containers.
    edge = 25  # scrapes: more than the longest gap; between the edges of a long window all is alike
    begins = [
        at for at in range(-19, counted.window + 1) if at < edge or at > counted.window - edge or at % 10 == 0
    ]
    cases = list(product(TROUBLES, begins, (1, 2, 3)))
    inputs = []
    answers = 0
    for number, (trouble, at, phase) in enumerate(cases):
        values = seen(counted, at, trouble)
        steps: list[float | None] = [None] * (3 * counted.window + 1)
        steps[phase::3] = values[: len(steps[phase::3])]
        container = {"container": f"c{number}"}
        labels = container | {"miner": "m"} | counted.beside
        there = [value for value in values if value is not None]
        rose = sum(after - before if after >= before else after for before, after in pairwise(there))
        answers += len(there) >= 2
        inputs += [
            {
                "series": promtool_files.selector(counted.counter, labels),
                "values": promtool_files.notation(steps, marked=False),
            },
            promtool_files.series("rose", container, [rose] * len(steps)),
        ]
    end = f"{counted.window * SCRAPE_S}s"
    most = counted.a_scrape * (counted.window + 1)
    done = promtool_files.run(
        promtool,
        tmp_path,
        rules=[counted.rules],
        step="10s",
        evaluation=end,
        inputs=inputs,
        questions=[
            promtool_files.question(f"{counted.recorded} < 0 or {counted.recorded} > {most}", end),
            # Nor less than what the scrapes saw, but for what a number of 64 bits rounds.
            promtool_files.question(f"{counted.recorded} < on (container) rose * 0.999999999", end),
            promtool_files.question(f"count({counted.recorded})", end, [("{}", answers)]),
        ],
    )
    assert done.returncode == 0, done.stdout[:3000] + done.stderr[:3000]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-10-25", "Europe/Oslo", 25),
        ("2026-03-29", "Europe/Oslo", 23),
        ("2026-06-01", "Europe/Oslo", 24),
        ("2026-11-01", "America/New_York", 25),
    ],
)
def test_the_hours_of_a_local_day_add_up_to_the_rise_of_the_counter(
    day: str, zone: str, hours: int, promtool: Path, tmp_path: Path
) -> None:
    begin = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
    next_day = dt.date.fromisoformat(day) + dt.timedelta(days=1)
    end = dt.datetime.combine(next_day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
    assert end - begin == dt.timedelta(hours=hours)
    # promtool's clock begins at 0 of a UTC day: so does this one, on the day in which the local day begins.
    midnight = begin.replace(hour=0, minute=0)
    first, last = (int((moment - midnight) / dt.timedelta(minutes=1)) for moment in (begin, end))
    # Another draw in each minute, so that an hour too many, too few or shifted shows.
    drawn = [0.0]
    for minute in range(last + 120):
        drawn.append(drawn[-1] + 60 * (1000 + minute))
    rise = drawn[last] - drawn[first]
    labels = {"client": "ann", "container": "Oslo 1", "miner": "m1", "source": "measured"}
    done = promtool_files.run(
        promtool,
        tmp_path,
        rules=["record-1h.yml"],
        step="1m",
        evaluation="1h",
        inputs=[
            {
                "series": promtool_files.selector("miner_energy_joules_total", labels),
                "values": written(drawn),
            },
        ],
        questions=[
            # The hours that end after the day began, up to the one that ends with it.
            promtool_files.question(
                f"round(sum_over_time(container:energy_joules:increase1h[{(last - first) * 60 - 60}s]))",
                f"{last}m",
                [('{client="ann", container="Oslo 1", source="measured"}', rise)],
            ),
            promtool_files.question(
                f"count_over_time(container:energy_joules:increase1h[{(last - first) * 60 - 60}s])",
                f"{last}m",
                [('{client="ann", container="Oslo 1", source="measured"}', hours)],
            ),
        ],
    )
    assert done.returncode == 0, done.stdout[:3000] + done.stderr[:3000]


def written(values: list[float]) -> str:
    return " ".join(f"{value:.0f}" for value in values)


def test_two_exporters_of_one_container_are_never_silent(promtool: Path, tmp_path: Path) -> None:
    # A broken discovery: the same miner comes twice, under another instance each time. The rules that join fail by name,
    # which is what PrometheusRulesFailing is for; and the count of series is not that of the inventory.
    inputs = [
        promtool_files.series(name, {"container": "c1", "instance": instance} | labels, [value] * 5)
        for instance in ("c1", "10.0.0.2:9428")
        for name, labels, value in (
            ("container_miners", {}, 1),
            ("miner_up", {"miner": "m1"}, 1),
            ("miner_power_watts", {"miner": "m1", "source": "measured"}, 3000),
            ("miner_nominal_power_watts", {"miner": "m1"}, 3000),
        )
    ]
    asked = [
        promtool_files.question(
            "container:miner_series:count", "3m", [('container:miner_series:count{container="c1"}', 2)]
        )
    ]
    done = promtool_files.run(
        promtool,
        tmp_path,
        rules=["record-1m.yml"],
        step="1m",
        evaluation="1m",
        inputs=inputs,
        questions=asked,
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "miner:measured_power_ratio:max" in said
    assert "found duplicate series for the match group" in said
    assert "exp:" not in said
    once = [entry for entry in inputs if "10.0.0.2" not in entry["series"]]
    asked = [
        promtool_files.question(
            "container:miner_series:count", "3m", [('container:miner_series:count{container="c1"}', 1)]
        )
    ]
    done = promtool_files.run(
        promtool, tmp_path, rules=["record-1m.yml"], step="1m", evaluation="1m", inputs=once, questions=asked
    )
    assert done.returncode == 0, done.stdout + done.stderr
