"""Writing to Avalons: `ascset` on TCP 4028, without any password; whoever reaches the port commands the miner.

Facts: Canaan's cgminer sources (`ascset`, its codes, `led`), captured replies of a Q, and `protocols.md` section 5.
*Single source*, and therefore read back: that some A13 and A14 close the connection instead of answering `softon`, and
that a 1346 wakes by a reboot only. The A10 and older controllers know no sleep.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from miners.actions import Action, Locate, Reboot, SetMode, SetPreset, Sleep, Wake, action_name
from miners.ask import status_code
from miners.drivers.avalon import POWER_MODES
from miners.errors import Malformed, NoAnswer, Unsupported
from miners.link import Object
from miners.model import Snapshot
from miners.reply import first
from miners.units import text
from miners.writers.plain_signs import plainly
from miners.writing import (
    Ability,
    CommandRefused,
    Hand,
    NotSupported,
    ReadOnly,
    Session,
    WriteError,
    Writer,
)

INFO, DONE, FAILED = 118, 119, 120
INVALID_COMMAND, ACCESS_DENIED = 14, 45

DELAY_S: Final = 5
"""A sleep or a wake is an appointment: firmware wants it a few seconds ahead."""

MODEL_S: Final = 3600.0
"""How long the model is believed to stand at this address."""

MODES: Final = {"low": 0, "normal": 1, "high": 2}
"""By WORKMODE: eco, standard and super of the A12 and later."""

ABILITIES: Mapping[type[Action], Ability] = {
    Sleep: Ability(
        within_s=90.0,
        shows_after_s=DELAY_S,
        note=f"`softoff`, {DELAY_S} s ahead; the A10 and older know none",
    ),
    Wake: Ability(within_s=300.0, shows_after_s=DELAY_S, note="`softon`, a 1346 by reboot"),
    SetMode: Ability(
        within_s=600.0,
        restarts_mining=True,
        modes=tuple(MODES),
        note="`workmode,set,0|1|2` (eco, standard, super), without `set` where the firmware is older",
    ),
    SetPreset: Ability(
        within_s=600.0,
        restarts_mining=True,
        note="`worklevel,set,N`: the preset is the number of a work level",
    ),
    Reboot: Ability(within_s=600.0, restarts_mining=True, note="`reboot`"),
    Locate: Ability(within_s=60.0, note="`led`, of a controller with several modules that of the first"),
}

_LEVEL: Final = re.compile(r"[+-]?\d{1,2}", re.ASCII)
_MODEL: Final = re.compile(r"\D{0,40}(\d{3,4})(?!\d)", re.ASCII)
"""The first number of a name, if it is one of a model: not so in `15-194` and `Nano3s`."""
_NO_SLEEP_UP_TO: Final = 1099
_WAKES_BY_REBOOT: Final = 1346
_LONGEST_WORDS: Final = 120


class _Model(msgspec.Struct, frozen=True):
    """What stands there, as kept in the session: the number in its name (1246), None where there is none (Q, Nano)."""

    number: int | None


async def send(hand: Hand, session: Session, action: Action) -> str:
    """Send one action; return the miner's words, empty where it hung up without any. The session keeps the model."""
    options = await _options(hand, session, action)
    reply: Object = {}
    for option in options:
        try:
            reply = await hand.tell({"command": "ascset", "parameter": f"0,{option}"})
        except NoAnswer:
            if isinstance(action, Wake | Reboot):
                return ""  # It is on its way: what it does next will tell.
            raise
        if status_code(reply) != FAILED:
            break
    if _agrees(reply):
        return _words(reply)
    refusal = _refusal(hand, options[-1].partition(",")[0], reply)
    if isinstance(refusal, ReadOnly | NotSupported):
        hand.left = False  # Turned away at the door: nothing has happened in the house.
    raise refusal


def shows(action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
    """Tell whether the reading shows the action (see Writer)."""
    match action:
        case SetMode(mode=mode):
            return None if now.power_mode is None else now.power_mode == POWER_MODES[MODES[mode]]
        case SetPreset(preset=preset):
            return _is_level(preset, now.profile)
        case _:
            return plainly(action, now, before)


async def _options(hand: Hand, session: Session, action: Action) -> Sequence[str]:
    """Return what to set, and what to try where the firmware refuses that."""
    match action:
        case Sleep() | Wake():
            model = await _model(hand, session)
            at = int(hand.now) + DELAY_S
            if model is not None and model <= _NO_SLEEP_UP_TO:
                raise NotSupported(
                    f"{hand.target.address}: an Avalon {model} knows no sleep (the A10 and older); switch it off at its socket"
                )
            if isinstance(action, Sleep):
                return (f"softoff,1:{at}",)
            return ("reboot,0",) if model == _WAKES_BY_REBOOT else (f"softon,1:{at}",)
        case SetMode(mode=mode):
            return (f"workmode,set,{MODES[mode]}", f"workmode,{MODES[mode]}")
        case SetPreset(preset=preset):
            if _LEVEL.fullmatch(preset) is None:
                raise CommandRefused(
                    f"{hand.target.address}: {preset!r} is no work level of an Avalon: that is a whole number, such as 2; "
                    "nothing was sent"
                )
            return (f"worklevel,set,{int(preset)}",)
        case Reboot():
            return ("reboot,0",)
        case Locate(on=on):
            return (f"led,1-{int(on)}",)
        case _:
            raise NotSupported(
                f"an Avalon does not know {action_name(action)}: it has work modes and work levels"
            )


async def _model(hand: Hand, session: Session) -> int | None:
    """Return the number of the model (1246 of `1246-83` or `AvalonMiner 1246`); None where it has or tells none."""
    if session.valid(hand.now) and isinstance(session.token, _Model):
        return session.token.number
    try:
        told = first(await hand.ask("version"), "VERSION")
    except (Malformed, Unsupported):
        return None
    names = (text(told.get(key)) or "" for key in ("MODEL", "PROD"))
    found = next((match for name in names if (match := _MODEL.match(name))), None)
    model = int(found[1]) if found else None
    session.token, session.until = _Model(model), hand.now + MODEL_S
    return model


def _is_level(preset: str, shown: str | None) -> bool | None:
    if shown is None or _LEVEL.fullmatch(preset) is None:
        return None
    return int(preset) == int(shown) if _LEVEL.fullmatch(shown) else False


def _agrees(reply: Object) -> bool:
    letter, code = first(reply, "STATUS").get("STATUS"), status_code(reply)
    return code == DONE or (code == INFO and letter in ("I", "S"))


def _refusal(hand: Hand, option: str, reply: Object) -> WriteError | Malformed:
    place = f"{hand.target.address}:{hand.target.port}"
    code, words = status_code(reply), _words(reply)
    if code is None:
        return Malformed(f"{place} answers ascset {option} without a status: is it the API of an Avalon?")
    said = f'{place} answers ascset {option}: "{words}" (code {code})'
    if code == INVALID_COMMAND or "unknown option" in words.lower():
        return NotSupported(f"{said}: this firmware does not know it")
    if code == ACCESS_DENIED:
        return ReadOnly(
            f"{said}: its API is read-only for this host; allow writing (`--api-allow W:`) on the miner"
        )
    return CommandRefused(said)


def _words(reply: Object) -> str:
    return (text(first(reply, "STATUS").get("Msg")) or "")[:_LONGEST_WORDS]


WRITER: Final = Writer(name="avalon", abilities=ABILITIES, send=send, shows=shows)
