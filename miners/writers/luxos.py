"""Writing to LuxOS: a session taken, one command, the session given back; presets by the miner's own names.

LuxOS asks for no password. It hands out one session at a time to everybody (`logon`, `logoff`), which lapses after a
minute without use; so none is kept from command to command, and it is given back whatever happens.
Facts: `protocols.md` section 7 and LuxOS' public API pages (sessions, curtail, profiles, profileset, atmset);
`rebootdevice` and `ledset` by name from public clients: *single source*, read back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from miners.actions import Action, Locate, Reboot, SetPreset, Sleep, Wake, action_name
from miners.ask import failed, status_code
from miners.errors import Malformed, PollError
from miners.link import Object
from miners.model import Snapshot
from miners.proof import one_line
from miners.reply import first, rows
from miners.units import hashes, text, watts
from miners.writing import (
    Ability,
    CommandRefused,
    Hand,
    NotSupported,
    Preset,
    ReadOnly,
    Session,
    SessionTaken,
    WriteError,
    Writer,
)

ANOTHER_SESSION: Final = 402
INVALID_COMMAND: Final = 14
ACCESS_DENIED: Final = 45
_LAPSED: Final = "invalid session"
_MAX_PRESETS: Final = 256
_LONGEST_WORDS: Final = 120

ABILITIES: Mapping[type[Action], Ability] = {
    Sleep: Ability(within_s=60.0, note="`curtail sleep`: boards and power supply off"),
    Wake: Ability(within_s=120.0, note="`curtail wakeup`"),
    SetPreset: Ability(
        within_s=180.0,
        restarts_mining=True,
        note="`profileset`, by a name that the miner lists; its automatic tuning (ATM) is switched off before",
    ),
    Reboot: Ability(within_s=420.0, restarts_mining=True, note="`rebootdevice`"),
    Locate: Ability(within_s=60.0, note="`ledset`: the red light blinks"),
}


async def send(hand: Hand, session: Session, action: Action) -> str:
    """Send one action in a session of its own; return the miner's words. A lapsed session is taken anew once.

    `session` stays empty: the miner's only one is never kept (see the top of this file).
    """
    del session
    if isinstance(action, SetPreset):
        known = await presets(hand)
        if all(preset.name != action.preset for preset in known):
            raise CommandRefused(
                f"{hand.target.address} has no preset {action.preset!r}; it has {_named(known)}"
            )
    try:
        return await _in_a_session(hand, action)
    except _Lapsed:
        try:
            return await _in_a_session(hand, action)
        except _Lapsed as error:
            raise SessionTaken(
                f"{hand.target.address} takes its own session for lapsed, twice in a row: another program ends it; "
                "find out which one commands this miner"
            ) from error


async def presets(hand: Hand) -> tuple[Preset, ...]:
    """Return the miner's presets with the watts and the hash rate (TH/s there, H/s here) that they promise."""
    reply = await hand.ask("profiles")
    if failed(reply):
        raise _refusal(hand, "profiles", reply)
    found = []
    for row in rows(reply, "PROFILES")[:_MAX_PRESETS]:
        name = text(row.get("Profile Name"))
        # A comma ends a parameter, and from 0 to 3 a name is taken for a board's number.
        if name is None or "," in name or name in ("0", "1", "2", "3"):
            continue
        found.append(
            Preset(
                name=name,
                watts=watts(row.get("Watts")) or None,
                hashrate_hs=hashes(row.get("Hashrate"), 1e12) or None,
            )
        )
    return tuple(found)


