"""Writing through a farm's own HTTP service in front of its miners: login, profileset, curtail, logout.

Such a service hands out a token for one miner's address, and takes three profiles and two modes by it. It is the writing
side only: what came of a command is read from the miner itself. Where the service asks who is there, the gateway's own
credentials are sent along (`user:password` as Basic, `:token` as Bearer).
Facts: `protocols.md` section 8.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from miners.actions import Action, SetPreset, Sleep, Wake, action_name
from miners.errors import Malformed, PollError, Unreachable
from miners.link import Object
from miners.model import Snapshot
from miners.proof import confided_by, one_line
from miners.transport.gateway import post_json
from miners.units import text
from miners.writing import (
    Ability,
    CommandRefused,
    Hand,
    NoPermission,
    NotSupported,
    ReadOnly,
    Session,
    Writer,
)

PROFILES: Final = ("underclock", "normal", "overclock")
KEPT_S: Final = 600.0
"""How long a token is used before a new one is asked for; the service's own time is not known (ours gives 15 minutes)."""
SETTLED_S: Final = 900.0
"""A miner that has been mining so long draws what its profile says."""
TOLERANCE: Final = 0.08
"""How far measured power may lie from what a profile promises: between two profiles lie 15 % at the least."""
BAD_REQUEST: Final = 400
"""How it says that a token or a value is wrong; only its words tell the one from the other."""
_OF_TOKENS: Final = ("token", "session", "expired", "log in", "login")
_CONSENT: Final = (200, 202, 204)
_AT_THE_DOOR: Final = (401, 403, 404, 405, 409, 429)
_WORDS: Final = ("error", "message", "detail")
_LONGEST_WORDS: Final = 200
_LONGEST_TOKEN: Final = 4096
_PROMISED: Final = {"underclock": 0.75, "normal": 1.0, "overclock": 1.15}

ABILITIES: Mapping[type[Action], Ability] = {
    Sleep: Ability(within_s=180.0, note="`curtail` with mode sleep"),
    Wake: Ability(within_s=180.0, note="`curtail` with mode active"),
    SetPreset: Ability(
        within_s=1200.0,
        restarts_mining=True,
        modes=PROFILES,
        note="`profileset`; told from the power that the miner measures, once it has settled, and from nothing else",
    ),
}


async def send(hand: Hand, session: Session, action: Action) -> str:
    """Send one action; return the gateway's words. A token that it does not take any more is renewed once."""
    path, body = _request(action)
    kept = session.valid(hand.now) and isinstance(session.token, str)
    if not kept:
        await _log_in(hand, session)
    answer = await _told(hand, session, path, body)
    if answer.is_about_token or (kept and answer.is_mute):
        session.drop()
        await _log_in(hand, session)
        answer = await _told(hand, session, path, body)
    if answer.status in _CONSENT:
        session.until = hand.now + KEPT_S
        return answer.words
    if answer.is_about_token:
        session.drop()
    raise _refusal(hand, path, answer)


async def leave(hand: Hand, session: Session) -> None:
    """Give the token back: the gateway forgets it. Raises a PollError or a WriteError where that fails."""
    if session.token is None:
        return
    token = str(session.token)
    session.drop()
    answer = await _ask(hand, "/api/logout", {"miner_ip": hand.target.address}, token)
    if answer.status not in _CONSENT:
        raise _refusal(hand, "/api/logout", answer)


def shows(action: Action, now: Snapshot, before: Snapshot | None) -> bool | None:
    """Tell whether the reading of the miner itself shows the action (see Writer)."""
    del before
    asleep = now.state == "sleeping"
    match action:
        case Sleep():
            return asleep
        case Wake():
            return True if now.state in ("mining", "starting") else False if asleep else None
        case SetPreset(preset=preset) if preset in _PROMISED:
            return _draws(now, _PROMISED[preset])
        case _:
            return None


def _draws(now: Snapshot, promised: float) -> bool | None:
    """Tell whether the measured power is what the profile promises; None where it is not measured or not settled."""
    if now.state == "sleeping":
        return False
    if now.state != "mining" or now.power_source != "measured" or not now.power_w or not now.nominal_power_w:
        return None
    if now.mining_s is not None and now.mining_s < SETTLED_S:
        return None
    ratio = now.power_w / now.nominal_power_w
    return abs(ratio - promised) <= TOLERANCE * promised


