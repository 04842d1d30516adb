"""VNish on Antminers: their stats on TCP 4028, with the voltage and the power of each chain, and a state in words.

Facts from `protocols.md` section 9. The row `DevFee` of its pools, on which the firmware mines its fee, is listed
like any pool; it counts as the active one only while no other is.
"""

import re
from collections.abc import Mapping

from miners.ask import ask_all
from miners.draft import Draft
from miners.driver import Driver, Memory
from miners.drivers import antminer
from miners.link import Link, Object, no_reading
from miners.model import Fault
from miners.reply import rows
from miners.units import text

_VERSION = re.compile(r"vnish\s+v?(\d[\w.+-]*)", re.IGNORECASE | re.ASCII)
_STATES = {
    "stopped": True,
    "mining": False,
    "auto-tuning": False,
    "initializing": False,
    "starting": False,
    "restarting": False,
    "shutting-down": False,
    "failure": False,
}
"""The firmware's words for its state, and whether it sleeps then."""


async def read(link: Link, memory: Memory) -> Draft:
    """Read one miner on TCP 4028. Raises the PollError that stands in the way."""
    replies = await ask_all(link, memory, antminer.COMMANDS)
    draft = parse(replies, link.now, link.target.model, whole=not link.truncated)
    if draft.hashrate_hs is None and not draft.boards and draft.mining_s is None and draft.asleep is None:
        raise no_reading(link.target, "stats and summary")
    return draft


def parse(
    replies: Mapping[str, Object], now: float, model: str | None = None, *, whole: bool = True
) -> Draft:
    """Make a Draft of the replies by command. `now`: unix seconds; `model`: the operator's word where it is mute.

    `whole`: whether every reply came uncut (see Draft).
    """
    draft = antminer.parse(replies, now, model, whole=whole)
    draft.firmware = "VNish"
    named = _VERSION.search(draft.model) if draft.model is not None else None
    if named is not None:
        draft.firmware_version = named[1]
    elif not whole:
        draft.firmware_version = (
            None  # The name that tells it may have been cut off, and others have other numbers.
        )
    for row in rows(replies.get("stats"), "STATS"):
        said = text(row.get("state"))
        if said is not None:
            _fill_state(draft, said.lower())
    return draft


def _fill_state(draft: Draft, state: str) -> None:
    draft.asleep = _STATES.get(state)
    if state == "failure":
        draft.faults.append(Fault("failure", "the firmware stopped mining because of a failure"))


DRIVER = Driver(name="vnish", manufacturer="AntMiner", read=read, warm_up_s=900.0)
