"""What Prometheus knows: series over hours, and the alerts that its rules say now. It may be away; then that is said.

Answers are kept for some seconds, so that many readers of one page ask once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import aiohttp
import msgspec
import orjson

from controller.wording import worded
from miners.errors import HashyardError

KEPT_S: Final = 10.0
WITHIN_S: Final = 8.0
MAX_BYTES: Final = 32 << 20
_MOST_KEPT: Final = 256
_ALERTS: Final = ("alerts",)
_OF_ONE_QUESTION: Final = frozenset(("bad_data", "execution"))
"""Kinds of refusal that concern the question alone, such as one of too many samples: Prometheus is there."""


class HistoryAway(HashyardError):
    """Prometheus does not answer, or is not configured."""


class Line(msgspec.Struct, frozen=True):
    """One series over a range: its labels, and (unix seconds, value) where it has one."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class FiringAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as a rule says it now. `value`: of the rule's expression."""

    name: str
    state: Literal["pending", "firing"]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    active_at: datetime | None
    value: float | None


class _Answer(msgspec.Struct):
    status: str
    data: Any = None
    error: str | None = None
    errorType: str | None = None  # noqa: N815  # as Prometheus writes it


class History:
    """The way to Prometheus.

    `state`: how it was the last time that it was asked, None before; `reason`: in a word, while it is away; `since`: when it
    was first so.
    """

    def __init__(self, url: str | None) -> None:
        """`url`: of Prometheus; None: there is no history."""
        self._url = url.rstrip("/") if url is not None else None
        self._session: aiohttp.ClientSession | None = None
        self._kept: dict[tuple[str, ...], tuple[float, Any]] = {}
        self._asked: dict[tuple[str, ...], asyncio.Task[Any]] = {}
        self._last_alerts: tuple[float, Any] | None = None
        self.state: Literal["ok", "away"] | None = None
        self.reason: str | None = None
        self.since: datetime | None = None

    @property
    def configured(self) -> bool:
        """Whether there is a Prometheus to ask."""
        return self._url is not None

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    async def over_range(self, query: str, begin: float, end: float, step_s: float) -> list[Line]:
        """Return the series of a query over a range (unix seconds). Raises HistoryAway."""
        data = await self._ask(
            "query_range",
            {"query": query, "start": f"{begin:.3f}", "end": f"{end:.3f}", "step": f"{step_s:g}"},
        )
        return [
            Line(
                {name: str(value) for name, value in found.get("metric", {}).items()},
                [
                    (float(at), number)
                    for at, text in found.get("values", ())
                    if (number := _number(text)) is not None
                ],
            )
            for found in _results(data)
        ]

    async def alerts(self) -> list[FiringAlert]:
        """Return the alerts that are pending or firing now. Raises HistoryAway."""
        return _alerts(await self._ask("alerts", {}))

    def alerts_lately(self) -> tuple[list[FiringAlert], float] | None:
        """Return the alerts as they were last said, and how long ago (s); None: never. For those who cannot wait."""
        if self._last_alerts is None:
            return None
        at, data = self._last_alerts
        return _alerts(data), asyncio.get_running_loop().time() - at

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> Any:
        """Return what Prometheus answers, or answered within the last seconds; one question for all who ask alike."""
        if self._url is None:
            raise HistoryAway(worded("there is no history: --prometheus names none"))
        key = (path, *parameters.values())
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(key)
        if kept is not None and now < kept[0]:
            return kept[1]
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._fetch(path, parameters))
            asked.add_done_callback(lambda done: self._keep(key, done))
        # One who leaves does not take the answer away from the others.
        return await asyncio.shield(asked)

    def _keep(self, key: tuple[str, ...], done: asyncio.Task[Any]) -> None:
        """Keep an answer for those who ask alike, whether or not whoever asked first still waits for it."""
        self._asked.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        now = asyncio.get_running_loop().time()
        if len(self._kept) >= _MOST_KEPT:
            self._kept = {other: value for other, value in self._kept.items() if now < value[0]}
        if len(self._kept) < _MOST_KEPT:
            self._kept[key] = (now + KEPT_S, done.result())
        if key == _ALERTS:
            self._last_alerts = (now, done.result())

    async def _fetch(self, path: str, parameters: Mapping[str, str]) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S))
        try:
            async with (
                self._session.post(f"{self._url}/api/v1/{path}", data=parameters)
                if parameters
                else self._session.get(f"{self._url}/api/v1/{path}") as response
            ):
                raw = await response.content.read(MAX_BYTES + 1)
                while len(raw) <= MAX_BYTES and (more := await response.content.readany()):
                    raw += more  # what is longer than is read is cut, and so no JSON
            answer = msgspec.convert(await asyncio.to_thread(orjson.loads, raw), _Answer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, msgspec.ValidationError) as error:
            self._now_is("away", type(error).__name__)
            raise HistoryAway(
                worded(
                    "Prometheus does not answer (%(name)s): is it on, and --prometheus right?",
                    name=type(error).__name__,
                )
            ) from error
        if answer.status != "success":
            if answer.errorType in _OF_ONE_QUESTION:
                self._now_is("ok", None)
            else:
                self._now_is("away", "refuses")
            reason = answer.error[:200] if answer.error else worded("no reason given")
            raise HistoryAway(worded("Prometheus refuses: %(reason)s", reason=reason))
        self._now_is("ok", None)
        return answer.data

    def _now_is(self, state: Literal["ok", "away"], reason: str | None) -> None:
        if state != self.state:
            self.since = datetime.now(UTC)
        self.state, self.reason = state, reason


def _results(data: Any) -> list[dict[str, Any]]:
    found = data.get("result", []) if isinstance(data, dict) else []
    return [one for one in found if isinstance(one, dict)]


def _alerts(data: Any) -> list[FiringAlert]:
    found = data.get("alerts") if isinstance(data, dict) else None
    return [_alert(alert) for alert in found or () if isinstance(alert, dict)]


def _alert(said: Mapping[str, Any]) -> FiringAlert:
    labels = _texts(said.get("labels"))
    return FiringAlert(
        name=labels.get("alertname", ""),
        state="firing" if said.get("state") == "firing" else "pending",
        labels=labels,
        annotations=_texts(said.get("annotations")),
        active_at=_moment(said.get("activeAt")),
        value=_number(said.get("value")),
    )


def _texts(said: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in said.items()} if isinstance(said, dict) else {}


def _number(text: Any) -> float | None:
    """Return a sample's figure; NaN and infinity are no figure that JSON knows."""
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if number - number == 0.0 else None


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def quoted(label: str) -> str:
    """Return a label's value as it stands in PromQL: names may hold anything."""
    escaped = label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
