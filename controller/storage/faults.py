"""What goes wrong with a database, in words: foreign errors become these where they arise, without a secret of the URL.

StorageError (a HashyardError)
├── StorageAway   locked, full, away, damaged, read-only, closed, failed: nothing of what was asked was written
├── Taken         a name, slug or id that must be unique is there already
├── NotKept       what was to be changed is not there
├── Refusal       a rule of the books stands against it: the last administrator, two clients in one container
└── Unstorable    the database cannot hold a value: trying again does not help, and nobody else's work is touched
"""

from collections.abc import Callable
from typing import Literal

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from controller.wording import Wording, text_of, worded
from miners.errors import HashyardError

Trouble = Literal["locked", "full", "away", "damaged", "read_only", "closed", "failed"]

_SQLITE: dict[str, Trouble] = {
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
    "SQLITE_FULL": "full",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_NOTADB": "damaged",
    "SQLITE_READONLY": "read_only",
    "SQLITE_CANTOPEN": "away",
    "SQLITE_IOERR": "away",
    "SQLITE_PERM": "read_only",
    "SQLITE_AUTH": "read_only",
}
# By the first two characters of SQLSTATE (PostgreSQL's manual, appendix A).
_POSTGRESQL: dict[str, Trouble] = {
    "08": "away",  # connection exception
    "28": "away",  # invalid authorization
    "3D": "away",  # no such database
    "40": "locked",  # serialization failure, deadlock
    "53": "full",  # disk full, out of memory, too many connections
    "55": "locked",  # lock not available
    "57": "away",  # operator intervention: shutting down, starting up, query cancelled
    "58": "away",  # system error outside of PostgreSQL
    "XX": "damaged",  # internal error, data corrupted
    "25": "read_only",  # a stand-by server, a read-only transaction
}
# A value out of range or of no such form; one beyond a limit of the program, such as a key of an index.
_UNSTORABLE = ("22", "54")
_WORDS: dict[Trouble, Callable[[str], Wording]] = {
    "locked": lambda place: worded(
        "%(place)s is locked by another program: close what else has it open", place=place
    ),
    "full": lambda place: worded("%(place)s is full: make room on its disk", place=place),
    "away": lambda place: worded(
        "%(place)s does not answer: see that it is there and may be used", place=place
    ),
    "damaged": lambda place: worded(
        "%(place)s is damaged: stop Hashyard and restore it from a copy", place=place
    ),
    "read_only": lambda place: worded(
        "%(place)s cannot be written: see to its permissions, or name the server that takes writes",
        place=place,
    ),
    "closed": lambda place: worded("%(place)s is closed: Hashyard is stopping", place=place),
    "failed": lambda place: worded("%(place)s refused the work", place=place),
}


class StorageError(HashyardError):
    """Something about the database."""


class StorageAway(StorageError):
    """The database could not do it. `reason`: which trouble."""

    def __init__(self, text: str, reason: Trouble) -> None:
        """`text`: one line, which database, what is wrong and what to do."""
        super().__init__(text)
        self.reason = reason

    def again(self) -> "StorageAway":
        """Return another of the same, for another caller."""
        return StorageAway(text_of(self), self.reason)


class Taken(StorageError):
    """What must be unique is there already. `field`: which one, as the struct calls it; empty if not known."""

    def __init__(self, text: str, field: str = "") -> None:
        """`text`: one line."""
        super().__init__(text)
        self.field = field


class NotKept(StorageError):
    """What was named is not in the database."""


class Refusal(StorageError):
    """It would break a rule that the database guards."""


class Unstorable(StorageError):
    """It holds a value that the database cannot hold: a number too large, a text too long. It never will be taken."""


def away(place: str, reason: Trouble, said: str = "") -> StorageAway:
    """Return the error of a trouble. `place`: the database in words, without a secret. `said`: its own words."""
    text = _WORDS[reason](place)
    return StorageAway(worded("%(text)s (%(said)s)", text=text, said=said) if said else text, reason)


def translate(error: DBAPIError, place: str, secret: str | None = None) -> StorageError:
    """Return our error for a driver's. Its statement and its values stay out of the text: they may be secret."""
    error = _first(error)
    if isinstance(error, IntegrityError):
        return Taken(worded("%(place)s holds it already, or what it refers to is not there", place=place))
    origin = error.orig
    sqlstate = getattr(origin, "sqlstate", None) or ""
    if isinstance(error, DataError) or sqlstate[:2] in _UNSTORABLE:
        said = sqlstate or getattr(origin, "sqlite_errorname", None) or type(origin).__name__
        return Unstorable(f"{place} cannot hold one of the values ({said})")  # its own words hold the value
    if isinstance(origin, psycopg.Error):
        state = origin.sqlstate or "08"  # none: no server has spoken
        said = origin.diag.message_primary or _first_line(origin)
        return away(place, _POSTGRESQL.get(state[:2], "failed"), _without(said, secret))
    name = getattr(origin, "sqlite_errorname", None) or ""
    family = "_".join(name.split("_")[:2])
    return away(place, _SQLITE.get(family, "failed"), _first_line(origin))


def _first(error: DBAPIError) -> DBAPIError:
    """Return the error that others only followed from: after a full disk the savepoint is gone as well."""
    first, before = error, error.__context__
    while before is not None:
        if isinstance(before, DBAPIError):
            first = before
        before = before.__context__
    return first


def _first_line(error: BaseException | None) -> str:
    lines = str(error or "").strip().splitlines()
    return lines[0] if lines else ""


def _without(said: str, secret: str | None) -> str:
    return said.replace(secret, "***") if secret else said
