"""Asking miners for their firmware's presets, where a profile can only be said by one of them. Reading, no writing."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from controller.watched import Watched
from miners.apply import presets_of
from miners.clock import Clock
from miners.errors import HashyardError
from miners.model import Snapshot
from miners.writing import Writer

AT_ONCE: Final = 20
AGAIN_S: Final = 120.0
"""How long after a miner did not tell it is asked again."""

_log = structlog.get_logger(__name__)


class Presets:
    """Asks, a few miners at a time; what they tell stands in `Watched.presets` until they change their firmware."""

    def __init__(self, clock: Clock, told: Callable[[Watched], None]) -> None:
        """`told` is called when a miner has told, or may be asked again."""
        self._clock, self._told = clock, told
        self._places = asyncio.Semaphore(AT_ONCE)
        self._asking: dict[str, asyncio.Task[None]] = {}

    def ask(self, watched: Watched, writer: Writer) -> None:
        """Begin to ask a miner, unless that is under way or was in vain a moment ago."""
        if watched.id not in self._asking:
            task = asyncio.create_task(self._ask(watched, writer))
            self._asking[watched.id] = task
            task.add_done_callback(lambda _: self._asking.pop(watched.id, None))

    def check(self, watched: Watched, snapshot: Snapshot) -> None:
        """Forget what a miner told when it runs another firmware now."""
        firmware = f"{snapshot.identity.firmware} {snapshot.identity.firmware_version}"
        if watched.presets_of != firmware:
            watched.presets, watched.presets_of = None, firmware

    async def close(self) -> None:
        """Ask no more."""
        for task in tuple(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _ask(self, watched: Watched, writer: Writer) -> None:
        try:
            async with self._places:
                watched.presets = await presets_of(watched.known.target, writer, self._clock)
        except HashyardError as error:
            _log.info("a miner did not tell its presets", miner=watched.id, reason=str(error))
            await self._clock.sleep(AGAIN_S)
        self._asking.pop(watched.id, None)
        self._told(watched)
