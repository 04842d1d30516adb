"""Any miner that answers in cgminer's form on TCP 4028 and has no driver of its own: Braiins OS, Ebang, others.

Facts from cgminer's API document (4.x) and, for Braiins OS (`temps`, `fans`, `tunerstatus`), from its public manual.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from miners.ask import ask_all
from miners.draft import Draft, count_shares
from miners.driver import Driver, Memory
from miners.drivers import antminer
from miners.drivers.antminer_stats import duty
from miners.errors import PollError, Unsupported
from miners.link import Link, Object, no_reading
from miners.model import Board, Fan
from miners.models import find_model, manufacturer_name, manufacturers
from miners.reply import first, numbering, pools, rows, sum_of_all
from miners.units import celsius, count, hashes, megahertz, number, rpm, seconds, text, watts

QUESTIONS = (
    "summary",
    "devs",
    "pools",
    "stats",
    "version",
    "devdetails",
    "temps",
    "fans",
    "tunerstatus",
)
"""Every question; those that a miner refuses are left out for an hour."""

_UNITS = (("MHS", 1e6), ("GHS", 1e9), ("KHS", 1e3), ("THS", 1e12), ("HS", 1.0))
_WINDOWS = ("5s", "10s", "15s", "20s", "30s", "1m", "5m", "15m")
_NOW = tuple((f"{unit} {window}", factor) for window in _WINDOWS for unit, factor in _UNITS)
_AVERAGE = tuple((f"{unit} av", factor) for unit, factor in _UNITS)
_NOMINAL = (("Nominal MHS", 1e6), ("Nominal GHS", 1e9), ("Factory GHS", 1e9))
_MAX_BOARDS = 64

_FIRMWARES = (
    ("BOSminer", "Braiins OS"),
    ("BOSer", "Braiins OS"),
    ("BOSminer+", "Braiins OS+"),
    ("CGMiner", "cgminer"),
    ("BMMiner", "bmminer"),
    ("SGMiner", "sgminer"),
    ("BFGMiner", "bfgminer"),
    ("Miner", "cgminer"),
)
"""What a program calls its own version in `version`, and what it is called."""


async def read(link: Link, memory: Memory) -> Draft:
    """Read one miner on TCP 4028. Raises the PollError that stands in the way."""
    replies = await ask_all(link, memory, QUESTIONS)
    if not rows(replies.get("devs"), "DEVS"):
        try:
            replies |= await ask_all(link, memory, ("edevs",))
        except PollError as error:
            # What came before stands without it.
            link.truncated = link.truncated or not isinstance(error, Unsupported)
    draft = parse(replies, link.now, link.target.model, whole=not link.truncated)
    if draft.hashrate_hs is None and not draft.boards and draft.mining_s is None:
        raise no_reading(link.target, "summary, devs and stats")
    return draft


def parse(
    replies: Mapping[str, Object], now: float, model: str | None = None, *, whole: bool = True
) -> Draft:
    """Make a Draft of the replies by command. `now`: unix seconds; `model`: the operator's word where it is mute.

    `whole`: whether every reply came uncut (see Draft).
    """
    stats = rows(replies.get("stats"), "STATS")
    if any("chain_acn1" in row or "chain_acn6" in row or "chain" in row for row in stats):
        draft = antminer.parse(replies, now, model, whole=whole)
    else:
        draft = _parse_summary(replies, now, whole=whole)
    _fill_identity(draft, replies)
    if not draft.boards:
        draft.boards = _boards(replies, whole=whole)
    if not draft.fans:
        _fill_fans(draft, replies, model)
    _fill_tuner(draft, first(replies.get("tunerstatus"), "TUNERSTATUS"))
    if draft.hashrate_hs is None and whole:
        draft.hashrate_hs = sum_of_all([board.hashrate_hs for board in draft.boards])
    if draft.nominal_hashrate_hs is None and whole:
        draft.nominal_hashrate_hs = sum_of_all([board.nominal_hashrate_hs for board in draft.boards])
    return draft


def _parse_summary(replies: Mapping[str, Object], now: float, *, whole: bool) -> Draft:
    draft = Draft(whole=whole)
    summary = first(replies.get("summary"), "SUMMARY")
    get = summary.get
    draft.hashrate_hs = _rate(summary, _NOW)
    draft.hashrate_average_hs = _rate(summary, _AVERAGE)
    if draft.hashrate_hs is None and not rows(replies.get("devs"), "DEVS"):
        # Programs of the first years know the average alone.
        draft.hashrate_hs = draft.hashrate_average_hs
    draft.mining_s = seconds(get("Elapsed"))
    draft.accepted = count(get("Accepted"))
    draft.rejected = count(get("Rejected"))
    draft.stale = count(get("Stale"))
    draft.hardware_errors = count(get("Hardware Errors"))
    total = number(get("Total MH"))
    draft.hashes_total = total * 1e6 if total is not None and 0 <= total < 1e30 else None
    draft.pools = pools(rows(replies.get("pools"), "POOLS"), now, whole=whole)
    if draft.accepted is None:
        count_shares(draft)
    return draft


def _fill_identity(draft: Draft, replies: Mapping[str, Object]) -> None:
    version = first(replies.get("version"), "VERSION")
    if draft.model is None:
        stats, details = first(replies.get("stats"), "STATS"), first(replies.get("devdetails"), "DEVDETAILS")
        for said in (version.get("Type"), stats.get("Type"), version.get("PROD"), details.get("Model")):
            draft.model = draft.model or text(said)
    for name, firmware in _FIRMWARES:
        said = text(version.get(name))
        if said is not None:
            draft.firmware, draft.firmware_version = firmware, said
            break
    draft.manufacturer = _maker(draft.model)


@lru_cache(maxsize=1024)
def _maker(model: str | None) -> str | None:
    """Return the manufacturer that a model's name begins with, or the only one whose models bear it, or None."""
    if model is None:
        return None
    known = manufacturer_name(model.partition(" ")[0])
    if known is not None:
        return known
    makers = [name for name in manufacturers() if find_model(name, model) is not None]
    return makers[0] if len(makers) == 1 else None


