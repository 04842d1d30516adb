"""The way from the gateway to Prometheus: asks, reads no more than there is room for, and repeats no word of an error."""

import asyncio
import math
import re
from typing import Any, Final

import aiohttp
import msgspec
import structlog

from controller.gateway.answers import Failed, success
from controller.gateway.asking import TIMEOUT_S, Question

MAX_BYTES: Final = 16 * 1024 * 1024
"""Of one answer. Eleven thousand points of some hundred series; what is longer no panel can draw."""
_WITHIN_S: Final = TIMEOUT_S + 5
_BESIDE_BYTES: Final = 256 * 1024
"""A longer answer is looked through beside the event loop."""

_TOLD_EVERY_S: Final = 60.0

_log = structlog.get_logger(__name__)

_SAID: Final = {
    "execution": (422, "Prometheus cannot work this query out for these series"),
    "canceled": (503, "the query was given up: ask again"),
    "not_found": (404, "Prometheus has no such thing"),
}


class _Answer(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    errorType: str = ""  # noqa: N815  # as Prometheus writes it
    error: str = ""
    warnings: list[str] = []


class Upstream:
    """One Prometheus."""

    def __init__(self, url: str | None) -> None:
        """`url`: of Prometheus; None: there is none."""
        self._url = url.rstrip("/") if url is not None else None
        self._session: aiohttp.ClientSession | None = None
        self._told_at = -math.inf

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, question: Question) -> bytes:
        """Return the body of Prometheus' answer, made anew: its data, and whether it may be incomplete. Raises Failed."""
        answer = await self._answer(question)
        warnings = ["Prometheus warns that this answer may be incomplete"] if answer.warnings else []
        return success(answer.data, warnings)

    async def data(self, question: Question) -> Any:
        """Return the data of a short answer. Raises Failed."""
        return msgspec.json.decode((await self._answer(question)).data)

    async def _answer(self, question: Question) -> _Answer:
        raw = await self._fetch(question)
        try:
            if len(raw) > _BESIDE_BYTES:
                answer = await asyncio.to_thread(_decoded, raw)
            else:
                answer = _decoded(raw)
        except msgspec.DecodeError:
            raise Failed(502, "what answers at Prometheus' address is no Prometheus") from None
        if answer.status != "success":
            raise _refusal(answer)
        return answer

    async def _fetch(self, question: Question) -> bytes:
        if self._url is None:
            raise Failed(503, "there is no history: the controller was started without --prometheus")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_WITHIN_S), cookie_jar=aiohttp.DummyCookieJar()
            )
        url = f"{self._url}/api/v1/{question.path}"
        how: dict[str, Any] = {"allow_redirects": False}
        how["data" if question.post else "params"] = question.pairs
        try:
            async with self._session.request("POST" if question.post else "GET", url, **how) as response:
                raw = bytearray()
                async for piece in response.content.iter_any():
                    raw += piece
                    if len(raw) > MAX_BYTES:
                        raise Failed(
                            422, "the answer is too long: ask for fewer series, or for a longer step"
                        )
        except TimeoutError as error:
            self._tell(error)
            raise Failed(504, "Prometheus does not answer in time: ask for less, or later") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._tell(error)
            raise Failed(502, "Prometheus does not answer: ask again later") from None
        return bytes(raw)

    def _tell(self, error: Exception) -> None:
        """Have the log say why there was no answer: by the type of the error, whose text may hold a query."""
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= _TOLD_EVERY_S:
            self._told_at = now
            _log.warning("the gateway has no answer from Prometheus", reason=type(error).__name__)


def _decoded(raw: bytes) -> _Answer:
    return msgspec.json.decode(raw, type=_Answer)


def _refusal(answer: _Answer) -> Failed:
    """Return an error of Prometheus in words of our own: its texts name labels and values of series."""
    if answer.errorType == "bad_data":
        unknown = re.search(r'unknown function with name "(\w{1,64})"', answer.error)
        if unknown is not None:  # a word of the query itself
            return Failed(400, f"this Prometheus has no function {unknown[1]}")
        return Failed(400, "Prometheus does not accept this query")
    if answer.errorType == "timeout":
        # Worked on for all the time there is, it asks for too much; never begun, Prometheus has too much to do.
        if "query queue" in answer.error:
            return Failed(503, "Prometheus is busy: ask again in some seconds", "timeout", Retry_After="5")
        return Failed(422, "the query took too long: ask for less, or for a shorter time", "timeout")
    status, text = _SAID.get(answer.errorType, (502, "Prometheus could not answer: ask again later"))
    return Failed(status, text)
