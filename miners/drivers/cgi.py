"""Bitmain's web CGI (and Elphapex's, made after it): which pages a driver reads, what they mean, how long they hold.

A page that fails never fails a poll: what it would have told is absent, and it is left alone for a while. Facts from
`protocols.md` sections 2 and 6.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from miners.driver import Memory
from miners.errors import AuthFailed, Malformed, PollError, Refused, Unsupported
from miners.link import Link, Object
from miners.model import Fault
from miners.reply import PoolNames, first, rows
from miners.units import mac, number, text

POOL_NAMES = PoolNames(
    "index",
    "url",
    "user",
    "status",
    "stratum_active",
    "priority",
    "accepted",
    "rejected",
    "stale",
    "lstime",
)

IDENTITY_S = 3600.0
"""Who a miner is changes with the miner; a restart or another firmware asks again sooner."""

SETTINGS_S = 300.0
"""How long faults and the work mode hold: each costs a request with digest, and at rest neither changes by the minute."""

CLOSED_S = 3600.0
"""How long a web server is left alone that is closed, or a page that is not there."""

PATIENCE_S = 3.0
"""What the web may take of a poll whose readings are already there."""

_WORK_MODES = ("bitmain-work-mode", "miner-mode", "fc-work-mode")
_NAMES = {0: "normal", 1: "sleep", 2: "high", 3: "low"}
SLEEP_OF_ELPHAPEX = -1000
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_WELL = frozenset(("", "s"))


class WebIdentity(msgspec.Struct, frozen=True):
    """What `get_system_info` says of a miner, each None where it does not."""

    mac: str | None = None
    serial: str | None = None
    hostname: str | None = None
    model: str | None = None
    version: str | None = None


async def demand(link: Link, name: str) -> Object:
    """Return a page without which there is no reading. Raises the PollError that stands in the way."""
    page = await link.web(f"/cgi-bin/{name}.cgi")
    if not isinstance(page, dict):
        raise Malformed(
            f"{link.target.address}: {name}.cgi is no JSON object: is it the web page of this make?"
        )
    return page


async def whole(link: Link, names: Sequence[str]) -> dict[str, Object]:
    """Return pages by name: the first is demanded, and without another the reading is a part (`link.truncated`)."""
    pages = {names[0]: await demand(link, names[0])}
    for name in names[1:]:
        try:
            pages[name] = await demand(link, name)
        except PollError:
            link.truncated = True
    return pages


async def glance(link: Link, memory: Memory, name: str) -> Object | None:
    """Return a page that is good to have, or None; a web that refuses or is silent is left alone for a while."""
    if link.target.web_port is None or memory.recall("web closed", link.now):
        return None
    if memory.recall(f"no {name}", link.now):
        return None
    try:
        async with asyncio.timeout(PATIENCE_S):
            page = await link.web(f"/cgi-bin/{name}.cgi")
    except AuthFailed:
        return None  # the link does not ask again with these credentials, and at once with others
    except Refused:
        memory.keep("web closed", value=True, until=link.now + CLOSED_S)
    except Unsupported:
        memory.keep(f"no {name}", value=True, until=link.now + CLOSED_S)
    except (PollError, TimeoutError):
        memory.keep("web closed", value=True, until=link.now + SETTINGS_S)
    else:
        if isinstance(page, dict):
            return page
        memory.keep(f"no {name}", value=True, until=link.now + CLOSED_S)
    return None


async def identity(link: Link, memory: Memory) -> WebIdentity:
    """Return who the miner is, asked once an hour; an empty identity where the web does not tell."""
    kept = memory.recall("identity", link.now)
    if isinstance(kept, WebIdentity):
        return kept
    page = await glance(link, memory, "get_system_info")
    if page is None:
        return WebIdentity()
    found = parse_identity(page)
    memory.keep("identity", found, link.now + IDENTITY_S)
    return found


async def faults(link: Link, memory: Memory) -> list[Fault]:
    """Return what `summary.cgi` complains of, asked every five minutes."""
    kept = memory.recall("faults", link.now)
    if isinstance(kept, list):
        return kept
    page = await glance(link, memory, "summary")
    if page is None:
        return []
    found = parse_faults(page)
    memory.keep("faults", found, link.now + SETTINGS_S)
    return found


async def work_mode(link: Link, memory: Memory, hashrate_hs: float | None) -> int | None:
    """Return the work mode that `get_miner_conf` holds, or None.

    What is kept holds only while the hash rate agrees with it: a miner that stopped may have been put to sleep since,
    one that hashes may have been woken.
    """
    kept = memory.recall("work mode", link.now)
    if kept is not None and (kept[0] is None or asleep(kept[0]) != bool(hashrate_hs)):
        return None if kept[0] is None else int(kept[0])
    page = await glance(link, memory, "get_miner_conf")
    if page is None:
        return None
    mode = parse_work_mode(page)
    # Only the mode is kept: the page holds the pools' passwords.
    memory.keep("work mode", (mode,), link.now + SETTINGS_S)
    return mode


async def light(link: Link, memory: Memory) -> bool | None:
    """Return whether the light that shows the way to a miner blinks, asked every five minutes; None where it is mute.

    That `get_blink_status` tells it as `{"blink": …}` was seen on one miner (DG-Home1): *single source*.
    """
    kept = memory.recall("light", link.now)
    if kept is not None:
        return kept[0] if isinstance(kept[0], bool) else None
    page = await glance(link, memory, "get_blink_status")
    if page is None:
        return None
    blinks = parse_light(page)
    memory.keep("light", (blinks,), link.now + SETTINGS_S)
    return blinks


def parse_light(page: Object) -> bool | None:
    """Return what a `get_blink_status` page says, whether as a truth value, a number or a text."""
    return _TRUTH.get(str(page.get("blink"))[:8].strip().casefold())


def asleep(mode: int | None) -> bool | None:
    """Tell whether a work mode is sleep: 1, 254 on an S17, -1000 on an Elphapex; None if the mode is not known."""
    return None if mode is None else mode in (1, 254) or mode <= SLEEP_OF_ELPHAPEX


def mode_name(mode: int | None) -> str | None:
    """Return the maker's word for a work mode, or None."""
    return None if mode is None else _NAMES.get(mode)


