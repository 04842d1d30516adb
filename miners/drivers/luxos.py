"""LuxOS, Luxor's firmware on Antminers: everything that changes in one joined question on TCP 4028.

The joined answer is some 15 kB; `stats` is a sixth of it and tells chips and clocks, so it is asked with the rest
and never stale. `voltageget` (it blocks for seconds) and `healthchipget` (30 kB a board) are not asked. `Total MH` is
an average on LuxOS, no count. `temps` are sensors on the boards; those that `stats` calls chips repeat them. The
intake side is the nearest to inlet air that such a miner knows (a few degrees above it, for the board warms it): the
hottest of these sensors is the miner's inlet, the hottest of the exhaust side its outlet.
Facts: `protocols.md` section 7, captured replies of an S19k Pro, field names in public LuxOS clients.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from miners.ask import ask_all
from miners.draft import Draft
from miners.driver import Driver, Memory
from miners.errors import Unsupported
from miners.link import Link, Object
from miners.model import Board, Fan, Fault, Pool, Psu
from miners.reply import MAX_POOLS, first, keepsake, numbering, pools, rows, sum_of_all
from miners.units import celsius, count, hashes, mac, megahertz, number, text, watts

POLL = ("summary", "devs", "pools", "temps", "fans", "power", "config", "stats")
KEPT_S = {"version": 3600.0, "events": 300.0}
MISSING_S = 300.0
"""What changes slowly, how long it is believed, and how soon it is asked for again where there was no answer."""

_OF_VERSION = ("Type", "LUXminer", "Miner")
_OF_EVENTS = ("Code", "CreatedAt", "Description", "Target", "ID")
"""What is read of those."""

_MAX_PARTS = 32
_MAX_EVENTS = 64
_FIRMWARE_WORD = "luxminer"

_ASLEEP = ("sleep", "curtail", "idle", "standby", "suspend", "pause")
"""Words in CurtailMode (`None`, `Sleep`) and SystemStatus (`Normal`) that say that the miner was put to rest."""

_SENSORS = {"TopLeft": "outlet", "BottomLeft": "outlet", "TopRight": "inlet", "BottomRight": "inlet"}
_SIDES = (("exhaust", "outlet"), ("outlet", "outlet"), ("intake", "inlet"), ("inlet", "inlet"))
"""Where a board's sensors sit, by name; `METADATA` labels them (`Board Exhaust (top)`), and its word comes first."""


async def read(link: Link, memory: Memory) -> Draft:
    """Read one miner. `version` is asked once an hour, `events` every five minutes."""
    kept = {question: memory.recall(question, link.now) for question in KEPT_S}
    due = [question for question, answer in kept.items() if answer is None]
    replies = await ask_all(link, memory, (*POLL, *due))
    if "summary" not in replies and "devs" not in replies:
        raise Unsupported(
            f"{link.target.address}: answers neither summary nor devs; name a driver with driver:"
        )
    for question in due:
        answer = replies.get(question)
        kept_s = MISSING_S if answer is None else KEPT_S[question]
        memory.keep(question, _kept(question, answer), link.now + kept_s)
    return parse({**kept, **replies}, link.now, whole=not link.truncated)


def _kept(question: str, answer: Object | None) -> Object:
    if question == "version":
        return keepsake(answer, "VERSION", _OF_VERSION)
    return keepsake(answer, "EVENTS", _OF_EVENTS, _MAX_EVENTS)


def parse(replies: Mapping[str, Object | None], now: float, *, whole: bool = True) -> Draft:
    """Return what the replies say, by command (`POLL`, `version`, `events`), each of which may be missing.

    `whole`: whether every reply came uncut (see Draft).
    """
    draft = Draft(whole=whole, manufacturer="AntMiner", firmware="LuxOS")
    summary = first(replies.get("summary"), "SUMMARY")
    config = first(replies.get("config"), "CONFIG")
    stats = rows(replies.get("stats"), "STATS")
    devices = rows(replies.get("devs"), "DEVS")

    _identify(draft, replies, config, stats)
    draft.asleep = _asleep(config)
    draft.mining_s = _seconds(summary.get("Elapsed"))
    draft.accepted = count(summary.get("Accepted"))
    draft.rejected = count(summary.get("Rejected"))
    draft.stale = count(summary.get("Stale"))
    draft.hardware_errors = count(summary.get("Hardware Errors"))
    draft.hashrate_hs = _hashrate(summary, devices, whole=whole)
    draft.hashrate_average_hs = hashes(summary.get("GHS av"), 1e9)
    draft.power_w = watts(first(replies.get("power"), "POWER").get("Watts")) or None
    draft.power_limit_w = _power_limit(config)
    draft.profile = text(config.get("Profile"))
    draft.locating = _locating(config)
    draft.boards = _boards(devices, replies.get("temps"), stats)
    draft.nominal_hashrate_hs = hashes(config.get("NameplateTHS"), 1e12) or None
    if draft.nominal_hashrate_hs is None and whole:
        # The profile's rate, where the miner has no nameplate.
        draft.nominal_hashrate_hs = sum_of_all([board.nominal_hashrate_hs for board in draft.boards])
    inlets = [board.inlet_c for board in draft.boards if board.inlet_c is not None]
    outlets = [board.outlet_c for board in draft.boards if board.outlet_c is not None]
    draft.inlet_c, draft.outlet_c = max(inlets, default=None), max(outlets, default=None)
    _read_fans(draft, rows(replies.get("fans"), "FANS"))
    supply = text(config.get("PSULabel"))
    draft.psu = Psu(model=supply) if supply is not None else None
    draft.pools = _pools(rows(replies.get("pools"), "POOLS"), now, whole=whole)
    draft.faults = _faults(draft, replies, now)
    return draft


