"""What stands in the record, as sentences in the reader's language: one table by kind. Values of an event are strangers' text.

A client gets few of an event's values, so each sentence stands without them too: of the patterns for a kind, the first whose
values are all there is taken, and the last needs none.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from controller.model import FAILED_STATES, Actor, Event
from controller.pages.formats import plain
from controller.pages.language import Words
from controller.wording import Wording, worded

Clock: TypeAlias = Callable[[datetime], str]
"""Writes a moment as the page writes its others: in its zone, from its day."""

Counted: TypeAlias = Callable[[Event, Mapping[str, Any], Words], str | None]
"""A sentence about so many miners; None where the event does not say how many."""


def said(event: Event, words: Words, clock: Clock | None = None) -> str:
    """Return the sentence of an event, without who and when. `clock`: for the times in it, which are left out without."""
    made = _SENTENCES.get(event.kind)
    if made is None:
        return event.kind.replace(".", ": ").replace("_", " ")
    values = _values(event, words, clock)
    counted = _COUNTED.get(event.kind)
    text = None if counted is None else counted(event, values, words)
    text = text or _first(made, values, words)
    return text[:1].upper() + text[1:]


def outcome_words(outcome: str | None, words: Words) -> str:
    """Return what came of it, in words; an outcome that is not known as it is."""
    made = OUTCOMES.get(outcome or "")
    return (outcome or "") if made is None else words.told(made)


def actor_words(actor: Actor, words: Words) -> str:
    """Return who it was: a person's own name; what is no person, and the operator to whom clients see no names, in words."""
    if actor.type == "schedule":
        return words.pgettext("actor", "schedule")
    if actor.name == "operator" and actor.id is None:
        return words.pgettext("actor", "operator")
    return plain(actor.name or "")


def action_words(params: Mapping[str, Any], words: Words) -> str:
    """Return what was sent: power limit 2,500 W. `params`: of the event."""
    action = str(params.get("action") or "")
    if action.startswith(_PROFILE):
        return words.gettext("profile %(profile)s", profile=plain(action.removeprefix(_PROFILE)))
    found = _ACTIONS.get(action)
    if found is None:
        return plain(action.replace("_", " ")) or words.gettext("command")
    value = _action_value(action, params, words)
    return _first(found, {} if value is None else {"value": value}, words)


def category_words(category: str, words: Words) -> str:
    """Return what the events of a category are about."""
    made = CATEGORY_WORDS.get(category)
    return category if made is None else words.told(made)


def kind_words(kind: str, words: Words) -> str:
    """Return a kind of event in words: its sentence without values."""
    made = _SENTENCES.get(kind)
    return kind if made is None else words.told(made[-1])


_PROFILE: Final = "profile "
_NAMED: Final = re.compile(r"%\((\w+)\)s")


def _first(patterns: Iterable[Wording], values: Mapping[str, Any], words: Words) -> str:
    """Return the first sentence whose values are all there."""
    for pattern in patterns:
        needed = _NAMED.findall(pattern.pattern)
        if all(name in values for name in needed):
            return words.gettext(pattern.pattern, **{name: values[name] for name in needed})
    raise ValueError("the last sentence of each kind needs no value")


def _values(event: Event, words: Words, clock: Clock | None) -> dict[str, Any]:
    """Return what can stand in a sentence about the event: only what it has."""
    found: dict[str, Any] = {
        name: plain(value) for name, value in event.params.items() if isinstance(value, str) and value.strip()
    }
    if "action" in found or event.kind in {"command.sent", "command.finished"}:
        found["action"] = action_words(event.params, words)
    if event.outcome:
        found["outcome"] = outcome_words(event.outcome, words)
    seconds = event.params.get("duration_s")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        formats = words.formats
        found["duration"] = formats.of(seconds, "s", 1) if seconds < 60 else formats.duration(seconds)
    if "detail" in found:  # the program's own words, where no miner has said it
        found["detail"] = plain(words.told(event.params["detail"]))
    found.pop("until", None)
    until = _moment(event.params.get("until"))
    if until is not None and clock is not None:
        found["until"] = clock(until)
    if event.container is not None:
        found["here"] = plain(event.container)
    return found


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _action_value(action: str, params: Mapping[str, Any], words: Words) -> str | None:
    if action == "set_power_percent" and isinstance(value := params.get("percent"), int | float):
        return words.formats.percent(value / 100)
    if action == "set_power_limit" and isinstance(value := params.get("watts"), int | float):
        return words.formats.watts(value)
    named = params.get({"set_mode": "mode", "set_preset": "preset"}.get(action, ""))
    if action == "locate" and params.get("on") is False:
        return words.pgettext("light", "off")
    return plain(named) if isinstance(named, str) and named else None


