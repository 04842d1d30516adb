"""Whatsminer, API v1 and v2 (TCP 4028): one joined question a poll, and the slow ones only when there is a reason.

`parse` is pure: reply objects by command in, a Draft out. `read` decides what to ask, and what of the answers holds
until when. `get_*` and `status` are answered singly, each on a connection of its own.
"""

import math
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from miners.ask import ask_all
from miners.draft import Draft
from miners.driver import Driver, Memory
from miners.drivers.whatsminer_sleep import is_frozen, is_low_power, settle
from miners.drivers.whatsminer_v2_replies import (
    NOTHING,
    About,
    about,
    asked_faults,
    asleep,
    entries,
    entry,
    name,
    readings,
)
from miners.errors import Malformed, PollError, Unsupported
from miners.link import Link, Object
from miners.model import Fault
from miners.units import count

WARM_UP_S = 1200.0
"""Chips are tested and clocks raised in steps after every start: some twenty minutes on a miner without fast boot."""

ABOUT_KEPT_S = 3600.0
STATUS_KEPT_S = 300.0
FAULTS_KEPT_S = 300.0
RETRY_S = 300.0
"""A slow question that failed is put again after this long: some firmwares do not know it at all."""

_NOTES = "whatsminer_v2"
_SLEEP, _LIGHT = "work mode", "light"
"""Kept until a command may have changed them (see Memory.forget_settings): that it was asked for, not what was said."""
_LONGEST_MAC = 32


class _Past(msgspec.Struct):
    """What is remembered from poll to poll. Times are of link.now; a question is due when its time has come."""

    about: About = About()
    about_due: float = 0.0
    faults_due: float = 0.0
    asleep: bool | None = None
    faults: list[Fault] = msgspec.field(default_factory=list)
    devs: str = "devs"
    boards_due: float = 0.0
    mac: str | None = None
    hashrate_hs: float | None = None
    mining_s: float | None = None
    power_seen: bool = False


async def read(link: Link, memory: Memory) -> Draft:
    """Read one miner. Raises a PollError if it gives neither its summary nor whether it sleeps."""
    past: _Past | None = memory.notes.get(_NOTES)
    if past is None:
        past = memory.notes[_NOTES] = _Past()
    model_asked = link.now >= past.about_due
    replies, failure = await _ask_readings(link, memory, past, ("devdetails",) if model_asked else ())
    summary = entry(replies.get("summary"), "SUMMARY")
    if summary is not NOTHING:
        past = _same_miner(memory, past, summary)
    draft = readings(summary, replies, past.about, link.now, whole=not link.truncated)
    if past.mining_s is not None and draft.mining_s is not None and draft.mining_s < past.mining_s:
        past.about_due = 0.0  # It has restarted, perhaps into other firmware.

    frozen = is_frozen(draft, past.hashrate_hs, past.mining_s)
    said = None
    if frozen or memory.recall(_SLEEP, link.now) is None or _looks_asleep(draft, past):
        said = asleep(await _ask(link, "status", replies))
        memory.keep(_SLEEP, True, link.now + (RETRY_S if said is None else STATUS_KEPT_S))
        if said is not None or (draft.hashrate_hs and not frozen and not is_low_power(draft)):
            # It hashes and cannot be asked: then the last word, that it slept, no longer holds.
            past.asleep = said
    if summary is NOTHING and said is None and not draft.boards and not draft.pools:
        raise failure or Unsupported(
            f"{link.target.address}: gives neither its summary nor its status: is its API switched on in WhatsMinerTool?"
        )

    await _ask_faults(link, past, draft, summary, replies)
    if link.now >= past.about_due:
        await _ask_about(link, past, replies, _IDENTITY if model_asked else ("devdetails", *_IDENTITY))
        told = about(replies)
        past.about = told.lasting(past.about)
        name(draft, summary, replace(past.about, **{key: getattr(told, key) for key in _OF_THE_MOMENT}))
    elif memory.recall(_LIGHT, link.now) is None:
        draft.locating = about({"get_miner_info": await _ask(link, "get_miner_info", replies) or {}}).locating
    memory.keep(_LIGHT, True, math.inf)
    if draft.firmware_version != past.about.firmware_version or draft.mac != past.about.mac:
        past.about = replace(past.about, firmware_version=draft.firmware_version, mac=draft.mac)
    past.hashrate_hs, past.mining_s = draft.hashrate_hs, draft.mining_s
    past.power_seen = draft.power_w is not None
    settle(draft, past.asleep)
    return draft


