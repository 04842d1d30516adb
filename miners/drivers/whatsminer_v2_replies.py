"""What the replies of Whatsminer's API v1 and v2 mean: pure functions from reply objects to readings.

The readings of a joined poll are taken apart here for every miner of a fleet on every poll, so the types that firmware
should send are tried first, and fields are read once. Names and units are those of MicroBT's API documents 1.3 to
2.0.5; what field firmware does otherwise is told beside the line that takes care of it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from miners.draft import Draft
from miners.drivers.whatsminer_faults import MAX_FAULTS, read_faults
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
from miners.link import Object
from miners.model import Board, Fault, Psu
from miners.reply import is_complete, numbering, pools, share_sum, sum_of_all
from miners.units import celsius, count, hashes, mac, number, rpm, seconds, text, watts

_HASHRATES = ("MHS 5s", "HS RT", "MHS 1m", "MHS 5m", "MHS 15m", "MHS av")
"""The hash rate now, the shortest window first. Firmware leaves some of them out; all are MH/s."""

_MODEL_KEYS = ("miner_type", "minertype")
"""Where firmware that does not answer devdetails may name the model."""

_MAX_MHS = 1e15
_MAX_TOTAL_MH = 1e30
_MAX_CENTIVOLTS = 1e5
_MODES = {"Normal": "normal", "Low": "low", "High": "high"}
_NO_PSU = Psu()

NOTHING: Object = {}
"""What stands for a section that is not there."""


class About(msgspec.Struct, frozen=True, gc=False):
    """What changes slowly and is asked for by itself: who the miner is, and its power supply.

    `psu_fan_rpm`, `psu_c`, `input_v`, `input_a` and `locating` are of the moment: only the poll that asked may show them.
    """

    model: str | None = None
    firmware_version: str | None = None
    mac: str | None = None
    serial: str | None = None
    hostname: str | None = None
    psu_model: str | None = None
    psu_serial: str | None = None
    psu_fan_rpm: float | None = None
    psu_c: float | None = None
    input_v: float | None = None
    input_a: float | None = None
    locating: bool | None = None

    def lasting(self, before: "About | None" = None) -> "About":
        """Return the names without the figures of the moment; those that are missing from `before`.

        What could not be asked again has not changed: a name does not come and go with its connection.
        """
        known = before or self
        return About(
            self.model or known.model,
            self.firmware_version or known.firmware_version,
            self.mac or known.mac,
            self.serial or known.serial,
            self.hostname or known.hostname,
            self.psu_model or known.psu_model,
            self.psu_serial or known.psu_serial,
        )


def about(replies: Mapping[str, Object]) -> About:
    """Return what devdetails, get_version, get_miner_info, get_psu and status tell of the miner."""
    models = [
        named(device.get("Model")) for device in entries(replies.get("devdetails"), "DEVDETAILS") if device
    ]
    version = entry(replies.get("get_version"), "VERSION").get
    info = entry(replies.get("get_miner_info"), "INFO").get
    psu = entry(replies.get("get_psu"), "PSU").get
    status = entry(replies.get("status"), "status").get
    models += [named(get(key)) for get in (version, info) for key in _MODEL_KEYS]
    return About(
        model=next((model for model in models if model), None),
        firmware_version=_unquoted(version("fw_ver"))
        or _unquoted(status("FirmwareVersion"))
        or _unquoted(status("Firmware Version")),
        mac=mac(info("mac")),
        serial=named(info("minersn")),
        hostname=named(info("hostname")),
        psu_model=named(psu("model")) or named(psu("name")),
        psu_serial=named(psu("serial_no")) or named(info("powersn")),
        psu_fan_rpm=rpm(psu("fan_speed")),
        psu_c=sensor(psu("temp0")),
        input_v=input_volts(psu("vin")),
        input_a=input_amperes(psu("iin")),
        locating=locating(info("ledstat")),
    )


def asleep(status: object) -> bool | None:
    """Return whether a `status` reply says that the miner is switched off; None if it does not say."""
    get = entry(status, "status").get
    said = flag(get("mineroff"))
    return flag(get("btmineroff")) if said is None else said


def asked_faults(reply: object, now: float) -> list[Fault]:
    """Return the faults of a `get_error_code` reply."""
    return read_faults(_message(reply), now)


def readings(
    summary: Object, replies: Mapping[str, Object], known: About, now: float, *, whole: bool = True
) -> Draft:
    """Return the Draft of one poll: all but whether it sleeps, and the faults that only get_error_code tells.

    `summary`: the summary's own object (see `entry`); `replies`: those of devs or edevs and pools; `now`: unix s.
    `whole`: whether no reply ended in mid-air; else nothing is added up of rows, of which some may be lost.
    """
    get = summary.get
    hashrate = _megahashes(get("MHS 5s"))
    if hashrate is None:
        hashrate = _other_hashrate(summary)
    configured = entries(replies.get("pools"), "POOLS")
    listed = pools(configured, now, whole=whole or is_complete(replies.get("pools"), configured))
    accepted, rejected, stale = count(get("Accepted")), count(get("Rejected")), count(get("Stale"))
    errors = count(get("Hardware Errors"))
    if whole and (accepted is None or rejected is None or stale is None):
        # Newer firmware counts some of them by pool only. A counter never falls: it does not change its source.
        accepted = share_sum([pool.accepted for pool in listed]) if accepted is None else accepted
        rejected = share_sum([pool.rejected for pool in listed]) if rejected is None else rejected
        stale = share_sum([pool.stale for pool in listed]) if stale is None else stale
    devices = replies.get("devs") or replies.get("edevs")
    found = entries(devices, "DEVS")[:MAX_BOARDS]
    boards = _boards(found)
    all_boards = whole or is_complete(devices, found)
    if whole and errors is None:
        errors = share_sum([board.hardware_errors for board in boards])
    hottest = sensor(get("Temperature"))
    inlet = celsius(get("Env Temp"))
    if inlet == 0.0 and hottest is None:
        inlet = None  # No sensor has been read yet: that is no frost.
    power = watts(get("Power"))
    if not power and (power is None or hashrate):
        power = watts(get("Power_RT")) or None  # What hashes draws power: 0 is "not measured".
    nominal = number(get("Factory GHS"))
    total = number(get("Total MH"))
    mode = get("Power Mode")
    draft = Draft(
        uptime_s=seconds(get("Uptime")),
        mining_s=seconds(get("Elapsed")),
        hashrate_hs=hashrate,
        hashrate_average_hs=_megahashes(get("MHS av")),
        nominal_hashrate_hs=nominal * 1e9 if nominal is not None and 0.0 < nominal < _MAX_MHS else None,
        hashes_total=total * 1e6 if total is not None and 0.0 <= total < _MAX_TOTAL_MH else None,
        power_w=power,
        power_limit_w=watts(get("Power Limit")) or None,
        power_mode=(type(mode) is str and _MODES.get(mode)) or lowered(mode),
        inlet_c=inlet,
        board_max_c=hottest,
        chip_max_c=sensor(get("Chip Temp Max")),
        chip_avg_c=sensor(get("Chip Temp Avg")),
        boards=boards,
        fans=fans(get("Fan Speed In"), get("Fan Speed Out"), liquid=flag(get("Liquid Cooling")) is True),
        pools=listed,
        accepted=accepted,
        rejected=rejected,
        stale=stale,
        hardware_errors=errors,
    )
    if get("Error Code Count") != 0:
        draft.faults = _listed_faults(summary, now)
    if summary is NOTHING and all_boards:
        _read_rows(draft, found)
    name(draft, summary, known)
    return draft


def name(draft: Draft, summary: Object, known: About) -> None:
    """Put the names into the Draft: the summary's own are of this poll, the others may be older."""
    get = summary.get
    draft.model = known.model
    draft.firmware = "stock"
    draft.firmware_version = _unquoted(get("Firmware Version")) or known.firmware_version
    address = get("MAC")
    draft.mac = known.mac if address == known.mac else mac(address) or known.mac
    draft.serial = known.serial
    draft.hostname = known.hostname
    draft.locating = known.locating
    centivolts = number(get("Voltage"))
    fan_rpm = rpm(get("Power Fanspeed"))
    psu = Psu(
        known.psu_model,
        known.psu_serial,
        known.input_v,
        known.input_a,
        centivolts / 100.0 if centivolts is not None and 0.0 <= centivolts < _MAX_CENTIVOLTS else None,
        known.psu_fan_rpm if fan_rpm is None else fan_rpm,
        known.psu_c,
    )
    draft.psu = None if psu == _NO_PSU else psu


