"""What the confirming page says of each kind of deed: its title, its button, and what becomes of the miners. Pure.

Every deed is named the same in its title and on its button, by the name of the one thing it is done to or by a number of
miners. Nothing is put together from pieces of sentences: each kind has its own, in each of its forms.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from markupsafe import Markup, escape

from controller.deeds import Skipped
from controller.pages.deed_links import Kind
from controller.pages.formats import plain
from controller.pages.language import Words

Named: TypeAlias = Callable[[Words, str], str]
Counted: TypeAlias = Callable[[Words, int], str]

_SPOT: Final = "\ue000"
"""Stands for a name in a sentence until the name is put there, set apart."""


def title(words: Words, kind: Kind, name: str | None, number: int) -> str:
    """Return what a deed is called: by the name of what it is done to, else by how many miners that are. For attributes."""
    return _NAMED[kind](words, plain(name)) if name is not None else _COUNTED[kind](words, number)


def heading(words: Words, kind: Kind, name: str | None, number: int) -> Markup:
    """Return the same for the page itself, the name set apart."""
    if name is None:
        return escape(_COUNTED[kind](words, number))
    return set_apart(_NAMED[kind](words, _SPOT), name)


def set_apart(sentence: str, name: str) -> Markup:
    """Return a sentence with a stranger's name in the place that `spot` stands in."""
    return Markup(str(escape(sentence)).replace(_SPOT, f"<bdi>{escape(name)}</bdi>"))  # noqa: S704  # both are escaped


def spot() -> str:
    """Return what to hand to a sentence as the name, for `set_apart`."""
    return _SPOT


def button(words: Words, kind: Kind, number: int) -> str:
    """Return what the button says: the deed and the number of miners that it is done to."""
    return _COUNTED[kind](words, number)


def keep(words: Words, kind: Kind) -> str:
    """Return what the plain button says, which changes nothing."""
    return _KEEP[kind](words) if kind in _KEEP else words.gettext("Leave it as it is")


def becomes(words: Words, kind: Kind, number: int, of: int, profile: str | None) -> str:
    """Return what becomes of the miners: "284 of 288 miners go to sleep." `profile`: which one they are put into."""
    if of == 1:
        return _ALONE[kind](words, plain(profile or ""))
    return _BECOMES[kind](words, number, of, profile or "")


def skipped_words(words: Words, reason: Skipped, number: int) -> str:
    """Return why so many miners are left out."""
    return _SKIPPED[reason.reason](words, number)


_NAMED: Final[Mapping[Kind, Named]] = {
    "curtail": lambda words, name: words.gettext("Curtail %(name)s", name=name),
    "sleep": lambda words, name: words.gettext("Put %(name)s to sleep", name=name),
    "wake": lambda words, name: words.gettext("Wake %(name)s", name=name),
    "profile": lambda words, name: words.gettext("Change the profile of %(name)s", name=name),
    "end-override": lambda words, name: words.gettext("End the override: %(name)s", name=name),
    "change-override": lambda words, name: words.gettext("Change the override to %(name)s", name=name),
    "reboot": lambda words, name: words.gettext("Restart %(name)s", name=name),
    "locate": lambda words, name: words.gettext("Switch the light of %(name)s on", name=name),
    "locate-off": lambda words, name: words.gettext("Switch the light of %(name)s off", name=name),
    "poll": lambda words, name: words.gettext("Read %(name)s now", name=name),
    "reapply": lambda words, name: words.gettext("Send %(name)s its order again", name=name),
    "hold": lambda words, name: words.gettext("Stop all commands to %(name)s", name=name),
    "release": lambda words, name: words.gettext("Let commands go to %(name)s again", name=name),
    "service": lambda words, name: words.gettext("Take %(name)s into service", name=name),
    "end-service": lambda words, name: words.gettext("End the service of %(name)s", name=name),
    "stop": lambda words, name: words.gettext("Stop: %(name)s", name=name),
    "stop-undo": lambda words, name: words.gettext("Stop and undo: %(name)s", name=name),
    "retry": lambda words, name: words.gettext("Try again: %(name)s", name=name),
}