def parse(replies: Mapping[str, Object], now: float) -> Draft:
    """Return what one poll's replies say. `replies`: reply objects by command; `now`: unix seconds of the poll.

    Commands known: summary, devs or edevs, pools, devdetails, status, get_version, get_miner_info, get_psu,
    get_error_code. Any may be missing, and anything in them may be of any type.
    """
    summary = entry(replies.get("summary"), "SUMMARY")
    draft = readings(summary, replies, about(replies), now)
    draft.faults = _joined(draft.faults, asked_faults(replies.get("get_error_code"), now))
    settle(draft, asleep(replies.get("status")))
    return draft


async def _ask_readings(
    link: Link, memory: Memory, past: _Past, more: tuple[str, ...]
) -> tuple[dict[str, Object], PollError | None]:
    """Ask summary, boards, pools and `more` in one go; return what came, and what went wrong if there is no summary.

    Where the mining process is down because the miner sleeps, `status` may still be answered by another one.
    """
    try:
        replies = await ask_all(link, memory, ("summary", past.devs, "pools", *more))
    except (Malformed, Unsupported) as error:
        return {}, error
    if past.devs not in replies and link.now >= past.boards_due:
        other = "edevs" if past.devs == "devs" else "devs"
        if entries(await _ask(link, other, replies), "DEVS"):
            past.devs = other
        else:
            past.boards_due = link.now + RETRY_S
    return replies, None


async def _ask_faults(
    link: Link, past: _Past, draft: Draft, summary: Object, replies: dict[str, Object]
) -> None:
    """Fill in the faults; ask for them when it is time, or when there is a reason to think that they changed."""
    listed = draft.faults
    unlisted = not listed and (past.faults or count(summary.get("Error Code Count")))
    stopped = past.hashrate_hs and not draft.hashrate_hs
    if unlisted or stopped or link.now >= past.faults_due:
        reply = await _ask(link, "get_error_code", replies)
        past.faults_due = link.now + FAULTS_KEPT_S
        past.faults = asked_faults(reply, link.now)
        draft.faults = _joined(listed, past.faults)
    elif listed:
        codes = {fault.code for fault in listed}
        draft.faults = _joined(listed, [fault for fault in past.faults if fault.code in codes])


async def _ask_about(link: Link, past: _Past, replies: dict[str, Object], commands: tuple[str, ...]) -> None:
    kept_s = ABOUT_KEPT_S
    for command in commands:
        if await _ask(link, command, replies) is None:
            kept_s = RETRY_S
    past.about_due = link.now + kept_s


async def _ask(link: Link, command: str, replies: dict[str, Object]) -> Object | None:
    """Ask what the poll can do without, and put the reply to the others; None if it could not be had."""
    try:
        reply = await link.ask(command)
    except PollError:
        return None
    replies[command] = reply
    return reply


def _same_miner(memory: Memory, past: _Past, summary: Object) -> _Past:
    """Return what is remembered, or a fresh memory if another miner now answers at this address."""
    address = summary.get("MAC")
    if address != past.mac and isinstance(address, str) and len(address) <= _LONGEST_MAC:
        if past.mac is not None:
            memory.forget_settings()
            past = memory.notes[_NOTES] = _Past(devs=past.devs)
        past.mac = address
    return past


def _looks_asleep(draft: Draft, past: _Past) -> bool:
    if past.asleep or not draft.hashrate_hs:
        return True
    if draft.power_w is None:
        return past.power_seen
    return is_low_power(draft)


def _joined(listed: list[Fault], asked: list[Fault]) -> list[Fault]:
    """Join both lists of faults; `get_error_code` also knows since when."""
    if not listed or not asked:
        return listed or asked
    return list({fault.code: fault for fault in (*listed, *asked)}.values())


_IDENTITY = ("get_version", "get_miner_info", "get_psu")
_OF_THE_MOMENT = ("psu_fan_rpm", "psu_c", "input_v", "input_a", "locating")

DRIVER = Driver(name="whatsminer_v2", manufacturer="Whatsminer", read=read, warm_up_s=WARM_UP_S)
