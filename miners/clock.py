"""What tells the time to whatever waits: the wall's clock, or one that a test or a simulation drives.

Time-outs of sockets run on the event loop's own clock; this one is for what people and miners mean by time: when a profile
begins, how long a miner may take to show what it was told, how long to wait before trying again.
"""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time in seconds since the epoch, and waiting in it."""

    def now(self) -> float:
        """Return the time, seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait until so many seconds of this clock have passed."""
        ...


class SystemClock:
    """The wall's clock, which an administrator or NTP may set back or forth."""

    def now(self) -> float:
        """Return the time, seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await asyncio.sleep(seconds)
