"""Finding events among millions: the filter, its SQL, and the position of a page.

Newest first is by (time, order of writing). Every field that a filter can name has an index that ends in that order, so a
search walks from the newest match backwards and stops when the page is full. It begins with the most telling field of the
filter; a field with several values is asked value by value and the answers are merged.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, CompoundSelect, Select, false, func, literal, or_, select, tuple_, union

from controller.model import SYSTEM, Actor, Event
from controller.storage.columns import Moment, storable
from controller.storage.schema import EVENT_INDEXES, events
from controller.wording import english

COUNT_AT_MOST = 10_000
_WORDS_AT_MOST = 2000  # characters of an event that a search for text sees
_APART_AT_MOST = 50  # values of a field that are asked one by one
# Microseconds since the epoch (up to the year 5138) and the event's id. The number of the row would tell a reader how many
# events there are that he is not shown.
_POSITION = re.compile(r"([0-9]{1,17})\.([!-~]{1,200})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadPosition(ValueError):
    """A position that `find` never gave."""


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are meant. Several values of a field: any of them; several fields: all of them.

    None: whatever it is. An empty tuple: no value is allowed, so nothing is found. `actors`: ids of users or tokens
    (`usr_…`, `tok_…`), names, `schedule` or `system`. `since` is within, `until` no more. `q`: text in the
    names and figures of an event, whatever its letter case.
    """

    categories: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    actors: tuple[str, ...] | None = None
    containers: tuple[str, ...] | None = None
    miners: tuple[str, ...] | None = None
    miner_addresses: tuple[str, ...] | None = None
    clients: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None
    outcomes: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None


_FIELDS = {
    "categories": "category",
    "kinds": "kind",
    "containers": "container",
    "miners": "miner",
    "miner_addresses": "miner_address",
    "clients": "client",
    "operations": "operation_id",
    "outcomes": "outcome",
}
_ACTOR_PREFIXES = {"usr_": "actor_id", "tok_": "token_id"}


def event_values(event: Event) -> dict[str, Any]:
    """Return an event as the values of its row."""
    row = {name: getattr(event, name) for name in event.__struct_fields__ if name != "actor"}
    actor = event.actor
    return row | {
        "actor_type": actor.type,
        "actor_name": actor.name,
        "actor_id": actor.id,
        "token_id": actor.token_id,
        "words": _words(event),
    }


def to_event(row: Any) -> Event:
    """Return the event that a row keeps."""
    columns = row._mapping  # noqa: SLF001  # SQLAlchemy's public way to the columns by name
    actor = Actor(columns["actor_type"], columns["actor_name"], columns["actor_id"], columns["token_id"])
    fields = {name: columns[name] for name in Event.__struct_fields__ if name != "actor"}
    return Event(actor=actor, **fields)


def position(row: Any) -> str:
    """Return the position of a row among the newest first, in which a later page begins."""
    return f"{_microseconds(row.at)}.{row.id}"


def page_of(wanted: EventFilter, *, after: str | None, limit: int, sqlite: bool) -> Select[Any]:
    """Return the statement for one page of events, newest first; BadPosition if `after` is none of ours."""
    keys = _keys(wanted, _before(after), limit, sqlite=sqlite).subquery()
    return (
        select(events)
        .join(keys, events.c.seq == keys.c.seq)
        .order_by(events.c.at.desc(), events.c.seq.desc())
        .limit(limit)
    )


def count_of(wanted: EventFilter, *, sqlite: bool) -> Select[int]:
    """Return the statement that counts, at most to COUNT_AT_MOST."""
    keys = _keys(wanted, None, COUNT_AT_MOST, sqlite=sqlite).subquery()
    counted = select(keys.c.seq).limit(COUNT_AT_MOST).subquery()
    return select(func.count()).select_from(counted)


def since_of(event_id: str, wanted: EventFilter, *, limit: int, sqlite: bool) -> Select[Any]:
    """Return the statement for what was written after an event, oldest first; for nothing where the event is not wanted itself."""
    conditions = [_any_of(field, indexed=not sqlite) for field in _alternatives(wanted)]
    known = select(events.c.seq).where(events.c.id == storable(event_id), *conditions).scalar_subquery()
    return select(events).where(events.c.seq > known, *conditions).order_by(events.c.seq).limit(limit)


