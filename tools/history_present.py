"""What a running Prometheus has seen first of each miner's counters: where the demo's past has to end.

A miner that gives no reading in the first minutes is not waited for: its past stays as it was made.
"""

import time
import urllib.parse
from typing import Any

import orjson

from tools.history_blocks import BlocksFailed, first_sample
from tools.history_joining import JOINED, First, Series
from tools.ready import get

PATIENCE_S = 90.0
"""From the first sample until every miner was polled and scraped, at most; a demo takes half of it."""
LOOK_BACK_S = 180.0
"""A counter that is not there so long after the first sample does not begin there."""
_PAUSE_S = 1.0
_TRIES = 5

_POLLED = 'count((miner_up{job="hashyard"} == 1) or (sum without (reason) (miner_poll_failures_total{job="hashyard"}) > 0))'


def first_values(url: str, miners: int) -> dict[Series, First]:
    """Return the first sample of each counter in the Prometheus at `url`, once `miners` have been polled or patience ends.

    Raises BlocksFailed where it does not answer, or answers something else.
    """
    began = first_sample(url)
    if began is None:
        return {}
    while time.time() < began + PATIENCE_S and _polled(url) < miners:
        time.sleep(_PAUSE_S)
    until = min(time.time(), began + LOOK_BACK_S)
    found: dict[Series, First] = {}
    for name in JOINED:
        for one in _ask(url, f'{name}{{job="hashyard"}}[{until - began + 1:.0f}s]', until):
            at, value = one["values"][0]
            found[frozenset(one["metric"].items())] = First(float(at), float(value))
    return found


def _polled(url: str) -> int:
    counts = _ask(url, _POLLED, time.time())
    return int(counts[0]["value"][1]) if counts else 0


def _ask(url: str, query: str, at: float) -> list[dict[str, Any]]:
    """Return what a query gives; a Prometheus that is busy is asked again."""
    asked = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query, 'time': at})}"
    try:
        found: list[dict[str, Any]] = orjson.loads(_got(asked, _TRIES))["data"]["result"]
    except OSError as error:
        raise BlocksFailed(f"{url} does not say where the present begins: {error}") from None
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BlocksFailed(f"{url} does not answer as Prometheus does: {error!r}") from None
    return found


def _got(asked: str, tries: int) -> bytes:
    for _ in range(tries - 1):
        try:
            return get(asked)
        except OSError:
            time.sleep(_PAUSE_S)
    return get(asked)
