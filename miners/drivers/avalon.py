"""Canaan Avalon: cgminer's `summary`, `stats` and `pools` on TCP 4028, joined, for the maker warns of asking twice at once.

One module (10xx to 16xx, Q, Nano, Mini) is the miner; a controller with several (7xx to 9xx) is one miner with many
boards, numbered module × 10 + board as the miner counts both. `MGHS` is each board's mean since mining began (it adds
up to `GHSavg`), the only figure that a board has; it is shown as 0 while the whole miner shows 0.
Facts: `protocols.md` section 5, Canaan's cgminer sources, captured replies of a 1246 and a Q.
"""

from collections.abc import Mapping, Sequence

from miners.ask import ask_all
from miners.draft import Draft
from miners.driver import Driver, Memory
from miners.drivers.avalon_text import BOARDS_A_MODULE, Module, figures, model_and_build, modules
from miners.errors import Unsupported
from miners.link import Link, Object
from miners.model import Board, Fan, Fault, Pool, Psu
from miners.reply import first, pools, rows
from miners.units import celsius, count, hashes, mac, megahertz, number, text, watts

POLL = ("summary", "stats", "pools")
VERSION_KEPT_S = 3600.0
VERSION_MISSING_S = 300.0
"""How long an identity is believed, and how soon it is asked for again where there was no answer."""

_NOW = ("MHS 5s", "MHS 30s", "MHS 1m")
_FANS = (("Fan", 0), ("Fan1", 1), ("Fan2", 2), ("Fan3", 3), ("Fan4", 4))
_SLOTS = ("MGHS", "MTmax", "MH", "ECHU", "CRC")

_POWER_MODES = {0: "eco", 1: "standard", 2: "super"}
"""WORKMODE as the A12 and later mean it. Older firmware knows 0 and 1 only, and not always in this sense."""

_MAX_PSU_V = 60.0
"""No supply of an Avalon gives more: a Nano 3s writes its voltage in another unit, which is not documented."""

_IDLE_BIT = 1
_ERROR_BITS = (
    (2, "controller checksum failed"),
    (4, "no fan"),
    (8, "locked"),
    (16, "command queue overflowed"),
    (32, "ring buffer overflowed"),
    (64, "too hot"),
    (128, "was too hot before"),
    (256, "loop failed"),
    (512, "core test failed"),
    (1024, "power management unit invalid"),
    (2048, "power not good"),
    (4096, "temperature sensor failed"),
    (8192, "voltage wrong"),
    (16384, "core voltage wrong"),
    (32768, "power management unit checksum failed"),
    (65536, "clock setting invalid"),
    (131072, "hash unit failed"),
)
"""What the bits of ECHU and ECMM mean, by the names that Canaan gave them. Bit 0 is idle, which is no fault."""


_MOST_MEGAHASHES = 1e24
"""What a controller with a petahash a second would not count in thirty million years."""

_MAX_CODE = 2**32
"""Error codes are words of 32 bits; what is larger is a broken reply, and would make a label of its own each time."""


async def read(link: Link, memory: Memory) -> Draft:
    """Read one controller. `version` is asked once an hour: it tells who the miner is, not how it does."""
    version = memory.recall("version", link.now)
    replies = await ask_all(link, memory, POLL if version is not None else (*POLL, "version"))
    if "summary" not in replies and "stats" not in replies:
        raise Unsupported(
            f"{link.target.address}: answers neither summary nor stats; name a driver with driver:"
        )
    if version is None:
        answer = replies.get("version")
        kept_s = VERSION_MISSING_S if answer is None else VERSION_KEPT_S
        memory.keep("version", answer or {}, link.now + kept_s)
    else:
        replies = {**replies, "version": version}
    return parse(replies, link.now)


def parse(replies: Mapping[str, Object], now: float) -> Draft:
    """Return what the replies say, by command: `summary`, `stats`, `pools`, `version`, each of which may be missing."""
    draft = Draft(manufacturer="Avalon", firmware="stock")
    summary = first(replies.get("summary"), "SUMMARY")
    stats = rows(replies.get("stats"), "STATS")
    found = modules(stats)

    _identify(draft, first(replies.get("version"), "VERSION"), found)
    _read_summary(draft, summary)
    if draft.mining_s is None:
        draft.mining_s = _age(stats, found)
    draft.pools = pools(_pool_rows(replies.get("pools"), now), now)
    draft.asleep = _asleep(found, draft.pools)
    _read_rates(draft, summary, found)
    for module in found:
        _read_module(draft, module)
    if len(found) > 1:
        draft.expected_boards = sum(_slots(module) for module in found) or None
    _sum_up(draft, found)
    return draft