_ACTIONS: Final[Mapping[str, tuple[Wording, ...]]] = {
    "sleep": (worded("sleep"),),
    "wake": (worded("wake"),),
    "set_power_percent": (worded("power %(value)s"), worded("power")),
    "set_power_limit": (worded("power limit %(value)s"), worded("power limit")),
    "set_mode": (worded("mode %(value)s"), worded("mode")),
    "set_preset": (worded("preset %(value)s"), worded("preset")),
    "reboot": (worded("restart"),),
    "locate": (worded("fault light %(value)s"), worded("fault light on")),
    "locate off": (worded("fault light off"),),
    "poll": (worded("read now"),),
    "reapply": (worded("send the profile again"),),
    "end of an override": (worded("end of an override"),),
}
"""What can be done, by the name that events and operations have for it: with its value, and without."""

ACTIONS: Final = frozenset(_ACTIONS)

OUTCOMES: Final[Mapping[str, Wording]] = {
    "applied": worded("done and read back"),
    "unchanged": worded("was so already"),
    "accepted_unverified": worded("accepted, but it could not be read back"),
    "refused": worded("refused"),
    "auth_failed": worded("password refused"),
    "unsupported": worded("it has no word for it"),
    "unreachable": worded("no answer"),
    "ok": worded("done"),
    "failed": worded("failed"),
}

CATEGORY_WORDS: Final[Mapping[str, Wording]] = {
    "command": worded("Commands and overrides"),
    "schedule": worded("Schedule and profiles"),
    "state": worded("States, service, doubts"),
    "fault": worded("Faults"),
    "inventory": worded("Inventory"),
    "people": worded("People and tokens"),
    "auth": worded("Signing in"),
    "money": worded("Money"),
    "system": worded("Hashyard itself"),
}

