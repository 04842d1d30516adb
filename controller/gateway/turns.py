"""Whose query goes to Prometheus now: so many at once in all, so many of one client, and the others wait in their order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from controller.gateway.answers import Failed

AT_ONCE: Final = 16
OF_ONE: Final = 6
"""As many of one client as a browser opens connections; the panels of a dashboard wait for each other anyway."""
WAITING_OF_ONE: Final = 60
WAIT_S: Final = 15.0


@dataclass
class _Client:
    slots: asyncio.Semaphore
    there: int = field(default=0)


class Turns:
    """Hands out turns."""

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        of_one: int = OF_ONE,
        waiting_of_one: int = WAITING_OF_ONE,
        wait_s: float = WAIT_S,
    ) -> None:
        """`at_once`: of all clients; `of_one`: of one; `waiting_of_one`: may wait besides, `wait_s` seconds at most."""
        self._all = asyncio.Semaphore(at_once)
        self._of_one, self._waiting_of_one, self._wait_s = of_one, waiting_of_one, wait_s
        self._clients: dict[str, _Client] = {}

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn of this client and hold it. Raises Failed (429) where too many wait, or the wait is too long."""
        mine = self._clients.get(client)
        if mine is None:
            mine = self._clients[client] = _Client(asyncio.Semaphore(self._of_one))
        if mine.there >= self._of_one + self._waiting_of_one:
            raise _too_many()
        mine.there += 1
        try:
            async with self._slots(mine):
                yield
        finally:
            mine.there -= 1
            if not mine.there:
                self._clients.pop(client, None)

    @asynccontextmanager
    async def _slots(self, mine: _Client) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._wait_s):
                await mine.slots.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    mine.slots.release()
                    raise
        except TimeoutError:
            raise _too_many() from None
        try:
            yield
        finally:
            self._all.release()
            mine.slots.release()


def _too_many() -> Failed:
    return Failed(429, "too many queries at once: ask again in some seconds", Retry_After="5")