def parse_work_mode(page: Object) -> int | None:
    """Return the work mode of a `get_miner_conf` page or of a row of statistics, or None."""
    for name in _WORK_MODES:
        figure = number(page.get(name))
        if figure is not None and figure == int(figure) and abs(figure) <= 10_000:
            return int(figure)
    return None


def parse_identity(page: Object) -> WebIdentity:
    """Return who a `get_system_info` page says that the miner is."""
    return WebIdentity(
        mac(page.get("macaddr")),
        text(page.get("serinum")),
        text(page.get("hostname")),
        text(page.get("minertype")),
        text(page.get("system_filesystem_version")),
    )


def parse_faults(page: Object) -> list[Fault]:
    """Return the entries of `status[]` that are not well: anything but `s` or nothing.

    The code is the maker's type, with its number where that is not 0 (`fans`, `temp:2`).
    """
    found: list[Fault] = []
    for summary in rows(page, "SUMMARY"):
        for entry in rows(summary, "status")[:64]:
            status = entry.get("status")
            if status is None or (isinstance(status, str) and status.strip().lower() in _WELL):
                continue
            kind, code = text(entry.get("type")), text(entry.get("code"))
            if code in ("0", "0.0"):
                code = None
            name = ":".join(part[:40] for part in (kind, code) if part is not None)
            found.append(Fault(name or "unknown", text(entry.get("msg"))))
    return found


def info(pages: Any) -> Object:
    """Return the INFO of the first page that has one: it heads every page of statistics."""
    for page in pages:
        found = first(page, "INFO")
        if found:
            return found
    return {}
