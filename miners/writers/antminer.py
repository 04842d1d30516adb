"""Writing to Antminers with Bitmain's firmware of the S19 and later: its work mode, on the web, with digest authentication.

The configuration is read, its `miner-mode` changed, and all of it sent back; `bitmain-work-mode` is where it reads back.
There is no power target in watts or percent. The S17 and S15 mean something else by the same numbers, and older ones
have no work mode: they are left alone. Facts: `protocols.md` section 2.
"""

import re
from collections.abc import Mapping
from typing import Final

from miners.actions import Action, Locate, Reboot, SetMode, Sleep, Wake, action_name
from miners.link import Object
from miners.model import Snapshot
from miners.proof import in_mode
from miners.writers import cgi_writing
from miners.writers.plain_signs import plainly
from miners.writing import Ability, Hand, NotSupported, Session, Writer

MODES: Final = {"normal": 0, "high": 2, "low": 3}
SLEEP: Final = 1

MODE_KEYS: Final = ("miner-mode", "bitmain-work-mode")
"""The key that is written, and the one that firmware shows instead; without either there is no work mode."""

_OLD: Final = re.compile(r"(?<![a-z\d])[st](?:\d|1[0-7])(?!\d)", re.IGNORECASE | re.ASCII)
"""S and T up to the 17th: theirs is the form of page that takes no JSON, and 1 is a way of mining there."""

ABILITIES: Mapping[type[Action], Ability] = {
    Sleep: Ability(within_s=300.0, note="`miner-mode` 1; S19 and later"),
    Wake: Ability(
        within_s=900.0,
        restarts_mining=True,
        note="`miner-mode` 0: it wakes in normal mode, whatever its mode was",
    ),
    SetMode: Ability(
        within_s=900.0,
        restarts_mining=True,
        wakes=True,
        modes=tuple(MODES),
        note="`miner-mode` 3, 0, 2; which of them a model has, it shows itself: another does not read back",
    ),
    Reboot: Ability(within_s=600.0, restarts_mining=True, note="`reboot.cgi` (*single source*)"),
    Locate: Ability(within_s=60.0, note="`blink.cgi`, read back by `get_blink_status.cgi` (*single source*)"),
}


async def send(hand: Hand, session: Session, action: Action) -> str:
    """Send one action; return the miner's words. There is nothing to keep in the session."""
    del session
    match action:
        case Sleep():
            return await _set_mode(hand, SLEEP)
        case Wake():
            return await _set_mode(hand, MODES["normal"])
        case SetMode(mode=mode):
            return await _set_mode(hand, MODES[mode])
        case Reboot():
            return await cgi_writing.reboot(hand)
        case Locate(on=on):
            return await cgi_writing.locate(hand, on=on)
        case _:
            raise NotSupported(f"Antminers do not know {action_name(action)}: they work by modes")


def shows(action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
    """Tell whether the reading shows the action (see Writer)."""
    if isinstance(action, SetMode):
        return in_mode(now, before, action.mode)
    return plainly(action, now, before)


async def _set_mode(hand: Hand, mode: int) -> str:
    _refuse_the_old(hand)
    settings = await cgi_writing.configuration(hand)
    if all(key not in settings for key in MODE_KEYS):
        raise NotSupported(
            f"{hand.target.address} has no work mode in its configuration: this firmware can be neither put to sleep nor "
            "throttled from outside; switch the outlet, or use other firmware"
        )
    reply = await hand.post("/cgi-bin/set_miner_conf.cgi", _with_mode(settings, mode))
    confided = cgi_writing.pool_passwords(settings)
    return cgi_writing.consent(hand, "set_miner_conf.cgi", reply, confided)


def _with_mode(settings: Object, mode: int) -> Object:
    """Return the configuration with another mode, all else as it came and where it stood."""
    as_text = isinstance(settings.get("miner-mode"), str)
    return {**settings, "miner-mode": str(mode) if as_text else mode}


def _refuse_the_old(hand: Hand) -> None:
    """Raise NotSupported for a model whose firmware means something else by these numbers, or that is not known."""
    model = hand.target.model
    if model is None:
        raise NotSupported(
            f"{hand.target.address} does not tell its model, on which it depends what a work mode means: "
            "give it `model` in targets.yml"
        )
    if _OLD.search(model) is not None:
        raise NotSupported(
            f"{model}: its firmware has no work mode that can be written; switch the outlet, or use other firmware"
        )


WRITER: Final = Writer(name="antminer", abilities=ABILITIES, send=send, shows=shows)
