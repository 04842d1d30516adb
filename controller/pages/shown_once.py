"""What is shown once after it was made, on the page that the browser is led to: in memory only, and never in an address.

Whoever reloads that page makes nothing a second time, and sees it no more. What nobody fetches is forgotten soon.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import msgspec

from controller.api.route import Call
from controller.storage.storage import Storage

KEPT: Final = timedelta(minutes=2)
"""A browser follows in no time; nobody who comes later is meant."""
MOST: Final = 200

S = TypeVar("S", bound=msgspec.Struct)
_Key = tuple[str, type[msgspec.Struct], str]


def keep(call: Call[Any, Any], made: msgspec.Struct, about: str = "") -> None:
    """Keep what was made, for whoever asks in the same session; one before it that he has not fetched is dropped.

    `about`: the id of whom or what it belongs to, where a page for each shows its own.
    """
    kept = _KEPT.setdefault(call.storage, OrderedDict())
    key = (_who(call), type(made), about)
    kept.pop(key, None)
    kept[key] = call.now, made
    while len(kept) > MOST or call.now - next(iter(kept.values()))[0] > KEPT:
        kept.popitem(last=False)


def fetch(call: Call[Any, Any], kind: type[S], about: str = "") -> S | None:
    """Return what of this kind was made a moment ago in this session, this once."""
    found = _KEPT.setdefault(call.storage, OrderedDict()).pop((_who(call), kind, about), None)
    if found is None or not timedelta() <= call.now - found[0] <= KEPT or not isinstance(found[1], kind):
        return None
    return found[1]


def _who(call: Call[Any, Any]) -> str:
    """Return the session, or the token, by which somebody asks."""
    person = call.person
    if person.session is not None:
        return person.session.id
    return "" if person.token is None else person.token.id


_KEPT: Final[WeakKeyDictionary[Storage, OrderedDict[_Key, tuple[datetime, msgspec.Struct]]]] = (
    WeakKeyDictionary()
)
