"""Corrections of the books that are owed: noted before they are made, so that an end of the controller loses none of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from controller.model import SYSTEM, Event, new_id
from controller.storage.ledger import ClosedMonth
from controller.storage.storage import Storage

SETTING: Final = "corrections_owed"
"""The setting that keeps what is owed: a list of {container, begin, end, actor, reason}."""

_log = structlog.get_logger(__name__)


class Books(Protocol):
    """Who puts booked hours on the terms that hold for them now."""

    async def correct(self, container: str, begin: datetime, end: datetime, actor: str, reason: str) -> int:
        """Return how many hours changed. Raises ClosedMonth, StorageAway."""
        ...


class Corrections:
    """Notes corrections and makes them, in order, each until it is made or the books refuse it."""

    def __init__(self, storage: Storage, books: Books, now: Callable[[], datetime]) -> None:
        """`now`: the time, aware."""
        self._storage = storage
        self._books = books
        self._now = now
        self._lock = asyncio.Lock()

    async def owe(
        self, spans: Mapping[str, Sequence[tuple[datetime, datetime]]], actor: str, reason: str
    ) -> None:
        """Note that times of containers (ids) are to be corrected; durable when this returns."""
        owed = [
            {
                "container": container,
                "begin": begin.isoformat(),
                "end": end.isoformat(),
                "actor": actor,
                "reason": reason,
            }
            for container, times in spans.items()
            for begin, end in times
        ]
        if owed:
            await self._storage.settings.change(SETTING, lambda before: [*(before or []), *owed])

    async def make(self) -> None:
        """Make what is owed. Raises StorageAway; the rest stays owed then."""
        async with self._lock:
            while owed := await self._storage.settings.get(SETTING):
                await self._make(owed[0])
                await self._storage.settings.change(SETTING, lambda before: (before or [])[1:])

    async def _make(self, one: Mapping[str, Any]) -> None:
        begin, end = (datetime.fromisoformat(one[key]) for key in ("begin", "end"))
        container, actor, reason = one["container"], one["actor"], one["reason"]
        outcome = "ok"
        params: dict[str, Any] = {"begin": one["begin"], "end": one["end"], "reason": reason, "by": actor}
        try:
            params["hours"] = await self._books.correct(container, begin, end, actor, reason)
        except ClosedMonth as error:
            # It was closed after the change had been found right: what is closed stays as it is.
            outcome, params["month"] = "refused", error.month
            _log.warning(
                "a correction of a closed month was not made", container=container, month=error.month
            )
        if outcome != "ok" or params["hours"]:
            await self._storage.events.add(
                Event(
                    id=new_id("evt"),
                    at=self._now(),
                    category="money",
                    kind="books.corrected",
                    actor=SYSTEM,
                    params=params,
                    container=container,
                    outcome=outcome,
                )
            )
