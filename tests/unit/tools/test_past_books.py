"""The books of the demo's past: made of what the simulated miners did, once, and adding up."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from controller.accounting.model import KINDS, Reading
from controller.settings import DATABASE_FILE
from controller.storage.ledger import KeptHour
from controller.storage.storage import Storage
from tools.past_books import put_books

FLEET = """
defaults: {web_port: 8080, tariff: day-night}
tariffs:
  day-night: {currency: USD, price_per_kwh: 0.05, zones: [{from: "22:30", to: "07:00", price_per_kwh: 0.03}]}
containers:
  - name: One
    timezone: Asia/Almaty
    client: steppe
    simulate: {faults: [{fault: silent, miners: [a1]}, {fault: board_dead, board: 2, miners: [a2]}]}
    miners:
      - {name: "a{n}", addresses: 127.73.1.1-3, manufacturer: Whatsminer, model: M30S+}
  - name: Two
    timezone: Asia/Kolkata
    miners:
      - {name: b1, address: 127.73.2.1, manufacturer: AntMiner, model: S19}
"""
UNTIL = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[KeptHour]], list[Reading], Path]:
    folder = tmp_path_factory.mktemp("books")
    (folder / "targets.yml").write_text(FLEET, encoding="utf-8")
    Storage.open(f"sqlite:///{folder / DATABASE_FILE}").close()
    said = put_books(folder / "targets.yml", folder, UNTIL.timestamp())
    assert said.startswith("The books of the past are made up, ")

    async def kept() -> tuple[dict[str, list[KeptHour]], list[Reading]]:
        storage = await asyncio.to_thread(Storage.open, f"sqlite:///{folder / DATABASE_FILE}")
        try:
            hours = {
                container: await storage.ledger.kept(container, UNTIL - timedelta(days=90), UNTIL)
                for container in ("one", "two")
            }
            return hours, await storage.meter_readings.find()
        finally:
            await asyncio.to_thread(storage.close)

    return *asyncio.run(kept()), folder


def test_they_go_from_the_month_before_to_the_last_full_hour_without_a_gap(
    books: tuple[dict[str, list[KeptHour]], list[Reading], Path],
) -> None:
    hours, _, _ = books
    for container in hours.values():
        assert container[0].begins <= datetime(2026, 1, 31, 19, tzinfo=UTC)
        assert UNTIL - timedelta(minutes=90) < container[-1].ends <= UNTIL
        assert all(one.ends == other.begins for one, other in itertools.pairwise(container))
        assert all(hour.pieces[0].begins == hour.begins or hour is container[0] for hour in container)


def test_they_are_cut_where_the_price_changes(
    books: tuple[dict[str, list[KeptHour]], list[Reading], Path],
) -> None:
    hours, _, _ = books
    night = next(hour for hour in hours["one"] if hour.begins == datetime(2026, 2, 10, 17, tzinfo=UTC))
    assert [
        (piece.begins.strftime("%H:%M"), piece.terms.client, Decimal(str(piece.terms.price_per_kwh)))
        for piece in night.pieces
    ] == [("17:00", "steppe", Decimal("0.05")), ("17:30", "steppe", Decimal("0.03"))]


def test_what_miners_did_is_in_them_and_what_they_did_not_do_is_not(
    books: tuple[dict[str, list[KeptHour]], list[Reading], Path],
) -> None:
    hours, _, _ = books
    # Before the last days, in which a container's uplink and some miners were lost for a while.
    for hour in (one for one in hours["one"][24:] if one.ends < UNTIL - timedelta(days=4)):
        for piece in hour.pieces:
            sums, passed = piece.sums, (piece.ends - piece.begins).total_seconds()
            assert sums.miner_s == 3 * passed
            assert sum(sums.seconds_of(kind) for kind in KINDS) == sums.miner_s
            assert sums.unreachable_s == passed  # the silent one
            assert sums.read_s == 2 * passed
            assert (
                2_000 * passed < sums.total_j < 8_000 * passed
            )  # of two miners, one of them with two boards of three
            assert sums.megahashes["SHA-256"] > 0


def test_meters_were_read_and_one_of_them_is_wrong(
    books: tuple[dict[str, list[KeptHour]], list[Reading], Path],
) -> None:
    hours, readings, _ = books
    for container, factor in (("one", 1.006), ("two", 0.93)):
        own = sorted((one for one in readings if one.container == container), key=lambda one: one.at)
        assert len(own) >= 5
        first, last = own[0], own[-1]
        used_j = sum(
            piece.sums.total_j
            for hour in hours[container]
            if first.at <= hour.begins and hour.ends <= last.at
            for piece in hour.pieces
        )
        counted = (float(last.kwh) - float(first.kwh)) * 3.6e6
        assert counted == pytest.approx(used_j * factor, rel=1e-3)


def test_a_second_time_nothing_is_made(books: tuple[dict[str, list[KeptHour]], list[Reading], Path]) -> None:
    _, _, folder = books
    said = put_books(folder / "targets.yml", folder, UNTIL.timestamp())
    assert said == "There are books already; none were made up."
