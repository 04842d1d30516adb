"""Writing to Elphapex (Scrypt: DG1, DG1+, DG2, DG-Home1): its work mode, on the web, with digest authentication.

Facts: `protocols.md` section 6: `setworkmode.cgi`, -1000 sleeps and 0 wakes, `fc-work-mode` tells: *single source*, and
therefore read back. The light and the reboot are those of the Antminer's web, after which this one was made.
"""

from collections.abc import Mapping
from typing import Final

from miners.actions import Action, Locate, Reboot, Sleep, Wake, action_name
from miners.writers import cgi_writing
from miners.writers.plain_signs import plainly
from miners.writing import Ability, Hand, NotSupported, Session, Writer

PATH: Final = "/cgi-bin/luci/setworkmode.cgi"
SLEEP, NORMAL = "-1000", "0"

ABILITIES: Mapping[type[Action], Ability] = {
    Sleep: Ability(within_s=300.0, note="`workmode` -1000 (*single source*)"),
    Wake: Ability(
        within_s=900.0,
        restarts_mining=True,
        note="`workmode` 0 (*single source*)",
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
            return await _set_mode(hand, NORMAL)
        case Reboot():
            return await cgi_writing.reboot(hand)
        case Locate(on=on):
            return await cgi_writing.locate(hand, on=on)
        case _:
            raise NotSupported(f"Elphapex do not know {action_name(action)}: they mine or sleep")


async def _set_mode(hand: Hand, mode: str) -> str:
    return cgi_writing.consent(hand, "setworkmode.cgi", await hand.post(PATH, {"workmode": mode}))


WRITER: Final = Writer(name="elphapex", abilities=ABILITIES, send=send, shows=plainly)
