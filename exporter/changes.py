"""The order in which miners changed, for `/api/v1/fleet`: what is new since a cursor, without looking at everything.

A cursor is `epoch-sequence`. The epoch is drawn when the process starts, so that a cursor of an earlier process (or
one older than what is still known) is seen for what it is, and everything is given again.
"""

import re
import secrets
from bisect import bisect_right
from collections.abc import Iterator
from itertools import compress
from typing import Generic, Protocol, TypeVar

_CURSOR = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})", re.ASCII)

MAX_REMOVED = 10_000
"""So many removals are remembered; a cursor older than the rest gets everything again."""


class Entry(Protocol):
    """Something that changes: `sequence` is the number of its latest change, 0 for one that is over."""

    sequence: int
    removed: bool


E = TypeVar("E", bound=Entry)


class BadCursor(ValueError):
    """The text is no cursor that this exporter gave."""


class Changes(Generic[E]):
    """A log of changes. An entry is in it once for each change, but only the latest counts."""

    def __init__(self) -> None:
        """Begin a new epoch."""
        self.epoch = secrets.token_hex(4)
        self._sequence = 0
        self._floor = 0
        self._numbers: list[int] = []
        self._entries: list[E] = []
        self._living = 0

    def note(self, entry: E) -> None:
        """Write down that the entry changed now."""
        if not entry.sequence:
            self._living += 1
        self._sequence += 1
        entry.sequence = self._sequence
        self._numbers.append(self._sequence)
        self._entries.append(entry)
        if len(self._entries) > 2 * self._living + 1000:
            self._compact()

    def drop(self, entry: E) -> None:
        """Forget an entry: it is neither there nor removed."""
        if entry.sequence:
            self._living -= 1
            entry.sequence = 0

    def cursor(self, sequence: int | None = None) -> str:
        """Return the cursor after a change, or after the latest."""
        return f"{self.epoch}-{self._sequence if sequence is None else sequence}"

    def begin(self, cursor: str | None) -> tuple[int, bool]:
        """Return the sequence to go on after, and whether everything is given anew. Raises BadCursor."""
        if not cursor:
            return 0, True
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise BadCursor(cursor)
        if match[1] != self.epoch:
            return 0, True
        sequence = int(match[2])
        if sequence > self._sequence:
            raise BadCursor(cursor)
        return (0, True) if sequence < self._floor else (sequence, False)

    def since(self, sequence: int) -> Iterator[E]:
        """Yield the entries that changed after `sequence`, in the order of their latest changes.

        The log must not change while this runs: take what is wanted before awaiting anything.
        """
        for at in range(bisect_right(self._numbers, sequence), len(self._numbers)):
            entry = self._entries[at]
            if entry.sequence == self._numbers[at]:
                yield entry

    def _compact(self) -> None:
        latest = [
            entry.sequence == number for number, entry in zip(self._numbers, self._entries, strict=True)
        ]
        self._numbers = list(compress(self._numbers, latest))
        self._entries = list(compress(self._entries, latest))
        gone = [entry for entry in self._entries if entry.removed]
        if len(gone) > MAX_REMOVED:
            for entry in gone[: len(gone) - MAX_REMOVED]:
                self._floor = entry.sequence
                self.drop(entry)
