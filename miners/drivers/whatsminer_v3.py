"""Whatsminer, API v3 (TCP 4433, length-prefixed JSON): status in one joined question, the device's own story now and then.

`parse` is pure: the sections' objects by name in, a Draft out. Whether the miner works and what faults it has stands
in `get.device.info` alone, which is therefore asked again whenever the status looks like sleep. Names and units are
those of MicroBT's API document 3.0. Hash rates are TH/s. Shares and hardware errors are not told by this protocol.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import orjson

from miners.draft import Draft
from miners.driver import Driver, Memory
from miners.drivers.whatsminer_faults import read_faults
from miners.drivers.whatsminer_fields import (
    MAX_BOARDS,
    fans,
    flag,
    hertz,
    input_amperes,
    input_volts,
    locating,
    lowered,
    named,
    sensor,
)
from miners.drivers.whatsminer_sleep import is_frozen, is_low_power, settle
from miners.errors import AuthFailed, Malformed, PollError, Unsupported
from miners.link import Link, Object
from miners.model import Board, Psu
from miners.reply import PoolNames, numbering, pools, rows, sum_of_all
from miners.units import celsius, count, hashes, mac, number, rpm, seconds, text, watts

WARM_UP_S = 1800.0
"""An M60S without fast boot has needed 1323 s to raise its clocks (`bootup-time`); others need longer."""

DEVICE_KEPT_S = 120.0
"""How long the device's story holds while nothing in the status speaks against it."""

STATUS = "get.miner.status"
DEVICE = "get.device.info"
SECTIONS = ("summary", "edevs", "pools")
PARTS = ("miner", "error-code", "system", "network", "power")

_NOT_UNDERSTOOD, _NOT_ALLOWED = (-2, -3), -4
_HASHRATES = ("hash-realtime", "hash-1min", "hash-15min", "hash-average")
_MODES = {"0": "low", "1": "normal", "2": "high"}
_POOL = PoolNames(
    "id",
    "url",
    "account",
    "status",
    "stratum-active",
    "pool-priority",
    "accepted",
    "rejected",
    "stale",
    "last-share-time",
)
_NOTES = "whatsminer_v3"
_DEVICE = "work mode"
"""What the device's story is kept as: it holds mode and light, which a command may change (see Memory.forget_settings)."""
_NO_PSU = Psu()


class _Past(msgspec.Struct):
    """What is remembered from poll to poll.

    `device`: the parts of get.device.info but for the figures of the moment, good while the memory keeps _DEVICE.
    `joins`: the status can be asked for with its sections joined. `untold`: sections it never tells. `whole`:
    the device's story comes in one reply.
    """

    device: dict[str, dict[str, bool | str | None]] = msgspec.field(default_factory=dict)
    joins: bool = True
    untold: set[str] = msgspec.field(default_factory=set)
    whole: bool = True
    faulty: bool = False
    hashrate_hs: float | None = None
    mining_s: float | None = None


async def read(link: Link, memory: Memory) -> Draft:
    """Read one miner. Raises AuthFailed if it lets nobody read it, else the PollError that stood in the way."""
    past: _Past = memory.notes.setdefault(_NOTES, _Past())
    sections, failure = await _ask_status(link, past)
    draft = _readings({**past.device, **sections}, link.now, whole=not link.truncated)
    frozen = is_frozen(draft, past.hashrate_hs, past.mining_s)
    hashes = bool(draft.hashrate_hs) and not frozen and not is_low_power(draft)
    if not hashes or draft.asleep or past.faulty or memory.recall(_DEVICE, link.now) is None:
        told = await _ask_device(link, past)
        if not told and not sections:
            raise failure or Unsupported(f"{link.target.address}: answers on its API v3, but tells nothing")
        _remember(past, told, hashes=hashes)
        memory.keep(_DEVICE, True, link.now + DEVICE_KEPT_S)
        draft = _readings({**past.device, **told, **sections}, link.now, whole=not link.truncated)
    past.hashrate_hs, past.mining_s, past.faulty = draft.hashrate_hs, draft.mining_s, bool(draft.faults)
    settle(draft, draft.asleep)
    return draft


