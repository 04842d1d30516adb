"""What the page of the record was asked for, and how its lines are put together: days, folded operations, changes. Pure.

Whatever stands in the address, there is a page: what cannot be used is named above the list, and the rest is used.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final, Literal, get_args
from urllib.parse import urlencode

import msgspec
from multidict import MultiMapping

from controller.api.decoding import FIRST_YEAR, LAST_YEAR, is_text
from controller.api.record_routes import EventsQuery
from controller.model import Category, Event
from controller.pages.event_words import KINDS, OUTCOMES
from controller.pages.language import Words
from controller.wording import english

PATH: Final = "/log"
LINES: Final = 100
MOST_LETTERS: Final = 200
FOLDED: Final = ("schedule", "system")
"""Whose lines fold into one an operation; commands of an operation do, whoever began it."""
_HEADS: Final = ("operation.ended", "operation.started", "schedule.period_begun", "override.created")

MANY: Final = ("category", "kind", "actor", "container", "miner", "outcome", "operation")
PERIOD: Final = ("from", "to")
FILTERS: Final = (*MANY, *PERIOD, "q")

Pairs = tuple[tuple[str, str], ...]
Edge = Literal["from", "to"]


class Wrong(msgspec.Struct, frozen=True):
    """A value in the address that is not used, and why."""

    name: str
    value: str
    why: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a page was asked for. `pairs`: the filters that are used, as the address has them. `cursor`: from where on."""

    query: EventsQuery
    pairs: Pairs = ()
    cursor: str | None = None
    wrong: tuple[Wrong, ...] = ()

    def address(self, *, path: str = PATH, **more: str) -> str:
        """Return the address of the same list from its newest line on, or from another."""
        given = [*self.pairs, *more.items()]
        return f"{path}?{urlencode(given)}" if given else path

    def without(self, name: str, value: str) -> str:
        """Return the address of the list without one value of a filter."""
        left = tuple(pair for pair in self.pairs if pair != (name, value))
        return msgspec.structs.replace(self, pairs=left).address()

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a filter that are used."""
        return tuple(value for given, value in self.pairs if given == name)

    @property
    def whole(self) -> bool:
        """Whether an operation's lines stand for themselves: not where single ones of them are looked for."""
        return not any(name in ("kind", "miner", "outcome", "operation", "q") for name, _ in self.pairs)


def asked(
    given: MultiMapping[str],
    *,
    zone: tzinfo,
    categories: Sequence[Category],
    containers: Mapping[str, str],
    miners: Mapping[str, Sequence[str]],
    private: bool,
    words: Words,
) -> Asked:
    """Return what an address asks for.

    `zone`: of days without one. `categories`: those that the person may see; `containers`: names by id; `miners`: ids by
    folded name and by id. `private`: for a client, who finds nobody by name and nothing by its words.
    """
    pairs: list[tuple[str, str]] = []
    wrong: list[Wrong] = []
    values: dict[str, Any] = {}
    for name in FILTERS:
        for text in dict.fromkeys(text.strip() for text in given.getall(name, ()) if text.strip()):
            if private and name in ("actor", "q"):
                wrong.append(Wrong(name, text, words.gettext("this is for the operator's people")))
                continue
            found, why = _read(name, text, zone, categories, containers, miners, words)
            if why is None and name not in MANY and name in values:
                why = words.gettext("give it once")
            if why is not None:
                wrong.append(Wrong(name, text, why))
                continue
            pairs.append((name, text))
            if name in MANY:
                values[name] = (*values.get(name, ()), *found)
            else:
                values[name] = found
    if "from" in values and "to" in values and values["from"] >= values["to"]:
        wrong += [
            Wrong("to", text, words.gettext("it ends before it begins"))
            for name, text in pairs
            if name == "to"
        ]
        pairs = [pair for pair in pairs if pair[0] != "to"]
        del values["to"]
    if "from" in values:
        values["from_"] = values.pop("from")
    return Asked(
        query=EventsQuery(**values),
        pairs=tuple(pairs),
        cursor=given.get("cursor") or None,
        wrong=tuple(wrong),
    )