def _identify(draft: Draft, version: Object, found: Sequence[Module]) -> None:
    own, build = model_and_build(found[0].keys.get("Ver") if found else None)
    draft.model = text(version.get("MODEL")) or text(own) or text(version.get("PROD"))
    # The module's own build first: it comes with every poll, and shows a new firmware at once.
    draft.firmware_version = (
        text(build)
        or text(version.get("CGVERSION"))
        or text(version.get("LVERSION"))
        or text(version.get("CGMiner"))
    )
    draft.mac = mac(version.get("MAC"))
    draft.serial = _serial(version.get("DNA"))
    if draft.serial is None and len(found) == 1:
        draft.serial = _serial(found[0].keys.get("DNA"))


def _serial(dna: object) -> str | None:
    shown = text(dna)
    return shown if shown is not None and shown.isascii() and shown.isalnum() else None


def _read_summary(draft: Draft, summary: Object) -> None:
    draft.mining_s = _seconds(summary.get("Elapsed"))
    draft.accepted = count(summary.get("Accepted"))
    draft.rejected = count(summary.get("Rejected"))
    draft.stale = count(summary.get("Stale"))
    draft.hardware_errors = count(summary.get("Hardware Errors"))
    draft.hashes_total = _hashes_counted(summary.get("Total MH"))


def _age(stats: Sequence[Object], found: Sequence[Module]) -> float | None:
    """Return the seconds since cgminer began to mine, where `summary` does not say so."""
    for entry in stats:
        age = _seconds(entry.get("Elapsed"))
        if age is not None:
            return age
    ages = [age for module in found if (age := _seconds(module.keys.get("Elapsed"))) is not None]
    return max(ages, default=None)


def _hashes_counted(megahashes: object) -> float | None:
    figure = number(megahashes)
    return figure * 1e6 if figure is not None and 0.0 <= figure < _MOST_MEGAHASHES else None


def _seconds(value: object) -> float | None:
    figure = number(value)
    return figure if figure is not None and figure >= 0.0 else None


def _asleep(found: Sequence[Module], configured: Sequence[Pool]) -> bool | None:
    """Tell whether every module says that it sleeps. A miner that idles because no pool answers does not sleep."""
    said = [_module_asleep(module, configured) for module in found]
    if not said or None in said:
        return None if False not in said else False
    return all(said)


def _module_asleep(module: Module, configured: Sequence[Pool]) -> bool | None:
    work = module.work
    off = number(module.keys.get("SoftOFF"))
    if "init" in work:
        return False
    if "idle" in work or "sleep" in work or "standby" in work:
        return not (off == 0 and configured and all(pool.alive is False for pool in configured))
    if off:
        # The order to sleep has been given; a module that still hashes has not followed it yet.
        return not number(module.keys.get("GHSspd"))
    return False if work or off is not None else None


def _read_rates(draft: Draft, summary: Object, found: Sequence[Module]) -> None:
    now = _total(found, "GHSspd")
    if not now and any("init" in module.work for module in found):
        now = 0.0
    elif not now:
        # A 1066 writes GHSspd[0.00] while it mines, and 7xx to 9xx write none: cgminer's own count knows.
        rates = [hs for key in _NOW if (hs := hashes(summary.get(key), 1e6)) is not None]
        now = next((hs for hs in rates if hs > 0.0), 0.0 if rates else now)
    draft.hashrate_hs = now
    average = _total(found, "GHSavg")
    draft.hashrate_average_hs = hashes(summary.get("MHS av"), 1e6) if average is None else average
    # An ideal of 0 is that of clocks which stand still, not of the miner.
    draft.nominal_hashrate_hs = _total(found, "GHSmm") or None


def _total(found: Sequence[Module], key: str) -> float | None:
    """Return the sum of a rate over the modules in H/s, None if one of them does not report it."""
    total = 0.0
    for module in found:
        own = hashes(module.keys.get(key), 1e9)
        if own is None:
            return None
        total += own
    return total if found else None


def _slots(module: Module) -> int:
    """Return how many boards the module has places for: the length of its lists by board."""
    for key in _SLOTS:
        length = len((module.keys.get(key) or "").split(maxsplit=BOARDS_A_MODULE))
        if 0 < length <= BOARDS_A_MODULE:
            return length
    return 0


