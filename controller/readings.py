"""What was read: the latest reading of every miner of the inventory, wherever it came from, and how fresh it is.

Nothing here does I/O. Readings come from the exporter (`controller/follow.py`), from our own reading while that is away
(`controller/own_reading.py`), and from whoever has just written to a miner and read it back.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from miners.clock import Clock
from miners.driver import Memory
from miners.inventory.fleet import Container, Inventory, Miner
from miners.inventory.slugs import miner_id
from miners.model import Reading, Snapshot, Target

TargetOf: TypeAlias = Callable[[Container, Miner], Target]
"""What makes a miner's Target, with the credentials as they are now."""

By: TypeAlias = int | Literal["self"]
"""Whose reading it is: the number of an exporter, or ours."""

STALE_INTERVALS = 3
"""A reading is stale when it is older than so many poll intervals."""

FAILURE_KEPT_S = 150.0
"""A failure stands for longer: whoever is silent is asked every two minutes only."""

AHEAD_S = 60.0
"""A reading so far in the future was taken before the clock was set back: nobody knows how old it is."""

_MINERS_A_PIECE = 200
_REMEMBERED = 10_000


class Known(msgspec.Struct):
    """What is known of one miner. For others to read; only Readings changes it.

    `reading`: the latest, None before the first. `snapshot`: the last good one. `read_at`, `snapshot_at`: when those
    were taken, `failing_since`: the first failure in a row; seconds on our own clock, whatever the clock of the exporter
    said. `by`: who read it. `stale`: as it was last looked at (`Readings.is_stale` is exact). `version`: of its last change.
    """

    id: str
    container: Container
    miner: Miner
    target: Target
    reading: Reading | None = None
    snapshot: Snapshot | None = None
    read_at: float = -math.inf
    snapshot_at: float = -math.inf
    failing_since: float | None = None
    by: By | None = None
    stale: bool = True
    version: int = 0
    memory: Memory | None = None


