"""The shape of a cgminer-style reply: sections of rows, and the pools, which every make writes in nearly one way."""

import re
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

_ROWS_SAID = re.compile(r"(\d{1,3}) (?:ASC|PGA|Pool)\(s\)")

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


def keepsake(reply: Any, section: str, names: Sequence[str], most: int = 1) -> Object:
    """Return of a reply what is read of it later, of `most` rows of a section, each value a short text.

    A stranger's reply may be long, and a fleet has many miners: a whole one is not kept from poll to poll.
    """
    found = rows(reply, section)[:most]
    return {section: [{name: text(row[name]) for name in names if name in row} for row in found]}


def is_complete(reply: Any, found: Sequence[object]) -> bool:
    """Tell whether no row is missing, by the number that the reply's STATUS gives (`3 ASC(s)`): none can be cut off."""
    message = first(reply, "STATUS").get("Msg")
    said = _ROWS_SAID.match(message) if isinstance(message, str) else None
    return said is not None and int(said[1]) == len(found)


def numbering(found: Sequence[object]) -> list[int]:
    """Return the numbers that the miner gives its parts; where one is missing or used twice, their places.

    Places count from 0, or from where those numbers that are there say that the miner begins.
    """
    places = list(range(len(found)))
    if found == places:
        return places
    numbers = list(map(count, found))
    known = [number for number in numbers if number is not None]
    if len(known) == len(set(known)) == len(found):
        return known
    starts = {number - place for place, number in enumerate(numbers) if number is not None}
    start = starts.pop() if len(starts) == 1 else 0
    return [start + place for place in places] if start >= 0 else places


def pools(
    found: Sequence[Object], now: float, names: PoolNames = CGMINER, *, whole: bool = True
) -> list[Pool]:
    """Return the configured pools of the rows; a slot without a URL is none. `now`: unix seconds of the poll.

    One pool at most is active: of several connected ones the first by priority, as cgminer's failover has it, and
    a firmware's own fee pool only if no other is. Where the make does not say which is connected, the first by
    priority that is alive gets the work. `whole`: False where rows may have been cut; then only what a row says itself
    counts, since the one that gets the work may be the one that is lost.
    """
    configured = [row for row in found[:MAX_POOLS] if row.get(names.url)]
    if not configured:
        return []
    working = [row.get(names.active) for row in configured]
    known = True
    if working.count(True) == 1:
        active: int | None = working.index(True)
    else:
        active, known = _active(configured, names)
    numbers = numbering([row.get(names.number) for row in configured])
    listed: list[Pool] = []
    for place, row in enumerate(configured):
        get = row.get
        url = text(get(names.url))
        if url is not None:
            listed.append(
                Pool(
                    numbers[place],
                    _without_secret(url) if "@" in url else url,
                    text(get(names.user)),
                    alive(get(names.status)),
                    place == active if known and (whole or _flag(working[place]) is not None) else None,
                    count(get(names.priority)),
                    count(get(names.accepted)),
                    count(get(names.rejected)),
                    count(get(names.stale)),
                    last_share(get(names.last_share), now),
                )
            )
    return listed


def _active(configured: Sequence[Object], names: PoolNames) -> tuple[int | None, bool]:
    """Return the place of the pool that gets the work, None if none does, and whether the rows tell that at all."""
    flags = [_flag(row.get(names.active)) for row in configured]
    if all(flag is None for flag in flags):
        flags = [alive(row.get(names.status)) for row in configured]
    active: int | None = None
    best = (True, 0, 0)
    for place, row in enumerate(configured):
        if flags[place]:
            priority = count(row.get(names.priority))
            rank = (_is_fee(row, names), place if priority is None else priority, place)
            if active is None or rank < best:
                active, best = place, rank
    return active, any(flag is not None for flag in flags)


def share_sum(found: Sequence[int | None]) -> int | None:
    """Return the sum of what the pools counted, or None where none counts."""
    counted = [figure for figure in found if figure is not None]
    return sum(counted) if counted else None


def sum_of_all(figures: Sequence[float | None]) -> float | None:
    """Return the sum of the figures of boards or modules, None if one of them is missing: the others are not the miner."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known and len(known) == len(figures) else None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _is_fee(row: Object, names: PoolNames) -> bool:
    said = (row.get(names.url), row.get(names.user))
    return any(isinstance(value, str) and "devfee" in value.lower() for value in said)


def _without_secret(url: str) -> str:
    """Drop `user:password@` from a pool's URL: it would end in metrics and on pages."""
    scheme, parted, rest = url.rpartition("://")
    return scheme + parted + rest.rpartition("@")[2]
