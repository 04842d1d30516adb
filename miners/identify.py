"""Which driver a miner needs, found by asking it.

`judge` decides from the replies that are there, without I/O; `find_driver` asks the next question until it is sure.
What makes give themselves away by: the descriptions and field names of the cgminer 4.x API and its descendants.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from miners.ask import leave_out
from miners.driver import Memory
from miners.errors import Malformed, PollError, Refused, TimedOut, Unsupported
from miners.link import Link, Object
from miners.models import find_model

QUESTIONS = ("version", "stats", "summary", "get_version", "devdetails", "devs", "estats")
"""What is asked on the cgminer-style port, in this order, until the answers tell the make.

The first tells nearly every make that knows it, the second an old Avalon, the third an old Whatsminer; the others are
for miners that answer little.
"""

_DESCRIPTIONS: tuple[tuple[str, str], ...] = (
    ("luxminer", "luxos"),
    ("luxos", "luxos"),
    ("bosminer", "cgminer"),
    ("boser", "cgminer"),
    ("braiins", "cgminer"),
    ("vnish", "vnish"),
    ("xminer", "vnish"),
    ("btminer", "whatsminer_v2"),
    ("whatsminer", "whatsminer_v2"),
    ("bitmicro", "whatsminer_v2"),
    ("avalon", "avalon"),
    ("elphapex", "elphapex"),
    ("elhapex", "elphapex"),
    ("antminer", "antminer"),
)
"""Words in a miner's own description of itself, from special to general: the first that is found decides."""

_WHATSMINER_SUMMARY = frozenset(
    (
        *(
            "Factory GHS",
            "Power Limit",
            "Power Mode",
            "HS RT",
            "Target Freq",
            "Target MHS",
            "freq_avg",
            "Env Temp",
        ),
        *(
            "Fan Speed In",
            "Fan Speed Out",
            "Power Fanspeed",
            "Power Current",
            "Power_RT",
            "Chip Data",
            "Chip Temp Max",
        ),
        *("Factory Error Code Count", "Security Mode", "Liquid Cooling", "Hash Stable"),
    )
)
_WHATSMINER_BOARD = frozenset(
    (
        *("Upfreq Complete", "Effective Chips", "PCB SN", "Chip Frequency", "Chip Temp Max", "Chip Temp Avg"),
        *("Fan Speed In", "Fan Speed Out", "Factory GHS", "chip_vol_diff"),
    )
)
_AVALON_VERSION = frozenset(("DNA", "HWTYPE", "UPAPI", "LVERSION"))
_WHATSMINER_MODEL = re.compile(r"^M\d\d", re.IGNORECASE)
_AVALON_DEVICE = re.compile(r"AV(?:\d|A\d|ALON)", re.IGNORECASE)
"""How Canaan's drivers name their devices: `AV7`, `AVA10`, `AVALON`, with the device's number behind it."""


Asked = Mapping[str, Object]


def judge(replies: Asked) -> str | None:
    """Return the name of the driver that these replies call for, or None while they do not tell."""
    words = " ".join(_words(replies)).lower()
    for word, driver in _DESCRIPTIONS:
        if word in words:
            return driver
    for rule in _SHAPES:
        found = rule(replies)
        if found is not None:
            return found
    return None


async def find_driver(link: Link, memory: Memory) -> str:
    """Ask the miner until its driver is known. Raise the PollError that stood in the way, or Unsupported.

    A port that refuses leads to the next one: 4028, then 4433, then the web. One that does not answer at all ends
    the search where nothing did before, so that a dead miner costs one connect time-out and not three. A question
    that hangs where another is answered is left out of later ones (`memory`).
    """
    ways: list[_Way] = []
    target = link.target
    shared = target.port is not None and target.port == target.v3_port
    if target.port is not None:
        ways.append(_by_rpc)
    if target.v3_port is not None:
        # One port for both: only its number says which protocol is the likelier.
        ways.insert(0 if shared and target.port == V3_PORT else len(ways), _by_frames)
    if target.web_port is not None:
        ways.append(_by_web)
    share = target.timeout_s * (SEARCH_SHARE if shared else 1.0)
    first: PollError | None = None
    for way in ways:
        ends = asyncio.get_running_loop().time() + share
        try:
            asked = way(link, memory, ends)
            found = await (_within(share, asked, link) if shared else asked)
        except (Refused, Malformed, Unsupported) as error:
            first = first or error
        except TimedOut as error:
            if not shared and first is None:
                raise
            first = first or error
        else:
            if found is not None:
                return found
    raise first or Unsupported(
        f"{target.address}: answers, but no driver knows what it is; name one with driver:"
    )


V3_PORT = 4433
SEARCH_SHARE = 0.4
"""The part of a poll's time for each protocol where one port is tried in two: the wrong one may never answer."""

HUNG_QUESTIONS = 2
"""Where so many questions in a row are taken and not answered, it is the miner that hangs."""

_Way = Callable[[Link, Memory, float], Awaitable[str | None]]
_Answer = TypeVar("_Answer")


class _Hung(TimedOut):
    """The answer to a question did not come in the part of the time that it has."""


async def _within(seconds: float, answer: Awaitable[_Answer], link: Link) -> _Answer:
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError:
        target = link.target
        raise _Hung(
            f"{target.address}:{target.port} did not answer within {seconds:.3g} s: "
            "is the miner on and not overloaded, and the port right?"
        ) from None


