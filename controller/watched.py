"""What the engine holds of each miner from decision to decision, and the roster of all of them.

A Watched is the one place where a miner's order, its record and what is being done to it come together; its reading
stays with the readings (`Known`).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from controller.model import MinerRecord, Step, Wanted
from controller.readings import Known
from controller.reconcile import NOTHING, Judgement
from miners.actions import Action
from miners.inventory.fleet import Container, Inventory
from miners.model import Target
from miners.writing import Preset, Session


class Errand(msgspec.Struct, frozen=True):
    """A deed without an intention that waits for a miner: one action of one operation."""

    operation_id: str
    action: Action


class Barred(msgspec.Struct, frozen=True):
    """By what a try failed that is not worth repeating as long as this stays as it is."""

    target: Target
    firmware: str | None


class Watched(msgspec.Struct, kw_only=True, eq=False):
    """One miner. Changed by the engine's parts alone, on the event loop.

    `operation_id`: the running operation that waits for this miner's present order. `errand`: a deed that comes before
    the order. `task`: what is writing to it now; `sent`: whether its command has left. `settled_at`: readings taken
    before then (clock's seconds) say nothing about the present order. `not_before_s`: an operation's own stagger.
    `presets`: its firmware's, None while not known, with the firmware they are of. `confirmed`: it showed the present
    order once, so when it does not any more somebody else changed it. `departed`: it did so,
    and does not any more. `missed`: it could not be reached when its order came.
    `stopped`: its operation is being cancelled. `committed_w`: what it was last let rise or fall to.
    `interlock`: what stopped its raise when it was last due. `barred`: by what its password or its make stood against an
    order last, None where that is not known (any more).
    `drifting`: told of as not obeying. `told`: the doubt about it that the record holds. `ordered`: what is wanted of it
    has been worked out once.
    """

    known: Known
    record: MinerRecord
    wanted: Wanted = Wanted()
    step: Step | None = None
    judgement: Judgement = NOTHING
    operation_id: str | None = None
    errand: Errand | None = None
    task: asyncio.Task[None] | None = None
    sent: bool = False
    settled_at: float = 0.0
    not_before_s: float = 0.0
    session: Session = msgspec.field(default_factory=Session)
    presets: tuple[Preset, ...] | None = None
    presets_of: str | None = None
    confirmed: bool = False
    drifting: bool = False
    emergency: bool = False
    ordered: bool = False
    told: str | None = None
    missed: bool = False
    departed: bool = False
    stopped: bool = False
    committed_w: float = 0.0
    interlock: str | None = None
    barred: Barred | None = None

    @property
    def id(self) -> str:
        """The miner's id."""
        return self.known.id

    @property
    def container(self) -> Container:
        """The container it stands in."""
        return self.known.container

    def remember(self, **changes: object) -> None:
        """Change what is remembered of it over a restart; whoever does so has it written down."""
        self.record = msgspec.structs.replace(self.record, **changes)


class Roster:
    """The miners that are watched, in the order of the inventory."""

    def __init__(self) -> None:
        """Begin empty."""
        self.inventory = Inventory()
        self.containers: Mapping[str, Container] = {}
        self._by_id: dict[str, Watched] = {}
        self._by_container: dict[str, tuple[Watched, ...]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Watched]:
        return iter(self._by_id.values())

    def get(self, miner_id: str) -> Watched | None:
        """Return a miner, None if the inventory has none of that id."""
        return self._by_id.get(miner_id)

    def of_container(self, container_id: str) -> Sequence[Watched]:
        """Return the miners of a container."""
        return self._by_container.get(container_id, ())

    def record_of(self, miner_id: str) -> MinerRecord | None:
        """Return what is remembered of a miner."""
        found = self._by_id.get(miner_id)
        return None if found is None else found.record

    def take(
        self, inventory: Inventory, known: Mapping[str, Known], records: Mapping[str, MinerRecord]
    ) -> list[Watched]:
        """Follow the readings' miners; return those that are gone. `records`: what is remembered of newcomers."""
        before = self._by_id
        self.inventory = inventory
        self.containers = {container.id: container for container in inventory.containers}
        self._by_id = {}
        by_container: dict[str, list[Watched]] = {id_: [] for id_ in self.containers}
        for id_, one in known.items():
            watched = before.get(id_)
            if watched is None:
                watched = Watched(known=one, record=records.get(id_) or MinerRecord(miner=id_))
            elif (
                watched.known is not one
            ):  # another device, or other ways to it: what was agreed with it is void
                watched.known, watched.session, watched.presets = one, Session(), None
            self._by_id[id_] = watched
            by_container.setdefault(one.container.id, []).append(watched)
        self._by_container = {id_: tuple(found) for id_, found in by_container.items()}
        return [watched for id_, watched in before.items() if id_ not in self._by_id]


def moment(seconds: float) -> datetime:
    """Return a time of the clock as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
