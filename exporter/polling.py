"""The fleet and its poller together: each poll's reading goes into the live state, each inventory to both of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import structlog

from exporter.fleet import Fleet, MinerState, TargetOf, poll_failure
from exporter.poller import Poller
from exporter.turns import SILENT
from miners.driver import Memory
from miners.inventory.fleet import Container, Inventory
from miners.model import FailureReason, PollFailure, Reading, Target

Reader: TypeAlias = Callable[[Target, Memory], Awaitable[Reading]]

GRACE_S = 2.0
"""A reader keeps its own time-out; a poll that runs longer than that by this much is cancelled."""

_MISTAKE = "the exporter could not make sense of the reading; its log says more"

_log = structlog.get_logger(__name__)


class Polling:
    """Reads the miners of a fleet by the clock. `begun`: it has an inventory."""

    def __init__(self, fleet: Fleet, reader: Reader, *, max_polls: int) -> None:
        """`reader` reads one miner, with a Memory that is that miner's own; `max_polls`: at once."""
        self.fleet = fleet
        self.poller: Poller[MinerState] = Poller(
            self._poll,
            places=max_polls,
            longest_s=lambda state: state.target.timeout_s + GRACE_S,
        )
        self.begun = False
        self._reader = reader
        self._hurried_s: dict[str, float] = {}

    async def apply(
        self,
        inventory: Inventory,
        containers: Iterable[Container],
        target_of: TargetOf,
        restore: Callable[[MinerState], None],
    ) -> None:
        """Take over an inventory: new miners are polled soon, those that are gone no more."""
        change = await self.fleet.apply(inventory, containers, target_of, restore)
        if change.removed:
            self.poller.remove(change.removed)
        if change.changed:
            self.poller.change([(state, state.container.interval_s) for state in change.changed])
        if change.added:
            self.poller.add([(state, state.container.interval_s) for state in change.added])
        self.begun = True

    def watch_over(self) -> None:
        """End polls that do not end by themselves, and readings that are too old. To be called every few seconds."""
        loop_s, now = asyncio.get_running_loop().time(), time.time()
        for state in self.poller.cancel_overdue():
            longest_s = state.target.timeout_s + GRACE_S
            failure = poll_failure(state, f"the poll was ended after {longest_s:.0f} s", now, longest_s)
            self.fleet.take(state, failure, loop_s)
        expired = self.fleet.expire(loop_s, now)
        if expired:
            _log.error("readings have become too old to be shown", miners=expired)

    async def _poll(self, state: MinerState, began_s: float) -> FailureReason | None:
        target, before = state.target, state.reading
        try:
            reading = await self._reader(target, state.memory)
            if state.target is not target:
                return None  # what was read there is no longer this miner's address
            self.fleet.take(state, reading, began_s)
        except Exception:  # noqa: BLE001  # a mistake of ours with one miner must not end the fleet's polling
            _log.exception(
                "a reading could not be taken over", container=target.container, miner=target.miner
            )
            detail = "the exporter could not make sense of the reading; its log says more"
            self.fleet.take(state, poll_failure(state, detail, time.time(), reason="malformed"), began_s)
            return "malformed"
        if isinstance(reading, PollFailure):
            return reading.reason
        if isinstance(before, PollFailure) and before.reason in SILENT:
            self._hurry_neighbours(state, began_s)
        return None

    def _hurry_neighbours(self, state: MinerState, now_s: float) -> None:
        """Poll the silent miners of a container soon when one of them is back: a whole container comes back at once."""
        container = state.container
        if now_s - self._hurried_s.get(container.name, -container.interval_s) < container.interval_s:
            return
        self._hurried_s[container.name] = now_s
        live = self.fleet.containers.get(container.name)
        if live is not None:
            self.poller.hurry(live.miners.values())
