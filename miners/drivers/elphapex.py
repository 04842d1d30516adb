"""Elphapex (Scrypt: DG1, DG1+, DG2, DG-Home1): TCP 4028 in Antminer's form where it answers, else the web CGI.

Facts from `protocols.md` section 6 and captured pages of a DG-Home1: rates in MH/s, clocks in kHz, chips in
thousandths of a degree. `power_temp` of its power supply is left out: nobody told its unit.
"""

from collections.abc import Mapping

from miners.ask import ask_all
from miners.draft import Draft, count_shares
from miners.driver import Driver, Memory
from miners.drivers import antminer, cgi
from miners.drivers.antminer_stats import fill_listed
from miners.errors import Malformed, PollError, Refused, TimedOut, Unsupported
from miners.link import Link, Object, no_reading
from miners.model import Psu
from miners.reply import CGMINER, first, pools, rows, share_sum
from miners.units import rate_factor, seconds, text, watts

DEFAULT_UNIT = "MH"

_FIRMWARE = "stock"
"""Nobody else is known to make firmware for them."""

_CHIP_SCALE = 1e-3
_CLOCK_SCALE_HZ = 1e3

_NO_EPOCH = 1_000_000_000.0
"""`when` counts from boot: what is larger is a clock, not thirty years of running."""

_MAKE = antminer.Make("Elphapex", typical_hs=20e9)
"""The largest of them makes 20 GH/s: it tells MH/s from GH/s where a reply names no unit."""

_PAGES = ("stats", "pools")


async def read(link: Link, memory: Memory) -> Draft:
    """Read one miner. Raises the PollError of the web, or that of TCP 4028 where there is no web to ask."""
    draft = await _on_tcp(link, memory)
    mute: PollError | None = None
    if draft is None:
        try:
            pages = await cgi.whole(link, _PAGES)
            draft = parse(pages, link.now, whole=not link.truncated)
        except (Malformed, Unsupported) as error:
            draft, mute = Draft(), error
    if link.target.web_port is not None:
        await _ask_web(link, memory, draft)
    if draft.hashrate_hs is None and not draft.boards and not draft.asleep:
        raise mute or no_reading(link.target, "stats")
    return draft


async def _on_tcp(link: Link, memory: Memory) -> Draft | None:
    """Return what TCP 4028 says, or None where it is closed or says nothing and the web may answer.

    That it is closed is remembered for an hour: it would cost a connection at every poll.
    """
    target = link.target
    if target.port is None or (target.web_port is not None and memory.recall("4028 is mute", link.now)):
        return None
    try:
        replies = await ask_all(link, memory, antminer.COMMANDS)
    except (Refused, Malformed, Unsupported, TimedOut):
        if target.web_port is None:
            raise
    else:
        draft = parse_tcp(replies, link.now, target.model, whole=not link.truncated)
        if draft.hashrate_hs is not None or draft.boards:
            return draft
        if target.web_port is None:
            raise no_reading(target, "stats and summary")
    memory.keep("4028 is mute", value=True, until=link.now + cgi.CLOSED_S)
    return None


async def _ask_web(link: Link, memory: Memory, draft: Draft) -> None:
    """Add what has a page of its own: power, faults, who the miner is, the light, and whether it was put to sleep."""
    power = await cgi.glance(link, memory, "get_power")
    if power is not None:
        _fill_power(draft, power)
    who = await cgi.identity(link, memory)
    draft.mac, draft.hostname = who.mac, who.hostname
    draft.serial = draft.serial or who.serial
    draft.model = draft.model or who.model
    draft.firmware_version = draft.firmware_version or who.version
    draft.faults = await cgi.faults(link, memory)
    mode = await cgi.work_mode(link, memory, draft.hashrate_hs)
    _fill_mode(draft, mode)
    draft.locating = await cgi.light(link, memory)


def _fill_mode(draft: Draft, mode: int | None) -> None:
    """Fill in what the settings say. One that is set to sleep and hashes has not obeyed yet, or does not obey.

    Sleep is -1000. A 1 means it on Antminers, from which the page was copied: believed of a miner that rests.
    """
    if mode is None:
        return
    draft.power_mode = "sleep" if mode <= cgi.SLEEP_OF_ELPHAPEX else "normal" if mode == 0 else None
    if mode > cgi.SLEEP_OF_ELPHAPEX and mode != 1:
        draft.asleep = False
    elif not draft.hashrate_hs:
        draft.asleep = True


def parse_tcp(
    replies: Mapping[str, Object], now: float, model: str | None = None, *, whole: bool = True
) -> Draft:
    """Make a Draft of the replies on TCP 4028: Antminer's flat form, or the listed one that the web holds."""
    if isinstance(first(replies.get("stats"), "STATS").get("chain"), list):
        return parse(replies, now, whole=whole)
    draft = antminer.parse(replies, now, model, _MAKE, whole=whole)
    draft.firmware = _FIRMWARE
    return draft


def parse(pages: Mapping[str, Object], now: float, *, whole: bool = True) -> Draft:
    """Make a Draft of the web's pages by name (`stats`, `pools`, `get_power`), or of replies in the same form.

    `whole`: whether every one of them came uncut (see Draft).
    """
    draft = Draft(whole=whole)
    head = cgi.info(pages.values())
    draft.model = text(head.get("type"))
    draft.firmware = _FIRMWARE
    draft.firmware_version = text(head.get("miner_version"))
    draft.serial = text(head.get("dev_sn"))
    row = first(pages.get("stats"), "STATS")
    factor = rate_factor(row.get("rate_unit"), DEFAULT_UNIT) or 1e6
    fill_listed(
        draft,
        row,
        factor,
        first_fan=0,
        chip_scale=_CHIP_SCALE,
        clock_scale_hz=_CLOCK_SCALE_HZ,
        sensors_tell=False,
    )
    since_boot = seconds(first(pages.get("stats"), "STATUS").get("when"))
    draft.uptime_s = since_boot if since_boot is not None and since_boot < _NO_EPOCH else None
    found = rows(pages.get("pools"), "POOLS")
    names = CGMINER if any("URL" in pool for pool in found) else cgi.POOL_NAMES
    draft.pools = pools(found, now, names, whole=whole)
    count_shares(draft)
    if whole:
        draft.hardware_errors = share_sum([board.hardware_errors for board in draft.boards])
    power = pages.get("get_power")
    if isinstance(power, dict):
        _fill_power(draft, power)
    return draft


def _fill_power(draft: Draft, page: Object) -> None:
    power = watts(page.get("power_output"))
    if power is not None:
        draft.power_w = power
    serial = text(page.get("power_sn"))
    if serial is not None:
        draft.psu = Psu(None, serial)


DRIVER = Driver(name="elphapex", manufacturer="Elphapex", read=read, warm_up_s=600.0)