def _identify(
    draft: Draft, replies: Mapping[str, Object | None], config: Object, stats: Sequence[Object]
) -> None:
    version = first(replies.get("version"), "VERSION")
    named = text(config.get("Model")) or text(version.get("Type"))
    draft.model = named or next((name for row in stats if (name := text(row.get("Type")))), None)
    draft.firmware_version = _firmware(replies) or text(version.get("LUXminer")) or text(version.get("Miner"))
    draft.mac = mac(config.get("MACAddr"))
    draft.serial = text(config.get("SerialNumber"))
    draft.hostname = text(config.get("Hostname"))


def _firmware(replies: Mapping[str, Object | None]) -> str | None:
    """Return the version that every reply carries (`LUXminer 2025.4.8.220305-57b389c7`): no question shows it sooner."""
    for command in POLL:
        name = text(first(replies.get(command), "STATUS").get("Description"))
        word, _, version = (name or "").partition(" ")
        if word.lower() == _FIRMWARE_WORD and version:
            return version.strip()
    return None


def _asleep(config: Object) -> bool | None:
    """Tell whether the miner was put to rest. A supply that is off without that is a protection that has tripped."""
    said = [word.lower() for key in ("CurtailMode", "SystemStatus") if (word := text(config.get(key)))]
    if not said:
        return None
    return any(word in state for state in said for word in _ASLEEP)


def _seconds(value: object) -> float | None:
    figure = number(value)
    return figure if figure is not None and figure >= 0.0 else None


def _hashrate(summary: Object, devices: Sequence[Object], *, whole: bool) -> float | None:
    now = hashes(summary.get("GHS 5s"), 1e9)
    if now is None:
        now = hashes(summary.get("MHS 5s"), 1e6)
    if now is None and whole:
        now = sum_of_all([hashes(device.get("MHS 5s"), 1e6) for device in devices[:_MAX_PARTS]])
    return now


def _locating(config: Object) -> bool | None:
    """Tell whether a person was shown the way to it: `auto` is the firmware's own use of the light."""
    light = text(config.get("RedLed"))
    return None if light is None else light.lower() in ("blink", "on")


def _power_limit(config: Object) -> float | None:
    if config.get("IsPowerTargetEnabled") is True:
        target = watts(config.get("ActualPowerTarget"))
        if target:
            return target
    return watts(config.get("PowerLimit")) or None


def _boards(devices: Sequence[Object], temps: Object | None, stats: Sequence[Object]) -> list[Board]:
    """Return the boards in the order of their numbers, which `devs` does not keep. `stats` counts chains from 1."""
    devices = devices[:_MAX_PARTS]
    numbers = numbering([device.get("ID", device.get("ASC")) for device in devices])
    chains = next((row for row in stats if any(key.startswith("chain_acn") for key in row)), {})
    sides = _board_sides(temps)
    boards = []
    for index, device in sorted(zip(numbers, devices, strict=True), key=lambda pair: pair[0]):
        inlet, outlet = sides.get(index, (None, None))
        chips = count(chains.get(f"chain_acn{index + 1}"))
        frequency = megahertz(chains.get(f"freq{index + 1}"))
        boards.append(
            Board(
                index,
                text(device.get("SerialNumber")),
                hashes(device.get("MHS 5s"), 1e6),
                hashes(device.get("Nominal MHS"), 1e6) or None,
                chips,
                None,
                inlet,
                outlet,
                _warm(device.get("Temperature")),
                None,
                None,
                frequency or None,
                None,
                count(device.get("Hardware Errors")),
            )
        )
    return boards