def _boards(replies: Mapping[str, Object], *, whole: bool) -> list[Board]:
    """Return the boards of `devs` (else `edevs`), with what `devdetails` and `temps` say of the same `ID`."""
    found = (rows(replies.get("devs"), "DEVS") or rows(replies.get("edevs"), "DEVS"))[:_MAX_BOARDS]
    if not whole:
        # A row cut before its number would cost the others theirs.
        found = [row for row in found if "ID" in row]
    details = _by_id(rows(replies.get("devdetails"), "DEVDETAILS"))
    temperatures = _by_id(rows(replies.get("temps"), "TEMPS"))
    numbers = numbering([row.get("ID") for row in found])
    if len(set(map(_key, found))) < len(found):
        numbers = numbering([row.get("ASC") for row in found])
    boards: list[Board] = []
    for index, row in zip(numbers, found, strict=True):
        key = _key(row)
        detail = {} if key is None else details.get(key, {})
        sensors = {} if key is None else temperatures.get(key, {})
        hashing = _rate(row, _NOW)
        volts = number(detail.get("Voltage"))
        boards.append(
            Board(
                index,
                text(row.get("PCB SN")) or text(row.get("SerialNumber")),
                _rate(row, _AVERAGE) if hashing is None else hashing,
                _rate(row, _NOMINAL) or None,
                count(detail.get("Chips")) if "Chips" in detail else count(row.get("Effective Chips")),
                None,
                None,
                None,
                celsius(sensors.get("Board")) or celsius(row.get("Temperature")) or None,
                celsius(sensors.get("Chip")) or celsius(row.get("Chip Temp Max")) or None,
                celsius(row.get("Chip Temp Avg")) or None,
                _clock(detail.get("Frequency") or row.get("Frequency") or row.get("Chip Frequency")),
                volts if volts is not None and 0 < volts < 1000 else None,
                count(row.get("Hardware Errors")),
            )
        )
    return boards


def _clock(value: object) -> float | None:
    """Return Hz of a clock in MHz, or in Hz as Braiins OS writes it; None for 0."""
    figure = number(value)
    if figure is not None and 1e6 <= figure < 1e12:
        return figure
    return megahertz(value) or None


def _by_id(found: Sequence[Object]) -> dict[int, Object]:
    keyed = {_key(row): row for row in found[:_MAX_BOARDS]}
    return {key: row for key, row in keyed.items() if key is not None}


def _key(row: Object) -> int | None:
    return count(row.get("ID"))


def _fill_fans(draft: Draft, replies: Mapping[str, Object], model: str | None) -> None:
    """Fill in the fans of `fans` (Braiins OS lists every connector), else of the summary."""
    found = rows(replies.get("fans"), "FANS")[:_MAX_BOARDS]
    numbers = numbering([row.get("FAN") for row in found])
    read = [
        Fan(index, speed)
        for index, row in zip(numbers, found, strict=True)
        if (speed := rpm(row.get("RPM"))) is not None
    ]
    facts = find_model(draft.manufacturer, draft.model or model)
    expected = facts.fans if facts is not None else None
    standing = 0 if expected is None else max(expected - sum(fan.speed_rpm > 0 for fan in read), 0)
    for fan in read:
        if fan.speed_rpm > 0 or expected is None or standing > 0:
            draft.fans.append(fan)
            standing -= fan.speed_rpm == 0
    duties = [ratio for row in found if (ratio := duty(row.get("Speed"))) is not None]
    if duties:
        draft.fan_duty_ratio = max(duties)
    if not found:
        summary = first(replies.get("summary"), "SUMMARY")
        speeds = [rpm(summary.get(name)) for name in ("Fan Speed In", "Fan Speed Out")]
        draft.fans = [Fan(index, speed) for index, speed in enumerate(speeds) if speed is not None]


def _fill_tuner(draft: Draft, tuner: Object) -> None:
    """Fill in what the tuner of Braiins OS says: the power that it reckons the miner draws, and its limit."""
    power = watts(tuner.get("ApproximateMinerPowerConsumption"))
    if power:
        draft.power_w = power
    draft.power_limit_w = watts(tuner.get("PowerLimit")) or draft.power_limit_w


def _rate(row: Object, names: Sequence[tuple[str, float]]) -> float | None:
    """Return the first of the named figures that the row holds, in H/s."""
    for name, factor in names:
        if name in row:
            found = hashes(row[name], factor)
            if found is not None:
                return found
    return None


DRIVER = Driver(name="cgminer", manufacturer=None, read=read, warm_up_s=600.0)