def _keys(
    wanted: EventFilter, before: ColumnElement[bool] | None, limit: int, *, sqlite: bool
) -> Select[Any] | CompoundSelect[Any]:
    """Return the statement for the (at, seq) of what is wanted: at most `limit` rows, or so many for each first value."""
    fields = _alternatives(wanted)
    first = min(
        (field for field in fields if len(field) <= _APART_AT_MOST),
        key=lambda field: max(EVENT_INDEXES.index(name) for name, _ in field) if field else -1,
        default=None,
    )
    conditions = [_any_of(field, indexed=not sqlite) for field in fields if field is not first]
    if before is not None:
        conditions.append(before)
    if wanted.since is not None:
        conditions.append(events.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(events.c.at < wanted.until)
    conditions += [_contains(word, sqlite=sqlite) for word in (wanted.q or "").split()]

    def walk(*more: ColumnElement[bool]) -> Select[Any]:
        chosen = select(events.c.at, events.c.seq).where(*more, *conditions)
        return chosen.order_by(events.c.at.desc(), events.c.seq.desc()).limit(limit)

    if first is None:
        return walk()
    if not first:
        return walk(false())
    walks = [walk(events.c[name] == value) for name, value in first]
    if len(walks) == 1:
        return walks[0]
    # An event may be met on two walks: by a user and by his token.
    return union(*(select(one.subquery()) for one in walks))


def _alternatives(wanted: EventFilter) -> list[list[tuple[str, str]]]:
    """Return, for each field that is asked for, the pairs of column and value of which one must fit."""
    fields = []
    for name, column in _FIELDS.items():
        asked = getattr(wanted, name)
        if asked is not None:
            fields.append([(column, storable(value)) for value in dict.fromkeys(asked)])
    if wanted.actors is not None:
        fields.append([_actor(storable(value)) for value in dict.fromkeys(wanted.actors)])
    return fields


def _actor(value: str) -> tuple[str, str]:
    if value == SYSTEM.type:
        return "actor_name", SYSTEM.name
    return _ACTOR_PREFIXES.get(value[:4], "actor_name"), value


def _any_of(field: list[tuple[str, str]], *, indexed: bool) -> ColumnElement[bool]:
    """Return the condition that one of the pairs fits.

    SQLite keeps no figures on how telling an index is and may begin with the wrong one; of a column within an
    expression it uses none.
    """
    by_column: dict[str, list[str]] = {}
    for name, value in field:
        by_column.setdefault(name, []).append(value)
    if not by_column:
        return false()
    return or_(
        *(
            (events.c[name] if indexed else events.c[name].concat("")).in_(values)
            for name, values in by_column.items()
        )
    )


def _contains(word: str, *, sqlite: bool) -> ColumnElement[bool]:
    folded = storable(word).casefold()
    if sqlite:
        return func.instr(events.c.words, folded) > 0
    return events.c.words.contains(folded, autoescape=True)


def _before(after: str | None) -> ColumnElement[bool] | None:
    if after is None:
        return None
    numbers = _POSITION.fullmatch(after)
    if numbers is None:
        raise BadPosition(f"{after[:40]!r} is no position in the events")
    at = _EPOCH + timedelta(microseconds=int(numbers[1]))
    # Of an event that has left meanwhile, those of the same microsecond have left with it.
    key = func.coalesce(select(events.c.seq).where(events.c.id == numbers[2]).scalar_subquery(), 0)
    return tuple_(events.c.at, events.c.seq) < tuple_(literal(at, Moment()), key)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _words(event: Event) -> str:
    """Return what a search for text looks through: the names, and the values within params, before and after."""
    found: list[str] = []
    actor = event.actor
    for value in (event.kind, event.outcome, actor.name, event.container, event.miner, event.miner_address):
        found += [value] if value else []
    found += [value for value in (event.client, event.address, event.request_id, event.operation_id) if value]
    for document in (event.params, event.before, event.after):
        _collect(msgspec.to_builtins(document, str_keys=True, enc_hook=english), found)
    return " ".join(found)[:_WORDS_AT_MOST].casefold()


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found.append(str(value))
