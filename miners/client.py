"""Reading one miner: find its driver, let it ask, conclude. Whatever goes wrong becomes a PollFailure: data, no crash."""

import asyncio
import math
import time
from datetime import UTC, datetime

import structlog

from miners.ask import TcpLink
from miners.draft import conclude
from miners.driver import NAMELESS_READINGS, Driver, Memory
from miners.drivers import DRIVERS
from miners.errors import Malformed, PollError, Refused, TimedOut, Unreachable, Unsupported
from miners.identify import find_driver
from miners.model import PollFailure, Reading, Snapshot, Target

SILENT_POLLS = 3
"""After so many polls in a row without an answer, another device may have come to the address."""
GIVEN_AGAIN_S = 600.0
"""Credentials that the web refused are tried again after so long: the password may have been changed on the miner. The
maker's default is tried once, and again only when another device or firmware may have come."""
FALLBACK, FALLBACK_KEPT_S = "cgminer", 600.0
"""What is read where nothing tells the make, and how long: a miner that is starting may tell later."""

_log = structlog.get_logger(__name__)
_told: set[tuple[str, str, int]] = set()


async def read_miner(
    target: Target, memory: Memory, *, record: list[tuple[str, bytes]] | None = None
) -> Reading:
    """Read one miner now, within `target.timeout_s`; return its Snapshot, or the PollFailure that says why not.

    `memory` is this miner's own, from poll to poll. `record` collects (question, reply bytes). Raises nothing but
    what cancels the task.
    """
    loop = asyncio.get_running_loop()
    # The loop's own clock stands still between its rounds: good for deadlines, too coarse for how long a poll took.
    began, now = time.perf_counter(), time.time()
    driver: Driver | None = None
    link = TcpLink(
        target,
        now=now,
        deadline=loop.time() + target.timeout_s,
        record=record,
        shut_out=memory.shut_out(target.credentials, now),
    )
    try:
        name = target.driver or memory.driver
        if name is None or (name == FALLBACK != target.driver and memory.recall("driver", now) is None):
            name = await find_driver(link, memory)
            memory.driver = name
            memory.keep("driver", name, now + FALLBACK_KEPT_S)
        driver = _named(name)
        draft = await driver.read(link, memory)
        if draft.manufacturer is None:
            draft.manufacturer = driver.manufacturer
        snapshot = conclude(
            draft,
            target,
            driver=driver.name,
            warm_up_s=driver.warm_up_s,
            now=now,
            duration_s=time.perf_counter() - began,
            truncated=link.truncated,
        )
    except PollError as error:
        if isinstance(error, Refused | Malformed | Unsupported):
            # It may come back as something else: other firmware, another device at this address.
            memory.forget()
        elif isinstance(error, TimedOut | Unreachable):
            memory.silent += 1
            if memory.silent == SILENT_POLLS:
                memory.doubt()
        _notice_refusal(memory, link)
        return _failure(target, driver, now, time.perf_counter() - began, error)
    except Exception as error:  # noqa: BLE001  # a driver that stumbles over one reply must not end the fleet's polling
        _tell_once(driver, target, error)
        stumbled = Malformed(f"the reply could not be understood ({type(error).__name__}); see it with --raw")
        return _failure(target, driver, now, time.perf_counter() - began, stumbled)
    memory.silent = 0
    _notice_firmware(memory, snapshot)
    memory.notice_run(snapshot.mining_s, now)
    if _notice_refusal(memory, link) and target.credentials is not None:
        _log.warning(
            "credentials refused by the miner's web",
            address=target.address,
            container=target.container,
            miner=target.miner,
        )
    return snapshot


def _notice_refusal(memory: Memory, link: TcpLink) -> bool:
    """Remember credentials that the web has just refused, so that not every poll is a failed login there."""
    if link.refused:
        given = link.target.credentials
        memory.refused = (given, math.inf if given is None else link.now + GIVEN_AGAIN_S)
    return link.refused


def _tell_once(driver: Driver | None, target: Target, error: Exception) -> None:
    """Log a mistake of a driver's with its traceback the first time only: the same reply comes at every poll."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (
        type(error).__name__,
        trace.tb_frame.f_code.co_qualname if trace else "",
        trace.tb_lineno if trace else 0,
    )
    if place not in _told:
        _told.add(place)
        _log.warning("driver stumbled", driver=driver and driver.name, address=target.address, exc_info=error)


def _named(name: str) -> Driver:
    driver = DRIVERS.get(name)
    if driver is None:
        raise Unsupported(f"no driver is called {name!r}; there are {', '.join(DRIVERS)}")
    return driver


def _notice_firmware(memory: Memory, snapshot: Snapshot) -> None:
    """Forget what was learnt of a firmware when the miner reports another one: its driver is looked for again.

    A driver finds something to read in most miners of other makes, but not their firmware where it looks for it.
    Nor does it in a part of a reply, which may name another one of several versions that the miner has.
    """
    identity = snapshot.identity
    firmware = (
        None if identity.firmware_version is None else f"{identity.firmware} {identity.firmware_version}"
    )
    if memory.firmware is None or firmware == memory.firmware:
        memory.firmware = firmware
        memory.nameless = 0
    elif firmware is None or snapshot.truncated:
        memory.nameless += 1
        if memory.nameless == NAMELESS_READINGS:
            memory.forget()
    else:
        memory.forget()


def _failure(
    target: Target, driver: Driver | None, now: float, duration_s: float, error: PollError
) -> PollFailure:
    return PollFailure(
        container=target.container,
        miner=target.miner,
        address=target.address,
        taken_at=datetime.fromtimestamp(now, UTC),
        duration_s=duration_s,
        reason=error.reason,
        detail=str(error) or error.reason,
        driver=driver.name if driver else None,
    )
