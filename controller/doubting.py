"""What stands against writing, everywhere and to one miner, and the events of its beginning and end.

Everywhere: the inventory was refused, a tenth of the miners has vanished from it, the clock is not to be trusted, the
record cannot be written. To one miner: another device stands at its address than the one last seen under its name. The
reasons themselves are decided in `controller/safety.py`.
"""

from collections.abc import Collection, Mapping

from controller.desk import Desk
from controller.model import SYSTEM
from controller.powers import highest_nominal_w
from controller.safety import identity_changed, inventory_refused, vanished
from controller.watched import Watched
from controller.wording import worded
from miners.errors import InventoryError
from miners.model import Snapshot

KNOWN_MINERS = "engine.known_miners"
"""The setting that holds the ids of the miners which were last taken for the whole fleet."""

STOPPED = worded("its operation is being cancelled")


_VANISHED = "vanished"


class Doubting:
    """Knows what is in doubt. `everywhere`: why nothing is written anywhere, a line each."""

    def __init__(self, desk: Desk) -> None:
        """Nothing is in doubt yet: `load` and `look` find out."""
        self._desk = desk
        self._known: frozenset[str] = frozenset()
        self._vanished: str | None = None
        self._told: Mapping[str, str] = {}
        self.everywhere: tuple[str, ...] = ()

    async def load(self) -> None:
        """Fetch which miners were last taken for the whole fleet."""
        self._known = frozenset(await self._desk.storage.settings.get(KNOWN_MINERS) or ())

    async def take_inventory(self, miners: Collection[str]) -> None:
        """Compare an inventory's miners (ids) with those of the one before, also if a restart lies in between."""
        self._vanished = vanished(self._known, miners)
        if self._vanished is None:
            await self._accept(miners)

    async def trust_inventory(self) -> None:
        """Take the inventory as it is now for the whole fleet: a person has said so."""
        if self._vanished is not None:
            self._vanished = None
            await self._accept([watched.id for watched in self._desk.roster])

    async def _accept(self, miners: Collection[str]) -> None:
        known = frozenset(miners)
        if known != self._known:
            await self._desk.storage.settings.put(KNOWN_MINERS, sorted(known))
            self._known = known

    def look(self) -> bool:
        """Look at what may be in doubt everywhere; return whether that has changed."""
        desk = self._desk
        found: dict[str, str] = {}
        clock = desk.watch.doubts() if desk.watch is not None else ()
        found.update((f"clock {at}", text) for at, text in enumerate(clock))
        error = desk.store.last_error
        if error is not None:
            mistakes = error.mistakes if isinstance(error, InventoryError) else (str(error),)
            found["inventory"] = inventory_refused(mistakes) or worded("the inventory was refused")
        if self._vanished is not None:
            found[_VANISHED] = self._vanished
        if desk.recorder.away is not None:
            found["record"] = worded(
                "%(away)s: nothing is written that could not be recorded", away=desk.recorder.away
            )
        self.everywhere = tuple(found.values())
        told, self._told = self._told, found
        for name, text in found.items():
            if name not in told:
                desk.tell("system", "doubt.begun", SYSTEM, params={"about": name.split()[0], "detail": text})
        for name, text in told.items():
            if name not in found:
                desk.tell("system", "doubt.ended", SYSTEM, params={"about": name.split()[0], "detail": text})
        return told.keys() != found.keys()

    def against(self, watched: Watched, *, trusting: bool = False) -> tuple[str, ...]:
        """Return what stands against writing to a miner, everywhere and here. `trusting`: were the inventory trusted."""
        everywhere = self.everywhere
        if trusting and _VANISHED in self._told:
            everywhere = tuple(text for name, text in self._told.items() if name != _VANISHED)
        if watched.told is None and not watched.stopped:
            return everywhere
        here = (watched.told, STOPPED if watched.stopped else None)
        return (*everywhere, *(text for text in here if text is not None))

    def identify(self, watched: Watched) -> None:
        """Compare the device that answers with the one last seen under this name; learn it where none was."""
        known, record = watched.known, watched.record
        reading = known.reading
        if not isinstance(reading, Snapshot):
            return
        address, identity = known.miner.address, reading.identity
        moved = record.address != address
        doubt = None if moved else identity_changed(record, address, identity)
        if doubt != watched.told:
            kind = "doubt.ended" if doubt is None else "doubt.begun"
            self._desk.tell(
                "state",
                kind,
                SYSTEM,
                watched=watched,
                params={"about": "identity", "detail": doubt or watched.told},
            )
            watched.told = doubt
        if doubt is not None:
            return
        mac = identity.mac or (None if moved else record.mac)
        serial = identity.serial or (None if moved else record.serial)
        another = moved and (mac is None or mac != record.mac)
        nominal = highest_nominal_w(known.miner, reading, None if another else record.nominal_power_w)
        if moved or mac != record.mac or serial != record.serial or nominal != record.nominal_power_w:
            self._desk.note(watched, address=address, mac=mac, serial=serial, nominal_power_w=nominal)

    def accept(self, watched: Watched) -> None:
        """Take whatever device answers next for the right one: somebody has worked on the miner."""
        self._desk.note(watched, mac=None, serial=None, nominal_power_w=None)
        if watched.told is not None:
            self.identify(watched)