async def _by_rpc(link: Link, memory: Memory, ends: float) -> str | None:
    """Ask on TCP 4028. A question may take half of the time that is left till `ends`: the reading needs some, too."""
    replies: dict[str, Object] = {}
    hung: list[str] = []
    refusal: PollError | None = None
    for question in QUESTIONS:
        half = (ends - asyncio.get_running_loop().time()) / 2
        try:
            replies[question] = await _within(half, link.ask(question), link)
        except Refused:
            raise
        except _Hung as error:
            hung.append(question)
            if len(hung) == HUNG_QUESTIONS and not replies:
                raise
            refusal = refusal or error
            continue
        except (Malformed, Unsupported) as error:
            # Some firmwares close the connection on a command that they do not know: the next one may be answered.
            refusal = refusal or error
            continue
        found = judge(replies)
        if found is not None:
            leave_out(memory, hung, link.now)
            return found
    if any(_sections(reply) for reply in replies.values()):
        leave_out(memory, hung, link.now)
        return "cgminer"
    raise refusal or Unsupported(f"{link.target.address}: answers no question that a miner answers")


async def _by_frames(link: Link, _memory: Memory, _ends: float) -> str | None:
    try:
        reply = await link.frame("get.device.info", "miner")
    except Malformed:
        # It may have hung up on that question alone.
        reply = await link.frame("get.miner.status", "summary")
    return "whatsminer_v3" if "code" in reply and "msg" in reply else None


async def _by_web(link: Link, _memory: Memory, _ends: float) -> str | None:
    page = await link.web("/cgi-bin/get_system_info.cgi")
    name = page.get("minertype") if isinstance(page, dict) else None
    if not isinstance(name, str):
        return None
    if find_model("Elphapex", name) is not None or name.upper().startswith("DG"):
        return "elphapex"
    return "antminer" if "antminer" in name.lower() else None


def _words(replies: Asked) -> list[str]:
    """Collect what the miner calls itself: descriptions and the values of its version and identity fields."""
    words: list[str] = []
    for reply in replies.values():
        status = reply.get("STATUS")
        heads = status if isinstance(status, list) else [reply]
        words += [head["Description"] for head in heads if _has_text(head, "Description")]
    for question, section in (("version", "VERSION"), ("stats", "STATS"), ("devdetails", "DEVDETAILS")):
        entry = _first(replies.get(question, {}).get(section))
        words += [key for key in entry if key in ("LUXminer", "BOSminer", "BOSer")]
        words += [
            entry[key]
            for key in ("Type", "Miner", "PROD", "BMMiner", "Driver", "Name")
            if _has_text(entry, key)
        ]
    return words


def _by_status_form(replies: Asked) -> str | None:
    """Only Whatsminer's btminer writes STATUS as one text and answers with Msg as an object (code 131)."""
    for reply in replies.values():
        if isinstance(reply.get("STATUS"), str) and ("Msg" in reply or "Code" in reply):
            return "whatsminer_v2"
    return None


def _by_type(replies: Asked) -> str | None:
    for question, section in (("version", "VERSION"), ("stats", "STATS")):
        entry = _first(replies.get(question, {}).get(section))
        name = entry.get("Type")
        if isinstance(name, str):
            if find_model("Elphapex", name) is not None or name.upper().startswith("DG"):
                return "elphapex"
            if find_model("AntMiner", name) is not None:
                return "antminer"
        if "BMMiner" in entry:
            return "antminer"
    return None


def _by_version_keys(replies: Asked) -> str | None:
    entry = _first(replies.get("version", {}).get("VERSION"))
    return "avalon" if _AVALON_VERSION & entry.keys() else None


def _by_stats_shape(replies: Asked) -> str | None:
    entries = [replies.get(question, {}).get("STATS") for question in ("stats", "estats")]
    for entry in [entry for listed in entries if isinstance(listed, list) for entry in listed]:
        if not isinstance(entry, dict):
            continue
        if any(key.startswith("MM ID") for key in entry) or _AVALON_DEVICE.match(str(entry.get("ID"))):
            return "avalon"
        if "chain_consumption1" in entry or "chain_vol1" in entry:
            return "vnish"
        if any(key.startswith(("chain_acn", "chain_rate")) for key in entry):
            return "antminer"
    return None


def _by_summary_shape(replies: Asked) -> str | None:
    entry = _first(replies.get("summary", {}).get("SUMMARY"))
    return "whatsminer_v2" if len(_WHATSMINER_SUMMARY & entry.keys()) >= 2 else None


def _by_device_model(replies: Asked) -> str | None:
    entry = _first(replies.get("devdetails", {}).get("DEVDETAILS"))
    model = entry.get("Model")
    return "whatsminer_v2" if isinstance(model, str) and _WHATSMINER_MODEL.match(model) else None


def _by_board_shape(replies: Asked) -> str | None:
    entry = _first(replies.get("devs", {}).get("DEVS"))
    if _AVALON_DEVICE.match(str(entry.get("Name"))):
        return "avalon"
    return "whatsminer_v2" if len(_WHATSMINER_BOARD & entry.keys()) >= 2 else None


_SHAPES: tuple[Callable[[Asked], str | None], ...] = (
    _by_status_form,
    _by_type,
    _by_version_keys,
    _by_stats_shape,
    _by_summary_shape,
    _by_device_model,
    _by_board_shape,
)


def _sections(reply: Object) -> bool:
    """Tell whether the reply carries readings, and not only a STATUS that says no."""
    return any(isinstance(value, list) and value and key != "STATUS" for key, value in reply.items())


def _first(section: Any) -> Object:
    entry = section[0] if isinstance(section, list) and section else section
    return entry if isinstance(entry, dict) else {}


def _has_text(entry: Any, key: str) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get(key), str)
