"""Canaan Avalon: cgminer's `summary`, `stats` and `pools` on TCP 4028, joined, for the maker warns of asking twice at once.

One module (10xx to 16xx, Q, Nano, Mini) is the miner; a controller with several (7xx to 9xx) is one miner with many
boards, numbered module × 10 + board as the miner counts both.
Facts: `protocols.md` section 5, Canaan's cgminer sources, captured replies of a 1246 and a Q.
"""

from collections.abc import Mapping, Sequence

from miners.ask import ask_all, failed
from miners.draft import Draft
from miners.driver import Driver, Memory
from miners.drivers.avalon_boards import boards_of, chip_celsius, slots_of, without_lost
from miners.drivers.avalon_faults import read_faults
from miners.drivers.avalon_rates import added_up, read_rates
from miners.drivers.avalon_text import BOARDS_A_MODULE, Module, figure_at, model_and_build, modules
from miners.errors import Malformed, PollError, Unsupported
from miners.link import Link, Object
from miners.model import Fan, Pool, Psu
from miners.reply import first, is_complete, keepsake, pools, rows
from miners.units import celsius, count, mac, number, seconds, text, watts

STATS = ("stats", "estats", "litestats")
"""Where the modules' texts stand, the usual place first: some firmwares answer only another of these."""

VERSION_KEPT_S = 3600.0
MISSING_S = 300.0
"""How long an identity is believed, and how soon is asked again what there was no answer to."""

_FIRMWARE = ("CGVERSION", "LVERSION", "CGMiner")
_OF_VERSION = ("MODEL", "PROD", "MAC", "DNA", *_FIRMWARE)
"""What is read of `version`."""

_FANS = (("Fan", 0), ("Fan1", 1), ("Fan2", 2), ("Fan3", 3), ("Fan4", 4))
POWER_MODES = {0: "eco", 1: "standard", 2: "super"}
"""WORKMODE as the A12 and later mean it. Older firmware knows 0 and 1 only, and not always in this sense."""

_MAX_PSU_V = 60.0
"""No supply of an Avalon gives more: a Nano 3s writes its voltage in another unit, which is not documented."""

_MOST_MEGAHASHES = 1e24
"""What a controller with a petahash a second would not count in thirty million years."""


async def read(link: Link, memory: Memory) -> Draft:
    """Read one controller. `version` is asked once an hour: it tells who the miner is, not how it does."""
    version = memory.recall("version", link.now)
    stats = memory.recall("stats", link.now) or STATS[0]
    poll = ("summary", stats, "pools")
    failure: PollError | None = None
    try:
        replies = await ask_all(link, memory, poll if version is not None else (*poll, "version"))
    except (Malformed, Unsupported) as error:
        replies, failure = {}, error
    if stats not in replies:
        others = tuple(name for name in STATS if name != stats)
        stats = await _ask_instead(link, memory, "stats", others, replies) or stats
        memory.keep("stats", stats, link.now + VERSION_KEPT_S)
    if stats in replies:
        replies["stats"] = replies[stats]
    if "summary" not in replies:
        await _ask_instead(link, memory, "summary", ("devs",), replies)
    if replies.keys().isdisjoint(("summary", "stats", "devs")):
        raise failure or Unsupported(
            f"{link.target.address}: answers neither summary nor stats; name a driver with driver:"
        )
    if version is None:
        answer = replies.get("version")
        kept_s = MISSING_S if answer is None else VERSION_KEPT_S
        memory.keep("version", keepsake(answer, "VERSION", _OF_VERSION), link.now + kept_s)
    else:
        replies = {**replies, "version": version}
    return parse(replies, link.now, whole=not link.truncated)


async def _ask_instead(
    link: Link, memory: Memory, question: str, others: Sequence[str], replies: dict[str, Object]
) -> str | None:
    """Ask what may be answered in the question's stead; return what was, None if nothing. Not in every poll in vain."""
    vain = f"instead of {question}"
    if memory.recall(vain, link.now):
        return None
    for other in others:
        try:
            reply = await link.ask(other)
        except PollError:
            continue
        if not failed(reply):
            replies[other] = reply
            return other
    memory.keep(vain, others, link.now + MISSING_S)
    return None


def parse(replies: Mapping[str, Object], now: float, *, whole: bool = True) -> Draft:
    """Return what the replies say, by command: `summary`, `stats`, `pools`, `version`, each of which may be missing.

    Without a summary, that of `devs` is made. `whole`: whether no reply ended in mid-air; else modules may be missing.
    """
    draft = Draft(whole=whole, manufacturer="Avalon", firmware="stock")
    summary = first(replies.get("summary"), "SUMMARY")
    devices = rows(replies.get("devs"), "DEVS")
    if not summary and (whole or is_complete(replies.get("devs"), devices)):
        summary = added_up(devices)
    stats = rows(replies.get("stats"), "STATS")
    found = modules(stats)
    # What only all modules say together is left out where some may be missing.
    together = found if _are_all(stats, found, whole=whole) else []

    _identify(draft, first(replies.get("version"), "VERSION"), found, together, whole=whole)
    _read_summary(draft, summary)
    if draft.mining_s is None:
        draft.mining_s = _age(stats, found)
    configured = _pool_rows(replies.get("pools"), now)
    draft.pools = pools(configured, now, whole=whole or is_complete(replies.get("pools"), configured))
    draft.asleep = _asleep(together, draft.pools)
    read_rates(draft, summary, together)
    for module in found:
        _read_module(draft, module)
    slots = [slots_of(module) for module in together]
    if len(slots) > 1 and all(slots):
        draft.expected_boards = sum(slots)
    _sum_up(draft, together)
    return draft