_SENTENCES: Final[Mapping[str, tuple[Wording, ...]]] = {
    "command.sent": (
        worded("Sent: %(action)s, for the profile %(profile)s"),
        worded("Sent: %(action)s"),
        worded("Command sent"),
    ),
    "command.finished": (
        worded("%(action)s: %(outcome)s after %(duration)s: %(detail)s"),
        worded("%(action)s: %(outcome)s after %(duration)s"),
        worded("%(action)s: %(outcome)s: %(detail)s"),
        worded("%(action)s: %(outcome)s"),
        worded("Command ended"),
    ),
    "command.confirmed": (worded("Reads as ordered (%(profile)s)"), worded("Reads as ordered")),
    "command.lost": (
        worded("A command was lost on the way: %(detail)s"),
        worded("A command was lost on the way"),
    ),
    "operation.started": (worded("Operation begun: %(action)s"), worded("Operation begun")),
    "operation.cancelled": (worded("Operation cancelled: %(action)s"), worded("Operation cancelled")),
    "operation.ended": (
        worded("Operation ended: %(action)s"),
        worded("Operation ended"),
    ),
    "override.created": (
        worded("Override begun: %(profile)s until %(until)s: %(reason)s"),
        worded("Override begun: %(profile)s until %(until)s"),
        worded("Override begun: %(profile)s: %(reason)s"),
        worded("Override begun: %(profile)s"),
        worded("Override begun"),
    ),
    "override.changed": (worded("Override changed"),),
    "override.ended": (worded("Override ended: %(profile)s"), worded("Override ended")),
    "override.narrowed": (worded("Miners taken out of an override"),),
    "override.lapsed": (
        worded("Override over, its time has come: %(profile)s"),
        worded("Override over, its time has come"),
    ),
    "hold.begun": (
        worded("Held, nothing is sent to %(here)s: %(reason)s"),
        worded("Held, nothing is sent to any miner: %(reason)s"),
        worded("Held, nothing is sent"),
    ),
    "hold.ended": (
        worded("Hold on %(here)s released: %(reason)s"),
        worded("Hold on all miners released: %(reason)s"),
        worded("Hold released"),
    ),
    "interlock.begun": (worded("Orders wait: %(detail)s"), worded("Orders wait")),
    "interlock.ended": (worded("Orders wait no longer: %(detail)s"), worded("Orders wait no longer")),
    "state.departed": (worded("No longer as ordered (%(profile)s)"), worded("No longer as ordered")),
    "drift.begun": (
        worded("Said yes and does not do what is ordered (%(profile)s): %(detail)s"),
        worded("Said yes and does not do what is ordered (%(profile)s)"),
        worded("Said yes and does not do what is ordered"),
    ),
    "drift.ended": (
        worded("Does what is ordered again (%(profile)s)"),
        worded("Does what is ordered again"),
    ),
    "doubt.begun": (worded("In doubt, nothing is sent: %(detail)s"), worded("In doubt, nothing is sent")),
    "doubt.ended": (worded("No longer in doubt: %(detail)s"), worded("No longer in doubt")),
    "service.begun": (worded("In service: %(reason)s"), worded("In service")),
    "service.ended": (worded("Back from service: %(reason)s"), worded("Back from service")),
    "schedule.period_begun": (
        worded("The schedule's time has come: %(profile)s"),
        worded("The schedule's time has come"),
    ),
    "schedule.created": (worded("Schedule made: %(schedule)s"), worded("Schedule made")),
    "schedule.changed": (worded("Schedule changed: %(schedule)s"), worded("Schedule changed")),
    "schedule.deleted": (worded("Schedule deleted: %(schedule)s"), worded("Schedule deleted")),
    "profile.created": (worded("Profile made: %(profile)s"), worded("Profile made")),
    "profile.changed": (worded("Profile changed: %(profile)s"), worded("Profile changed")),
    "inventory.reloaded": (
        worded("Inventory read again: %(outcome)s"),
        worded("Inventory read again"),
    ),
    "container.created": (worded("Container added to the inventory"),),
    "container.changed": (worded("Container changed in the inventory"),),
    "container.deleted": (worded("Container removed from the inventory"),),
    "miner.created": (worded("Added to the inventory"),),
    "miner.changed": (worded("Changed in the inventory"),),
    "miner.deleted": (worded("Removed from the inventory"),),
    "user.created": (worded("User added: %(username)s"), worded("User added")),
    "user.changed": (worded("User changed: %(username)s"), worded("User changed")),
    "user.removed": (worded("User removed: %(username)s"), worded("User removed")),
    "user.password_changed": (worded("Password changed: %(username)s"), worded("Password changed")),
    "user.password_reset": (
        worded("One-time password given: %(username)s"),
        worded("One-time password given"),
    ),
    "user.reset": (
        worded("Administrator reset on the machine itself: %(username)s"),
        worded("Administrator reset on the machine itself"),
    ),
    "user.sessions_ended": (worded("Sessions ended: %(username)s"), worded("Sessions ended")),
    "user.tokens_revoked": (worded("Tokens revoked: %(username)s"), worded("Tokens revoked")),
    "user.session_ended": (worded("Session ended: %(username)s"), worded("Session ended")),
    "user.invited": (
        worded("Invited: %(username)s, until %(until)s"),
        worded("Invited: %(username)s"),
        worded("User invited"),
    ),
    "user.invitation_accepted": (
        worded("Invitation used, password chosen: %(username)s"),
        worded("Invitation used, password chosen"),
    ),
    "user.invitation_withdrawn": (
        worded("Invitation withdrawn: %(username)s"),
        worded("Invitation withdrawn"),
    ),
    "client.view_begun": (worded("View as a client begun: %(slug)s"), worded("View as a client begun")),
    "client.view_ended": (worded("View as a client ended: %(slug)s"), worded("View as a client ended")),
    "report.closed": (worded("Month closed: %(month)s"), worded("Month closed")),
    "meter_reading.added": (worded("Meter reading entered: %(kwh)s kWh"), worded("Meter reading entered")),
    "meter_reading.withdrawn": (
        worded("Meter reading withdrawn: %(kwh)s kWh"),
        worded("Meter reading withdrawn"),
    ),
    "meter_readings.imported": (
        worded("Meter readings taken from a file: %(readings)s"),
        worded("Meter readings taken from a file"),
    ),
    "client.created": (worded("Client added: %(slug)s"), worded("Client added")),
    "client.changed": (worded("Client changed: %(slug)s"), worded("Client changed")),
    "client.deleted": (worded("Client taken away: %(slug)s"), worded("Client taken away")),
    "container.client_begun": (worded("Container given to %(slug)s"), worded("Container given to a client")),
    "container.client_ended": (
        worded("Container no longer that of %(slug)s"),
        worded("Container no longer a client's"),
    ),
    "container.client_times_changed": (
        worded("Times for which the container is that of %(slug)s changed"),
        worded("Times for which the container is a client's changed"),
    ),
    "container.tariff_changed": (worded("Tariff of the container changed"),),
    "tariff.created": (worded("Tariff made: %(tariff)s"), worded("Tariff made")),
    "tariff.changed": (worded("Tariff changed: %(tariff)s"), worded("Tariff changed")),
    "tariff.deleted": (worded("Tariff taken away: %(tariff)s"), worded("Tariff taken away")),
    "books.corrected": (worded("Books corrected: %(reason)s"), worded("Books corrected")),
    "client.gateway_token_created": (
        worded("Token for Grafana made: %(slug)s"),
        worded("Token for Grafana made"),
    ),
    "client.gateway_token_revoked": (
        worded("Token for Grafana revoked: %(slug)s"),
        worded("Token for Grafana revoked"),
    ),
    "grafana.brought_in_line": (
        worded("Grafana brought in line: %(count)s done, %(faults)s failed"),
        worded("Grafana brought in line"),
    ),
    "token.created": (worded("Token made: %(name)s"), worded("Token made")),
    "token.revoked": (worded("Token revoked: %(name)s"), worded("Token revoked")),
    "auth.signed_in": (worded("Signed in"),),
    "auth.signed_out": (worded("Signed out"),),
    "auth.failed": (worded("Sign-in failed: name or password not right"),),
    "auth.refused": (
        worded("Refused: %(method)s %(path)s: %(detail)s"),
        worded("Refused: %(detail)s"),
        worded("Refused"),
    ),
    "auth.shut_out": (worded("Too many sign-ins that failed: shut out for a while"),),
    "auth.signed_on": (worded("Signed on to Grafana"),),
    "auth.sign_on_refused": (
        worded("Sign-on refused: what asked in Grafana's name did not have its client secret"),
    ),
    "auth.sign_on_replayed": (
        worded("Sign-on code of %(username)s came a second time: what it gave was taken back"),
        worded("A sign-on code came a second time: what it gave was taken back"),
    ),
    "auth.confirmed": (worded("Password given again"),),
    "auth.session_ended": (worded("Session ended: idle too long, or too old"),),
    "auth.session_revoked": (worded("Session ended by its owner"),),
    "auth.sessions_revoked": (
        worded("All other sessions ended by their owner: %(sessions)s"),
        worded("All other sessions ended by their owner"),
    ),
    "auth.token_from_new_address": (
        worded("Token used from a new address: %(name)s"),
        worded("Token used from a new address"),
    ),
}
"""The sentences of each kind, from the one that says most to the one that needs no value."""

