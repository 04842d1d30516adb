"""Writing to Whatsminers by API v3 (TCP 4433): every command carries a token of its own, made with the device's salt.

Writing is off on a new miner: it is switched on in WhatsMinerTool, and the miner then wants another password than the
maker's. Facts: MicroBT's API document 3.0 (commands, token, codes); that a percentage is taken as text, and which of two
names the command for modes has, differs by source: the second form is tried where the first is not understood.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from miners.actions import (
    Action,
    Locate,
    Reboot,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    Sleep,
    Wake,
    action_name,
)
from miners.drivers.whatsminer_fields import flag
from miners.drivers.whatsminer_v3 import DEVICE, WARM_UP_S
from miners.errors import Malformed, NoAnswer, PollError
from miners.link import Object
from miners.model import Credentials, Snapshot
from miners.units import number, text
from miners.writers.whatsminer_cipher import v3_token
from miners.writers.whatsminer_signs import PERCENT_TOLERANCE, shown
from miners.writing import (
    Ability,
    CommandRefused,
    Hand,
    NoPermission,
    NotSupported,
    ReadOnly,
    Session,
    WriteError,
    Writer,
)

ACCOUNTS: Final = ("super", "user1", "user2", "user3")
"""The accounts that the firmware knows; `super` may do everything."""

SALT_S: Final = 24 * 3600.0
"""The salt is the device's; it is asked for again when a command finds no permission, and once a day."""

MOST_SECONDS_OFF: Final = 60.0
"""By so much the miner's clock may differ before that is the likelier reason for a token that it does not take."""

OK, INVALID_COMMAND, BAD_PARAMETER, NO_PERMISSION = 0, -2, -3, -4

MODES: Final = ("low", "normal", "high")

ABILITIES: Mapping[type[Action], Ability] = {
    Sleep: Ability(within_s=180.0, note="`set.miner.service` stop"),
    Wake: Ability(within_s=300.0, note="`set.miner.service` start"),
    SetPowerPercent: Ability(
        within_s=600.0,
        least=1,
        most=100,
        note=f"`set.miner.power_percent`; no reply names it: told by the measured power, within "
        f"{PERCENT_TOLERANCE:.0f} points, once the miner has settled",
    ),
    SetPowerLimit: Ability(
        within_s=900.0,
        restarts_mining=True,
        least=1,
        most=99_999,
        note="`set.miner.power_limit`; the miner goes no higher than its model's power",
    ),
    SetMode: Ability(
        within_s=900.0,
        restarts_mining=True,
        modes=MODES,
        note="`set.miner.power_mode`, `set.miner.mode` where that is not known",
    ),
    Reboot: Ability(within_s=600.0, restarts_mining=True, note="`set.system.reboot`"),
    Locate: Ability(within_s=60.0, note="`set.system.led`: the red light blinks"),
}

_BLINKING: Final = ({"color": "red", "period": 1000, "duration": 500, "start": 0},)
_LONGEST_SALT: Final = 64
_LONGEST_WORDS: Final = 120

_Command = tuple[str, Any]


class _Salt(msgspec.Struct, frozen=True):
    """The device's salt, as kept in the session."""

    text: str


async def send(hand: Hand, session: Session, action: Action) -> str:
    """Send one action; return the miner's words. The salt is kept in the session, and asked for anew if it changed."""
    commands = _commands(action)
    credentials = _credentials(hand)
    # Another writer's token is no salt: the miner may have got other firmware.
    kept = session.token if session.valid(hand.now) and isinstance(session.token, _Salt) else None
    salt = kept or await _ask_salt(hand, session)
    name, reply = await _told(hand, salt, credentials, commands, action)
    if _code(reply) == NO_PERMISSION and kept is not None:
        salt = await _ask_salt(hand, session)
        if salt != kept:
            name, reply = await _told(hand, salt, credentials, commands, action)
    code = _code(reply)
    if code == OK:
        return _words(reply)
    if code == NO_PERMISSION:
        session.drop()
        hand.left = False  # Turned away at the door: nothing has happened in the house.
        raise await _why_not(hand, credentials, name, reply)
    refusal = _refusal(hand, name, reply)
    if isinstance(refusal, NotSupported):
        hand.left = False
    raise refusal