def _request(action: Action) -> tuple[str, Object]:
    match action:
        case Sleep():
            return "/api/curtail", {"mode": "sleep"}
        case Wake():
            return "/api/curtail", {"mode": "active"}
        case SetPreset(preset=preset) if preset in PROFILES:
            return "/api/profileset", {"profile": preset}
        case SetPreset(preset=preset):
            raise NotSupported(f"a token gateway knows the profiles {', '.join(PROFILES)}, not {preset!r}")
        case _:
            raise NotSupported(
                f"a token gateway does not know {action_name(action)}: only sleep, wake and profiles"
            )


class _Answer(NamedTuple):
    """What came from the gateway. `words`: its own, on one line, without what it was sent in confidence."""

    status: int
    words: str
    token: object = None

    @property
    def is_about_token(self) -> bool:
        """Whether it says that the token is not (any more) one."""
        said = self.words.lower()
        return self.status == BAD_REQUEST and any(word in said for word in _OF_TOKENS)

    @property
    def is_mute(self) -> bool:
        """Whether it refuses and does not say what."""
        return self.status == BAD_REQUEST and not self.words


async def _log_in(hand: Hand, session: Session) -> None:
    answer = await _ask(hand, "/api/login", {"miner_ip": hand.target.address})
    if answer.status not in _CONSENT:
        raise _refusal(hand, "/api/login", answer)
    token = answer.token
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN:
        raise Malformed(f"{_url(hand)}/api/login answers without a token: is it a token gateway?")
    session.token, session.until = token, hand.now + KEPT_S


async def _told(hand: Hand, session: Session, path: str, body: Object) -> _Answer:
    """Send a command with the token; see to it that `hand.left` says whether it may have been obeyed."""
    before = hand.left
    try:
        answer = await _ask(hand, path, {"token": session.token, **body})
    except PollError as error:
        hand.left = before or error.asked
        raise
    turned_away = answer.status in _AT_THE_DOOR or answer.is_about_token or 300 <= answer.status < 400
    hand.left = before or not turned_away
    return answer


async def _ask(hand: Hand, path: str, body: Object, token: str = "") -> _Answer:
    """Ask for a path; return the answer, whose words hold neither the token that is given nor what was sent in confidence."""
    target = hand.target
    status, answer = await post_json(
        _url(hand) + path, body, target.gateway_credentials, connect_timeout_s=target.connect_timeout_s
    )
    confided = [token, str(body.get("token") or "")]
    confided += confided_by(target.gateway_credentials)
    said = next((words for name in _WORDS if (words := text(answer.get(name)))), "")
    return _Answer(status, one_line(said, confided)[:_LONGEST_WORDS], answer.get("token"))


def _url(hand: Hand) -> str:
    if not hand.target.gateway:
        raise Unreachable(
            f"{hand.target.address} has no gateway in the inventory: give it `gateway: http://…`"
        )
    return hand.target.gateway.rstrip("/")


def _refusal(hand: Hand, path: str, answer: _Answer) -> Exception:
    """Return what an answer that is no success means, in the gateway's own words."""
    status = answer.status
    place, said = f"{_url(hand)}{path}", f': "{answer.words}"' if answer.words else ""
    if answer.is_about_token:
        return NoPermission(
            f"{place} does not take the token that it has just given{said}: look at the gateway"
        )
    match status:
        case 401:
            missing = "correct" if hand.target.gateway_credentials else "give the miner"
            return NoPermission(f"{place} wants to know who asks{said}: {missing} gateway_credentials")
        case 403:
            return NoPermission(f"{place} does not allow it{said}: these gateway_credentials may not command")
        case 404 | 405:
            return NotSupported(f"{place} is not there{said}: is it a token gateway, and its URL right?")
        case 409:
            return ReadOnly(f"{place} does not command this miner{said}")
        case 400 | 422 | 502:
            return CommandRefused(f"{place} refuses{said or f' with HTTP status {status}'}")
        case 429:
            return CommandRefused(f"{place} is asked too often{said}: it is tried again later")
        case _ if 300 <= status < 400:
            return Unreachable(
                f"{place} points elsewhere with HTTP status {status}, which is not followed: correct its URL"
            )
        case _:
            return Unreachable(f"{place} answers with HTTP status {status}{said}: look at the gateway")


WRITER: Final = Writer(name="token_gateway", abilities=ABILITIES, send=send, shows=shows, leave=leave)
