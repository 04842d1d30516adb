"""From a request of a client's data source to what Prometheus is asked: which paths there are, and what may stand in each.

Pure. Nothing that was sent goes on as it came: parameters are known by name, given once, read, and written anew.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qsl

from controller.gateway.answers import Failed
from controller.gateway.promql import Refused, TooMuch, confined, confined_selector, everything_of

PREFIX: Final = "/gateway"
MAX_POINTS: Final = 11_000
"""Points of a range, as many as Prometheus allows."""
MAX_RANGE_S: Final = 400 * 86_400.0
MAX_BODY: Final = 64 * 1024
LISTS_KEPT_S: Final = 20.0
"""Names and values of labels change when a miner is added."""
FIGURES_KEPT_S: Final = 5.0
"""A sixth of the time between two scrapes: several people of one client look at one dashboard."""
MAX_SELECTORS: Final = 20
"""`match[]` of one request."""
TIMEOUT_S: Final = 20.0
"""What Prometheus may take for one query."""

_LATEST: Final = 253_402_300_799.0  # the end of the year 9999
_LABEL_VALUES = re.compile(r"label/([a-zA-Z_][a-zA-Z0-9_]*)/values")
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_UNITS_S: Final = (365 * 86_400.0, 7 * 86_400.0, 86_400.0, 3600.0, 60.0, 1.0, 0.001)

Pairs: TypeAlias = list[tuple[str, str]]
Source: TypeAlias = Literal["prometheus", "alerts", "rules", "nothing", "build"]


@dataclass(frozen=True)
class Question:
    """What is asked upstream. `path`: below /api/v1/. `kept_s`: so long its answer may be given again."""

    path: str
    pairs: tuple[tuple[str, str], ...]
    post: bool
    kept_s: float = 0.0


@dataclass(frozen=True)
class Path:
    """One path below /gateway/api/v1/. `parameters`: those that may be given; `post`: as a form as well."""

    source: Source
    parameters: frozenset[str]
    post: bool = False
    empty: Literal["list", "map"] = "list"


_TIMES = frozenset(("start", "end"))
_FOUND = _TIMES | {"match[]", "limit"}
PATHS: Final[Mapping[str, Path]] = {
    "query": Path("prometheus", frozenset(("query", "time", "timeout", "limit")), post=True),
    "query_range": Path("prometheus", _TIMES | {"query", "step", "timeout", "limit"}, post=True),
    "series": Path("prometheus", _FOUND, post=True),
    "labels": Path("prometheus", _FOUND, post=True),
    "label/<name>/values": Path("prometheus", _FOUND),
    "rules": Path("rules", frozenset(("type",))),
    "alerts": Path("alerts", frozenset()),
    "status/buildinfo": Path("build", frozenset()),
    "metadata": Path("nothing", frozenset(("metric", "limit", "limit_per_metric")), empty="map"),
    "query_exemplars": Path("nothing", _TIMES | {"query"}, post=True),
}
"""Every path there is."""


def path_of(raw: str) -> tuple[str, Path]:
    """Return what is asked for below /gateway/api/v1/ and its entry. `raw`: the path as it was sent. Raises Failed."""
    name = raw.removeprefix(f"{PREFIX}/api/v1/")
    if name != raw:
        if _LABEL_VALUES.fullmatch(name):
            return name, PATHS["label/<name>/values"]
        if name in PATHS and "<" not in name:
            return name, PATHS[name]
    raise Failed(404, "the gateway has no such path; docs/gateway.md lists those that it has")


def pairs_of(text: str) -> Pairs:
    """Return the parameters of a query string or a form. Raises Failed."""
    if not text:
        return []
    try:
        return parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=50
        )
    except ValueError:
        raise Failed(400, "the parameters cannot be read") from None


def question_of(name: str, path: Path, pairs: Sequence[tuple[str, str]], client: str) -> Question:
    """Return what Prometheus is asked for this client. Raises Failed."""
    given = _once(path, pairs)
    try:
        if name == "query":
            return Question(name, _of_query(given, client), post=True, kept_s=FIGURES_KEPT_S)
        if name == "query_range":
            return Question(name, _of_range(given, client), post=True, kept_s=FIGURES_KEPT_S)
        if name in ("series", "labels"):
            kept_s = LISTS_KEPT_S if name == "labels" else 0.0
            return Question(name, _of_found(name, pairs, given, client), post=True, kept_s=kept_s)
        if path is PATHS["label/<name>/values"]:
            return Question(name, _of_found(name, pairs, given, client), post=False, kept_s=LISTS_KEPT_S)
    except TooMuch as error:
        raise Failed(422, str(error), "execution") from None
    except Refused as error:
        raise Failed(400, str(error)) from None
    return Question(name, (), post=False, kept_s=LISTS_KEPT_S)


def is_only(pairs: Sequence[tuple[str, str]], kind: str) -> bool:
    """Return whether `rules` is asked for rules of another kind than this."""
    given = dict(pairs).get("type", kind)
    if given not in ("alert", "record"):
        raise Failed(400, "type is alert or record")
    return given == kind


def _once(path: Path, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters that may be given once. Raises Failed for one too many, or one that is not known."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in path.parameters:
            raise Failed(400, f"there is no parameter {name[:50]!r} here")
        if name == "match[]":
            continue
        if name in found:
            raise Failed(400, f"{name} is given twice")
        found[name] = value
    return found


def _of_query(given: Mapping[str, str], client: str) -> tuple[tuple[str, str], ...]:
    pairs = [("query", confined(_needed(given, "query"), client)), _timeout(given)]
    if "time" in given:
        pairs.append(("time", _written(_moment(given, "time"))))
    return (*pairs, *_limit(given))


def _of_range(given: Mapping[str, str], client: str) -> tuple[tuple[str, str], ...]:
    start, end = _moment(given, "start"), _moment(given, "end")
    step = _seconds(given, "step")
    _check_range(start, end)
    if step < 0.001:
        raise Failed(400, "step must be a millisecond at least")
    if (end - start) / step > MAX_POINTS:
        raise Failed(400, f"this asks for more than {MAX_POINTS:,} points of each series: take a longer step")
    return (
        ("query", confined(_needed(given, "query"), client)),
        ("start", _written(start)),
        ("end", _written(end)),
        ("step", _written(step)),
        _timeout(given),
        *_limit(given),
    )


def _of_found(
    name: str, pairs: Sequence[tuple[str, str]], given: Mapping[str, str], client: str
) -> tuple[tuple[str, str], ...]:
    selectors = [value for key, value in pairs if key == "match[]"]
    if len(selectors) > MAX_SELECTORS:
        raise Failed(400, f"match[] may be given {MAX_SELECTORS} times at most")
    if not selectors and name == "series":
        raise Failed(400, "no match[] is given")
    times = {key: _moment(given, key) for key in ("start", "end") if key in given}
    if len(times) == 2:
        _check_range(times["start"], times["end"])
    cut = [confined_selector(selector, client) for selector in selectors] or [everything_of(client)]
    return (
        *(("match[]", selector) for selector in cut),
        *((key, _written(at)) for key, at in times.items()),
        *_limit(given),
    )


def _needed(given: Mapping[str, str], name: str) -> str:
    if name not in given:
        raise Failed(400, f"{name} is missing")
    return given[name]


def _check_range(start: float, end: float) -> None:
    if end < start:
        raise Failed(400, "end lies before start")
    if end - start > MAX_RANGE_S:
        raise Failed(400, "a range may be 400 days long at most")


def _moment(given: Mapping[str, str], name: str) -> float:
    """Return a time in unix seconds, given so or by RFC 3339."""
    text = _needed(given, name)
    at = _figure(text)
    if at is None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise Failed(400, f"{name} is no time: unix seconds, or such as 2026-03-01T18:00:00Z") from None
        at = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= at <= _LATEST:
        raise Failed(400, f"{name} lies outside of the years 1970 to 9999")
    return at


def _seconds(given: Mapping[str, str], name: str) -> float:
    """Return a length of time in seconds, given so or as 1h30m."""
    text = _needed(given, name)
    plain = _figure(text)
    if plain is not None:
        return plain
    found = _DURATION.fullmatch(text)
    if not text or len(text) > 50 or found is None:
        raise Failed(400, f"{name} is no length of time: seconds, or such as 1h30m")
    return sum(int(part) * unit for part, unit in zip(found.groups(), _UNITS_S, strict=True) if part)


def _figure(text: str) -> float | None:
    try:
        figure = float(text) if text.isascii() and len(text) <= 50 else math.nan
    except ValueError:
        return None
    return figure if math.isfinite(figure) else None


def _timeout(given: Mapping[str, str]) -> tuple[str, str]:
    wanted = _seconds(given, "timeout") if "timeout" in given else TIMEOUT_S
    return "timeout", _written(min(max(wanted, 0.001), TIMEOUT_S))


def _limit(given: Mapping[str, str]) -> Pairs:
    if "limit" not in given:
        return []
    if not re.fullmatch(r"[0-9]{1,9}", given["limit"], re.ASCII):
        raise Failed(400, "limit is a whole number")
    return [("limit", given["limit"])]


_written: Callable[[float], str] = "{:.3f}".format