def shows(action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
    """Tell whether the reading shows the action (see Writer)."""
    return shown(action, now, before, settled_after_s=WARM_UP_S)


def _commands(action: Action) -> Sequence[_Command]:
    """Return the command and its parameter, and what to try where the firmware does not understand it."""
    match action:
        case Sleep():
            return (("set.miner.service", "stop"),)
        case Wake():
            return (("set.miner.service", "start"),)
        case SetPowerPercent(percent=percent):
            whole = round(percent)
            return (
                ("set.miner.power_percent", {"percent": str(whole), "mode": "normal"}),
                ("set.miner.power_percent", {"percent": whole, "mode": "normal"}),
            )
        case SetPowerLimit(watts=watts):
            return (("set.miner.power_limit", round(watts)),)
        case SetMode(mode=mode):
            return (("set.miner.power_mode", mode), ("set.miner.mode", mode))
        case Reboot():
            return (("set.system.reboot", None),)
        case Locate(on=on):
            return (("set.system.led", _BLINKING if on else "auto"),)
        case _:
            raise NotSupported(
                f"a Whatsminer does not know {action_name(action)}: it has modes, limits, percentages"
            )


def _credentials(hand: Hand) -> Credentials:
    """Return account and password. A user that is no account of this API's (`admin`, of the older one) means `super`."""
    given = hand.target.credentials
    if given is None or not given.password:
        raise NoPermission(
            f"{hand.target.address}: no password is configured, and a Whatsminer takes no order without: give the miner "
            "credentials; nothing was sent"
        )
    try:
        given.password.encode()
    except UnicodeEncodeError:
        raise NoPermission(
            f"{hand.target.address}: a miner cannot have this password, it is no text; correct the miner's credentials"
        ) from None
    return given if given.user in ACCOUNTS else Credentials(ACCOUNTS[0], given.password)


async def _ask_salt(hand: Hand, session: Session) -> _Salt:
    reply = await hand.frame(DEVICE, "salt")
    if _code(reply) != OK:
        raise _refusal(hand, DEVICE, reply)
    message = reply.get("msg")
    salt = message.get("salt") if isinstance(message, dict) else message
    if not isinstance(salt, str) or not 0 < len(salt) <= _LONGEST_SALT or not salt.isprintable():
        raise Malformed(f"{_place(hand)} gives no salt for its commands: is it a Whatsminer with API v3?")
    session.token, session.until = _Salt(salt), hand.now + SALT_S
    return _Salt(salt)


async def _told(
    hand: Hand, salt: _Salt, credentials: Credentials, commands: Sequence[_Command], action: Action
) -> tuple[str, Object]:
    """Tell the first of the commands that the firmware understands; return its name and the reply."""
    name, reply = "", Object()
    ts = int(hand.now)
    for name, parameter in commands:
        request: Object = {
            "cmd": name,
            "ts": ts,
            "token": v3_token(name, credentials.password, salt.text, ts),
            "account": credentials.user,
        }
        if parameter is not None:
            request["param"] = parameter
        try:
            reply = await hand.tell_frame(request)
        except NoAnswer:
            if isinstance(action, Reboot):
                return name, {"code": OK, "msg": ""}  # Gone before it has answered: its uptime will tell.
            raise
        if _code(reply) not in (INVALID_COMMAND, BAD_PARAMETER):
            break
    return name, reply


async def _why_not(hand: Hand, credentials: Credentials, command: str, reply: Object) -> WriteError:
    """Return what -4 means: the API is read-only, the account may not, or the password is wrong."""
    said = f'{_place(hand)} answers {command}: "{_words(reply)}" (code {NO_PERMISSION})'
    if await _is_read_only(hand):
        return ReadOnly(f"{said}: writing is switched off; switch the API on in WhatsMinerTool")
    if "account" in _words(reply).lower():
        return NoPermission(
            f"{said}: the account {credentials.user} may not do that; let it in WhatsMinerTool, or name {ACCOUNTS[0]}"
        )
    off_s = (number(reply.get("when")) or hand.now) - hand.now
    if abs(off_s) > MOST_SECONDS_OFF:
        return NoPermission(
            f"{said}: its clock is {off_s:+.0f} s off ours, and a command holds for minutes: let both take their time from "
            "one NTP server; or the password is wrong"
        )
    return NoPermission(
        f"{said}: the password is wrong, or still the maker's default, with which nobody may write; correct the miner's "
        "credentials, or set a password in WhatsMinerTool"
    )


async def _is_read_only(hand: Hand) -> bool:
    try:
        reply = await hand.frame(DEVICE, "system")
    except PollError:
        return False  # It has said no already; why, stays open.
    message = reply.get("msg")
    system = message.get("system", message) if isinstance(message, dict) else None
    return isinstance(system, dict) and flag(system.get("apiswitch")) is False


def _refusal(hand: Hand, command: str, reply: Object) -> WriteError | Malformed:
    code, words = _code(reply), _words(reply)
    if code is None:
        return Malformed(f"{_place(hand)} answers {command} without a code: is it a Whatsminer with API v3?")
    said = f'{_place(hand)} answers {command}: "{words}" (code {code})'
    if code == INVALID_COMMAND:
        return NotSupported(f"{said}: this firmware does not know it; a newer one may")
    if code == NO_PERMISSION:
        return NoPermission(f"{said}: it lets nobody ask for the salt; allow it in WhatsMinerTool")
    return CommandRefused(said)


def _place(hand: Hand) -> str:
    return f"{hand.target.address}:{hand.target.v3_port}"


def _code(reply: Object) -> int | None:
    figure = number(reply.get("code"))
    return int(figure) if figure is not None else None


def _words(reply: Object) -> str:
    return (text(reply.get("msg")) or "")[:_LONGEST_WORDS]


WRITER: Final = Writer(name="whatsminer_v3", abilities=ABILITIES, send=send, shows=shows)
