"""The ledger on both databases: hours, days and corrections add up exactly, and nothing that is in it can be changed."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from controller.accounting.model import BookedHour, MinerSums, Piece, Sums, Terms
from controller.storage import books_schema
from controller.storage.faults import StorageError, Taken
from controller.storage.ledger import ClosedMonth
from controller.storage.open_hours import COUNTED
from controller.storage.storage import Storage

MIDNIGHT = datetime(2026, 10, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY_TERMS = Terms(client="borealis", tariff="day", currency="EUR", price_per_kwh="0.12")
NIGHT_TERMS = Terms(client="borealis", tariff="day", currency="EUR", price_per_kwh="0.07")
OTHERS = Terms(client="volga", tariff="day", currency="EUR", price_per_kwh="0.12")


def sums(seed: int) -> Sums:
    return Sums(
        measured_j=1000 + seed * 7,
        estimated_j=seed % 5,
        miner_s=3600,
        read_s=3599 - seed % 60,
        bridged_s=seed % 3,
        hashing_s=3000 - seed,
        fault_s=seed,
        megahashes={"SHA-256": 10**9 + seed} | ({"Scrypt": 77} if seed % 4 == 0 else {}),
    )


def hour(at: datetime, *, miners: int = 3, cut: bool = False, terms: Terms = DAY_TERMS) -> BookedHour:
    hours = int((at - MIDNIGHT) / HOUR)
    pieces = (
        [(at, at + HOUR / 4, NIGHT_TERMS), (at + HOUR / 4, at + HOUR, terms)]
        if cut
        else [(at, at + HOUR, terms)]
    )
    return BookedHour(
        container="k-1",
        name="Container 1",
        timezone="UTC",
        begins=at,
        ends=at + HOUR,
        day=at.date(),
        pieces=tuple(
            Piece(
                begins=begins,
                ends=ends,
                terms=of,
                miners=tuple(
                    MinerSums(f"a{number}", sums(hours * 10 + number + place * 100), refused=number == 2)
                    for number in range(miners)
                ),
                peak_w=1234.5,
            )
            for place, (begins, ends, of) in enumerate(pieces)
        ),
    )


async def rows_of_days(storage: Storage) -> list[Any]:
    """Return the rows by miner of the highest revision, with the terms as they are."""
    rows, days, terms = (
        books_schema.ledger_day_rows,
        books_schema.ledger_days,
        books_schema.ledger_terms,
    )
    newest = select(days.c.revision).where(days.c.day == rows.c.day).order_by(days.c.revision.desc()).limit(1)
    wanted = select(
        rows, terms.c.client, terms.c.price_per_kwh, books_schema.ledger_miners.c.miner.label("name")
    )
    wanted = wanted.join(terms, terms.c.number == rows.c.terms).join(
        books_schema.ledger_miners, books_schema.ledger_miners.c.number == rows.c.miner
    )
    return await storage.database.read(
        lambda connection: list(connection.execute(wanted.where(rows.c.revision == newest.scalar_subquery())))
    )


async def both_sums(storage: Storage, until: datetime = MIDNIGHT + 24 * HOUR) -> tuple[Any, Any]:
    """Return what the hours say and what the miners' rows say, by terms."""
    by_hours: dict[tuple[str | None, str | None], Counter[str]] = {}
    for kept in await storage.ledger.kept("k-1", MIDNIGHT, until):
        for piece in kept.pieces:
            into = by_hours.setdefault((piece.terms.client, piece.terms.price_per_kwh), Counter())
            into.update({name: getattr(piece.sums, name) for name in COUNTED})
            into["megahashes"] += sum(piece.sums.megahashes.values())
            into["refused"] += piece.refused
    by_miners: dict[tuple[str | None, str | None], Counter[str]] = {}
    for row in await rows_of_days(storage):
        into = by_miners.setdefault((row.client, row.price_per_kwh), Counter())
        into.update({name: getattr(row, name) for name in (*books_schema.SUMS, "refused")})
    return by_hours, by_miners