def parse(replies: Mapping[str, Any], now: float) -> Draft:
    """Return what one poll's sections say. `now`: unix seconds of the poll.

    `replies`: by name, what stands below `msg`: summary, pools and edevs of get.miner.status; miner, system, network,
    power and error-code of get.device.info. Any may be missing, and anything in them may be of any type.
    `bootup-time` is no uptime (it can be far less than `elapsed`): the seconds that the last start took.
    """
    draft = _readings(replies, now)
    settle(draft, draft.asleep)
    return draft


def _readings(replies: Mapping[str, Any], now: float, *, whole: bool = True) -> Draft:
    get = _object(replies.get("summary")).get
    miner, power = _object(replies.get("miner")), _object(replies.get("power"))
    network, system = _object(replies.get("network")), _object(replies.get("system"))
    works = flag(miner.get("working"))
    edevs = rows(replies, "edevs")[:MAX_BOARDS]
    boards = _boards(edevs, _items(get("board-temperature")), miner)
    hashrate, average = _hashrate_now(get), _terahashes(get("hash-average"))
    nominal = _terahashes(get("factory-hash")) or None
    if "summary" not in replies and whole:
        hashrate = sum_of_all([board.hashrate_hs for board in boards])
        average = sum_of_all([_terahashes(row.get("hash-average")) for row in edevs])
        nominal = sum_of_all([board.nominal_hashrate_hs for board in boards])
    power_w = watts(get("power-realtime"))
    if not power_w and (power_w is None or hashrate):
        power_w = watts(get("power-5min")) or None  # What hashes draws power: 0 is "not measured".
    chip_max, inlet = sensor(get("chip-temp-max")), celsius(get("environment-temperature"))
    if inlet == 0.0 and chip_max is None:
        inlet = None  # No sensor has been read yet: that is no frost.
    return Draft(
        model=named(miner.get("type")),
        firmware="stock",
        firmware_version=named(system.get("fwversion")),
        mac=mac(network.get("mac")),
        serial=named(miner.get("miner-sn")),
        hostname=named(network.get("hostname")),
        asleep=None if works is None else not works,
        mining_s=seconds(get("elapsed")),
        hashrate_hs=hashrate,
        hashrate_average_hs=average,
        nominal_hashrate_hs=nominal,
        power_w=power_w,
        power_limit_w=watts(get("power-limit")) or None,
        power_mode=_MODES.get(text(power.get("mode")) or "") or lowered(power.get("mode")),
        locating=locating(system.get("ledstatus")),
        inlet_c=inlet,
        chip_max_c=chip_max,
        chip_avg_c=sensor(get("chip-temp-avg")),
        boards=boards,
        fans=fans(get("fan-speed-in"), get("fan-speed-out"), liquid=False),
        psu=_psu(power),
        pools=pools(rows(replies, "pools"), now, _POOL, whole=whole),
        faults=read_faults(replies.get("error-code"), now),
    )


async def _ask_status(link: Link, past: _Past) -> tuple[dict[str, Any], PollError | None]:
    """Ask for the status, joined where the firmware joins; return its sections, and what went wrong if none came."""
    sections: dict[str, Any] = {}
    failure: PollError | None = None
    refused = False
    if past.joins:
        try:
            reply = await link.frame(STATUS, "+".join(SECTIONS))
            refused = number(reply.get("code")) in _NOT_UNDERSTOOD
            sections = _sections(link, reply, SECTIONS)
        except (Malformed, Unsupported) as error:
            failure = error
    refused = refused or bool(sections)
    missing = [name for name in SECTIONS if name not in sections and name not in past.untold]
    for name in () if link.truncated and sections else missing:
        try:
            found = _sections(link, await link.frame(STATUS, name), (name,))
        except (Malformed, Unsupported) as error:
            failure = error
            found = {}
        except PollError:
            if not sections:
                raise
            break  # The poll's time is up, or the line is down: what came is what there is.
        if found:
            sections.update(found)
            past.joins = past.joins and not refused
        elif sections:
            past.untold.add(name)
    return sections, failure


async def _ask_device(link: Link, past: _Past) -> dict[str, Any]:
    """Ask who the miner is, whether it works and what faults it has; empty if that could not be had."""
    parts: dict[str, Any] = {}
    if past.whole:
        try:
            return _sections(link, await link.frame(DEVICE), PARTS)
        except Unsupported:
            past.whole = False
        except PollError:
            return {}
    for name in PARTS:
        try:
            parts.update(_sections(link, await link.frame(DEVICE, name), (name,)))
        except PollError:
            continue  # It tells the other parts all the same.
    return parts


