"""What a container's meter counted from one reading to the next, each held against the sum of its miners over the same time."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

from sqlalchemy import Connection

from controller.accounting.meters import Counted, check_of, counted
from controller.accounting.model import MeterCheck, Reading
from controller.storage.ledger_numbers import container_number, seconds
from controller.storage.ledger_reading import pieces_between
from controller.storage.ledger_rows import day_number
from controller.storage.storage import Storage

_DAY = timedelta(days=1)


async def intervals_of(
    storage: Storage, container: str, readings: Sequence[Reading], *, most: int
) -> list[tuple[Counted, MeterCheck | None]]:
    """Return the last `most` spans between a container's readings, oldest first; None beside one that is not all booked."""
    spans = counted(readings)[-most:] if most > 0 else []
    if not spans:
        return []
    return await storage.database.read(lambda connection: _checked(connection, container, spans))


def _checked(
    connection: Connection, container: str, spans: Sequence[Counted]
) -> list[tuple[Counted, MeterCheck | None]]:
    number = container_number(connection, container)
    if number is None:
        return [(span, None) for span in spans]
    # A local day may begin a day before or after that of UTC.
    first, last = spans[0].begins - _DAY, spans[-1].ends + _DAY
    pieces = pieces_between(connection, number, day_number(first.date()), day_number(last.date()))
    found = []
    for span in spans:
        joules = _joules(span, pieces)
        found.append((span, None if joules is None else check_of([span], joules, whole=True)))
    return found


def _joules(span: Counted, pieces: Sequence[tuple[int, int, int, int]]) -> Fraction | None:
    """Return the joules of a span exactly, an hour that it cuts by its seconds; None where not all of it is booked."""
    begins, ends = seconds(span.begins), seconds(span.ends)
    joules, booked = Fraction(0), 0
    for piece_begins, piece_ends, _, used in pieces:
        first, last = max(begins, piece_begins), min(ends, piece_ends)
        if first < last:
            booked += last - first
            joules += Fraction(used * (last - first), piece_ends - piece_begins)
    return joules if booked == ends - begins else None
