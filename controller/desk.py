"""What the engine's parts share: the roster, the intentions, the record, the operations, and who is to be looked at.

It decides nothing. Each part changes what is its own and says here which miners are to be judged anew.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from controller.figures import CommandCounts
from controller.intentions import Intentions
from controller.live import Live
from controller.model import Actor, Category, Event
from controller.operations import Operations
from controller.recording import Recorder
from controller.settings import Settings
from controller.storage.storage import Storage
from controller.surroundings import ClockWatch, InventoryInUse
from controller.telling import event
from controller.views import Views
from controller.watched import Roster, Watched, moment
from miners.clock import Clock
from miners.inventory.fleet import Container, Inventory


class Desk:
    """What is shared (see the module).

    `due`: the miners to be judged now. `ordering_due`: what is wanted is to be worked out anew.
    `ending`: the operation that brings a container back from an override which a person has just ended.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        store: InventoryInUse,
        live: Live,
        clock: Clock,
        watch: ClockWatch | None,
    ) -> None:
        """Nothing is loaded and nothing runs."""
        self.settings, self.storage, self.store = settings, storage, store
        self.live, self.clock, self.watch = live, clock, watch
        self.roster = Roster()
        self.intentions = Intentions(storage)
        self.recorder = Recorder(storage, self.roster.record_of)
        self.views = Views(self.roster, live, self.intentions.mark_of)
        self.operations = Operations(storage, self.recorder, clock, self.views.touch)
        self.counts = CommandCounts()
        self.due: dict[str, Watched] = {}
        self.ordering_due = False
        self.ending: dict[str, str] = {}
        self._woken = asyncio.Event()

    @property
    def inventory(self) -> Inventory:
        """The inventory in use."""
        return self.roster.inventory

    @property
    def now(self) -> datetime:
        """The time on the clock, UTC."""
        return moment(self.clock.now())

    def look(self, miners: Iterable[Watched]) -> None:
        """Have these miners judged anew."""
        for watched in miners:
            self.due[watched.id] = watched
        self._woken.set()

    def order_anew(self) -> None:
        """Have it worked out anew what is wanted of every miner."""
        self.ordering_due = True
        self._woken.set()

    def wake(self) -> None:
        """Have the reconciler take its turn."""
        self._woken.set()

    async def woken(self) -> None:
        """Wait until there is something to do."""
        await self._woken.wait()
        self._woken.clear()

    def event(
        self,
        category: Category,
        kind: str,
        actor: Actor,
        *,
        container: Container | None = None,
        watched: Watched | None = None,
        **rest: object,
    ) -> Event:
        """Return an event of now."""
        return event(self.clock.now(), category, kind, actor, container=container, watched=watched, **rest)

    def tell(self, category: Category, kind: str, actor: Actor, **rest: object) -> None:
        """Write down an event as soon as the database takes it."""
        self.recorder.later(self.event(category, kind, actor, **rest))  # type: ignore[arg-type]

    def note(self, watched: Watched, **changes: object) -> None:
        """Change what is remembered of a miner, and have it written down."""
        watched.remember(**changes)
        self.recorder.later(miners=(watched.id,))
