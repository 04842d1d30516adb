"""When the faults of one miner begin, come round and end, and what those that hold at a moment come to."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from simulator.fault import Conditions, Fault, Manners, Obedience
from simulator.faults import Flapping, RebootLoop, Sleeping
from simulator.incidents import NEVER


class Turn(NamedTuple):
    """What beginning and ending faults ask of the miner at once; `begun`: whether there is a new one."""

    begun: bool
    sleep: bool
    wake: bool
    reboot: bool


class _Entry:
    """A fault with the time it holds for, seconds since the epoch; `round_at`: when it next comes round."""

    __slots__ = ("begins_at", "begun", "ends_at", "fault", "round_at")

    def __init__(self, fault: Fault, asked_at: float) -> None:
        self.fault = fault
        self.begins_at = asked_at + fault.after_s
        self.ends_at = NEVER if fault.for_s is None else self.begins_at + fault.for_s
        self.begun = False
        self.round_at = self.begins_at if isinstance(fault, RebootLoop | Flapping) else NEVER


class FaultSchedule:
    """The faults of one miner. `due`: when `turn` is next wanted, seconds since the epoch."""

    __slots__ = ("_entries", "conditions", "due", "manners", "obedience")

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self.due = NEVER
        self.conditions = Conditions()
        self.manners = Manners()
        self.obedience = Obedience()

    def faults(self) -> tuple[Fault, ...]:
        """Return the faults that hold or are still to come, in the order they were asked for."""
        return tuple(entry.fault for entry in self._entries)

    def add(self, faults: Iterable[Fault], now: float) -> None:
        """Add faults whose `after_s` counts from `now`; call `turn` afterwards."""
        self._entries.extend(_Entry(fault, now) for fault in faults)

    def remove(self, name: str | None, now: float) -> int:
        """End the faults of one name, or all, and return how many; call `turn` afterwards."""
        going = [entry for entry in self._entries if name is None or entry.fault.name == name]
        for entry in going:
            entry.ends_at = now
        return len(going)

    def turn(self, now: float) -> Turn:
        """Begin, bring round and end what is due by now."""
        begun = sleep = wake = reboot = False
        for entry in self._entries:
            fault = entry.fault
            ended = entry.ends_at <= now
            if not entry.begun and entry.begins_at <= now and not ended:
                entry.begun = begun = True
                sleep = sleep or isinstance(fault, Sleeping)
            if ended:
                wake = wake or (entry.begun and isinstance(fault, Sleeping))
            elif entry.round_at <= now:
                reboot = reboot or isinstance(fault, RebootLoop)
                entry.round_at = _next_round(entry, now)
        self._entries = [entry for entry in self._entries if entry.ends_at > now]
        self._sum_up(now)
        return Turn(begun, sleep, wake, reboot)

    def away(self, now: float) -> bool:
        """Return whether the miner's network is away by a fault that comes round."""
        return any(
            isinstance(entry.fault, Flapping)
            and entry.begins_at <= now < entry.ends_at
            # a hair is added, for a round that floating point ends a hair early
            and (now - entry.begins_at + 1e-6) % entry.fault.every_s < entry.fault.down_s
            for entry in self._entries
        )

    def _sum_up(self, now: float) -> None:
        self.conditions, self.manners, self.obedience = Conditions(), Manners(), Obedience()
        due = NEVER
        for entry in self._entries:
            if not entry.begun:
                due = min(due, entry.begins_at)
                continue
            due = min(due, entry.ends_at, entry.round_at)
            entry.fault.apply(self.conditions, self.manners, self.obedience)
        self.due = due if due > now else NEVER


def _next_round(entry: _Entry, now: float) -> float:
    """Return when a fault that comes round next wants attention: a restart, or ports that close or open."""
    fault = entry.fault
    if isinstance(fault, RebootLoop):
        return _after(entry.begins_at, fault.every_s, now)
    if isinstance(fault, Flapping):
        first, every = entry.begins_at, fault.every_s
        return min(_after(first, every, now), _after(first + fault.down_s, every, now))
    return NEVER


def _after(first: float, every_s: float, now: float) -> float:
    """Return the first time after now that lies a whole number of rounds after `first`."""
    return first if first > now else first + (math.floor((now - first) / every_s + 1e-9) + 1) * every_s