_COUNTED: Final[Mapping[Kind, Counted]] = {
    "curtail": lambda words, n: words.ngettext("Curtail %(num)s miner", "Curtail %(num)s miners", n),
    "sleep": lambda words, n: words.ngettext("Put %(num)s miner to sleep", "Put %(num)s miners to sleep", n),
    "wake": lambda words, n: words.ngettext("Wake %(num)s miner", "Wake %(num)s miners", n),
    "profile": lambda words, n: words.ngettext("Change %(num)s miner", "Change %(num)s miners", n),
    "end-override": lambda words, n: words.ngettext(
        "End it and change %(num)s miner", "End it and change %(num)s miners", n
    ),
    "change-override": lambda words, _n: words.gettext("Change the override"),
    "reboot": lambda words, n: words.ngettext("Restart %(num)s miner", "Restart %(num)s miners", n),
    "locate": lambda words, n: words.ngettext("Light up %(num)s miner", "Light up %(num)s miners", n),
    "locate-off": lambda words, n: words.ngettext(
        "Switch the light of %(num)s miner off", "Switch the lights of %(num)s miners off", n
    ),
    "poll": lambda words, n: words.ngettext("Read %(num)s miner now", "Read %(num)s miners now", n),
    "reapply": lambda words, n: words.ngettext(
        "Send %(num)s miner its order again", "Send %(num)s miners their orders again", n
    ),
    "hold": lambda words, n: words.ngettext(
        "Stop commands to %(num)s miner", "Stop commands to %(num)s miners", n
    ),
    "release": lambda words, n: words.ngettext(
        "Let commands go to %(num)s miner", "Let commands go to %(num)s miners", n
    ),
    "service": lambda words, n: words.ngettext(
        "Take %(num)s miner into service", "Take %(num)s miners into service", n
    ),
    "end-service": lambda words, n: words.ngettext(
        "End the service of %(num)s miner", "End the service of %(num)s miners", n
    ),
    "stop": lambda words, n: words.ngettext(
        "Stop: leave %(num)s miner as it is", "Stop: leave %(num)s miners as they are", n
    ),
    "stop-undo": lambda words, n: words.ngettext(
        "Stop and bring %(num)s miner back", "Stop and bring %(num)s miners back", n
    ),
    "retry": lambda words, n: words.ngettext("Try %(num)s miner again", "Try %(num)s miners again", n),
}

_KEEP: Final[Mapping[Kind, Callable[[Words], str]]] = {
    "curtail": lambda words: words.gettext("Keep running"),
    "sleep": lambda words: words.gettext("Keep running"),
    "wake": lambda words: words.gettext("Leave asleep"),
    "end-override": lambda words: words.gettext("Keep the override"),
    "change-override": lambda words: words.gettext("Keep it as it is"),
    "reboot": lambda words: words.gettext("Do not restart"),
    "poll": lambda words: words.gettext("Back"),
    "stop": lambda words: words.gettext("Let it go on"),
    "stop-undo": lambda words: words.gettext("Let it go on"),
}


def _asleep(words: Words, n: int, of: int, _profile: str) -> str:
    return words.ngettext(
        "%(num)s of %(all)s miners goes to sleep.", "%(num)s of %(all)s miners go to sleep.", n, all=of
    )


def _to_profile(words: Words, n: int, of: int, profile: str) -> str:
    return words.ngettext(
        "%(num)s of %(all)s miners goes to the profile %(profile)s.",
        "%(num)s of %(all)s miners go to the profile %(profile)s.",
        n,
        all=of,
        profile=plain(profile),
    )


def _ended(words: Words, n: int, of: int, profile: str) -> str:
    if profile:
        return words.ngettext(
            "%(num)s of %(all)s miners goes back to %(profile)s.",
            "%(num)s of %(all)s miners go back to %(profile)s.",
            n,
            all=of,
            profile=plain(profile),
        )
    return words.ngettext(
        "%(num)s of %(all)s miners changes to what holds without the override.",
        "%(num)s of %(all)s miners change to what holds without the override.",
        n,
        all=of,
    )


def _released(words: Words, n: int, of: int, profile: str) -> str:
    if profile:
        return words.ngettext(
            "%(num)s of %(all)s miners is told at once to go to the profile %(profile)s.",
            "%(num)s of %(all)s miners are told at once to go to the profile %(profile)s.",
            n,
            all=of,
            profile=plain(profile),
        )
    return words.ngettext(
        "%(num)s of %(all)s miners is told at once what is wanted of it.",
        "%(num)s of %(all)s miners are told at once what is wanted of them.",
        n,
        all=of,
    )


