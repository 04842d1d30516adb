"""What may be asked of a writer at all, what a reading proves of it, and the words for both: pure functions.

`miners/apply.py` does what is decided here.
"""

import base64
import math
import re
from collections.abc import Iterable
from typing import Final

from miners.actions import (
    Action,
    Locate,
    Mode,
    Reboot,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    SetPreset,
    Sleep,
    Wake,
    action_name,
)
from miners.model import Credentials, Identity, Snapshot
from miners.writing import CommandRefused, NotSupported, WriteError, Writer

UPTIME_SLACK_S: Final = 15.0
"""So much less than expected is a clock that goes wrong; more is a restart."""
MAX_DETAIL: Final = 400
_SHORT_SECRET: Final = 4
_SHORTEST_PIECE: Final = 5
_HOLE: Final = "<secret>"


def objection(writer: Writer, action: Action) -> WriteError | None:
    """Return why a writer must not be asked for an action: it does not know it, or not this number, mode or preset."""
    ability = writer.abilities.get(type(action))
    name = action_name(action)
    if ability is None:
        known = ", ".join(action_name(kind) for kind in writer.abilities) or "nothing"
        return NotSupported(f"{writer.name} does not know {name}; it knows {known}: nothing was sent")
    match action:
        case SetPowerPercent(percent=number):
            unit = "%"
        case SetPowerLimit(watts=number):
            unit = "W"
        case SetMode(mode=word) | SetPreset(preset=word):
            if ability.modes and word not in ability.modes:
                return CommandRefused(
                    f"{writer.name} has no {word!r} for {name}; it has {', '.join(ability.modes)}: nothing was sent"
                )
            return None
        case _:
            return None
    least = 0.0 if ability.least is None else ability.least
    most = math.inf if ability.most is None else ability.most
    if not (least <= number <= most and math.isfinite(number)):
        span = f"from {least:g}" + (f" to {most:g}" if math.isfinite(most) else "")
        return CommandRefused(
            f"{number:g} {unit} is out of range: {writer.name} takes {span} {unit}: nothing was sent"
        )
    return None


def another_device(expected: Identity | None, found: Identity) -> str | None:
    """Return by what a miner is not the expected one (`MAC A, expected B`), or None. What is not known proves nothing."""
    if expected is None:
        return None
    for name, wanted, seen in (
        ("MAC", expected.mac, found.mac),
        ("serial number", expected.serial, found.serial),
    ):
        if wanted and seen and _bare(wanted) != _bare(seen):
            return f"{name} {seen}, expected {wanted}"
    return None


def _bare(identifier: str) -> str:
    return re.sub(r"[\W_]", "", identifier).casefold()


def holds(
    writer: Writer, action: Action, now: Snapshot, before: Snapshot | None, *, was_away: bool = False
) -> bool | None:
    """Tell whether a reading shows that the action holds; None where the readings of this make cannot tell.

    `before`: the reading before the command, None to ask of a miner to which nothing was sent. `was_away`: since the
    command it could once not be read, which proves a restart where no uptime does.
    """
    if isinstance(action, Reboot):
        if before is None:
            return None
        anew = restarted(now, before)
        if anew is None:
            anew = writer.shows(action, now, before)
        return (was_away or None) if anew is None else anew
    if isinstance(action, Locate) and now.locating is not None:
        return now.locating == action.on
    return writer.shows(action, now, before)


def restarted(now: Snapshot, before: Snapshot) -> bool | None:
    """Tell whether the miner began anew between two readings, by its uptime; None where they do not tell."""
    if now.uptime_s is None or before.uptime_s is None:
        return None
    if now.uptime_s == before.uptime_s:
        return False  # It stands still, as some do that sleep and show what was last: that proves nothing.
    passed = max((now.taken_at - before.taken_at).total_seconds(), 0.0)
    return now.uptime_s < before.uptime_s or now.uptime_s < before.uptime_s + passed - UPTIME_SLACK_S


