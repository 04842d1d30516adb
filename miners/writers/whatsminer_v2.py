"""Writing to Whatsminers by API v2 (TCP 4028): a token for half an hour, and every command in an encrypted envelope.

Writing is off on a new miner: it is switched on in WhatsMinerTool, and the miner then wants another password than the
maker's. Firmware since the end of 2024 has dropped it, and is written to by API v3 alone.
Facts: MicroBT's API document 2.0.5 (commands, codes); the words of code 45 are from field reports: *single source*.
"""

from collections.abc import Mapping
from typing import Final

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
from miners.ask import status_code
from miners.drivers.whatsminer_v2 import WARM_UP_S
from miners.drivers.whatsminer_v2_replies import entry
from miners.errors import Malformed, NoAnswer
from miners.link import Object
from miners.model import Snapshot
from miners.reply import first
from miners.units import text
from miners.writers.whatsminer_cipher import Token, is_sealed, make_token, seal, unseal
from miners.writers.whatsminer_signs import PERCENT_TOLERANCE, shown
from miners.writing import (
    Ability,
    CommandRefused,
    Hand,
    NoPermission,
    NotSupported,
    ReadOnly,
    Session,
    SessionTaken,
    WriteError,
    Writer,
)

TOKEN_S: Final = 28 * 60.0
"""A token lives 30 minutes; it is renewed before, for the miner's clock and ours are not one."""

INVALID_COMMAND, INVALID_JSON, NO_PERMISSION = 14, 23, 45
COMMAND_OK, COMMAND_FAILED = 131, 132
BAD_TOKEN, TOO_MANY_TOKENS, BAD_BASE64 = 135, 136, 137

MODE_COMMANDS: Final = {"low": "set_low_power", "normal": "set_normal_power", "high": "set_high_power"}

ABILITIES: Mapping[type[Action], Ability] = {
    Sleep: Ability(within_s=180.0, note="`power_off`"),
    Wake: Ability(within_s=300.0, note="`power_on`"),
    SetPowerPercent: Ability(
        within_s=600.0,
        least=1,
        most=100,
        note=f"`set_power_pct`; no reply names it: told by the measured power, within {PERCENT_TOLERANCE:.0f} points, "
        "once the miner has settled",
    ),
    SetPowerLimit: Ability(
        within_s=900.0,
        restarts_mining=True,
        least=1,
        most=99_999,
        note="`adjust_power_limit`; the miner goes no higher than its model's power",
    ),
    SetMode: Ability(
        within_s=900.0,
        restarts_mining=True,
        modes=tuple(MODE_COMMANDS),
        note="`set_low_power`, `set_normal_power`, `set_high_power`",
    ),
    Reboot: Ability(within_s=600.0, restarts_mining=True, note="`reboot`"),
    Locate: Ability(within_s=60.0, note="`set_led`: the red light blinks"),
}

_SINCE_EARLY: Final = {"power_off", "power_on", "reboot", "adjust_power_limit", *MODE_COMMANDS.values()}
"""What every firmware with API v2 knows: where one of these is unknown, writing was dropped."""

_LONGEST_WORDS: Final = 120


async def send(hand: Hand, session: Session, action: Action) -> str:
    """Send one action; return the miner's words. The token is kept in the session, and renewed once if it lapsed."""
    command = _command(action)
    password = _password(hand)
    # Another writer's token is none of ours: the miner may have got other firmware.
    kept = session.valid(hand.now) and isinstance(session.token, Token)
    token = session.token if kept else await _new_token(hand, session, password)
    reply = await _told(hand, token, command, action)
    if kept and status_code(reply) == BAD_TOKEN:
        session.drop()
        token = await _new_token(hand, session, password)
        reply = await _told(hand, token, command, action)
    if _agrees(reply):
        return _words(reply)
    refusal = _refusal(hand, str(command["cmd"]), reply)
    if isinstance(refusal, NoPermission | ReadOnly | SessionTaken | NotSupported):
        hand.left = False  # Turned away at the door: nothing has happened in the house.
    if status_code(reply) in (BAD_TOKEN, TOO_MANY_TOKENS, NO_PERMISSION, INVALID_JSON):
        session.drop()
    if kept and status_code(reply) == NO_PERMISSION:
        # Where the API has been switched off since, it gives no token either, and says more.
        await _new_token(hand, session, password)
        session.drop()
    raise refusal