def _restarted(words: Words, n: int, of: int, _profile: str) -> str:
    return words.ngettext(
        "%(num)s of %(all)s miners restarts. It does not mine until it has started again, which takes some minutes.",
        "%(num)s of %(all)s miners restart. They do not mine until they have started again, which takes some minutes.",
        n,
        all=of,
    )


def _lit(words: Words, n: int, of: int, _profile: str) -> str:
    return words.ngettext(
        "%(num)s of %(all)s miners blinks, so that it is found in its rack. It goes on mining.",
        "%(num)s of %(all)s miners blink, so that they are found in their racks. They go on mining.",
        n,
        all=of,
    )


def _unlit(words: Words, n: int, of: int, _profile: str) -> str:
    return words.ngettext(
        "%(num)s of %(all)s miners stops blinking.", "%(num)s of %(all)s miners stop blinking.", n, all=of
    )


def _read(words: Words, n: int, of: int, _profile: str) -> str:
    return words.ngettext(
        "%(num)s of %(all)s miners is read now, out of its turn. Nothing is changed.",
        "%(num)s of %(all)s miners are read now, out of their turn. Nothing is changed.",
        n,
        all=of,
    )


def _reapplied(words: Words, n: int, of: int, _profile: str) -> str:
    return words.ngettext(
        "%(num)s of %(all)s miners does not do what is wanted of it, and is told once more.",
        "%(num)s of %(all)s miners do not do what is wanted of them, and are told once more.",
        n,
        all=of,
    )


def _ended_alone(words: Words, profile: str) -> str:
    if profile:
        return words.gettext("It goes back to %(profile)s.", profile=profile)
    return words.gettext("It changes to what holds without the override.")


_BECOMES: Final[Mapping[Kind, Callable[[Words, int, int, str], str]]] = {
    "curtail": _asleep,
    "sleep": _asleep,
    "wake": _to_profile,
    "profile": _to_profile,
    "end-override": _ended,
    "change-override": _ended,
    "release": _released,
    "reboot": _restarted,
    "locate": _lit,
    "locate-off": _unlit,
    "poll": _read,
    "reapply": _reapplied,
}

_ALONE: Final[Mapping[Kind, Named]] = {
    "curtail": lambda words, _profile: words.gettext("It goes to sleep."),
    "sleep": lambda words, _profile: words.gettext("It goes to sleep."),
    "wake": lambda words, profile: words.gettext("It goes to the profile %(profile)s.", profile=profile),
    "profile": lambda words, profile: words.gettext("It goes to the profile %(profile)s.", profile=profile),
    "end-override": _ended_alone,
    "change-override": _ended_alone,
    "release": lambda words, profile: (
        words.gettext("It is told at once to go to the profile %(profile)s.", profile=profile)
        if profile
        else words.gettext("It is told at once what is wanted of it.")
    ),
    "reboot": lambda words, _profile: words.gettext(
        "It restarts, and does not mine until it has started again, which takes some minutes."
    ),
    "locate": lambda words, _profile: words.gettext(
        "It blinks, so that it is found in its rack. It goes on mining."
    ),
    "locate-off": lambda words, _profile: words.gettext("It stops blinking."),
    "poll": lambda words, _profile: words.gettext("It is read now, out of its turn. Nothing is changed."),
    "reapply": lambda words, _profile: words.gettext(
        "It does not do what is wanted of it, and is told once more."
    ),
}
"""The same where one miner alone is meant."""

_SKIPPED: Final[Mapping[str, Counted]] = {
    "observe": lambda words, n: words.ngettext("%(num)s is only observed", "%(num)s are only observed", n),
    "inactive": lambda words, n: words.ngettext("%(num)s is disabled", "%(num)s are disabled", n),
    "unreachable": lambda words, n: words.ngettext("%(num)s does not answer", "%(num)s do not answer", n),
    "unsupported": lambda words, n: words.ngettext("%(num)s cannot do this", "%(num)s cannot do this", n),
    "service": lambda words, n: words.ngettext("%(num)s is in service", "%(num)s are in service", n),
    "held": lambda words, n: words.ngettext("%(num)s stands under a hold", "%(num)s stand under a hold", n),
    "doubt": lambda words, n: words.ngettext("%(num)s is in doubt", "%(num)s are in doubt", n),
    "superseded": lambda words, n: words.ngettext(
        "%(num)s follows a newer override", "%(num)s follow a newer override", n
    ),
}
