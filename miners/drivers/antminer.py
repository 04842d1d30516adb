"""Antminer with Bitmain's firmware, or one that answers like it (Hiveon): TCP 4028, and the web where it knows more.

Old firmware (cgminer 4.x, bmminer) joins commands; "cgminer 1.0.0" (S19 and later, L7, L9) does not. Facts from
`protocols.md` section 2.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from miners.ask import ask_all, is_left_out
from miners.draft import Draft, count_shares
from miners.driver import Driver, Memory
from miners.drivers import cgi
from miners.drivers.antminer_stats import (
    DEFAULT_UNIT,
    GIGA,
    boards_of_chains,
    duty,
    factor_of,
    fill_listed,
    flat_boards,
    flat_fans,
    flat_power,
    largest,
)
from miners.errors import Malformed, PollError, Refused, Unsupported
from miners.link import Link, Object, no_reading
from miners.models import find_model
from miners.reply import first, keepsake, pools, rows
from miners.units import count, hashes, number, rate, seconds, text

COMMANDS = ("stats", "summary", "pools")
"""What every poll asks; `stats` also says who the miner is."""

_OF_VERSION = ("Miner", "Type", "CompileTime")
"""What is read of `version`."""

_ASLEEP = 254
"""`Mode` of a sleeping S17."""

_READINGS = ("GHS 5s", "chain", "miner_count", "fan_num", "rate_5s")
"""One of these marks the row of readings; others are its identity and, on old firmware, statistics of pools."""

_NOW = ("GHS 5s", "MHS 5s", "rate_5s", "GHS 30m", "rate_30m")

_TYPICAL_HS = {"Scrypt": 5e8, "Ethash": 3e8, "Equihash": 1e5}
"""The size of those models of an algorithm whose nominal rate the table does not know (L3, E3, Z9)."""

_SIZES = {"X3": 220e3, "X5": 212e3, "X9": 1e6, "B3": 780.0, "B7": 96e3, "D5": 119e9}
"""The size of those models that the table lacks and whose unit is not GH/s, as they were sold: it tells the unit."""

_FIRMWARES = (("hiveon", "Hiveon"), ("vnish", "VNish"), ("blissz", "Blissz"), ("braiins", "Braiins OS"))


class Make(NamedTuple):
    """Whose miner writes this form: the name in the model table, and the size of a miner that the table does not know."""

    manufacturer: str
    typical_hs: float | None = None


ANTMINER = Make("AntMiner")


async def read(link: Link, memory: Memory) -> Draft:
    """Read one miner. Raises the PollError of TCP 4028; where that is closed, of the web that is tried in its place."""
    replies, mute = await _on_tcp(link, memory)
    if replies is not None:
        draft = await _parse_known(link, memory, replies)
    else:
        try:
            pages = await cgi.whole(link, COMMANDS)
            draft = parse_pages(pages, link.now, whole=not link.truncated)
        except (Malformed, Unsupported) as error:
            # A miner put to sleep may have stopped the program that fills the pages: its settings tell.
            draft, mute = Draft(), mute or error
        except PollError:
            if mute is not None:
                raise mute from None
            raise
    # Before the web is asked: what its pages said of the device of before is not said of this one.
    memory.notice_run(draft.mining_s, link.now)
    await _ask_web(link, memory, draft)
    if replies is not None:
        if link.target.web_port is not None:
            draft.faults = await cgi.faults(link, memory)
        if not draft.hashrate_hs and draft.asleep is None and memory.no_join:
            await _ask_mode(link, memory, draft)
    if draft.hashrate_hs is None and not draft.boards and draft.mining_s is None and not draft.asleep:
        raise mute or no_reading(link.target, "stats and summary")
    return draft


async def _on_tcp(link: Link, memory: Memory) -> tuple[dict[str, Object] | None, PollError | None]:
    """Return the replies on TCP 4028, or None where the web has to answer, and what 4028 said instead, if anything."""
    if link.target.port is None:
        return None, None
    try:
        return await ask_all(link, memory, COMMANDS), None
    except (Refused, Malformed, Unsupported) as error:
        if link.target.web_port is None:
            raise
        return None, None if isinstance(error, Refused) else error


async def _parse_known(link: Link, memory: Memory, replies: Mapping[str, Object]) -> Draft:
    """Parse the replies, with what `version` says, asked once an hour, where they do not tell the model or the firmware.

    Also a cut reply loses the model, and with it the unit that the figures are in.
    """
    draft = parse(replies, link.now, link.target.model, whole=not link.truncated)
    if draft.model is not None and draft.firmware_version is not None:
        return draft
    reply = memory.recall("version", link.now)
    if reply is None:
        reply = {}
        if not is_left_out(memory, "version", link.now):
            with suppress(PollError):
                reply = await link.ask("version")
        reply = keepsake(reply, "VERSION", _OF_VERSION)
        memory.keep("version", reply, link.now + cgi.IDENTITY_S)
    who = Draft()
    _fill_identity(who, first(reply, "VERSION"), {})
    if draft.model is None and who.model is not None:
        draft = parse(replies, link.now, who.model, whole=not link.truncated)
        draft.model, draft.firmware = who.model, who.firmware
    draft.firmware_version = who.firmware_version or draft.firmware_version
    return draft


async def _ask_web(link: Link, memory: Memory, draft: Draft) -> None:
    """Add what the web alone knows: address, serial, the light, and whether the miner was put to sleep."""
    if link.target.web_port is None:
        return
    who = await cgi.identity(link, memory)
    draft.mac, draft.serial, draft.hostname = who.mac, draft.serial or who.serial, who.hostname
    # The web may be of newer firmware than the program on 4028 says: what answers the poll is what runs.
    draft.model = draft.model or who.model
    draft.firmware_version = draft.firmware_version or who.version
    if draft.asleep is None:
        mode = await cgi.work_mode(link, memory, draft.hashrate_hs)
        if mode != 1 or memory.no_join or not draft.hashrate_hs:
            # On old firmware, which joins, sleep is 254, and 1 a way of mining (S17).
            _fill_mode(draft, mode)
    draft.locating = await cgi.light(link, memory)


async def _ask_mode(link: Link, memory: Memory, draft: Draft) -> None:
    """Ask newer firmware for the listed form of its stats: it names the work mode, and needs no password."""
    if memory.recall("no new_api", link.now):
        return
    try:
        reply = await link.ask("stats", new_api=True)
    except PollError:
        reply = {}
    mode = cgi.parse_work_mode(first(reply, "STATS"))
    if mode is None:
        memory.keep("no new_api", value=True, until=link.now + cgi.IDENTITY_S)
    _fill_mode(draft, mode)


def _fill_mode(draft: Draft, mode: int | None) -> None:
    """Fill in what the settings say. One that is set to sleep and hashes has not obeyed yet, or does not obey."""
    asleep = cgi.asleep(mode)
    draft.asleep = None if asleep and draft.hashrate_hs else asleep
    draft.power_mode = cgi.mode_name(mode)


def parse(
    replies: Mapping[str, Object],
    now: float,
    model: str | None = None,
    make: Make = ANTMINER,
    *,
    whole: bool = True,
) -> Draft:
    """Make a Draft of the replies by command. `now`: unix seconds; `model`: the operator's word where the miner is mute.

    `make`: whose rows of the model table hold; others write Antminer's form too. `whole`: whether every reply came
    uncut (see Draft).
    """
    draft = Draft(whole=whole)
    found = rows(replies.get("stats"), "STATS")
    summary = first(replies.get("summary"), "SUMMARY")
    who = found[0] if found else {}
    stats: Object = {}
    for row in found:
        if any(name in row for name in _READINGS):
            stats = row
            break
    _fill_identity(draft, who, stats)
    if draft.model is None:
        draft.model = text(cgi.info((replies.get("stats"), replies.get("summary"))).get("type"))
    factor = _fill_readings(draft, stats, summary, make, draft.model or model)
    _fill_counters(draft, stats, summary, factor)
    _fill_pools(draft, replies, now)
    return draft


def parse_pages(pages: Mapping[str, Object], now: float, *, whole: bool = True) -> Draft:
    """Make a Draft of the web's pages by name (`stats`, `summary`, `pools`): they hold the listed form.

    `whole`: whether all of them came uncut.
    """
    draft = Draft(whole=whole)
    head = cgi.info(pages.values())
    draft.model = text(head.get("type"))
    draft.firmware = "stock"
    draft.firmware_version = text(head.get("miner_version")) or text(head.get("CompileTime"))
    stats, summary = first(pages.get("stats"), "STATS"), first(pages.get("summary"), "SUMMARY")
    _fill_readings(draft, stats, summary, ANTMINER, draft.model)
    draft.hardware_errors = count(summary.get("hw_all"))
    draft.pools = pools(rows(pages.get("pools"), "POOLS"), now, cgi.POOL_NAMES, whole=whole)
    count_shares(draft)
    draft.faults = cgi.parse_faults(pages.get("summary") or {})
    return draft


def _fill_identity(draft: Draft, who: Object, stats: Object) -> None:
    version = text(who.get("Miner"))
    draft.model = text(who.get("Type"))
    draft.firmware = _firmware(draft.model, version)
    draft.firmware_version = version or text(stats.get("miner_version")) or text(who.get("CompileTime"))


@lru_cache(maxsize=1024)
def _firmware(model: str | None, version: str | None) -> str | None:
    """Return whose firmware it is by the words in its names; None where a miner does not even tell its model."""
    words = f"{model} {version}".lower()
    for word, firmware in _FIRMWARES:
        if word in words:
            return firmware
    return None if model is None else "stock"


def _fill_readings(draft: Draft, stats: Object, summary: Object, make: Make, model: str | None) -> float:
    """Fill in the readings of the rows; return what turns this miner's rates into H/s."""
    facts = find_model(make.manufacturer, model)
    nominal_hs = make.typical_hs
    if facts is not None:
        nominal_hs = facts.nominal_hashrate_hs or _TYPICAL_HS.get(facts.algorithm or "", nominal_hs)
    elif model is not None:
        nominal_hs = next((size for word, size in _SIZES.items() if word in model.split()), nominal_hs)
    get = stats.get
    unit = get("rate_unit") or summary.get("rate_unit")
    now = number(get("GHS 5s"))
    ideal = number(get("total_rateideal"))
    if ideal is None:
        ideal = number(get("rate_ideal"))
    average = number(get("GHS av"))
    reference = ideal or largest(
        (now, average, number(get("rate_5s")), number(summary.get("GHS 5s")), number(summary.get("GHS av")))
    )
    factor = factor_of(unit, reference, nominal_hs)
    if isinstance(get("chain"), list):
        fill_listed(draft, stats, factor)
        mode = cgi.parse_work_mode(stats)
        if mode is not None:
            _fill_mode(draft, mode)
    else:
        _fill_flat(draft, stats, factor, facts.fans if facts is not None else None)
        if facts is not None and facts.family == "T9":
            draft.boards = boards_of_chains(draft.boards, whole=draft.whole)
    if draft.hashrate_hs is None:
        draft.hashrate_hs = _rate_now(stats, summary, factor)
    if draft.hashrate_average_hs is None:
        draft.hashrate_average_hs = _first_rate((stats, summary), ("GHS av", "rate_avg"), factor)
    if draft.nominal_hashrate_hs is None:
        draft.nominal_hashrate_hs = rate(summary.get("THEORY HASHRATE"), None, DEFAULT_UNIT) or None
    if draft.mining_s is None:
        draft.mining_s = seconds(summary.get("Elapsed", summary.get("elapsed")))
    return factor