def _sections(link: Link, reply: Object, names: Sequence[str]) -> dict[str, Any]:
    """Return the named sections of a reply. Raises AuthFailed or Unsupported if it says no."""
    address = link.target.address
    code = number(reply.get("code"))
    if code == _NOT_ALLOWED:
        raise AuthFailed(f"{address}: lets nobody read its API v3 (code -4); allow reading in WhatsMinerTool")
    message = reply.get("msg")
    if isinstance(message, str) and message.startswith(("{", "[")):
        try:
            message = orjson.loads(message)
        except ValueError:
            message = None
    if isinstance(message, list) and message and len(names) == 1:
        message = {names[0]: message}
    if code or not isinstance(message, dict):
        raise Unsupported(f"{address}: does not tell its {'+'.join(names)} (code {text(reply.get('code'))})")
    found = {name: message[name] for name in names if name in message}
    if not found and len(names) == 1 and message:
        found = {names[0]: message}  # A single section may come without its name.
    return found


def _remember(past: _Past, told: dict[str, Any], *, hashes: bool) -> None:
    """Keep what lasts of the device's story. What could not be asked again has not changed, but for its state.

    Only what is read later is kept: a stranger's reply may be long, and a fleet has many miners.
    """
    if hashes:
        past.device.get("miner", {}).pop("working", None)
    for part, keys in _LASTING.items():
        if part in told:
            found = _object(told[part])
            past.device[part] = {key: _short(found[key]) for key in keys if key in found}


def _short(value: object) -> bool | str | None:
    return value if isinstance(value, bool) else text(value)


def _boards(found: list[Object], temperatures: list[Any], miner: Object) -> list[Board]:
    """Return the boards; their temperatures and serials stand elsewhere, by place and by number."""
    if not found:
        found = [{"id": at} for at, celsius_ in enumerate(temperatures) if sensor(celsius_) is not None]
    by_place = len(temperatures) == len(found)
    boards = []
    numbers = numbering([entry.get("id", entry.get("slot")) for entry in found])
    for at, (index, entry) in enumerate(zip(numbers, found, strict=True)):
        get = entry.get
        place = at if by_place else index
        boards.append(
            Board(
                index,
                named(miner.get(f"pcbsn{index}")),
                _hashrate_now(get),
                _terahashes(get("factory-hash")) or None,
                count(get("effective-chips")),
                None,
                None,
                None,
                sensor(temperatures[place]) if place < len(temperatures) else None,
                sensor(get("chip-temp-max")),
                sensor(get("chip-temp-avg")),
                hertz(get("freq")),
                None,
                None,
            )
        )
    return boards


def _psu(power: Object) -> Psu | None:
    get = power.get
    psu = Psu(
        named(get("model")) or named(get("type")),
        named(get("sn")),
        input_volts(get("vin")),
        input_amperes(get("iin")),
        _output_volts(get("vout")),
        rpm(get("fanspeed")),
        sensor(get("temp0")),
    )
    return None if psu == _NO_PSU else psu


def _hashrate_now(get: Callable[[str], Any]) -> float | None:
    for key in _HASHRATES:
        hashrate = _terahashes(get(key))
        if hashrate is not None:
            return hashrate
    return None


def _terahashes(value: object) -> float | None:
    """Return H/s of a figure in TH/s."""
    return hashes(value, 1e12)


def _output_volts(value: object) -> float | None:
    """Return the voltage for the boards in V; firmware writes volts or 10 mV, told by the size."""
    figure = number(value)
    if figure is None or not 0.0 <= figure < 100_000.0:
        return None
    return figure / 100.0 if figure >= 200.0 else figure


def _object(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


_LASTING = {
    "miner": ("working", "type", "miner-sn", *(f"pcbsn{number}" for number in range(MAX_BOARDS))),
    "system": ("fwversion",),
    "network": ("mac", "hostname"),
    "power": ("mode", "model", "type", "sn"),
}

DRIVER = Driver(name="whatsminer_v3", manufacturer="Whatsminer", read=read, warm_up_s=WARM_UP_S)