def shows(action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
    """Tell whether the reading shows the action (see Writer)."""
    return shown(action, now, before, settled_after_s=WARM_UP_S)


def _command(action: Action) -> Object:
    match action:
        case Sleep():
            # Answer first: else the connection goes down with the boards.
            return {"cmd": "power_off", "respbefore": "true"}
        case Wake():
            return {"cmd": "power_on"}
        case SetPowerPercent(percent=percent):
            return {"cmd": "set_power_pct", "percent": str(round(percent))}
        case SetPowerLimit(watts=watts):
            return {"cmd": "adjust_power_limit", "power_limit": str(round(watts))}
        case SetMode(mode=mode):
            return {"cmd": MODE_COMMANDS[mode]}
        case Reboot():
            return {"cmd": "reboot"}
        case Locate(on=True):
            return {"cmd": "set_led", "color": "red", "period": 1000, "duration": 500, "start": 0}
        case Locate():
            return {"cmd": "set_led", "param": "auto"}
        case _:
            raise NotSupported(
                f"a Whatsminer does not know {action_name(action)}: it has modes, limits, percentages"
            )


def _password(hand: Hand) -> str:
    credentials = hand.target.credentials
    if credentials is None or not credentials.password:
        raise NoPermission(
            f"{hand.target.address}: no password is configured, and a Whatsminer takes no order without: give the miner "
            "credentials; nothing was sent"
        )
    return credentials.password


async def _new_token(hand: Hand, session: Session, password: str) -> Token:
    reply = await hand.ask("get_token")
    message = entry(reply, "TOKEN")
    if message.get("salt") is None:
        if "STATUS" not in reply:
            raise _not_understood(hand, "get_token", "it answers with neither a token nor a status")
        raise _refusal(hand, "get_token", reply)
    try:
        token = make_token(
            password, message.get("salt"), message.get("newsalt"), text(message.get("time")) or ""
        )
    except Malformed as error:
        raise _not_understood(hand, "get_token", str(error)) from error
    except ValueError as error:
        raise NoPermission(f"{hand.target.address}: {error}; correct the miner's credentials") from None
    session.token, session.until = token, hand.now + TOKEN_S
    return token


async def _told(hand: Hand, token: Token, command: Object, action: Action) -> Object:
    name = str(command["cmd"])
    try:
        reply = await hand.tell(seal(token, command))
    except NoAnswer:
        if isinstance(action, Reboot):
            return {
                "STATUS": "S",
                "Code": COMMAND_OK,
            }  # It is gone before it has answered: its uptime will tell.
        raise
    if not is_sealed(reply):
        return reply
    try:
        return unseal(token, reply)
    except Malformed as error:
        raise _not_understood(hand, name, str(error)) from error


def _agrees(reply: Object) -> bool:
    return _letter(reply) == "S" and status_code(reply) == COMMAND_OK


def _refusal(hand: Hand, command: str, reply: Object) -> WriteError | Malformed:
    """Return what a reply means that is no consent, with the miner's own words and what to do."""
    code, words = status_code(reply), _words(reply)
    said = f'{hand.target.address}:{hand.target.port} answers {command}: "{words}" (code {code})'
    if code == TOO_MANY_TOKENS or "over max" in words.lower():
        return SessionTaken(
            f"{said}: it has given out all its tokens; other programs ask it too, and each token lapses after 30 minutes"
        )
    match code:
        case 14 if command == "get_token" or command in _SINCE_EARLY:
            return ReadOnly(
                f"{said}: this firmware has dropped writing by API v2 and needs v3; give the miner `driver: whatsminer_v3`"
            )
        case 14:
            return NotSupported(f"{said}: this firmware does not know it; a newer one may")
        case 45 if "write" in words.lower():
            return ReadOnly(f"{said}: writing is switched off; switch the API on in WhatsMinerTool")
        case 45:
            return NoPermission(
                f"{said}: it still has the maker's default password, with which nobody may write, or its API is "
                "switched off: change the one and switch on the other in WhatsMinerTool"
            )
        case 135:
            return NoPermission(
                f"{said}, also with a new token: the password is wrong, or its tokens lapse at once; correct the miner's "
                "credentials, and look at the miner's clock"
            )
        case 23:
            return NoPermission(
                f"{said}: it cannot read what was encrypted with this password; correct the miner's credentials"
            )
        case None:
            return _not_understood(hand, command, "it answers without a code")
        case _:
            return CommandRefused(said)


def _not_understood(hand: Hand, command: str, what: str) -> Malformed:
    return Malformed(f"{hand.target.address}:{hand.target.port}, asked {command}: {what}")


def _letter(reply: Object) -> str:
    said = reply.get("STATUS")
    return str(text(said if isinstance(said, str) else first(reply, "STATUS").get("STATUS")) or "")


def _words(reply: Object) -> str:
    """Return the miner's words, which stand beside the status or within it. An object there is none."""
    said = reply.get("Msg", first(reply, "STATUS").get("Msg"))
    return (text(said) or "")[:_LONGEST_WORDS]


WRITER: Final = Writer(name="whatsminer_v2", abilities=ABILITIES, send=send, shows=shows)
