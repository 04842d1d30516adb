"""What the confirming page says of stopping an operation, of undoing it, and of trying its failures again. Pure.

An operation goes on while it is looked at: what is said of it is what is so now, and more may have followed by the time
that the form is sent.
"""

from typing import Final

from controller.deeds import Plan
from controller.model import OPEN_STATES, ResultState
from controller.pages.deed_doing import Look
from controller.pages.deed_links import KINDS
from controller.pages.deed_page import lines_of
from controller.pages.language import Words

_CHANGED: Final[tuple[ResultState, ...]] = ("sending", "verifying", "applied", "accepted_unverified")
"""Outcomes of miners that have been told something, or are being told it."""


def number_of(found: Look) -> int:
    """Return how many miners a deed to an operation is about: those it stops, brings back, or tries again."""
    counts = {} if found.operation is None else found.operation.counts
    if found.kind.name == "stop":
        return counts.get("waiting", 0)
    if found.kind.name == "stop-undo":
        return sum(counts.get(state, 0) for state in _CHANGED)
    return found.miners


def can_be_done(found: Look) -> bool:
    """Return whether there is anything left to stop, to undo, or to try again."""
    if found.kind.name == "stop":
        return not _has_ended(found)
    return found.undone is not None if found.kind.name == "stop-undo" else bool(found.miners)


def lines_of_operation(words: Words, found: Look, undo: Plan | None) -> list[str]:
    """Return what would happen, in sentences. `undo`: what the end of its override would do."""
    if found.kind.name == "retry":
        return [_tried_again(words, found.miners)]
    lines = (
        [words.gettext("It has ended meanwhile: every miner has its outcome.")] if _has_ended(found) else []
    )
    if found.kind.name == "stop-undo" and found.undone is None:
        return [*lines, words.gettext("Its override does not stand any more: there is nothing to undo.")]
    counts = {} if found.operation is None else found.operation.counts
    if waiting := counts.get("waiting", 0):
        lines.append(
            words.ngettext(
                "%(num)s miner waits, and is left as it is.",
                "%(num)s miners wait, and are left as they are.",
                waiting,
            )
        )
    if on_its_way := counts.get("sending", 0) + counts.get("verifying", 0):
        lines.append(
            words.ngettext(
                "%(num)s is on its way and finishes.", "%(num)s are on their way and finish.", on_its_way
            )
        )
    changed = counts.get("applied", 0) + counts.get("accepted_unverified", 0)
    if found.kind.name == "stop-undo":
        lines.append(words.gettext("The override ends, and what holds without it is brought back."))
        if undo is not None and undo.miners.will_change:
            kind = KINDS["end-override"]
            lines += lines_of(words, kind, undo, found.containers, undo.then_profile)
    elif changed:
        lines.append(
            words.ngettext(
                "%(num)s has followed already, and stays so.",
                "%(num)s have followed already, and stay so.",
                changed,
            )
        )
    return lines


def _tried_again(words: Words, number: int) -> str:
    if not number:
        return words.gettext("Nothing is left to try again.")
    return words.ngettext(
        "%(num)s miner did not follow, and is told once more, in an operation of its own.",
        "%(num)s miners did not follow, and are told once more, in an operation of their own.",
        number,
    )


def _has_ended(found: Look) -> bool:
    return found.operation is None or not any(found.operation.counts.get(state) for state in OPEN_STATES)
