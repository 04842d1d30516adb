"""Which containers have books to be kept: those of the inventory, and those that left it and of which something is known.

A container that left is found by what Prometheus has of it and goes by the id that the books know it by, else by the slug
of its name. One that was given another name keeps its id, and is read by both names.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from controller.accounting.model import KnownContainer
from controller.accounting.reading import Known
from controller.storage.ledger import KeptContainer
from miners.inventory.fleet import Container, Inventory
from miners.inventory.slugs import slug


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A container whose hours are booked. `names`: what its series call it. `since`, `until`: what Prometheus has (unix seconds).

    `booked_until`: None before the first hour. `booked_from`: of that one.
    """

    container: Container | KnownContainer
    names: tuple[str, ...]
    since: float | None = None
    until: float | None = None
    booked_from: datetime | None = None
    booked_until: datetime | None = None

    @property
    def left(self) -> bool:
        """Whether the container is not in the inventory any more."""
        return isinstance(self.container, KnownContainer)


def books_of(
    inventory: Inventory, kept: Iterable[KeptContainer], known: Mapping[str, Known]
) -> dict[str, Book]:
    """Return by id the containers whose hours are to be booked."""
    in_books = {one.id: one for one in kept}
    ids = {one.name: id_ for id_, one in in_books.items()}
    containers: dict[str, Container | KnownContainer] = {one.id: one for one in inventory.containers}
    names: dict[str, list[str]] = {one.id: [one.name] for one in inventory.containers}
    now = {one.name for one in inventory.containers}
    for name, found in known.items():
        if name in now:
            continue
        id_ = ids.get(name) or slug(name)
        names.setdefault(id_, []).append(name)
        containers.setdefault(id_, KnownContainer(id=id_, name=name, timezone=found.timezone))
    books = {}
    for id_, container in containers.items():
        seen = [known[name] for name in names[id_] if name in known]
        before = in_books.get(id_)
        books[id_] = Book(
            container=container,
            names=tuple(names[id_]),
            since=min((one.since for one in seen), default=None),
            until=max((one.until for one in seen), default=None),
            booked_from=before.booked_from if before is not None else None,
            booked_until=before.booked_until if before is not None else None,
        )
    return books