async def test_an_hour_is_kept_as_it_was_booked(storage: Storage) -> None:
    booked = hour(MIDNIGHT, cut=True)
    await storage.ledger.book(booked)
    [kept] = await storage.ledger.kept("k-1", MIDNIGHT, MIDNIGHT + HOUR)
    assert (kept.begins, kept.ends, kept.day, kept.revision) == (
        MIDNIGHT,
        MIDNIGHT + HOUR,
        date(2026, 10, 3),
        0,
    )
    for piece, given in zip(kept.pieces, booked.pieces, strict=True):
        assert (piece.begins, piece.ends, piece.terms, piece.peak_w) == (
            given.begins,
            given.ends,
            given.terms,
            given.peak_w,
        )
        together = Sums()
        for miner in given.miners:
            together += miner.sums
        assert piece.sums == together
        assert piece.refused == 1
    assert await storage.ledger.booked_until("k-1") == MIDNIGHT + HOUR
    assert await storage.ledger.booked_until("k-2") is None
    [known] = await storage.ledger.containers()
    assert (known.id, known.name, known.timezone, known.booked_from) == (
        "k-1",
        "Container 1",
        "UTC",
        MIDNIGHT,
    )


async def test_an_hour_without_miners_is_booked_all_the_same(storage: Storage) -> None:
    await storage.ledger.book(hour(MIDNIGHT, miners=0))
    [kept] = await storage.ledger.kept("k-1", MIDNIGHT, MIDNIGHT + HOUR)
    assert kept.pieces[0].sums == Sums()


async def test_an_hour_is_booked_once(storage: Storage) -> None:
    await storage.ledger.book(hour(MIDNIGHT))
    with pytest.raises(Taken, match="booked already"):
        await storage.ledger.book(hour(MIDNIGHT, miners=9))
    assert len(await storage.ledger.kept("k-1", MIDNIGHT, MIDNIGHT + HOUR)) == 1


async def test_pieces_that_overlap_are_refused(storage: Storage) -> None:
    whole = hour(MIDNIGHT)
    twice = BookedHour(
        **{name: getattr(whole, name) for name in whole.__struct_fields__ if name != "pieces"},
        pieces=whole.pieces * 2,
    )
    with pytest.raises(ValueError, match="after the one before it"):
        await storage.ledger.book(twice)


async def test_a_day_by_miner_is_the_sum_of_its_hours(storage: Storage) -> None:
    for number in range(24):
        await storage.ledger.book(hour(MIDNIGHT + number * HOUR, cut=number % 5 == 0))
    assert await storage.ledger.open_days("k-1") == [date(2026, 10, 3)]
    assert await storage.ledger.close_day("k-1", date(2026, 10, 3))
    assert await storage.ledger.open_days("k-1") == []
    assert not await storage.ledger.close_day("k-1", date(2026, 10, 3))
    by_hours, by_miners = await both_sums(storage)
    assert by_hours == by_miners
    assert len(by_hours) == 2
    names = {row.name for row in await rows_of_days(storage)}
    assert names == {"a0", "a1", "a2"}


async def test_an_hour_that_comes_late_is_added_to_its_day(storage: Storage) -> None:
    for number in (0, 2):
        await storage.ledger.book(hour(MIDNIGHT + number * HOUR))
    await storage.ledger.close_day("k-1", date(2026, 10, 3))
    await storage.ledger.book(hour(MIDNIGHT + HOUR))
    await storage.ledger.close_day("k-1", date(2026, 10, 3))
    by_hours, by_miners = await both_sums(storage)
    assert by_hours == by_miners


@pytest.mark.parametrize("made", [False, True])
async def test_a_correction_changes_whose_the_hours_were_and_nothing_else(
    storage: Storage, made: bool
) -> None:
    for number in range(24):
        await storage.ledger.book(hour(MIDNIGHT + number * HOUR, cut=number == 7))
    if made:
        await storage.ledger.close_day("k-1", date(2026, 10, 3))
    before, _ = await both_sums(storage)
    # From a quarter past ten: an hour is cut, and the miners' day with it.
    spans = [(MIDNIGHT + 10.25 * HOUR, MIDNIGHT + 30 * HOUR, OTHERS)]
    assert await storage.ledger.correct("k-1", spans, actor="Anna", reason="sold") == 14
    if not made:
        await storage.ledger.close_day("k-1", date(2026, 10, 3))
    by_hours, by_miners = await both_sums(storage)
    assert by_hours == by_miners
    assert set(by_hours) == {("borealis", "0.12"), ("borealis", "0.07"), ("volga", "0.12")}
    assert sum(by_hours.values(), Counter()) == sum(before.values(), Counter())
    kept = await storage.ledger.kept("k-1", MIDNIGHT + 10 * HOUR, MIDNIGHT + 11 * HOUR)
    assert [(one.revision, one.actor, one.reason) for one in kept] == [(1, "Anna", "sold")]
    assert [piece.terms.client for piece in kept[0].pieces] == ["borealis", "volga"]
    # The same again is no correction.
    assert await storage.ledger.correct("k-1", spans, actor="Anna", reason="sold") == 0


