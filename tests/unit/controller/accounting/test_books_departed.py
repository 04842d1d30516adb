"""Corrections of a container that has left the inventory: whose it was may change, tariff and price stay as booked."""

from datetime import UTC, datetime, timedelta

from controller.accounting.booking import Bookkeeper
from controller.accounting.model import BookedHour, MinerSums, Piece, Sums, Terms
from controller.accounting.terms import TermsBook
from controller.model import Client
from controller.storage.assignments import Assignment
from controller.storage.storage import Storage
from tests.unit.controller.small_fleet import container, inventory

MIDNIGHT = datetime(2026, 10, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = Terms(client="borealis", tariff="day and night", currency="EUR", price_per_kwh="0.12")
NIGHT = Terms(client="borealis", tariff="day and night", currency="EUR", price_per_kwh="0.07")


def hour(number: int, *spans: tuple[float, float, Terms]) -> BookedHour:
    begins = MIDNIGHT + number * HOUR
    return BookedHour(
        container="gone",
        name="Gone",
        timezone="UTC",
        begins=begins,
        ends=begins + HOUR,
        day=begins.date(),
        pieces=tuple(
            Piece(
                begins=begins + first * HOUR,
                ends=begins + last * HOUR,
                terms=terms,
                miners=(MinerSums("a1", Sums(measured_j=int((last - first) * 3_600_000), miner_s=3600)),),
            )
            for first, last, terms in spans
        ),
    )


async def test_tariff_and_price_of_a_departed_container_stay(storage: Storage) -> None:
    for slug in ("borealis", "volga"):
        await storage.people.clients.add(Client(id=f"cli_{slug}", slug=slug, name=slug, created_at=MIDNIGHT))
    await storage.ledger.book(hour(0, (0, 1, NIGHT)))
    await storage.ledger.book(hour(1, (0, 0.5, NIGHT), (0.5, 1, DAY)))
    # The third hour was never booked.
    await storage.ledger.book(hour(3, (0, 1, DAY)))
    sold = MIDNIGHT + 1.25 * HOUR
    for client, begins, ends in (("borealis", MIDNIGHT - HOUR, sold), ("volga", sold, None)):
        given = Assignment(client_id=f"cli_{client}", container="gone", begins=begins, ends=ends)
        await storage.people.assignments.replace(f"cli_{client}", [given])

    left = inventory(container("Other", "a1"))
    keeper = Bookkeeper(
        storage, None, lambda: left, TermsBook(storage, lambda: left), lambda: MIDNIGHT + 24 * HOUR
    )
    changed = await keeper.correct("gone", MIDNIGHT - HOUR, MIDNIGHT + 5 * HOUR, "Anna", "sold")
    assert changed == 2
    kept = await storage.ledger.kept("gone", MIDNIGHT, MIDNIGHT + 24 * HOUR)
    told = [
        ((piece.begins - MIDNIGHT) / HOUR, piece.terms.client, piece.terms.tariff, piece.terms.price_per_kwh)
        for one in kept
        for piece in one.pieces
    ]
    tariff = DAY.tariff
    assert told == [
        (0.0, "borealis", tariff, "0.07"),
        (1.0, "borealis", tariff, "0.07"),
        (1.25, "volga", tariff, "0.07"),
        (1.5, "volga", tariff, "0.12"),
        (3.0, "volga", tariff, "0.12"),
    ]
    assert [one.revision for one in kept] == [0, 1, 1]
    assert {piece.terms.currency for one in kept for piece in one.pieces} == {"EUR"}
