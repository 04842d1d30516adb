"""Terms of a time: cut where a client, a tariff or a price changes, from its first moment to its last."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from controller.accounting.model import KnownContainer, Terms
from controller.accounting.terms import TermsBook, pieces
from controller.model import Client
from controller.storage.assignments import Assignment, Known
from controller.storage.storage import Storage
from miners.inventory.fleet import Container, Inventory, Origin, Tariff, TariffZone

DAY = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NIGHT = Tariff("night", "EUR", "2", (TariffZone(tuple(range(7)), 22 * 60, 6 * 60, "1"),))
INVENTORY = Inventory(tariffs={"night": NIGHT})
SLUGS: Mapping[str, str] = {"cli_a": "a", "cli_b": "b"}
CONTAINER = Container(name="C", id="c", tariff="night", origin=Origin("targets.yml", 1))
DEAR, CHEAP = (
    {"tariff": "night", "currency": "EUR", "price_per_kwh": "2"},
    {"tariff": "night", "currency": "EUR", "price_per_kwh": "1"},
)


def assigned(client: str, begins: datetime, ends: datetime | None) -> Assignment:
    return Assignment(client_id=f"cli_{client}", container="c", begins=begins, ends=ends)


def test_cut_where_client_or_price_changes() -> None:
    known = Known((assigned("a", DAY, DAY + 5 * HOUR), assigned("b", DAY + 5 * HOUR, None)), DAY)
    found = pieces(CONTAINER, INVENTORY, known, SLUGS, DAY, DAY + 8 * HOUR, ())
    assert found == [
        (DAY, DAY + 5 * HOUR, Terms(client="a", **CHEAP)),
        (DAY + 5 * HOUR, DAY + 6 * HOUR, Terms(client="b", **CHEAP)),
        (DAY + 6 * HOUR, DAY + 8 * HOUR, Terms(client="b", **DEAR)),
    ]


def test_before_the_table_knows_anything_the_label_says_whose_it_was() -> None:
    labels = [
        (DAY + HOUR, "old"),
        (DAY + 2 * HOUR, None),
        (DAY + 3 * HOUR, "older"),
        (DAY + 6 * HOUR, "not asked"),
    ]
    known = Known((assigned("a", DAY + 5 * HOUR, None),), DAY + 4 * HOUR)
    found = pieces(CONTAINER, Inventory(), known, SLUGS, DAY, DAY + 8 * HOUR, labels)
    assert [(begin - DAY, terms.client) for begin, _, terms in found] == [
        (0 * HOUR, "old"),
        (2 * HOUR, None),
        (3 * HOUR, "older"),
        (4 * HOUR, None),  # taken away: nobody's, whatever the label
        (5 * HOUR, "a"),
    ]


def test_a_container_that_left_has_no_tariff_and_a_time_of_no_length_no_terms() -> None:
    gone = KnownContainer(id="c", name="C", timezone="UTC")
    found = pieces(gone, INVENTORY, Known(), SLUGS, DAY, DAY + HOUR, [(DAY, "x")])
    assert found == [(DAY, DAY + HOUR, Terms(client="x"))]
    assert pieces(gone, INVENTORY, Known(), SLUGS, DAY, DAY, ()) == []


MINUTES = st.integers(0, 600)


@given(st.lists(MINUTES, unique=True, max_size=6), st.integers(0, 3), MINUTES, MINUTES)
def test_pieces_cover_the_time_and_say_at_each_minute_what_holds(
    edges: list[int], unknown: int, begin: int, end: int
) -> None:
    moments = [DAY + timedelta(minutes=minute) for minute in sorted(edges)]
    spans = list(pairwise(moments))[unknown::2]
    known = Known(
        tuple(assigned("ab"[place % 2], *span) for place, span in enumerate(spans)),
        spans[0][0] if spans else None,
    )
    first, last = DAY + timedelta(minutes=begin), DAY + timedelta(minutes=end)
    labels = [(moment, str(place)) for place, moment in enumerate(moments)]
    found = pieces(CONTAINER, INVENTORY, known, SLUGS, first, last, labels)
    if first >= last:
        assert found == []
        return
    assert (found[0][0], found[-1][1]) == (first, last)
    assert all(earlier[1] == later[0] and earlier[2] != later[2] for earlier, later in pairwise(found))
    for since, until, terms in found:
        moment = since
        while moment < until:
            held = known.at(moment)
            if known.since is not None and moment >= known.since:
                assert terms.client == (None if held is None else SLUGS[held.client_id])
            else:
                said = [label for at, label in labels if at <= moment] or [label for _, label in labels[:1]]
                assert terms.client == (said[-1] if said else None)
            assert terms.price_per_kwh == ("1" if moment.hour < 6 or moment.hour >= 22 else "2")
            moment += timedelta(minutes=1)


async def test_the_book_reads_the_table(storage: Storage) -> None:
    await storage.people.clients.add(Client(id="cli_a", slug="a", name="A", created_at=DAY))
    await storage.people.assignments.hand_over("c", "cli_a", DAY + HOUR)
    book = TermsBook(storage, lambda: INVENTORY)
    assert await book.pieces(CONTAINER, DAY, DAY + 2 * HOUR, [(DAY, "b")]) == [
        (DAY, DAY + HOUR, Terms(client="b", **CHEAP)),
        (DAY + HOUR, DAY + 2 * HOUR, Terms(client="a", **CHEAP)),
    ]
