"""What a report is made within: the containers it can be of, whose they were, and what the numbers of the books stand for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfoNotFoundError

import msgspec
from sqlalchemy import Connection, select

from controller.accounting.model import ReportWish, Terms
from controller.accounting.periods import day_bounds
from controller.storage.ledger import KeptContainer, kept_containers
from controller.storage.ledger_numbers import all_terms, seconds
from controller.storage.ledger_reading import Period, Span, miners_of, numbers_of
from controller.storage.ledger_rows import day_number
from controller.storage.schema import assignments, clients
from miners.inventory.fleet import Container, Inventory
from miners.inventory.slugs import slug

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A container as a report speaks of it. `number`: in the books, None where nothing of it is booked.

    `container`: of the inventory, None for one that is gone. `begins`, `ends`: the report's period there.
    """

    id: str
    name: str
    timezone: str
    begins: datetime
    ends: datetime
    number: int | None = None
    kept: KeptContainer | None = None
    container: Container | None = None


class Scene(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A wish with all that belongs to it. `owned`: when each container was whose, by client's slug and container's id."""

    wish: ReportWish
    now: datetime
    places: Sequence[Place]
    period: Period
    terms: Mapping[int, Terms]
    miners: Mapping[int, tuple[int, str]]
    client_names: Mapping[str, str]
    owned: Mapping[tuple[str, str], Sequence[Span]]

    @cached_property
    def by_number(self) -> dict[int, Place]:
        """The containers of which anything is booked, by number."""
        return {place.number: place for place in self.places if place.number is not None}

    @cached_property
    def chosen_miners(self) -> list[int] | None:
        """The numbers of the miners that are wished for, None for all."""
        if self.wish.miners is None:
            return None
        wanted = frozenset(self.wish.miners)
        return [number for number in self.miners if self.miner_id(number) in wanted]

    def miner_id(self, number: int) -> str:
        """Return a miner's id in the fleet: `k-1.a3-12`."""
        container, name = self.miners[number]
        return f"{self.by_number[container].id}.{slug(name)}"

    def present_by_number(self) -> dict[int, Container]:
        """Return the booked containers that the inventory has, by number."""
        return {
            number: place.container for number, place in self.by_number.items() if place.container is not None
        }

    def days_of(self, place: Place) -> list[tuple[date, int, int]]:
        """Return the days of the period by a container's clock, with their bounds in seconds since 1970."""
        return self._days[place.timezone]

    @cached_property
    def _days(self) -> dict[str, list[tuple[date, int, int]]]:
        count = (self.wish.ends - self.wish.begins).days + 1
        days = [self.wish.begins + timedelta(days=at) for at in range(count)]
        found: dict[str, list[tuple[date, int, int]]] = {}
        for zone in {place.timezone for place in self.places}:
            bounds = ((day, *day_bounds(zone, day)) for day in days)
            found[zone] = [(day, seconds(begins), seconds(ends)) for day, begins, ends in bounds]
        return found

    def owned_by_wished(self, place: Place) -> list[Span] | None:
        """Return when a container was one of the wished clients', None where it is not asked whose it was."""
        if self.wish.clients is None:
            return None
        return sorted(span for client in self.wish.clients for span in self.owned.get((client, place.id), ()))


def scene_of(connection: Connection, inventory: Inventory, wish: ReportWish, now: datetime) -> Scene:
    """Read what a report needs but its figures."""
    numbers = numbers_of(connection)
    kept = {one.id: one for one in kept_containers(connection)}
    present = {container.id: container for container in inventory.containers}
    wanted = None if wish.containers is None else set(wish.containers)
    if wish.miners is not None:
        of_miners = {miner.partition(".")[0] for miner in wish.miners}
        wanted = of_miners if wanted is None else wanted & of_miners
    places = [
        _place(one, wish, numbers.get(one), kept.get(one), present.get(one))
        for one in sorted({*present, *kept})
        if wanted is None or one in wanted
    ]
    terms = all_terms(connection)
    chosen = [place.number for place in places if place.number is not None]
    period = Period(
        day_number(wish.begins),
        day_number(wish.ends),
        chosen,
        None
        if wish.clients is None
        else [number for number, of in terms.items() if of.client is not None and of.client in wish.clients],
    )
    return Scene(
        wish=wish,
        now=now,
        places=places,
        period=period,
        terms=terms,
        miners=miners_of(connection, chosen),
        client_names={
            row.slug: row.name for row in connection.execute(select(clients.c.slug, clients.c.name))
        },
        owned=_owned(connection),
    )


def _place(
    container_id: str,
    wish: ReportWish,
    number: int | None,
    kept: KeptContainer | None,
    container: Container | None,
) -> Place:
    known = container or kept
    if known is None:
        raise LookupError(f"{container_id} is neither in the books nor in the inventory")
    # The books are cut by the zone that they were booked in, also after the inventory's has changed.
    zone = known.timezone if kept is None else kept.timezone
    try:
        begins, ends = day_bounds(zone, wish.begins)[0], day_bounds(zone, wish.ends)[1]
    except ZoneInfoNotFoundError:  # a zone that this machine's tables do not have any more
        zone = "UTC"
        begins, ends = day_bounds(zone, wish.begins)[0], day_bounds(zone, wish.ends)[1]
    return Place(
        id=container_id,
        name=known.name,
        timezone=zone,
        begins=begins,
        ends=ends,
        number=number if kept is not None else None,
        kept=kept,
        container=container,
    )


def _owned(connection: Connection) -> dict[tuple[str, str], list[Span]]:
    wanted = select(clients.c.slug, assignments.c.container, assignments.c.begins, assignments.c.ends).join(
        clients, clients.c.id == assignments.c.client_id
    )
    found: dict[tuple[str, str], list[Span]] = {}
    for client, container, begins, ends in connection.execute(wanted):
        found.setdefault((client, container), []).append((seconds(begins), seconds(ends or FOREVER)))
    return found