KINDS: Final = tuple(_SENTENCES)
"""Every kind of event that there are words for."""


def _narrowed(event: Event, _values: Mapping[str, Any], words: Words) -> str | None:
    number = _count(event.params, "miners")
    if number is None:
        return None
    return words.ngettext(
        "%(num)s miner taken out of an override", "%(num)s miners taken out of an override", number
    )


def _started(event: Event, values: Mapping[str, Any], words: Words) -> str | None:
    number = _count(event.params, "total")
    if number is None or "action" not in values:
        return None
    return words.ngettext(
        "Operation begun: %(action)s, %(num)s miner",
        "Operation begun: %(action)s, %(num)s miners",
        number,
        action=values["action"],
    )


def _ended(event: Event, values: Mapping[str, Any], words: Words) -> str | None:
    number, counts = _count(event.params, "total"), event.params.get("counts")
    if number is None or "action" not in values or not isinstance(counts, Mapping):
        return None
    failed = sum(_count(counts, state) or 0 for state in FAILED_STATES)
    if failed:
        return words.ngettext(
            "Operation ended: %(action)s, %(num)s miner of %(total)s did not follow",
            "Operation ended: %(action)s, %(num)s miners of %(total)s did not follow",
            failed,
            action=values["action"],
            total=number,
        )
    return words.ngettext(
        "Operation ended: %(action)s, %(num)s miner",
        "Operation ended: %(action)s, %(num)s miners",
        number,
        action=values["action"],
    )


def _period(event: Event, values: Mapping[str, Any], words: Words) -> str | None:
    number = _count(event.params, "miners")
    if number is None or "profile" not in values:
        return None
    return words.ngettext(
        "The schedule's time has come: %(profile)s, %(num)s miner",
        "The schedule's time has come: %(profile)s, %(num)s miners",
        number,
        profile=values["profile"],
    )


def _count(params: Mapping[str, Any], name: str) -> int | None:
    value = params.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_COUNTED: Final[Mapping[str, Counted]] = {
    "override.narrowed": _narrowed,
    "operation.started": _started,
    "operation.ended": _ended,
    "schedule.period_begun": _period,
}
"""Sentences that count miners, where the event has their number."""
