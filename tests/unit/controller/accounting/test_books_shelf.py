"""Which containers have books: those of the inventory, and those that left it or had another name."""

from datetime import UTC, datetime

from controller.accounting.model import KnownContainer
from controller.accounting.reading import Known, selector
from controller.accounting.shelf import books_of
from controller.storage.ledger import KeptContainer
from miners.inventory.fleet import Container, Inventory, Origin

BEGIN, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC)


def inventory(*containers: tuple[str, str]) -> Inventory:
    return Inventory(
        containers=tuple(
            Container(id=id_, name=name, origin=Origin("targets.yml", 1)) for id_, name in containers
        )
    )


def known(name: str, since: float = 0.0, until: float = 9.0) -> Known:
    return Known(name=name, timezone="Asia/Irkutsk", since=since, until=until)


def kept(id_: str, name: str) -> KeptContainer:
    return KeptContainer(id=id_, name=name, timezone="UTC", booked_from=BEGIN, booked_until=END)


def test_a_container_that_nobody_has_read_yet_waits_for_its_first_scrape() -> None:
    book = books_of(inventory(("north", "North")), [], {})["north"]
    assert (book.since, book.booked_until, book.left, book.names) == (None, None, False, ("North",))


def test_a_container_that_left_goes_by_the_id_that_the_books_know() -> None:
    book = books_of(inventory(), [kept("old-yard", "Контейнер 1")], {"Контейнер 1": known("Контейнер 1")})[
        "old-yard"
    ]
    assert book.container == KnownContainer(id="old-yard", name="Контейнер 1", timezone="Asia/Irkutsk")
    assert book.left
    assert book.booked_until == END


def test_a_container_that_left_before_anything_was_booked_goes_by_its_slug() -> None:
    assert set(books_of(inventory(), [], {"Контейнер 1": known("Контейнер 1")})) == {"konteiner-1"}


def test_a_container_with_another_name_is_read_by_both() -> None:
    books = books_of(
        inventory(("north", "North (new)")),
        [kept("north", "North")],
        {"North": known("North", 5.0, 6.0), "North (new)": known("North (new)", 7.0, 8.0)},
    )
    assert set(books) == {"north"}
    assert books["north"].names == ("North (new)", "North")
    assert (books["north"].since, books["north"].until) == (5.0, 8.0)
    assert not books["north"].left


def test_what_stands_in_a_name_stays_within_its_selector() -> None:
    assert selector(['a"} or up{x="']) == 'container="a\\"} or up{x=\\""'
    assert selector(["a|b", "c.d"]) == 'container=~"a\\\\|b|c\\\\.d"'
