"""The way of the books to Prometheus: a query, and its series with their figures. It may be away; then that is said.

Pages ask elsewhere (controller/history.py), within seconds and from what was asked lately; here there is time, and nothing
is kept.
"""

import asyncio
from collections.abc import Mapping
from math import isfinite
from typing import Final

import aiohttp
import msgspec

from controller.accounting.counting import Point
from controller.history import HistoryAway
from controller.wording import worded

WITHIN_S: Final = 30.0
MAX_BYTES: Final = 64 << 20
DECODED_BESIDE: Final = 64 << 10
"""A reply of more bytes is decoded beside the event loop."""


class _Found(msgspec.Struct):
    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class _Data(msgspec.Struct):
    result: list[_Found] = []


class _Reply(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str | None = None


class Series(msgspec.Struct, frozen=True, gc=False):
    """One series: its labels and (unix seconds, value), without what is no number."""

    labels: Mapping[str, str]
    points: list[Point]


class Asker:
    """The way to Prometheus for the books, with more time and room than a page has."""

    def __init__(self, url: str) -> None:
        """`url`: of Prometheus, or of what answers as it does."""
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def at(self, query: str, moment: float) -> list[Series]:
        """Return what a query gives at a moment (unix seconds): one figure a series, or all samples of a range of it.

        Raises HistoryAway.
        """
        return await self._ask("query", {"query": query, "time": f"{moment:.3f}"})

    async def over(self, query: str, begin: float, end: float, step_s: float) -> list[Series]:
        """Return what a query gives at each step of a time. Raises HistoryAway."""
        wanted = {"query": query, "start": f"{begin:.3f}", "end": f"{end:.3f}", "step": f"{step_s:g}"}
        return await self._ask("query_range", wanted)

    async def _ask(self, path: str, wanted: Mapping[str, str]) -> list[Series]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S))
        try:
            async with self._session.post(f"{self._url}/api/v1/{path}", data=wanted) as response:
                raw = await response.content.read(MAX_BYTES + 1)
                while len(raw) <= MAX_BYTES and (more := await response.content.readany()):
                    raw += more  # what is longer than is read is cut, and so no JSON
            if len(raw) > DECODED_BESIDE:
                return await asyncio.to_thread(_decoded, raw)
            return _decoded(raw)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise HistoryAway(
                worded(
                    "Prometheus does not answer (%(name)s): is it on, and --prometheus right?",
                    name=type(error).__name__,
                )
            ) from error


def _decoded(raw: bytes) -> list[Series]:
    reply = msgspec.json.decode(raw, type=_Reply)
    if reply.status != "success" or reply.data is None:
        reason = reply.error[:200] if reply.error else worded("no reason given")
        raise HistoryAway(worded("Prometheus refuses: %(reason)s", reason=reason))
    return [
        Series(
            found.metric,
            [
                (at, number)
                for at, text in ([found.value] if found.value is not None else found.values)
                if (number := _number(text)) is not None
            ],
        )
        for found in reply.data.result
    ]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