def entry(reply: object, section: str) -> Object:
    """Return the one object that a reply is about, whichever shape it comes in; NOTHING if there is none.

    Seen: `{"SUMMARY":[{…}]}`, and from newer firmware `{"STATUS":"S","Code":131,"Msg":{…}}`, Msg also as JSON text.
    """
    found = entries(reply, section)
    return found[0] if found else NOTHING


def entries(reply: object, section: str) -> list[Object]:
    """Return the rows that a reply is about: of `{"DEVS":[…]}`, or of a list in Msg."""
    if type(reply) is not dict:
        return []
    found = reply.get(section)
    if found is None:
        found = _message(reply)
        if type(found) is dict:
            found = found.get(section, found)
    if type(found) is dict:
        return [found]
    return [row for row in found if type(row) is dict] if type(found) is list else []


def _message(reply: object) -> Any:
    """Return a reply's Msg: an object or a list, also where it is JSON within a text; else None."""
    found = reply.get("Msg") if isinstance(reply, dict) else None
    if isinstance(found, str) and found.startswith(("{", "[")):
        try:
            found = orjson.loads(found)
        except ValueError:
            return None
    return found if isinstance(found, dict | list) else None


def _boards(found: list[Object]) -> list[Board]:
    boards = []
    blank = 0
    numbers = numbering([row.get("Slot", row.get("ASC")) for row in found])
    for number_, row in zip(numbers, found, strict=True):
        get = row.get
        hashrate = _megahashes(get("MHS 5s"))
        if hashrate is None:
            hashrate = _other_hashrate(row)
        nominal = number(get("Factory GHS"))
        frequency = hertz(get("Chip Frequency"))
        board = Board(
            number_,
            named(get("PCB SN")),
            hashrate,
            nominal * 1e9 if nominal is not None and 0.0 < nominal < _MAX_MHS else None,
            count(get("Effective Chips")),
            None,
            None,
            None,
            sensor(get("Temperature")),
            sensor(get("Chip Temp Max")),
            sensor(get("Chip Temp Avg")),
            hertz(get("Frequency")) if frequency is None else frequency,
            None,
            count(get("Hardware Errors")),
        )
        if not hashrate and _is_blank(board):
            blank += 1
        boards.append(board)
    if blank and blank < len(boards):
        # A slot that shows nothing beside boards that do is an empty slot; if all are so, the miner is at rest.
        boards = [board for board in boards if not _is_blank(board)]
    return boards


