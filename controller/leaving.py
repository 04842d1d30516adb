"""Giving back what sessions with gateways still hold when the controller ends: a token nobody uses any more is one to steal."""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog

from controller.watched import Watched
from miners.apply import writer_for
from miners.clock import Clock
from miners.errors import HashyardError
from miners.hand import TcpHand

AT_ONCE: Final = 20
WITHIN_S: Final = 5.0
"""On the wall, for all of them: what is not given back until then lapses by itself."""

_log = structlog.get_logger(__name__)


async def give_back(miners: Iterable[Watched], clock: Clock) -> None:
    """Give back the tokens that are held for these miners."""
    places = asyncio.Semaphore(AT_ONCE)
    leaving = [
        asyncio.create_task(_leave(watched, clock, places))
        for watched in miners
        if watched.session.token is not None
    ]
    if not leaving:
        return
    _, left = await asyncio.wait(leaving, timeout=WITHIN_S)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    if left:
        _log.info("tokens were not given back in time, and lapse by themselves", miners=len(left))


async def _leave(watched: Watched, clock: Clock, places: asyncio.Semaphore) -> None:
    target, snapshot = watched.known.target, watched.known.snapshot
    writer = writer_for(target, None if snapshot is None else snapshot.driver)
    if writer is None or writer.leave is None:
        return
    async with places:
        try:
            await writer.leave(TcpHand(target, now=clock.now()), watched.session)
        except HashyardError as error:  # it lapses by itself
            _log.info("a token was not given back", miner=watched.id, reason=str(error))