def _are_all(stats: Sequence[Object], found: Sequence[Module], *, whole: bool) -> bool:
    """Tell whether no module is missing: the single one that is numbered 0 never has others behind it."""
    if [module.number for module in found] == [0]:
        return True
    devices = [entry for entry in stats if not str(entry.get("ID")).startswith("POOL")]
    counted = [count(entry.get("MM Count")) for entry in devices]
    if None in counted:
        return whole
    return sum(figure or 0 for figure in counted) == len(found)


def _identify(
    draft: Draft, version: Object, found: Sequence[Module], together: Sequence[Module], *, whole: bool
) -> None:
    own, build = model_and_build(next((ver for module in found if (ver := module.keys.get("Ver"))), None))
    draft.model = text(version.get("MODEL")) or text(own) or text(version.get("PROD"))
    # The module's own build first: it comes with every poll, and shows a new firmware at once.
    draft.firmware_version = text(build)
    if draft.firmware_version is None and whole:
        draft.firmware_version = next((said for name in _FIRMWARE if (said := text(version.get(name)))), None)
    draft.mac = mac(version.get("MAC"))
    draft.serial = _serial(version.get("DNA"))
    if draft.serial is None and len(together) == 1:
        draft.serial = _serial(found[0].keys.get("DNA"))


def _serial(dna: object) -> str | None:
    shown = text(dna)
    return shown if shown is not None and shown.isascii() and shown.isalnum() else None


def _read_summary(draft: Draft, summary: Object) -> None:
    draft.mining_s = seconds(summary.get("Elapsed"))
    draft.accepted = count(summary.get("Accepted"))
    draft.rejected = count(summary.get("Rejected"))
    draft.stale = count(summary.get("Stale"))
    if draft.whole:
        # The modules' own count comes first; where that may have been cut off, a counter does not change its source.
        draft.hardware_errors = count(summary.get("Hardware Errors"))
    draft.hashes_total = _hashes_counted(summary.get("Total MH"))


def _age(stats: Sequence[Object], found: Sequence[Module]) -> float | None:
    """Return the seconds since cgminer began to mine, where `summary` does not say so."""
    for entry in stats:
        age = seconds(entry.get("Elapsed"))
        if age is not None:
            return age
    ages = [age for module in found if (age := seconds(module.keys.get("Elapsed"))) is not None]
    return max(ages, default=None)


def _hashes_counted(megahashes: object) -> float | None:
    figure = number(megahashes)
    return figure * 1e6 if figure is not None and 0.0 <= figure < _MOST_MEGAHASHES else None


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


def _read_module(draft: Draft, module: Module) -> None:
    keys = module.keys
    base = module.number * BOARDS_A_MODULE
    slots = slots_of(module)
    inlet = celsius(keys.get("ITemp"))
    if inlet is None:
        inlet = celsius(keys.get("Temp"))
    if inlet is not None:
        draft.inlet_c = inlet if draft.inlet_c is None else max(draft.inlet_c, inlet)
    chip_max = chip_celsius(keys.get("TMax"))
    if chip_max is not None:
        draft.chip_max_c = chip_max if draft.chip_max_c is None else max(draft.chip_max_c, chip_max)

    boards = boards_of(draft, module, base, slots)
    present = module.boards_found
    if present is not None and not draft.asleep and "init" not in module.work:
        there = without_lost(boards, present)
        if len(there) < len(boards):
            draft.expected_boards = slots
            boards = there
    draft.boards += boards

    for key, number_of_fan in _FANS:
        speed = number(keys.get(key))
        if speed is not None and 0.0 <= speed < 1e6:
            draft.fans.append(Fan(base + number_of_fan, speed))
    read_faults(draft, module)


def _sum_up(draft: Draft, found: Sequence[Module]) -> None:
    """Fill in what the modules only say together: power, limit, fan duty, errors, the mean of the chips, mode."""
    if not found:
        return
    keys = [module.keys for module in found]
    errors = [count(own.get("HW")) for own in keys]
    known = [error for error in errors if error is not None]
    if len(known) == len(errors):
        draft.hardware_errors = count(sum(known))
    means = [mean for own in keys if (mean := chip_celsius(own.get("TAvg"))) is not None]
    draft.chip_avg_c = sum(means) / len(means) if means else None
    outs = [celsius(figure) for module in found for figure in module.list_of("HBOTemp")]
    draft.outlet_c = max((degrees for degrees in outs if degrees is not None), default=None)
    duties = [duty for own in keys if (duty := number(own.get("FanR"))) is not None and 0.0 <= duty <= 100.0]
    draft.fan_duty_ratio = sum(duties) / len(duties) / 100.0 if duties else None

    walls = [wall for module in found if (wall := _wall_watts(module)) is not None]
    draft.power_w = sum(walls) if len(walls) == len(found) else None
    limits = [limit for own in keys if (limit := watts(own.get("MPO")))]
    draft.power_limit_w = sum(limits) if limits and len(limits) == len(found) else None
    mode = count(keys[0].get("WORKMODE"))
    if mode is not None:
        draft.power_mode = POWER_MODES.get(mode, str(mode))
    draft.profile = text(keys[0].get("WORKLEVEL"))
    lights = [light for own in keys if (light := count(own.get("Led"))) is not None]
    draft.locating = any(lights) if lights else None
    if len(found) == 1:
        supply = found[0].supply
        output = figure_at(supply, 2)
        if output is not None and 0.0 <= output / 100.0 <= _MAX_PSU_V and any(supply):
            draft.psu = Psu(output_v=output / 100.0)


def _wall_watts(module: Module) -> float | None:
    """Return the power at the wall: `WALLPOWER`, or the seventh figure of `PS`, which an A10 does not have."""
    return watts(module.keys.get("WALLPOWER")) or watts(figure_at(module.supply, 6)) or None


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