def awake(now: Snapshot) -> bool | None:
    """Tell whether a miner is awake: it mines or is about to. None for one at fault, which may be either."""
    if now.state in ("mining", "starting"):
        return True
    return False if now.state == "sleeping" else None


def in_mode(now: Snapshot, before: Snapshot | None, mode: Mode) -> bool | None:
    """Tell whether a miner works in a mode: by the mode's name, and by being awake.

    One that was not asleep before is believed to work in it also at fault; one that was has to wake first.
    """
    if now.state == "sleeping":
        return False
    if now.power_mode is None:
        return None
    if now.power_mode.casefold() != mode:
        return False
    if awake(now) or (before is not None and before.state != "sleeping"):
        return True
    return None


def describe(action: Action, snapshot: Snapshot) -> str:
    """Return what a miner shows of what an action is about: `mining, mode normal, 3250 W`."""
    parts: list[str] = [snapshot.state]
    match action:
        case Locate():
            light = snapshot.locating
            return "does not say whether its light is on" if light is None else f"light {_on(light)}"
        case Reboot():
            if snapshot.uptime_s is not None:
                parts.append(f"up for {snapshot.uptime_s:.0f} s")
            return ", ".join(parts)
        case SetPowerLimit():
            parts.append(_figure("limit", snapshot.power_limit_w, "W"))
        case SetPowerPercent():
            if snapshot.power_percent is not None:
                parts.append(_figure("set to", snapshot.power_percent, "%"))
        case SetPreset():
            parts.append(f"preset {snapshot.profile or 'not told'}")
        case SetMode():
            parts.append(f"mode {snapshot.power_mode or 'not told'}")
        case Sleep() | Wake():
            if snapshot.power_mode is not None:
                parts.append(f"mode {snapshot.power_mode}")
    if snapshot.power_w is not None and snapshot.power_source == "measured":
        parts.append(f"{snapshot.power_w:.0f} W")
        if isinstance(action, SetPowerPercent) and snapshot.nominal_power_w:
            parts.append(f"{100.0 * snapshot.power_w / snapshot.nominal_power_w:.0f} % of nominal")
    elif isinstance(action, SetPowerPercent) and snapshot.power_percent is None:
        parts.append("power not measured")
    return ", ".join(parts)


def _on(on: bool) -> str:  # a light has two states
    return "on" if on else "off"


def _figure(what: str, figure: float | None, unit: str) -> str:
    return f"{what} not told" if figure is None else f"{what} {figure:g} {unit}"


def confided_by(credentials: Credentials | None) -> list[str]:
    """Return what is sent of credentials in confidence: the password, also as HTTP Basic carries it."""
    if credentials is None:
        return []
    basic = base64.b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()
    return [basic, credentials.password]


def one_line(words: str, secrets: Iterable[str] = ()) -> str:
    """Return words on one line, cut to a sane length, without control characters and without the secrets."""
    known = [secret for secret in secrets if secret]
    # Before and after cleaning: a secret may hold what is cleaned away, or appear when that has gone.
    line = " ".join(_without(words, known).split())
    line = _without("".join(letter for letter in line if letter.isprintable()), known)
    return line if len(line) <= MAX_DETAIL else line[: MAX_DETAIL - 1] + "…"


def _without(words: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if len(secret) >= _SHORT_SECRET:
            words = words.replace(secret, _HOLE)
        else:
            # Anywhere, a password such as `x` would make holes in every word.
            words = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _HOLE, words)
        # The words may have been cut within it: what is left of it then stands before a quotation mark, or at the end.
        for length in range(len(secret) - 1, _SHORTEST_PIECE - 1, -1):
            piece = secret[:length]
            words = words.replace(f'{piece}"', f'{_HOLE}"')
            if words.endswith(piece):
                words = words.removesuffix(piece) + _HOLE
    return words
