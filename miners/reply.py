"""The shape of a cgminer-style reply: sections of rows, and the pools, which every make writes in nearly one way."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from miners.link import Object
from miners.model import Pool
from miners.units import alive, count, last_share, text


class PoolNames(NamedTuple):
    """What a make calls the fields of a pool's row."""

    number: str
    url: str
    user: str
    status: str
    active: str
    priority: str
    accepted: str
    rejected: str
    stale: str
    last_share: str


CGMINER = PoolNames(
    "POOL",
    "URL",
    "User",
    "Status",
    "Stratum Active",
    "Priority",
    "Accepted",
    "Rejected",
    "Stale",
    "Last Share Time",
)

MAX_POOLS = 32
"""No miner has more; a stranger could write thousands, and each would become a series."""


def rows(reply: Any, section: str) -> list[Object]:
    """Return the rows of a section (`STATS`, `POOLS`), whether a list of objects or one object; else no row."""
    found = reply.get(section) if isinstance(reply, dict) else None
    if isinstance(found, list):
        return [row for row in found if isinstance(row, dict)]
    return [found] if isinstance(found, dict) else []


def first(reply: Any, section: str) -> Object:
    """Return the first row of a section, or an empty one."""
    found = rows(reply, section)
    return found[0] if found else {}


def numbering(found: Sequence[object]) -> list[int]:
    """Return the numbers that the miner gives its parts; where one is missing or used twice, their places from 0."""
    numbers = [number for number in map(count, found) if number is not None]
    return numbers if len(set(numbers)) == len(found) else list(range(len(found)))


def pools(found: Sequence[Object], now: float, names: PoolNames = CGMINER) -> list[Pool]:
    """Return the configured pools of the rows; a slot without a URL is none. `now`: unix seconds of the poll.

    One pool at most is active: of several connected ones the first by priority, as cgminer's failover has it, and
    a firmware's own fee pool only if no other is. Where the make does not say which is connected, the first by
    priority that is alive gets the work.
    """
    configured = [(row, url) for row in found[:MAX_POOLS] if (url := text(row.get(names.url))) is not None]
    if not configured:
        return []
    said = [_flag(row.get(names.active)) for row, _ in configured]
    up = [alive(row.get(names.status)) for row, _ in configured]
    reported = any(flag is not None for flag in said)
    working = said if reported else up
    active: int | None = None
    best = (True, 0, 0)
    priorities = [count(row.get(names.priority)) for row, _ in configured]
    for place, flag in enumerate(working):
        if flag:
            priority = priorities[place]
            row, url = configured[place]
            rank = (_is_fee(url, row.get(names.user)), place if priority is None else priority, place)
            if active is None or rank < best:
                active, best = place, rank
    known = reported or any(flag is not None for flag in up)
    numbers = numbering([row.get(names.number) for row, _ in configured])
    return [
        Pool(
            numbers[place],
            _without_secret(url),
            text(row.get(names.user)),
            up[place],
            place == active if known else None,
            priorities[place],
            count(row.get(names.accepted)),
            count(row.get(names.rejected)),
            count(row.get(names.stale)),
            last_share(row.get(names.last_share), now),
        )
        for place, (row, url) in enumerate(configured)
    ]


def share_sum(found: Sequence[int | None]) -> int | None:
    """Return the sum of what the pools counted, or None where none counts."""
    counted = [figure for figure in found if figure is not None]
    return sum(counted) if counted else None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _is_fee(url: str, user: object) -> bool:
    return "devfee" in url.lower() or (isinstance(user, str) and "devfee" in user.lower())


def _without_secret(url: str) -> str:
    """Drop `user:password@` from a pool's URL: it would end in metrics and on pages."""
    if "@" not in url:
        return url
    scheme, parted, rest = url.rpartition("://")
    return scheme + parted + rest.rpartition("@")[2]
