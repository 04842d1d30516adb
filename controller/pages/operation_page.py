"""What an operation's page says: the bar of its outcomes, how far it is, and at the end one sentence. Pure.

The bar tells by a pattern as well as by colour, and its counts stand beneath it in words. What follows from the time alone
(how much longer it takes) is an estimate, and is called one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec

from controller.api.control_shapes import ShownOperation
from controller.model import FAILED_STATES, OPEN_STATES, RESULT_STATES, Operation, Result, ResultState
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.operation_words import count_words, result_words, state_words

Look: TypeAlias = Literal["good", "unverified", "moving", "waiting", "failed", "aside"]

BAR_WIDTH: Final = 1000
BAR_HEIGHT: Final = 20
_STEP: Final = 12

PARTS: Final[Sequence[tuple[Look, tuple[ResultState, ...]]]] = (
    ("good", ("applied", "unchanged")),
    ("unverified", ("accepted_unverified",)),
    ("moving", ("sending", "verifying")),
    ("waiting", ("waiting",)),
    ("failed", ("unreachable", "refused", "auth_failed", "unsupported")),
    ("aside", ("skipped", "cancelled")),
)
"""The pieces of the bar from left to right, and whose miners each holds."""

_TOOK_TIME: Final[tuple[ResultState, ...]] = ("applied", "accepted_unverified", "refused", "auth_failed")

LOOKS: Final[Mapping[ResultState, Look]] = {state: look for look, states in PARTS for state in states}
OTHERS: Final[tuple[ResultState, ...]] = tuple(one for one in RESULT_STATES if one not in FAILED_STATES)


class Powers(msgspec.Struct, frozen=True):
    """By how much the power of those miners changed that told it before and after, in W, and how many those are."""

    measured_w: float | None
    miners: int = 0


def is_running(operation: Operation) -> bool:
    """Return whether an operation has not ended."""
    return operation.state in ("queued", "running", "cancelling")


def failures(operation: Operation) -> int:
    """Return how many miners did not follow."""
    return sum(operation.counts.get(state, 0) for state in FAILED_STATES)


def still_open(operation: Operation) -> int:
    """Return how many miners have no outcome yet."""
    return sum(operation.counts.get(state, 0) for state in OPEN_STATES)


def bar_paths(counts: Mapping[str, int], total: int) -> dict[Look, tuple[str, str]]:
    """Return for each piece of the bar its outline and the lines of its pattern, as the `d` of paths.

    The bar is BAR_WIDTH by BAR_HEIGHT. A piece that holds any miner is at least wide enough to be seen.
    """
    sizes = [(look, sum(counts.get(state, 0) for state in states)) for look, states in PARTS]
    there = [number for _, number in sizes if number]
    least = 6.0
    free = BAR_WIDTH - least * len(there)
    found: dict[Look, tuple[str, str]] = {}
    at = 0.0
    for look, number in sizes:
        width = least + free * number / sum(there) if number and total else 0.0
        found[look] = (_outline(at, width), _pattern(look, at, width))
        at += width
    return found


def state_of_bar(words: Words, operation: Operation) -> str:
    """Return all counts in one line, for whoever does not see the bar."""
    told = [
        count_words(words, state, operation.counts[state])
        for state in LOOKS
        if operation.counts.get(state, 0)
    ]
    return " · ".join(told)


def left_s(operation: Operation, now: datetime) -> float | None:
    """Return how many seconds the rest takes if it goes on as until now; None while that cannot be told.

    Those that were so already, or are left out, took no time, and say nothing of how long the others take.
    """
    if operation.started_at is None or not is_running(operation):
        return None
    left = still_open(operation)
    done = sum(operation.counts.get(state, 0) for state in _TOOK_TIME)
    passed = (now - operation.started_at).total_seconds()
    if not done or not left or passed < 1:
        return None
    return passed * left / done


def progress(words: Words, operation: ShownOperation, now: datetime) -> str:
    """Return how far a running operation is, in one line."""
    done = operation.total - still_open(operation)
    left = left_s(operation, now)
    if left is None:
        return words.ngettext(
            "%(done)s of %(num)s miner has its outcome.",
            "%(done)s of %(num)s miners have their outcome.",
            operation.total,
            done=done,
        )
    return words.ngettext(
        "%(done)s of %(num)s miner has its outcome; about %(time)s left, as an estimate.",
        "%(done)s of %(num)s miners have their outcome; about %(time)s left, as an estimate.",
        operation.total,
        done=done,
        time=words.formats.wait(left),
    )


def power_words(words: Words, operation: ShownOperation) -> str:
    """Return what the miners drew before, draw now and will draw; an empty text where none of it is known."""
    power = words.formats.power
    before, now, expected = operation.power_before_w, operation.power_now_w, operation.power_expected_w
    if before is None or expected is None:
        return ""
    if operation.state == "cancelling":  # what was expected was so of miners too that are not begun any more
        if now is None:
            return ""
        return words.gettext("Power %(before)s → %(now)s now", before=power(before), now=power(now))
    if now is None:
        return words.gettext(
            "Power %(before)s before, %(expected)s expected after",
            before=power(before),
            expected=power(expected),
        )
    return words.gettext(
        "Power %(before)s → %(now)s now, %(expected)s expected",
        before=power(before),
        now=power(now),
        expected=power(expected),
    )


def ending(words: Words, operation: Operation, powers: Powers, *, asleep: bool) -> str:
    """Return what came of an operation, in one sentence: how many, after how long, how much power, who did not.

    What was measured the other way than expected has a minus before it; where fewer miners told it than followed, it is said.
    Of one that was stopped, what was expected of all is not held against what some did.
    """
    counts, total = operation.counts, operation.total
    done = counts.get("applied", 0) + counts.get("unchanged", 0)
    begun, ended = operation.started_at or operation.created_at, operation.ended_at
    time = words.formats.duration(0 if ended is None else (ended - begun).total_seconds())
    if operation.profile is not None and asleep:
        told = words.ngettext(
            "%(done)s of %(num)s asleep after %(time)s",
            "%(done)s of %(num)s asleep after %(time)s",
            total,
            done=done,
            time=time,
        )
    else:
        told = words.ngettext(
            "%(done)s of %(num)s done after %(time)s",
            "%(done)s of %(num)s done after %(time)s",
            total,
            done=done,
            time=time,
        )
    parts = [told]
    before, expected = operation.power_before_w, operation.power_expected_w
    if before is not None and expected is not None and abs(expected - before) >= 1:
        if not counts.get("cancelled", 0):
            parts.append(_powers(words, expected - before, powers, done))
        elif powers.measured_w is not None:
            parts.append(_measured(words, expected - before, powers.measured_w, powers.miners))
    rest = [
        count_words(words, state, counts[state])
        for state in (*FAILED_STATES, "skipped", "cancelled")
        if counts.get(state, 0)
    ]
    text = "; ".join(parts) + "."
    return f"{text} {', '.join(rest)}." if rest else text


def _powers(words: Words, expected_w: float, powers: Powers, done: int) -> str:
    power, falls = words.formats.power, expected_w < 0
    wanted = power(abs(expected_w))
    if powers.measured_w is None:
        if falls:
            return words.gettext("power should fall by %(wanted)s, nothing was measured", wanted=wanted)
        return words.gettext("power should rise by %(wanted)s, nothing was measured", wanted=wanted)
    values = {"wanted": wanted, "measured": power(math.copysign(1.0, expected_w) * powers.measured_w)}
    if powers.miners >= done:
        if falls:
            return words.gettext("power fell by %(measured)s, %(wanted)s was expected", **values)
        return words.gettext("power rose by %(measured)s, %(wanted)s was expected", **values)
    if falls:
        return words.ngettext(
            "power fell by %(measured)s on %(num)s miner, %(wanted)s was expected",
            "power fell by %(measured)s on %(num)s miners, %(wanted)s was expected",
            powers.miners,
            **values,
        )
    return words.ngettext(
        "power rose by %(measured)s on %(num)s miner, %(wanted)s was expected",
        "power rose by %(measured)s on %(num)s miners, %(wanted)s was expected",
        powers.miners,
        **values,
    )


def _measured(words: Words, expected_w: float, measured_w: float, miners: int) -> str:
    measured = words.formats.power(math.copysign(1.0, expected_w) * measured_w)
    if expected_w < 0:
        return words.ngettext(
            "power fell by %(measured)s on %(num)s miner",
            "power fell by %(measured)s on %(num)s miners",
            miners,
            measured=measured,
        )
    return words.ngettext(
        "power rose by %(measured)s on %(num)s miner",
        "power rose by %(measured)s on %(num)s miners",
        miners,
        measured=measured,
    )


def explained(words: Words, operation: Operation) -> list[str]:
    """Return what has to be explained of the outcomes that are there."""
    found = []
    if operation.counts.get("accepted_unverified"):
        found.append(
            words.gettext(
                "Unverified: the miner said yes, but its state could not be read back. It is looked at again after five minutes."
            )
        )
    if operation.state == "interrupted":
        found.append(
            words.gettext(
                "Interrupted: Hashyard was stopped while this ran. What is known of each miner stands below; what had not been "
                "sent by then was not sent."
            )
        )
    if operation.state == "cancelled":
        found.append(words.gettext("Stopped: what was on its way finished, nothing more was sent."))
    if operation.intent and operation.counts.get("unreachable"):
        found.append(
            words.gettext(
                "Miners that did not answer are told when they answer again, as long as the order stands."
            )
        )
    return found


def live_places(
    words: Words, operation: ShownOperation, results: Iterable[Result], end: str, now: datetime
) -> LiveState:
    """Return the places of an operation. `results`: those that are shown. `end`: the sentence of its end, if it has."""
    key = f"o.{operation.id}"
    running, failed = is_running(operation), failures(operation)
    paths: dict[str, str] = {}
    for look, (outline, pattern) in bar_paths(operation.counts, operation.total).items():
        paths[f"{key}.bar.{look}"], paths[f"{key}.lines.{look}"] = outline, pattern
    texts = {
        f"{key}.state": state_words(words, operation.state),
        f"{key}.progress": progress(words, operation, now) if running else "",
        f"{key}.power": power_words(words, operation) if running else "",
        f"{key}.end": end,
        f"{key}.retry": words.ngettext("Try %(num)s failure again", "Try %(num)s failures again", failed),
    }
    hidden = {f"{key}.over": running, f"{key}.going": not running, f"{key}.failed": running or not failed}
    for state in LOOKS:
        number = operation.counts.get(state, 0)
        texts[f"{key}.n.{state}"] = count_words(words, state, number)
        hidden[f"{key}.h.{state}"] = not number
    states: dict[str, str] = {}
    for result in results:
        texts[f"{key}.r.{result.miner}"] = result_words(words, result.state)
        texts[f"{key}.d.{result.miner}"] = words.told(result.detail) or "\u2013"
        states[f"{key}.l.{result.miner}"] = LOOKS[result.state]
    return LiveState(texts=texts, paths=paths, states=states, hidden=hidden)


def _outline(at: float, width: float) -> str:
    return f"M{at:.1f} 0h{width:.1f}v{BAR_HEIGHT}h-{width:.1f}z" if width else ""


def _pattern(look: Look, at: float, width: float) -> str:
    """Return the lines of a piece: slanting where miners are under way, crossed where they failed, upright where left out."""
    if not width or look in ("good", "waiting"):
        return ""
    places = [at + _STEP * step for step in range(int(width / _STEP) + 1)]
    if look in ("unverified", "aside"):
        return "".join(f"M{x:.1f} 0v{BAR_HEIGHT}" for x in places if x > at)
    end = at + width
    lines = ""
    for x in places:
        over = min(x + _STEP, end)
        rise = BAR_HEIGHT * (over - x) / _STEP
        lines += f"M{x:.1f} {BAR_HEIGHT}L{over:.1f} {BAR_HEIGHT - rise:.1f}"
        if look == "failed":
            lines += f"M{x:.1f} 0L{over:.1f} {rise:.1f}"
    return lines
