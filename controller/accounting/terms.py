"""On what terms a container was: whose, by which tariff, at what price; the time of it cut where any of these changes.

Whose it was, the table of assignments says from the first one of the container on: a time without one was nobody's. Before
that, the label `client` on its series does. Tariffs are the inventory's.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from controller.accounting.model import KnownContainer, Labels, Terms
from controller.storage.assignments import Known
from controller.storage.storage import Storage
from miners.inventory.fleet import Container, Inventory
from miners.tariffs import changes_between, price_of


class TermsBook:
    """Tells the terms of any container and time."""

    def __init__(self, storage: Storage, inventory: Callable[[], Inventory]) -> None:
        """`inventory`: gives the one in use."""
        self._storage = storage
        self._inventory = inventory

    async def pieces(
        self, container: Container | KnownContainer, begin: datetime, end: datetime, labels: Labels
    ) -> list[tuple[datetime, datetime, Terms]]:
        """Return the terms of a time in order, each with when it begins and ends: from `begin` to `end` without a gap.

        `labels`: the client on the container's series at its scrapes; each holds until the next, the first from ever on.
        """
        people = self._storage.people
        known = await people.assignments.of_container(container.id)
        slugs = {one.id: one.slug for one in await people.clients.all()} if known.assignments else {}
        return pieces(container, self._inventory(), known, slugs, begin, end, labels)


def pieces(
    container: Container | KnownContainer,
    inventory: Inventory,
    known: Known,
    slugs: Mapping[str, str],
    begin: datetime,
    end: datetime,
    labels: Labels,
) -> list[tuple[datetime, datetime, Terms]]:
    """Return the terms of a time, as `TermsBook.pieces` does. `slugs`: of the clients, by id."""
    if begin >= end:
        return []
    cuts = {
        *(moment for moment, _ in labels),
        *(one.begins for one in known.assignments),
        *(one.ends for one in known.assignments if one.ends is not None),
        *([known.since] if known.since is not None else []),
    }
    if isinstance(container, Container):
        cuts.update(changes_between(container, inventory, begin, end))
    edges = [begin, *sorted(cut for cut in cuts if begin < cut < end), end]
    found: list[tuple[datetime, datetime, Terms]] = []
    for since, until in pairwise(edges):
        client = owner_at(known, slugs, labels, since)
        terms = _terms(container, inventory, client, since)
        if found and found[-1][2] == terms:
            found[-1] = found[-1][0], until, terms
        else:
            found.append((since, until, terms))
    return found


def owner_at(known: Known, slugs: Mapping[str, str], labels: Labels, moment: datetime) -> str | None:
    """Return the slug of the client whose a container was at a moment; None: nobody's."""
    if known.since is not None and moment >= known.since:
        held = known.at(moment)
        return None if held is None else slugs.get(held.client_id)
    return _labelled(labels, moment)


def _labelled(labels: Sequence[tuple[datetime, str | None]], moment: datetime) -> str | None:
    if not labels:
        return None
    place = bisect_right(labels, moment, key=lambda one: one[0])
    return labels[max(place - 1, 0)][1]


def _terms(
    container: Container | KnownContainer, inventory: Inventory, client: str | None, moment: datetime
) -> Terms:
    found = price_of(container, inventory, moment) if isinstance(container, Container) else None
    if found is None:
        return Terms(client=client)
    tariff, price = found
    return Terms(client=client, tariff=tariff.name, currency=tariff.currency, price_per_kwh=price)
