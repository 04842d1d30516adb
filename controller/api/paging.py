"""Cursors, and pages cut from a list that is in memory."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from controller.api.problems import Mistake, Problem
from controller.api.route import ListQuery, Page
from controller.wording import worded

T = TypeVar("T")

_SUM = 6


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """After which item a page begins: its id, and how many items came before it and with it."""

    id: str
    offset: int


def to_cursor(kind: str, position: str | None) -> str | None:
    """Return the cursor for a position in the list `kind`; None for None: there is no more."""
    if position is None:
        return None
    raw = position.encode()
    return base64.urlsafe_b64encode(_sum(kind, raw) + raw).rstrip(b"=").decode()


def from_cursor(kind: str, cursor: str | None) -> str | None:
    """Return the position of a cursor. Raises Problem (malformed) for one that was not given out for this list."""
    if cursor is None:
        return None
    try:
        whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        total, raw = whole[:_SUM], whole[_SUM:]
        if total == _sum(kind, raw):
            return raw.decode()
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None
    raise _bad_cursor()


def page_of(items: Sequence[T], query: ListQuery, kind: str, id_of: Callable[[T], str]) -> Page[T]:
    """Return the page of a whole list that the query asks for.

    The next page begins after the last item of this one, wherever that stands then; if that has left, where it was.
    """
    begin = 0
    position = from_cursor(kind, query.cursor)
    if position is not None:
        try:
            place = msgspec.json.decode(position, type=_Place)
        except msgspec.DecodeError:
            raise _bad_cursor() from None
        begin = next(
            (at + 1 for at, item in enumerate(items) if id_of(item) == place.id), max(0, place.offset - 1)
        )
    cut = items[begin : begin + query.limit]
    after = None
    if begin + len(cut) < len(items) and cut:
        after = msgspec.json.encode(_Place(id_of(cut[-1]), begin + len(cut))).decode()
    return Page(items=cut, next=to_cursor(kind, after), total=len(items))


def _sum(kind: str, raw: bytes) -> bytes:
    """Return what tells a cursor of this list from a mistyped one, or one of another list."""
    return hashlib.blake2b(raw, digest_size=_SUM, key=kind.encode()[:64]).digest()


def _bad_cursor() -> Problem:
    detail = worded("give back a cursor as it was given, or none at all")
    return Problem("malformed", detail, [Mistake("?cursor", "cursor", detail)])
