"""Reports as the books make them, for pages: rows with what a test wants of them and round figures otherwise."""

from datetime import UTC, date, datetime
from typing import Any

from controller.accounting.model import Charge, Energy, Money, Report, ReportRow, ReportWish

MADE = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
OCTOBER = ReportWish(begins=date(2026, 10, 1), ends=date(2026, 10, 31))


def row(key: str = "container-1", **more: Any) -> ReportRow:
    """Return a line with 1,000 kWh measured and 250 estimated."""
    given: dict[str, Any] = {
        "key": key,
        "name": key.replace("-", " ").capitalize(),
        "energy_kwh": Energy(1000.0, 250.0, 1250.0),
        "billed_kwh": 1250.0,
        "coverage_ratio": 0.987,
        "measured_ratio": 0.8,
        "bridged_ratio": 0.0,
        "hours": {
            "hashing": 500.5,
            "curtailed": 100.0,
            "sleeping": 0.0,
            "settling": 2.0,
            "fault": 1.0,
            "unreachable": 3.0,
            "unwatched": 4.0,
        },
        "hashing_ratio": 0.981,
        "reachable_ratio": 0.995,
        "average_w": 812_400.0,
        "peak_hour_w": 900_000.0,
        "hashrate_hs": {"SHA-256": 27.6e15},
        "joules_per_terahash": 29.43,
        "charges": (Charge("RUB", "5.10", "Grid", 1250.0, "6375.00"),),
        "cost": (Money("RUB", "6375.00"),),
    }
    return ReportRow(**{**given, **more})


def empty_row(key: str = "container-1", **more: Any) -> ReportRow:
    """Return a line of which nothing is known."""
    given: dict[str, Any] = {
        "energy_kwh": Energy(0.0, 0.0, 0.0),
        "billed_kwh": 0.0,
        "coverage_ratio": None,
        "measured_ratio": None,
        "bridged_ratio": None,
        "hours": {},
        "hashing_ratio": None,
        "reachable_ratio": None,
        "average_w": None,
        "peak_hour_w": None,
        "hashrate_hs": {},
        "joules_per_terahash": None,
        "charges": (),
        "cost": (),
    }
    return row(key, **{**given, **more})


def report(
    *rows: ReportRow, wish: ReportWish = OCTOBER, total: ReportRow | None = None, **more: Any
) -> Report:
    """Return a report with these lines."""
    return Report(wish=wish, made_at=MADE, rows=rows, total=total or row("", name=""), **more)
