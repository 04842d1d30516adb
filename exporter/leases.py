"""Leases: while the controller writes to a miner, the exporter does not poll it, for some makes fail when asked twice.

A lease covers one or more miners for some seconds and lapses by itself: a controller that dies holds up nothing.
"""

import asyncio
import secrets

import msgspec

from exporter.fleet import MinerState
from exporter.poller import Poller

MAX_SECONDS = 60.0
"""The longest lease; whoever needs more takes another."""

MAX_MINERS = 500
"""The most miners in one lease."""

GRANT_WITHIN_S = 12.0
"""Polls under way end first: a poll may take 10 s, and a lease that cannot be had by then is refused."""


class Lease(msgspec.Struct, frozen=True):
    """A lease that was granted. `until_s`: on the loop's clock."""

    id: str
    miners: tuple[MinerState, ...]
    until_s: float


class AlreadyLeased(Exception):
    """Somebody else holds a lease on this miner."""

    def __init__(self, miner: MinerState) -> None:
        """`miner`: the first that is leased."""
        super().__init__(f"{miner.container.name} / {miner.miner.name} is leased already")


class PollDoesNotEnd(Exception):
    """A poll under way did not end in time for the lease to begin."""


class Leases:
    """The leases that hold now."""

    def __init__(self, poller: Poller[MinerState]) -> None:
        """`poller` is told which miners to leave alone."""
        self._poller = poller
        self._loop = asyncio.get_running_loop()
        self._held: dict[str, Lease] = {}

    async def take(self, miners: tuple[MinerState, ...], seconds: float) -> Lease:
        """Lease miners, all or none. Polls under way are waited for; the seconds count from the grant.

        Raises AlreadyLeased or PollDoesNotEnd.
        """
        self._forget_lapsed()
        for miner in miners:
            if self._poller.is_leased(miner):
                raise AlreadyLeased(miner)
        for miner in miners:
            self._poller.lease(miner, self._loop.time() + GRANT_WITHIN_S + seconds)
        granted = False
        try:
            async with asyncio.timeout(GRANT_WITHIN_S):
                for miner in miners:
                    await self._poller.wait_idle(miner)
            granted = True
        except TimeoutError:
            raise PollDoesNotEnd from None
        finally:
            until_s = self._loop.time() + seconds if granted else 0.0
            for miner in miners:
                self._poller.lease(miner, until_s)
        lease = Lease(secrets.token_hex(8), miners, until_s)
        self._held[lease.id] = lease
        return lease

    def release(self, lease_id: str) -> bool:
        """End a lease before its time; False if there is none of that id (it may have lapsed)."""
        self._forget_lapsed()
        lease = self._held.pop(lease_id, None)
        if lease is None:
            return False
        for miner in lease.miners:
            self._poller.lease(miner, 0.0)
        return True

    def _forget_lapsed(self) -> None:
        now = self._loop.time()
        self._held = {key: lease for key, lease in self._held.items() if lease.until_s > now}