def _read(
    name: str,
    text: str,
    zone: tzinfo,
    categories: Sequence[Category],
    containers: Mapping[str, str],
    miners: Mapping[str, Sequence[str]],
    words: Words,
) -> tuple[Any, str | None]:
    """Return a value of a filter as the search takes it, or why it cannot be used."""
    if len(text) > MOST_LETTERS or "\0" in text or not is_text(text):
        return None, words.gettext("it is longer than any of them, or no text")
    if name in PERIOD:
        moment = moment_of(text, zone, "to" if name == "to" else "from")
        return moment, None if moment is not None else words.gettext("it is no date such as 2026-03-01")
    if name == "container":
        found = [id_ for id_, called in containers.items() if text in (id_, called)]
        # What has left the inventory is in the record all the same, by its id.
        return tuple(found) or (text,), None
    if name == "miner":
        return tuple(miners.get(text.casefold(), ())) or (text,), None
    if name == "category" and text not in categories:
        return None, words.gettext("there is no such group of events")
    if name == "kind" and text not in KINDS:
        return None, words.gettext("there is no such kind of event")
    if name == "outcome" and text not in OUTCOMES:
        return None, words.gettext("there is no such outcome")
    return (text,) if name in MANY else text, None


def moment_of(text: str, zone: tzinfo, edge: Edge) -> datetime | None:
    """Return an end of a period: a day (whole, so `to` is the end of it), or a time with its zone or in this one."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=1 if edge == "to" else 0)
            found = datetime.combine(day, time(), zone)
        else:
            found = datetime.fromisoformat(text)
            found = found if found.tzinfo is not None else found.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        return None
    # At either end of the calendar the same moment in another zone is no date any more.
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line: an event, and those of the same operation that are folded under it, the newest first."""

    event: Event
    folded: tuple[Event, ...] = ()

    @property
    def placed(self) -> Event:
        """The event as it is, with the container of those folded under it where it names none and they all the same."""
        places = {one.container for one in self.folded if one.container is not None}
        if self.event.container is not None or len(places) != 1:
            return self.event
        return msgspec.structs.replace(self.event, container=places.pop())


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one day in the reader's zone."""

    day: date
    lines: Sequence[Line]


def lines_of(events: Iterable[Event], *, fold: bool) -> list[Line]:
    """Return events as lines, newest first. `fold`: those of an operation become one line."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        key = event.operation_id if fold and event.operation_id is not None and _folds(event) else event.id
        groups.setdefault(key, []).append(event)
    return sorted(map(_line, groups.values()), key=lambda line: line.event.at, reverse=True)


def days_of(lines: Iterable[Line], zone: tzinfo) -> list[Day]:
    """Return lines under their days."""
    days: dict[date, list[Line]] = {}
    for line in lines:
        days.setdefault(line.event.at.astimezone(zone).date(), []).append(line)
    return [Day(day=day, lines=found) for day, found in days.items()]


def _folds(event: Event) -> bool:
    return event.actor.type in FOLDED or event.kind.startswith(("command.", "operation."))


def _line(group: Sequence[Event]) -> Line:
    if len(group) == 1:
        return Line(event=group[0])
    head = next((event for kind in _HEADS for event in group if event.kind == kind), group[0])
    return Line(event=head, folded=tuple(event for event in group if event is not head))


class Change(msgspec.Struct, frozen=True):
    """One field that a change changed; None where it was not there."""

    field: str
    before: str | None
    after: str | None


def changes_of(event: Event) -> list[Change]:
    """Return what differs between before and after, field by field."""
    before, after = _flat(event.before), _flat(event.after)
    names = dict.fromkeys((*before, *after))
    return [
        Change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _flat(value: Any, name: str = "") -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {
            key: text
            for field, inner in value.items()
            for key, text in _flat(inner, f"{name}.{field}" if name else str(field)).items()
        }
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=english).decode()
    return {name: text}


def categories_in(allowed: Sequence[Category]) -> list[Category]:
    """Return the groups of events that a person may see, in their order."""
    return [one for one in get_args(Category) if one in allowed]


def newest(events: Sequence[Event], now: datetime) -> tuple[str, datetime]:
    """Return id and time of the newest event of a list; of none, an empty id and now."""
    return (events[0].id, events[0].at) if events else ("", now)


def news_words(number: int, most: int, words: Words) -> str:
    """Return how many events wait at the top; empty for none. `most`: where counting ends."""
    if number >= most:
        return words.gettext("%(num)s or more new events", num=most)
    return words.ngettext("%(num)s new event", "%(num)s new events", number) if number else ""