def _fill_flat(draft: Draft, stats: Object, factor: float, expected_fans: int | None) -> None:
    get = stats.get
    draft.hashrate_hs = hashes(get("GHS 5s"), factor)
    draft.hashrate_average_hs = hashes(get("GHS av"), factor)
    draft.nominal_hashrate_hs = hashes(get("total_rateideal"), factor) or None
    draft.mining_s = seconds(get("Elapsed"))
    draft.boards = flat_boards(stats, factor, draft.hashrate_hs, whole=draft.whole)
    draft.fans = flat_fans(stats, expected_fans, whole=draft.whole)
    draft.fan_duty_ratio = duty(get("fan_pwm"))
    draft.power_w = flat_power(stats, whole=draft.whole)
    if number(get("Mode")) == _ASLEEP:
        draft.asleep = True


def _rate_now(stats: Object, summary: Object, factor: float) -> float | None:
    """Return the hash rate where `GHS 5s` of the stats is empty, as it is in the first minute: from elsewhere."""
    found = _first_rate((stats, summary), _NOW, factor)
    return rate(summary.get("RT HASHRATE"), None, DEFAULT_UNIT) if found is None else found


def _first_rate(places: tuple[Object, ...], names: tuple[str, ...], factor: float) -> float | None:
    for place in places:
        for name in names:
            found = hashes(place.get(name), factor)
            if found is not None:
                # A unit in the name is this firmware's own word, and no guess of ours applies to it.
                return found if not name.startswith("MHS") else hashes(place.get(name), 1e6)
    return None