def _read_rows(draft: Draft, found: list[Object]) -> None:
    """Fill in of the whole miner what the boards' rows tell, where there is no summary: they repeat much of it."""
    rates = [board.hashrate_hs for board in draft.boards]
    averages = [_megahashes(row.get("MHS av")) for row in found]
    draft.hashrate_hs = sum_of_all(rates)
    draft.hashrate_average_hs = sum_of_all(averages)
    draft.nominal_hashrate_hs = sum_of_all([board.nominal_hashrate_hs for board in draft.boards])
    draft.mining_s = max(
        (age for row in found if (age := seconds(row.get("Device Elapsed"))) is not None), default=None
    )
    for row in found:
        draft.fans = draft.fans or fans(row.get("Fan Speed In"), row.get("Fan Speed Out"), liquid=False)


def _is_blank(board: Board) -> bool:
    return not board.hashrate_hs and not board.chips and board.serial is None and board.board_c is None


def _listed_faults(summary: Object, now: float) -> list[Fault]:
    """Return the faults that old firmware lists in the summary itself, as `Error Code 0`, `Error Code 1`."""
    codes = []
    for at in range(MAX_FAULTS):
        code = summary.get(f"Error Code {at}")
        if code is None:
            if at == 0:
                continue  # Numbers from 1 have been told of as well.
            break
        codes.append(code)
    return read_faults(codes, now) if codes else []


def _megahashes(value: object) -> float | None:
    """Return H/s of a figure in MH/s."""
    if type(value) is float and 0.0 <= value <= _MAX_MHS:
        return value * 1e6
    return hashes(value, 1e6)


def _other_hashrate(found: Object) -> float | None:
    for key in _HASHRATES:
        hashrate = _megahashes(found.get(key))
        if hashrate is not None:
            return hashrate
    return None


def _unquoted(value: object) -> str | None:
    """Return a firmware version without the quotes that the maker's own writing puts into it: `'20210322.22.REL'`."""
    return text(value.strip(" '\"\\")) if isinstance(value, str) else None