def _board_sides(temps: Object | None) -> dict[int, tuple[float | None, float | None]]:
    """Return inlet and outlet of each board in °C, the hotter of the sensors on a side."""
    labels = first(temps, "METADATA")
    places = dict(_SENSORS)
    for sensor, described in list(labels.items())[:_MAX_PARTS]:
        label = text(described.get("Label")) if isinstance(described, dict) else text(described)
        for word, side in _SIDES:
            if label is not None and word in label.lower():
                places[sensor] = side
                break
    sides: dict[int, tuple[float | None, float | None]] = {}
    found = rows(temps, "TEMPS")[:_MAX_PARTS]
    numbers = numbering([row.get("ID", row.get("TEMP")) for row in found])
    for index, row in zip(numbers, found, strict=True):
        read: dict[str, list[float]] = {"inlet": [], "outlet": []}
        for sensor, side in places.items():
            degrees = _warm(row.get(sensor))
            if degrees is not None:
                read[side].append(degrees)
        sides[index] = max(read["inlet"], default=None), max(read["outlet"], default=None)
    return sides


def _warm(value: object) -> float | None:
    """Return °C; exactly 0 is what LuxOS writes for a sensor that has no power."""
    return celsius(value) or None


def _read_fans(draft: Draft, found: Sequence[Object]) -> None:
    """Fill in the fans, numbered as their sockets are (`FAN4`), and as duty the mean of what they are told."""
    turning: list[tuple[object, float]] = []
    duties: list[float] = []
    for row in found[:_MAX_PARTS]:
        speed = number(row.get("RPM"))
        if speed is not None and 0.0 <= speed < 1e6:
            name = (text(row.get("FAN")) or "").upper().removeprefix("FAN")
            turning.append((name if name.isdecimal() else row.get("ID"), speed))
        duty = number(row.get("Speed"))
        if duty is not None and 0.0 <= duty <= 100.0:
            duties.append(duty)
    numbers = numbering([name for name, _ in turning])
    draft.fans = sorted(
        (Fan(index, speed) for index, (_, speed) in zip(numbers, turning, strict=True)),
        key=lambda fan: fan.index,
    )
    draft.fan_duty_ratio = sum(duties) / len(duties) / 100.0 if duties else None


def _pools(found: Sequence[Object], now: float, *, whole: bool) -> list[Pool]:
    """Return the pools, one active in each group: LuxOS splits its work over groups by quota.

    A pool without a share counts `Last Share Time` from the start of mining; it never had one.
    """
    found = found[:MAX_POOLS]
    numbers = numbering([row.get("POOL") for row in found])
    groups: dict[int | None, list[Object]] = {}
    for index, row in zip(numbers, found, strict=True):
        own = {**row, "POOL": index}
        if count(row.get("Accepted")) == 0 and count(row.get("Rejected")) == 0:
            own["Last Share Time"] = None
        groups.setdefault(count(row.get("GROUP")), []).append(own)
    return [pool for group in groups.values() for pool in pools(group, now, whole=whole)]


def _faults(draft: Draft, replies: Mapping[str, Object | None], now: float) -> list[Fault]:
    """Return the events that are true now, one for each code.

    `events` does not say which are over. One is current if it came since the miner began to mine, or if what it
    names, the miner or a board, does not hash though nobody ordered it to sleep.
    """
    when = number(first(replies.get("summary"), "STATUS").get("When")) or now
    began = None if draft.mining_s is None else when - draft.mining_s
    faults: dict[str, Fault] = {}
    for event in rows(replies.get("events"), "EVENTS")[:_MAX_EVENTS]:
        code = text(event.get("Code"))
        if code is None:
            continue
        since = _created(event.get("CreatedAt"))
        fresh = began is None or since is None or since.timestamp() >= began
        if not fresh and (draft.asleep or _hashes(draft, event)):
            continue
        known = faults.get(code)
        if known is None or (since is not None and known.since is not None and since < known.since):
            faults[code] = Fault(code, text(event.get("Description")), since)
    return list(faults.values())


def _hashes(draft: Draft, event: Object) -> bool:
    if text(event.get("Target")) == "BOARD":
        index = count(event.get("ID"))
        rates = [board.hashrate_hs for board in draft.boards if index in (None, board.index)]
        return bool(rates) and all(rates)
    return bool(draft.hashrate_hs)


def _created(value: object) -> datetime | None:
    written = text(value)
    if written is None:
        return None
    try:
        at = datetime.fromisoformat(written)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


DRIVER = Driver(name="luxos", manufacturer="AntMiner", read=read, warm_up_s=600.0)