def _fill_counters(draft: Draft, stats: Object, summary: Object, factor: float) -> None:
    get = summary.get
    draft.accepted = count(get("Accepted"))
    draft.rejected = count(get("Rejected"))
    draft.stale = count(get("Stale"))
    draft.hardware_errors = count(get("Hardware Errors"))
    if draft.hardware_errors is None and draft.whole:
        # Nearly the same count; of a summary that was cut for once, nearly is not enough.
        draft.hardware_errors = count(stats.get("no_matching_work"))
    total = number(get("Total MH"))
    if total is not None and 0 <= total < 1e30:
        draft.hashes_total = total * 1e6
        if factor != GIGA and draft.hashrate_average_hs and draft.mining_s:
            # Where GHS means something else, so may MH: the average over the time tells.
            hashed = draft.hashrate_average_hs * draft.mining_s
            if hashed / 2 < total * factor / 1e3 < hashed * 2:
                draft.hashes_total = total * factor / 1e3


def _fill_pools(draft: Draft, replies: Mapping[str, Object], now: float) -> None:
    draft.pools = pools(rows(replies.get("pools"), "POOLS"), now, whole=draft.whole)
    if draft.accepted is None:
        count_shares(draft)


DRIVER = Driver(name="antminer", manufacturer="AntMiner", read=read, warm_up_s=600.0)