def shows(action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
    """Tell whether the reading shows the action (see Writer). The profile's name proves that `config` was read."""
    read = now.profile is not None
    asleep = now.state == "sleeping"
    match action:
        case Sleep():
            return asleep if read or asleep else None
        case Wake():
            return not asleep if read or asleep else None
        case SetPreset(preset=preset):
            return now.profile == preset if read else None
        case Locate(on=on):
            return None if now.locating is None else now.locating == on
        case Reboot():
            return _began_anew(now, before)
        case _:
            return None


def _began_anew(now: Snapshot, before: Snapshot | None) -> bool | None:
    if now.mining_s is None or before is None or before.mining_s is None:
        return None
    if now.mining_s == before.mining_s:
        return False  # It stands still, as may be so of one that sleeps: that proves nothing.
    passed = (now.taken_at - before.taken_at).total_seconds()
    return now.mining_s < before.mining_s or now.mining_s < passed


class _Lapsed(CommandRefused):
    """The session is not known to the miner any more."""


def _commands(action: Action) -> Sequence[tuple[str, str]]:
    """Return the commands of an action, each with what follows the session's id in its parameter."""
    match action:
        case Sleep():
            return (("curtail", ",sleep"),)
        case Wake():
            return (("curtail", ",wakeup"),)
        case SetPreset(preset=preset):
            return (("atmset", ",enabled=false"), ("profileset", f",{preset}"))
        case Reboot():
            return (("rebootdevice", ""),)
        case Locate(on=on):
            return (("ledset", ",red,blink" if on else ",red,auto"),)
        case _:
            raise NotSupported(f"LuxOS does not know {action_name(action)}: it works by presets")


async def _in_a_session(hand: Hand, action: Action) -> str:
    commands = _commands(action)
    identifier = await _log_on(hand)
    done: list[str] = []
    words = ""
    try:
        for command, parameter in commands:
            words = await _told(hand, command, identifier, parameter, done)
            done.append(command)
    except BaseException:
        await _log_off_surely(hand, identifier)
        raise
    kept = await _log_off_surely(hand, identifier)
    # One that restarts gives its session up by that, and may be gone by now.
    return words if isinstance(action, Reboot) else words + kept


async def _told(hand: Hand, command: str, identifier: str, parameter: str, done: Sequence[str]) -> str:
    """Tell one command. `done`: what it has been told before in this session."""
    before = hand.left
    reply = await hand.tell({"command": command, "parameter": identifier + parameter})
    if not failed(reply):
        return _words(reply, identifier)
    refusal = _refusal(hand, command, reply, identifier)
    if isinstance(refusal, SessionTaken | _Lapsed | ReadOnly | NotSupported):
        hand.left = before  # Turned away at the door: nothing has happened in the house.
    elif "atmset" in done:
        raise CommandRefused(f"{refusal}; its automatic tuning (ATM) is switched off by now")
    raise refusal


async def _log_on(hand: Hand) -> str:
    reply = await _about_session(hand, {"command": "logon"})
    if failed(reply):
        raise _refusal(hand, "logon", reply)
    identifier = text(first(reply, "SESSION").get("SessionID"))
    if identifier is None or "," in identifier:
        raise Malformed(f"{hand.target.address} made a session and does not name it: is it LuxOS?")
    return identifier


async def _log_off_surely(hand: Hand, identifier: str) -> str:
    """Give the session back, also where the task is being cancelled, and cancelled again meanwhile."""
    leaving = asyncio.create_task(_log_off(hand, identifier))
    _leaving.add(leaving)
    leaving.add_done_callback(_leaving.discard)
    return await asyncio.shield(leaving)


_leaving: set[asyncio.Task[str]] = set()


async def _log_off(hand: Hand, identifier: str) -> str:
    """Give the session back; return what to add to the words where that failed: it then lapses by itself."""
    try:
        reply = await _about_session(hand, {"command": "logoff", "parameter": identifier})
    except (PollError, WriteError) as error:
        reason = str(error)
    else:
        said = _words(reply, identifier)
        if not failed(reply) or _LAPSED in said.lower():
            return ""
        reason = said
    return f" (its session was not given back, and lapses within a minute: {reason})"


async def _about_session(hand: Hand, request: Object) -> Object:
    """Tell what opens or closes a session; it changes nothing on the miner, so it does not count as a command."""
    before = hand.left
    try:
        return await hand.tell(request)
    finally:
        hand.left = before


def _refusal(hand: Hand, command: str, reply: Object, identifier: str = "") -> WriteError:
    """Return what a reply that failed means, in the miner's own words."""
    place = f"{hand.target.address}:{hand.target.port}"
    words, code = _words(reply, identifier), status_code(reply)
    if code == ANOTHER_SESSION or "another session" in words.lower():
        return SessionTaken(
            f'{place} answers {command}: "{words}": another program commands it; it is free a minute after that has ended'
        )
    if _LAPSED in words.lower():
        return _Lapsed(f'{place} answers {command}: "{words}"')
    if code == ACCESS_DENIED:
        return ReadOnly(
            f'{place} answers {command}: "{words}": its API is read-only for this host; allow it in the miner'
        )
    if code == INVALID_COMMAND:
        return NotSupported(f'{place} answers {command}: "{words}": this version of LuxOS does not know it')
    return CommandRefused(f'{place} refuses {command}: "{words}" (code {code})')


def _words(reply: Object, identifier: str = "") -> str:
    """Return the miner's words, without the session's id: whoever has that commands the miner."""
    return one_line(text(first(reply, "STATUS").get("Msg")) or "", [identifier])[:_LONGEST_WORDS]


def _named(known: Sequence[Preset]) -> str:
    return ", ".join(preset.name for preset in known) or "none"


WRITER: Final = Writer(name="luxos", abilities=ABILITIES, send=send, shows=shows, presets=presets)
