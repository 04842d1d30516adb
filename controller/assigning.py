"""Keeps two things in line: whose the table of assignments says a container is, and the client on its series by the inventory.

What people write into files by hand holds from the moment at which it is read: the table follows. What was agreed on pages
or through the API is written to the managed file when its time has come. Which of the two it is that differs is told by the
labels as they were seen last, which the settings keep: a pause of the controller makes no difference.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from controller.managed import Document, Managed, NotRight, say_of_container
from controller.model import SYSTEM, Client, Event, new_id
from controller.storage.assignments import Known
from controller.storage.faults import Taken
from controller.storage.storage import Storage
from miners.errors import HashyardError
from miners.inventory.fleet import Container, Inventory
from miners.inventory.kinds import MISSING

SETTING: Final = "assigning_labels"
"""The setting that keeps the client of each container (id) as the inventory named it when it was followed last."""

_log = structlog.get_logger(__name__)


class Assigning:
    """Follows the inventory, and brings about what is due."""

    def __init__(
        self,
        storage: Storage,
        managed: Managed,
        managed_file: str,
        inventory: Callable[[], Inventory],
        now: Callable[[], datetime],
    ) -> None:
        """`managed_file`: how the inventory names the managed file. `inventory`: gives the one in use."""
        self._storage = storage
        self._managed = managed
        self._managed_file = managed_file
        self._inventory = inventory
        self._now = now
        self._lock = asyncio.Lock()
        self._labels: dict[str, str | None] | None = None

    def by_hand(self, container: Container) -> bool:
        """Return whether a hand-written file says whose the container is: then that is settled there."""
        said = container.said_at.get("client")
        return said is not None and said.file != self._managed_file

    async def follow(self) -> None:
        """Bring what files newly say into the table; each client that they name and that is not there is made.

        Raises StorageAway; what was not brought in then is at the next call.
        """
        async with self._lock:
            await self._follow(self._inventory())

    async def keep(self) -> None:
        """Follow the inventory, and write to the managed file whose a container is by now. Raises StorageAway."""
        await self.follow()
        wishes = await self._due(self._inventory())
        if not wishes:
            return

        def change(document: Document) -> None:
            for container, slug in wishes.items():
                say_of_container(document, container, {"client": MISSING if slug is None else slug})

        try:
            await self._managed.edit(change)
        except NotRight as error:
            # The inventory has changed meanwhile, or is wrong by itself: the next call looks again.
            _log.error("assignments that are due are not written", containers=list(wishes), reason=str(error))
            return
        await self.follow()  # what was written here must not look like a change of somebody's later

    async def _due(self, inventory: Inventory) -> dict[str, str | None]:
        """Return the containers (names) whose label is not what the table says, with what it should be."""
        now, known = self._now(), await self._storage.people.assignments.all()
        slugs = {one.id: one.slug for one in await self._storage.people.clients.all()}
        return {
            container.name: slug
            for container in inventory.containers
            if not self.by_hand(container)
            and (self._labels or {}).get(container.id, "?") == container.client
            and (slug := _owner(known.get(container.id, Known()), slugs, now)) != container.client
        }

    async def _follow(self, inventory: Inventory) -> None:
        if self._labels is None:
            self._labels = dict(await self._storage.settings.get(SETTING) or {})
        labels = self._labels
        looked_at = [
            one
            for one in inventory.containers
            if self.by_hand(one) or one.id not in labels or labels[one.id] != one.client
        ]
        if looked_at:
            now, known = self._now(), await self._storage.people.assignments.all()
            clients = {one.slug: one for one in await self._storage.people.clients.all()}
            slugs = {one.id: one.slug for one in clients.values()}
            for container in looked_at:
                if _owner(known.get(container.id, Known()), slugs, now) != container.client:
                    await self._bring_in(container, slugs, clients, now)
        seen = {one.id: one.client for one in inventory.containers}
        if seen != labels:
            await self._storage.settings.put(SETTING, seen)
            self._labels = seen

    async def _bring_in(
        self, container: Container, slugs: dict[str, str], clients: dict[str, Client], now: datetime
    ) -> None:
        client = None
        if container.client is not None:
            client = clients.get(container.client) or await self._made(container.client, now)
            clients[client.slug], slugs[client.id] = client, client.slug
        ended, begun = await self._storage.people.assignments.hand_over(
            container.id, None if client is None else client.id, now
        )
        for kind, one in (("container.client_ended", ended), ("container.client_begun", begun)):
            if one is not None:
                await self._record("inventory", kind, slugs[one.client_id], container.id)

    async def _made(self, slug: str, now: datetime) -> Client:
        client = Client(id=new_id("cli"), slug=slug, name=slug, created_at=now)
        try:
            await self._storage.people.clients.add(client)
        except Taken:
            there = await self._storage.people.clients.by_slug(slug)
            if there is None:
                raise
            return there
        await self._record("people", "client.created", slug, None, client=client.id)
        return client

    async def _record(
        self, category: Any, kind: str, slug: str, container: str | None, **params: str
    ) -> None:
        await self._storage.events.add(
            Event(
                id=new_id("evt"),
                at=self._now(),
                category=category,
                kind=kind,
                actor=SYSTEM,
                params={"slug": slug, **params},
                container=container,
                client=slug,
                outcome="ok",
            )
        )


async def quietly(work: Callable[[], Any], what: str) -> None:
    """Await some work at a start or a change of the inventory, which a job does again: what fails is logged."""
    try:
        await work()
    except HashyardError as error:
        _log.warning("not done yet, and tried again", what=what, reason=str(error))


def _owner(known: Known, slugs: Mapping[str, str], moment: datetime) -> str | None:
    held = known.at(moment)
    return None if held is None else slugs.get(held.client_id)
