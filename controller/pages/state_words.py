"""The words for a miner's state, as they stand beside its mark on every page."""

from collections.abc import Mapping

from controller.pages.language import Words


def state_words(words: Words) -> Mapping[str, str]:
    """Return the word for each state, in the order in which states are counted."""
    return {
        "mining": words.pgettext("state", "mining"),
        "sleeping": words.pgettext("state", "sleeping"),
        "starting": words.pgettext("state", "starting"),
        "fault": words.pgettext("state", "fault"),
        "unknown": words.pgettext("state", "unknown"),
        "unreachable": words.pgettext("state", "unreachable"),
        "inactive": words.pgettext("state", "disabled"),
    }


def state_word(words: Words, state: str) -> str:
    """Return the word for a state; one that there is no word for as it is."""
    return state_words(words).get(state, state)