def _read_module(draft: Draft, module: Module) -> None:
    keys = module.keys
    base = module.number * BOARDS_A_MODULE
    slots = _slots(module)
    inlet = celsius(keys.get("ITemp"))
    if inlet is None:
        inlet = celsius(keys.get("Temp"))
    if inlet is not None:
        draft.inlet_c = inlet if draft.inlet_c is None else max(draft.inlet_c, inlet)
    chip_max = _chip_celsius(keys.get("TMax"))
    if chip_max is not None:
        draft.chip_max_c = chip_max if draft.chip_max_c is None else max(draft.chip_max_c, chip_max)

    boards = _boards(draft, module, base, slots)
    present = module.boards_found
    if present is not None and not draft.asleep and "init" not in module.work:
        there = _without_lost(boards, present)
        if len(there) < len(boards):
            draft.expected_boards = slots
            boards = there
    draft.boards += boards

    for key, number_of_fan in _FANS:
        speed = number(keys.get(key))
        if speed is not None and 0.0 <= speed < 1e6:
            draft.fans.append(Fan(base + number_of_fan, speed))
    _read_faults(draft, module)


def _boards(draft: Draft, module: Module, base: int, slots: int) -> list[Board]:
    keys = module.keys
    stands = draft.hashrate_hs == 0.0
    rates, errors = module.list_of("MGHS"), module.list_of("MH")
    ins, outs = module.list_of("HBITemp"), module.list_of("HBOTemp")
    total, chips = count(keys.get("TA")), None
    if total and slots and total % slots == 0 and module.boards_found in (None, slots):
        chips = total // slots  # with a board lost, it is not known of how many boards this is the total
    frequency = megahertz(keys.get("Freq")) or None
    hottest, means = _chip_temperatures(module, slots, bool(draft.asleep))
    several = module.number > 0
    boards = []
    for slot in range(slots):
        hashing = hashes(_at(rates, slot), 1e9)
        board_in = celsius(_at(ins, slot))
        if board_in is None and several:
            board_in = celsius(keys.get("Temp"))
        boards.append(
            Board(
                base + slot,
                None,
                0.0 if stands and hashing is not None else hashing,
                None,
                chips if chips is not None else _chips_counted(module, slot),
                None,
                board_in,
                celsius(_at(outs, slot)),
                None,
                _at(hottest, slot),
                _at(means, slot),
                frequency,
                None,
                count(_at(errors, slot)),
            )
        )
    return boards


def _at(figures_of_boards: Sequence[float | None], slot: int) -> float | None:
    return figures_of_boards[slot] if slot < len(figures_of_boards) else None


def _chip_temperatures(
    module: Module, slots: int, asleep: bool
) -> tuple[list[float | None], list[float | None]]:
    """Return the hottest chip and the mean of each board in °C: `MTmax` and `MTavg`, else of the chips themselves.

    A module that sleeps goes on showing the chips it fell asleep with (a Q does): they are left out, as is 0.
    """
    if "MTmax" in module.keys:
        hottest = [_chip_celsius(figure) for figure in module.list_of("MTmax")]
        return hottest, [_chip_celsius(figure) for figure in module.list_of("MTavg")]
    if asleep or ("TMax" in module.keys and _chip_celsius(module.keys["TMax"]) is None):
        return [], []
    if "PVT_T" in module.keys:
        return _old_chip_temperatures(module.keys["PVT_T"])
    hottest, means = [], []
    for slot in range(slots):
        chips = [
            degrees
            for figure in figures(_chip_list(module, slot))
            if (degrees := _chip_celsius(figure)) is not None
        ]
        hottest.append(max(chips, default=None))
        means.append(sum(chips) / len(chips) if chips else None)
    return hottest, means


def _old_chip_temperatures(written: str) -> tuple[list[float | None], list[float | None]]:
    """Return the same of a 7xx: a board writes `21-80/14-88/84`, its coldest chip, its hottest, and the mean."""
    hottest: list[float | None] = []
    means: list[float | None] = []
    for board in written.split(maxsplit=BOARDS_A_MODULE)[:BOARDS_A_MODULE]:
        parts = board.split("/")
        high = parts[1].partition("-")[2] if len(parts) == 3 else None
        hottest.append(_chip_celsius(high))
        means.append(_chip_celsius(parts[2]) if len(parts) == 3 else None)
    return hottest, means


def _chip_list(module: Module, slot: int) -> str:
    """Return the temperatures of a board's chips as written: `PVT_T{board}`, in a Q's block of one board `PVT_T0`."""
    own = module.board_keys.get(slot)
    if own is not None:
        return own.get(f"PVT_T{slot}") or own.get("PVT_T0") or ""
    return module.keys.get(f"PVT_T{slot}") or ""


def _chips_counted(module: Module, slot: int) -> int | None:
    return len(_chip_list(module, slot).split()) or None


def _chip_celsius(value: object) -> float | None:
    """Return a chip's temperature; 0 and below is what stands there when no chip was read."""
    degrees = celsius(value)
    return degrees if degrees is not None and degrees > 0.0 else None