class Readings:
    """Readings by miner id, in the order of the inventory, and a number that grows with every change."""

    def __init__(self, clock: Clock) -> None:
        """Begin without an inventory: `apply` gives the first."""
        self._clock = clock
        self._inventory = Inventory()
        self._known: dict[str, Known] = {}
        self._by_name: dict[tuple[str, str], Known] = {}
        self._by_container: dict[str, list[Known]] = {}
        self._version = 0
        self._changed_at: dict[str, int] = {}
        self._floor = 0
        self._sources_away: set[By] = set()
        self._waiting: asyncio.Future[None] | None = None
        self._applying = asyncio.Lock()

    @property
    def inventory(self) -> Inventory:
        """The inventory that the miners are of."""
        return self._inventory

    @property
    def version(self) -> int:
        """A number that grows whenever anything has changed."""
        return self._version

    def all(self) -> Mapping[str, Known]:
        """Return every miner by id, in the order of the inventory. Not to be changed, nor kept over an await."""
        return self._known

    def known(self, id_: str) -> Known | None:
        """Return what is known of a miner, None if the inventory has none of that id."""
        return self._known.get(id_)

    def named(self, container: str, miner: str) -> Known | None:
        """Return what is known of a miner by its names, as readings carry them."""
        return self._by_name.get((container, miner))

    def of_container(self, container_id: str) -> Sequence[Known]:
        """Return the miners of a container, in the order of the inventory."""
        return self._by_container.get(container_id, ())

    def memory(self, id_: str) -> Memory:
        """Return what reading and writing remember of a miner, its driver filled in. Raises KeyError."""
        known = self._known[id_]
        if known.memory is None:
            known.memory = Memory()
        if known.memory.driver is None and known.snapshot is not None:
            known.memory.driver = known.snapshot.driver
        return known.memory

    def is_stale(self, known: Known) -> bool:
        """Return whether the reading of a miner says nothing about now: too old, or never read, or its source away."""
        if known.reading is None or known.by in self._sources_away:
            return True
        longest = STALE_INTERVALS * known.container.interval_s
        if known.failing_since is not None:
            longest = max(longest, FAILURE_KEPT_S)
        return not -AHEAD_S <= self._clock.now() - known.read_at <= longest

    async def apply(self, inventory: Inventory, target_of: TargetOf) -> None:
        """Take over an inventory: miners come, go and move; what is the same device keeps its readings."""
        async with self._applying:
            known: dict[str, Known] = {}
            by_name: dict[tuple[str, str], Known] = {}
            by_container: dict[str, list[Known]] = {}
            touched: list[str] = []
            replaced: list[tuple[Known, Container, Miner, Target]] = []
            for container in inventory.containers:
                of_container = by_container[container.id] = []
                for miner in container.miners:
                    id_ = miner_id(container, miner)
                    target = target_of(container, miner)
                    one = self._known.get(id_)
                    if one is None or not _same_device(one.target, target):
                        one = Known(id_, container, miner, target)
                        touched.append(id_)
                    elif one.container != container or one.miner != miner or one.target != target:
                        replaced.append((one, container, miner, target))
                        touched.append(id_)
                    known[id_] = by_name[container.name, miner.name] = one
                    of_container.append(one)
                    if len(known) % _MINERS_A_PIECE == 0:
                        await asyncio.sleep(0)
            # From here on without a pause: nobody sees half an inventory.
            touched += [id_ for id_ in self._known if id_ not in known]
            for one, container, miner, target in replaced:
                one.container, one.miner, one.target = container, miner, target
            self._inventory = inventory
            self._known, self._by_name, self._by_container = known, by_name, by_container
            for id_ in touched:
                self._note(id_)
            self._version += 1
            self._tell()

    def take(self, readings: Iterable[tuple[Reading, float]], by: By) -> None:
        """Take readings, each with the time on our clock at which it was taken.

        Those of miners that the inventory does not have, or has at another address, are left out, as are those that
        are older than what is known.
        """
        before = self._version
        now = self._clock.now()
        for reading, at in readings:
            known = self._by_name.get((reading.container, reading.miner))
            if known is not None and reading.address == known.miner.address:
                self._keep(known, reading, at, now, by)
        if self._version != before:
            self._tell()

    def put(self, id_: str, reading: Reading, *, at: float | None = None) -> None:
        """Take a reading of a miner made by ourselves, now unless `at` (on our clock) is given.

        One of a miner that has left the inventory since is left out.
        """
        known = self._known.get(id_)
        if known is not None and reading.address == known.miner.address:
            now = self._clock.now()
            self._keep(known, reading, now if at is None else at, now, "self")
            self._tell()

    def mark_away(self, by: By, *, away: bool) -> None:
        """Say whether a source is away: its readings count as stale as long as it is."""
        if away:
            self._sources_away.add(by)
        else:
            self._sources_away.discard(by)

    async def look(self) -> None:
        """Notice which readings have become stale, or are no longer. To be called every few seconds."""
        before = self._version
        for at, known in enumerate(tuple(self._known.values()), start=1):
            stale = self.is_stale(known)
            if stale != known.stale:
                known.stale = stale
                self._note(known.id)
            if at % _MINERS_A_PIECE == 0:
                await asyncio.sleep(0)
        if self._version != before:
            self._tell()

    def changes_since(self, version: int) -> Collection[str]:
        """Return the ids of the miners that have changed after that version, also of those that are gone.

        All there are, if that version is too long ago.
        """
        if version < self._floor:
            return list(self._known)
        found: list[str] = []
        for id_ in reversed(self._changed_at):
            if self._changed_at[id_] <= version:
                break
            found.append(id_)
        return found

    async def changed(self, version: int, timeout_s: float) -> int:
        """Wait until `version` is above this, at most so many seconds of the wall; return it."""
        if self._version <= version:
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._waiting,), timeout=timeout_s)
        return self._version

    def _keep(self, known: Known, reading: Reading, at: float, now: float, by: By) -> None:
        # A reading from before the clock was set back seems to come from the future: whatever comes now is newer.
        if at < known.read_at <= now:
            return
        known.reading, known.read_at, known.by = reading, at, by
        if isinstance(reading, Snapshot):
            known.snapshot, known.snapshot_at = reading, at
            known.failing_since = None
        elif known.failing_since is None:
            known.failing_since = at
        known.stale = self.is_stale(known)
        self._note(known.id)

    def _note(self, id_: str) -> None:
        self._version += 1
        self._changed_at.pop(id_, None)
        self._changed_at[id_] = self._version
        known = self._known.get(id_)
        if known is not None:
            known.version = self._version
        if len(self._changed_at) > 2 * len(self._known) + _REMEMBERED:
            self._forget_gone()

    def _forget_gone(self) -> None:
        gone = [id_ for id_ in self._changed_at if id_ not in self._known]
        for id_ in gone:
            self._floor = max(self._floor, self._changed_at.pop(id_))

    def _tell(self) -> None:
        if self._waiting is not None:
            if not self._waiting.done():
                self._waiting.set_result(None)
            self._waiting = None


def _same_device(one: Target, other: Target) -> bool:
    """Return whether two targets lead to the same device by the same ways."""
    return (
        one.address == other.address
        and one.port == other.port
        and one.web_port == other.web_port
        and one.v3_port == other.v3_port
        and one.driver == other.driver
    )