async def test_each_miner_keeps_his_day_through_a_correction(storage: Storage) -> None:
    for number in range(24):
        await storage.ledger.book(hour(MIDNIGHT + number * HOUR))
    await storage.ledger.close_day("k-1", date(2026, 10, 3))

    async def by_name() -> dict[str, int]:
        found: Counter[str] = Counter()
        for row in await rows_of_days(storage):
            found[row.name] += row.measured_j
        return dict(found)

    before = await by_name()
    spans = [(MIDNIGHT + 10.3 * HOUR, MIDNIGHT + 11 * HOUR, OTHERS)]
    assert await storage.ledger.correct("k-1", spans, actor="Anna", reason="sold") == 1
    assert await by_name() == before


@pytest.mark.parametrize("table", books_schema.ONLY_INSERTS)
async def test_nothing_of_the_books_can_be_changed(storage: Storage, table: str) -> None:
    await storage.ledger.book(hour(MIDNIGHT))
    await storage.ledger.close_day("k-1", date(2026, 10, 3))
    which = books_schema.metadata.tables[table]
    row = {
        column.name: b"x" if column.name == "document" else _some(str(column.type))
        for column in which.columns
    }
    await storage.database.write(lambda connection: connection.execute(insert(which).values(row)))
    column = next(column for column in which.columns if not column.primary_key)
    for statement in (
        update(which).values({column.name: row[column.name]}),
        delete(which),
    ):
        with pytest.raises((StorageError, DBAPIError)):
            await storage.database.write(
                lambda connection, statement=statement: connection.execute(statement)
            )
    if not storage.database.postgresql:
        replacing = insert(which).prefix_with("OR REPLACE").values(row)
        with pytest.raises((StorageError, DBAPIError)):
            await storage.database.write(lambda connection: connection.execute(replacing))
    else:
        with pytest.raises((StorageError, DBAPIError)):
            await storage.database.write(lambda connection: connection.execute(text(f"TRUNCATE {table}")))
    counted = await storage.database.read(lambda connection: connection.execute(select(which)).all())
    assert counted


def _some(kind: str) -> Any:
    return {"TEXT": "777", "BOOLEAN": False, "FLOAT(53)": 7.5, "FLOAT": 7.5, "DATETIME": MIDNIGHT}.get(
        kind, 777
    )


async def test_a_closed_month_takes_nothing(storage: Storage) -> None:
    await storage.ledger.book(hour(MIDNIGHT))
    await storage.ledger.book(hour(MIDNIGHT - 72 * HOUR))
    closing = {
        "number": 1,
        "month": 202610,
        "basis": "readings",
        "closed_at": MIDNIGHT,
        "closed_by": "Anna",
        "incomplete": True,
    }
    await storage.database.write(
        lambda connection: connection.execute(insert(books_schema.closings).values(closing))
    )
    with pytest.raises(ClosedMonth, match="2026-10 is closed"):
        await storage.ledger.book(hour(MIDNIGHT + HOUR))
    with pytest.raises(ClosedMonth):
        await storage.ledger.close_day("k-1", date(2026, 10, 3))
    whole = [(MIDNIGHT - 80 * HOUR, MIDNIGHT + HOUR, OTHERS)]
    with pytest.raises(ClosedMonth):
        await storage.ledger.correct("k-1", whole, actor="Anna", reason="sold")
    # All or nothing: the open month is as it was too.
    [kept] = await storage.ledger.kept("k-1", MIDNIGHT - 72 * HOUR, MIDNIGHT - 71 * HOUR)
    assert kept.revision == 0
    row = {"day": 20261005, "container": 1, "revision": 0, "booked_at": 0}
    with pytest.raises((StorageError, DBAPIError)):
        await storage.database.write(
            lambda connection: connection.execute(insert(books_schema.ledger_days).values(row))
        )
