"""What operations and their outcomes are called: pure. Each state of a result has its sentence for one and for many."""

from collections.abc import Callable, Mapping
from typing import Final

from markupsafe import Markup, escape

from controller.commanding import LIGHT_OFF
from controller.model import Operation, ResultState
from controller.pages.deed_links import Kind
from controller.pages.deed_words import heading, set_apart, spot, title
from controller.pages.event_words import action_words
from controller.pages.formats import plain
from controller.pages.language import Words

_COMMANDS: Final[Mapping[str, Kind]] = {
    "reboot": "reboot",
    "locate": "locate",
    LIGHT_OFF: "locate-off",
    "poll": "poll",
    "reapply": "reapply",
}
"""Operations that are called as the deed that began them."""


def operation_title(words: Words, operation: Operation, name: str | None, *, asleep: bool) -> str:
    """Return what an operation is called, for titles and attributes.

    `name`: of the one container or miner that it is done to, None for several. `asleep`: its profile is the one that does.
    """
    kind = _kind(operation, asleep=asleep)
    if kind is not None:
        return title(words, kind, name, operation.total)
    return _called(words, operation, None if name is None else plain(name))


def operation_heading(words: Words, operation: Operation, name: str | None, *, asleep: bool) -> Markup:
    """Return the same for the page itself, the name set apart."""
    kind = _kind(operation, asleep=asleep)
    if kind is not None:
        return heading(words, kind, name, operation.total)
    if name is None:
        return escape(_called(words, operation, None))
    return set_apart(_called(words, operation, spot()), name)


def count_words(words: Words, state: ResultState, number: int) -> str:
    """Return how many miners have an outcome: "281 applied"."""
    return _COUNTS[state](words, number)


def result_words(words: Words, state: ResultState) -> str:
    """Return the outcome of one miner."""
    return _RESULTS[state](words)


def state_words(words: Words, state: str) -> str:
    """Return how it stands with an operation as a whole."""
    return _STATES[state](words)


def _kind(operation: Operation, *, asleep: bool) -> Kind | None:
    if operation.profile is not None and asleep and operation.cause in ("override", "retry"):
        return "curtail"
    return _COMMANDS.get(operation.action)


def _called(words: Words, operation: Operation, name: str | None) -> str:
    profile = None if operation.profile is None else plain(operation.profile)
    many = operation.total
    if operation.cause == "override_end" or (operation.profile is None and operation.intent):
        if name is not None:
            return words.gettext("End of the override on %(name)s", name=name)
        return words.ngettext(
            "End of the override on %(num)s miner", "End of the override on %(num)s miners", many
        )
    if profile is None:
        called = action_words({"action": operation.action}, words)
        return called[:1].upper() + called[1:]
    if operation.cause == "schedule":
        if name is not None:
            return words.gettext("Schedule: %(profile)s on %(name)s", profile=profile, name=name)
        return words.ngettext(
            "Schedule: %(profile)s on %(num)s miner",
            "Schedule: %(profile)s on %(num)s miners",
            many,
            profile=profile,
        )
    if name is not None:
        return words.gettext("Profile %(profile)s on %(name)s", profile=profile, name=name)
    return words.ngettext(
        "Profile %(profile)s on %(num)s miner", "Profile %(profile)s on %(num)s miners", many, profile=profile
    )


_COUNTS: Final[Mapping[ResultState, Callable[[Words, int], str]]] = {
    "applied": lambda words, n: words.ngettext("%(num)s applied", "%(num)s applied", n),
    "unchanged": lambda words, n: words.ngettext("%(num)s was so already", "%(num)s were so already", n),
    "accepted_unverified": lambda words, n: words.ngettext("%(num)s unverified", "%(num)s unverified", n),
    "sending": lambda words, n: words.ngettext("%(num)s sending", "%(num)s sending", n),
    "verifying": lambda words, n: words.ngettext("%(num)s verifying", "%(num)s verifying", n),
    "waiting": lambda words, n: words.ngettext("%(num)s waiting", "%(num)s waiting", n),
    "unreachable": lambda words, n: words.ngettext("%(num)s did not answer", "%(num)s did not answer", n),
    "refused": lambda words, n: words.ngettext("%(num)s refused", "%(num)s refused", n),
    "auth_failed": lambda words, n: words.ngettext(
        "%(num)s did not take the password", "%(num)s did not take the password", n
    ),
    "unsupported": lambda words, n: words.ngettext("%(num)s cannot do it", "%(num)s cannot do it", n),
    "skipped": lambda words, n: words.ngettext("%(num)s left out", "%(num)s left out", n),
    "cancelled": lambda words, n: words.ngettext("%(num)s not begun", "%(num)s not begun", n),
}

_RESULTS: Final[Mapping[ResultState, Callable[[Words], str]]] = {
    "applied": lambda words: words.pgettext("outcome", "applied"),
    "unchanged": lambda words: words.pgettext("outcome", "was so already"),
    "accepted_unverified": lambda words: words.pgettext("outcome", "unverified"),
    "sending": lambda words: words.pgettext("outcome", "sending"),
    "verifying": lambda words: words.pgettext("outcome", "verifying"),
    "waiting": lambda words: words.pgettext("outcome", "waiting"),
    "unreachable": lambda words: words.pgettext("outcome", "did not answer"),
    "refused": lambda words: words.pgettext("outcome", "refused"),
    "auth_failed": lambda words: words.pgettext("outcome", "did not take the password"),
    "unsupported": lambda words: words.pgettext("outcome", "cannot do it"),
    "skipped": lambda words: words.pgettext("outcome", "left out"),
    "cancelled": lambda words: words.pgettext("outcome", "not begun"),
}

_STATES: Final[Mapping[str, Callable[[Words], str]]] = {
    "queued": lambda words: words.pgettext("operation", "not begun yet"),
    "running": lambda words: words.pgettext("operation", "running"),
    "cancelling": lambda words: words.pgettext("operation", "being stopped"),
    "done": lambda words: words.pgettext("operation", "done"),
    "done_with_failures": lambda words: words.pgettext("operation", "done, with failures"),
    "cancelled": lambda words: words.pgettext("operation", "stopped"),
    "interrupted": lambda words: words.pgettext("operation", "interrupted"),
}
