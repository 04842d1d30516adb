"""What stands in the record of a miner, as sentences: one table by kind. Values of an event are strangers' and stay text.

A client gets few of an event's values, so each sentence stands without them too.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from controller.model import Event
from controller.pages.language import words

_formats: Final = words("en").formats
duration, of, percent, watts = _formats.duration, _formats.of, _formats.percent, _formats.watts

ACTIONS: Final[Mapping[str, str]] = {
    "sleep": "sleep",
    "wake": "wake",
    "set_power_percent": "power",
    "set_power_limit": "power limit",
    "set_mode": "mode",
    "set_preset": "preset",
    "reboot": "restart",
    "locate": "fault light",
    "poll": "read now",
}

OUTCOMES: Final[Mapping[str, str]] = {
    "applied": "done and read back",
    "unchanged": "was so already",
    "accepted_unverified": "accepted, but it could not be read back",
    "refused": "refused",
    "auth_failed": "password refused",
    "unsupported": "it has no word for it",
    "unreachable": "no answer",
    "ok": "done",
    "failed": "failed",
}


def said(event: Event) -> str:
    """Return the sentence of an event, without who and when."""
    made = _WORDS.get(event.kind)
    return made(event) if made is not None else event.kind.replace(".", ": ").replace("_", " ")


def action_words(params: Mapping[str, Any]) -> str:
    """Return what was sent: power limit 2,500 W."""
    action = str(params.get("action") or "command")
    value = _VALUES[action](params) if action in _VALUES else ""
    return " ".join(part for part in (ACTIONS.get(action, action.replace("_", " ")), value) if part)


def _sent(event: Event) -> str:
    profile = event.params.get("profile")
    return f"Sent: {action_words(event.params)}" + (f", for the profile {profile}" if profile else "")


def _finished(event: Event) -> str:
    seconds = event.params.get("duration_s")
    after = f" after {of(seconds, 's', 1)}" if isinstance(seconds, int | float) and seconds < 60 else ""
    after = after or (f" after {duration(seconds)}" if isinstance(seconds, int | float) else "")
    outcome = OUTCOMES.get(event.outcome or "", event.outcome or "ended")
    return f"{action_words(event.params).capitalize()}: {outcome}{after}{_behind(event, 'detail')}"


def _ordered(begin: str) -> Callable[[Event], str]:
    def sentence(event: Event) -> str:
        profile = event.params.get("profile")
        return f"{begin} ({profile})" if profile else begin

    return sentence


def _told(begin: str, name: str) -> Callable[[Event], str]:
    return lambda event: f"{begin}{_behind(event, name)}"


def _behind(event: Event, name: str) -> str:
    text = event.params.get(name)
    return f": {text}" if text else ""


def _number(params: Mapping[str, Any], name: str) -> float | None:
    value = params.get(name)
    return float(value) if isinstance(value, int | float) else None


def _power_percent(params: Mapping[str, Any]) -> str:
    value = _number(params, "percent")
    return "" if value is None else percent(value / 100)


def _power_limit(params: Mapping[str, Any]) -> str:
    value = _number(params, "watts")
    return "" if value is None else watts(value)


_VALUES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "set_power_percent": _power_percent,
    "set_power_limit": _power_limit,
    "set_mode": lambda params: str(params.get("mode") or ""),
    "set_preset": lambda params: str(params.get("preset") or ""),
    "locate": lambda params: "off" if params.get("on") is False else "on",
}

_WORDS: Final[Mapping[str, Callable[[Event], str]]] = {
    "command.sent": _sent,
    "command.finished": _finished,
    "command.confirmed": _ordered("Reads as ordered"),
    "command.lost": _told("A command was lost on the way", "detail"),
    "state.departed": _ordered("No longer as ordered"),
    "drift.begun": _ordered("Said yes and does not do what is ordered"),
    "drift.ended": _ordered("Does what is ordered again"),
    "doubt.begun": _told("In doubt, nothing is sent", "detail"),
    "doubt.ended": _told("No longer in doubt", "detail"),
    "service.begun": _told("In service", "reason"),
    "service.ended": _told("Back from service", "reason"),
    "miner.created": lambda _: "Added to the inventory",
    "miner.changed": lambda _: "Changed in the inventory",
    "miner.deleted": lambda _: "Removed from the inventory",
}
