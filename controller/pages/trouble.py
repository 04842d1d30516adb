"""What is wrong with a miner, in one line of words, and how urgently it needs hands: the same for lists, cells and cards. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

from controller.api.boards import lost_boards, misses_chips
from controller.api.figures import state_of
from controller.deeds import MinerView
from controller.pages.formats import cut, isolated, plain
from controller.pages.language import Words
from controller.pages.miner_boards import missing_boards
from controller.pages.state_words import state_word
from miners.model import FailureReason, PollFailure, Snapshot

Need: TypeAlias = Literal["fault", "silent", "old", "apart"]
"""Why a miner needs hands: it reports a fault or lacks a board or chips; it does not answer; its reading is old; it is not in its profile."""

NEEDS: Final[tuple[Need, ...]] = ("fault", "silent", "old", "apart")
"""The most urgent first."""

Clock: TypeAlias = Callable[[datetime], str]

_LONGEST: Final = 80


def need_of(view: MinerView, *, away: bool) -> Need | None:
    """Return why a miner needs hands; None where it needs none. `away`: no reading of any miner is of now, so age says nothing."""
    if not view.miner.active or view.service is not None:
        return None
    reading = view.reading
    if isinstance(reading, PollFailure):
        return "silent"
    if reading is not None and (
        reading.state == "fault" or reading.faults or lost_boards(reading) or misses_chips(reading)
    ):
        return "fault"
    if view.stale and not away:
        return "old"
    return "apart" if view.matches is False else None


def trouble_words(view: MinerView, words: Words, clock: Clock) -> str:
    """Return what is wrong: board 2 lost; no answer since 09:58: timed out. "" where nothing is."""
    reading = view.reading
    found: list[str] = []
    if not view.miner.active:
        return ""
    if isinstance(reading, PollFailure):
        found.append(_silent(view, reading, words, clock))
    elif reading is not None:
        found += _boards_words(reading, words)
        found += [isolated(cut(plain(fault.text or fault.code), _LONGEST)) for fault in reading.faults]
        if view.stale:
            found.append(words.gettext("last read at %(time)s", time=clock(reading.taken_at)))
    else:
        found.append(words.gettext("not read yet"))
    if view.matches is False and view.wanted.profile is not None:
        found.append(words.gettext("not in its profile %(profile)s", profile=plain(view.wanted.profile)))
    if view.service is not None:
        found.append(words.gettext("in service"))
    return "; ".join(found)


def is_words(view: MinerView, words: Words, clock: Clock) -> str:
    """Return what a miner is, with what is wrong: mining; fault: board 2 lost."""
    state, trouble = state_word(words, state_of(view)), trouble_words(view, words, clock)
    if not trouble:
        return state
    return words.gettext("%(state)s: %(trouble)s", state=state, trouble=trouble)


def _silent(view: MinerView, failure: PollFailure, words: Words, clock: Clock) -> str:
    why = _REASONS[failure.reason](words)
    if view.failing_since is None:
        return words.gettext("no answer: %(why)s", why=why)
    return words.gettext("no answer since %(time)s: %(why)s", time=clock(view.failing_since), why=why)


def _boards_words(reading: Snapshot, words: Words) -> list[str]:
    found = [words.gettext("board %(board)s lost", board=board) for board in missing_boards(reading)]
    lost = lost_boards(reading)
    if lost and not found:
        found.append(words.ngettext("%(num)s board lost", "%(num)s boards lost", lost))
    if misses_chips(reading):
        found.append(words.gettext("chips missing"))
    return found


_REASONS: Final[Mapping[FailureReason, Callable[[Words], str]]] = {
    "refused": lambda words: words.pgettext("miner", "it refuses the connection"),
    "unreachable": lambda words: words.pgettext("miner", "no way to it"),
    "timeout": lambda words: words.pgettext("miner", "timed out"),
    "auth": lambda words: words.pgettext("miner", "it refuses the password"),
    "malformed": lambda words: words.pgettext("miner", "it answers what cannot be read"),
    "unsupported": lambda words: words.pgettext("miner", "it is no miner that is known"),
}