def _without_lost(boards: list[Board], present: int) -> list[Board]:
    """Return the boards that are there, where the module says that it found fewer than its lists have places for.

    Only if it is plain which are lost: as many as are missing show neither hash rate nor temperature.
    """
    dead = [board for board in boards if not board.hashrate_hs and board.chip_max_c is None]
    if not dead or len(dead) != len(boards) - present:
        return boards
    return [board for board in boards if board not in dead]


def _read_faults(draft: Draft, module: Module) -> None:
    place = f"M{module.number}:" if module.number else ""
    if "fault" in module.work:
        draft.faults.append(Fault(f"{place}WORK:FAULT", text(module.keys.get("SYSTEMSTATU"))))
    if module.keys.get("ECHU", "").strip(" 0"):
        for board, figure in enumerate(module.list_of("ECHU")[:BOARDS_A_MODULE]):
            _add_errors(draft, f"{place}ECHU{board}", figure)
    if module.keys.get("ECMM", "0") != "0":
        _add_errors(draft, f"{place}ECMM", number(module.keys["ECMM"]))
    for name, figure, words in (
        ("PS", _at(module.supply, 0), "power supply reports an error"),
        ("FANERR", number(module.keys.get("FanErr")), "fan reports an error"),
    ):
        if figure and abs(figure) <= _MAX_CODE:
            draft.faults.append(Fault(f"{place}{name}:{figure:.0f}", words))


def _add_errors(draft: Draft, place: str, figure: float | None) -> None:
    bits = count(figure)
    if bits is None or bits & ~_IDLE_BIT == 0 or bits > _MAX_CODE:
        return
    words = ", ".join(name for bit, name in _ERROR_BITS if bits & bit)
    draft.faults.append(Fault(f"{place}:{bits}", words or None))


def _sum_up(draft: Draft, found: Sequence[Module]) -> None:
    """Fill in what the modules only say together: power, limit, fan duty, errors, the mean of the chips, mode."""
    if not found:
        return
    keys = [module.keys for module in found]
    errors = [count(own.get("HW")) for own in keys]
    known = [error for error in errors if error is not None]
    if len(known) == len(errors):
        draft.hardware_errors = count(sum(known))
    means = [mean for own in keys if (mean := _chip_celsius(own.get("TAvg"))) is not None]
    draft.chip_avg_c = sum(means) / len(means) if means else None
    outs = [degrees for board in draft.boards if (degrees := board.outlet_c) is not None]
    draft.outlet_c = max(outs, default=None)
    duties = [duty for own in keys if (duty := number(own.get("FanR"))) is not None and 0.0 <= duty <= 100.0]
    draft.fan_duty_ratio = sum(duties) / len(duties) / 100.0 if duties else None

    walls = [wall for module in found if (wall := _wall_watts(module)) is not None]
    draft.power_w = sum(walls) if len(walls) == len(found) else None
    limits = [limit for own in keys if (limit := watts(own.get("MPO")))]
    draft.power_limit_w = sum(limits) if limits and len(limits) == len(found) else None
    mode = count(keys[0].get("WORKMODE"))
    if mode is not None:
        draft.power_mode = _POWER_MODES.get(mode, str(mode))
    draft.profile = text(keys[0].get("WORKLEVEL"))
    if len(found) == 1:
        supply = found[0].supply
        output = _at(supply, 2)
        if output is not None and 0.0 <= output / 100.0 <= _MAX_PSU_V and any(supply):
            draft.psu = Psu(output_v=output / 100.0)


def _wall_watts(module: Module) -> float | None:
    """Return the power at the wall: `WALLPOWER`, or the seventh figure of `PS`, which an A10 does not have."""
    return watts(module.keys.get("WALLPOWER")) or watts(_at(module.supply, 6)) or None


_EPOCH = 1e9


def _pool_rows(reply: object, now: float) -> list[Object]:
    """Return the pools' rows, with a `Last Share Time` that counts from the miner's boot turned into an epoch.

    That takes a `When` on the same clock, as a 1246 sends it. A Q counts the one from boot and the other from 1970:
    nothing in the reply joins them, and when the share was found stays unknown.
    """
    found = rows(reply, "POOLS")
    when = number(first(reply, "STATUS").get("When"))
    if when is None or not 0.0 < when < _EPOCH:
        return found
    return [{**row, "Last Share Time": _since_boot(row.get("Last Share Time"), when, now)} for row in found]


def _since_boot(value: object, when: float, now: float) -> object:
    share = number(value)
    return now - (when - share) if share is not None and 0.0 < share <= when else value


DRIVER = Driver(name="avalon", manufacturer="Avalon", read=read, warm_up_s=900.0)
