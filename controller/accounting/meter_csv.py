"""Meter readings as people send them: a CSV file with a head, in the forms that spreadsheets write. Pure.

Every line that cannot be used is named with its number and what is wrong; what the readings say beside each other is judged in
controller/accounting/meters.py.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from controller.accounting.periods import day_bounds
from controller.wording import Wording, worded

MOST_LINES: Final = 20_000
LARGEST_KWH: Final = Decimal(10) ** 12
MOST_DIGITS: Final = 6
"""Behind the point: a millionth of a kilowatt-hour is 3.6 J."""

_COLUMNS: Final[Mapping[str, str]] = {
    "container": "container",
    "контейнер": "container",
    "at": "at",
    "time": "at",
    "date": "at",
    "дата": "at",
    "время": "at",
    "kwh": "kwh",
    "reading": "kwh",
    "квтч": "kwh",
    "показание": "kwh",
    "replaced": "replaced",
    "замена": "replaced",
    "note": "note",
    "примечание": "note",
}
_NEEDED: Final = ("container", "at", "kwh")
_YES: Final = frozenset(("1", "yes", "true", "x", "да"))
_NO: Final = frozenset(("", "0", "no", "false", "нет"))
_TIME: Final = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?"
_FORMS: Final = (
    re.compile(rf"(?P<y>\d{{4}})-(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}}){_TIME}", re.ASCII),
    re.compile(rf"(?P<y>\d{{4}})/(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}}){_TIME}", re.ASCII),
    re.compile(rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}),?{_TIME}", re.ASCII),
)
_OFFSET: Final = re.compile(r"\s*(Z|[+-]\d{2}:?\d{2})$", re.ASCII)
_AMBIGUOUS: Final = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}.*", re.ASCII | re.DOTALL)
_SPACES: Final = re.compile(r"[\s\u00a0\u202f']")
_FIGURE: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_TWO_FIGURES: Final = re.compile(r"(?!0,)[0-9]{1,3},[0-9]{3}")
"""The comma may stand before decimals, or between thousands."""
_WITH_THOUSANDS: Final = re.compile(r".*,.*\..*|.*\..*,.*|[0-9]{1,3}(?:,[0-9]{3}){2,}")


class CsvPlace(msgspec.Struct, frozen=True):
    """A container that readings may be of: its id, and the zone of its wall clock."""

    id: str
    timezone: str


class ReadLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that can be used. `line`: its number in the file, from 1. `kwh`: decimal text with a point."""

    line: int
    container: str
    at: datetime
    kwh: str
    replaced: bool = False
    note: str = ""


class LineFault(msgspec.Struct, frozen=True):
    """A line that cannot, and why."""

    line: int
    why: Wording


class WrongCell(Exception):
    """A cell that cannot be used; its argument is the Wording."""

    @property
    def why(self) -> Wording:
        """Return what is wrong."""
        found: Wording = self.args[0]
        return found


def read_csv(raw: bytes, places: Mapping[str, CsvPlace]) -> tuple[list[ReadLine], list[LineFault]]:
    """Return the lines that can be used and the faults of the others, by line.

    `places`: containers by id and by name. Cells are parted by comma, semicolon or tab, whichever the head uses; a byte order
    mark does not matter. A figure may have a point or a comma before its decimals, and spaces between thousands, not both;
    one that may be two, such as 1,234, is refused.
    A time without an offset is by the container's clock; a date alone is the midnight that it begins with.
    """
    try:
        text = _text(raw)
        rows = _rows(text)
        first, head = next(rows, (1, []))
        columns = _columns(head)
    except WrongCell as wrong:
        return [], [LineFault(1, wrong.why)]
    except csv.Error:
        return [], [LineFault(1, worded("it is no CSV: a quotation mark is open, or a cell is too long"))]
    found: list[ReadLine] = []
    faults: list[LineFault] = []
    line = first
    try:
        for line, cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            if len(found) + len(faults) >= MOST_LINES:
                faults.append(
                    LineFault(line, worded("the file is too long: send at most 20,000 readings at once"))
                )
                break
            mistakes: list[Wording] = []
            read = _read(line, cells, columns, places, mistakes)
            if read is not None:
                found.append(read)
            faults += [LineFault(line, why) for why in mistakes]
    except csv.Error:
        faults.append(
            LineFault(line + 1, worded("it is no CSV: a quotation mark is open, or a cell is too long"))
        )
    if not found and not faults:
        faults.append(LineFault(first, worded("no reading stands beneath the head")))
    return found, faults


def _text(raw: bytes) -> str:
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return raw.decode("utf-16")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongCell(worded("it is not UTF-8 text: save the file as CSV UTF-8")) from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Return the number of the line on which a row begins, and its cells."""
    if "\0" in text:
        raise WrongCell(worded("it is no text: save the file as CSV UTF-8"))
    start = text.lstrip("\r\n").partition("\n")[0]
    parted = max((";", "\t", ","), key=lambda one: (start.count(one), one == ","))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=parted, strict=True)
    line = 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _columns(head: Sequence[str]) -> list[str | None]:
    """Return which column is what; None for one that is not ours."""
    names = [_COLUMNS.get(re.sub(r"[\s_.·*()-]", "", cell).casefold()) for cell in head]
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise WrongCell(
            worded(
                "the head line lacks %(columns)s: it names the columns container, at, kwh, and if wanted replaced, note",
                columns=", ".join(missing),
            )
        )
    twice = next((name for name in names if name is not None and names.count(name) > 1), None)
    if twice is not None:
        raise WrongCell(worded("the head line has the column %(column)s twice", column=twice))
    return names


def _read(
    line: int,
    cells: Sequence[str],
    columns: Sequence[str | None],
    places: Mapping[str, CsvPlace],
    wrong: list[Wording],
) -> ReadLine | None:
    """Return what a line says; None where it cannot be used. `wrong`: takes every fault of it, so that one look finds all."""
    if len(cells) > len(columns):
        wrong.append(
            worded(
                "it has %(cells)s cells and the head %(columns)s: a figure with a decimal comma needs quotation marks, or "
                "semicolons between cells",
                cells=str(len(cells)),
                columns=str(len(columns)),
            )
        )
        return None
    given = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name is not None}
    wrong += [worded("the cell %(column)s is empty", column=name) for name in _NEEDED if not given.get(name)]
    name = given.get("container", "")
    place = places.get(name)
    if place is None and name:
        wrong.append(worded("there is no container %(container)s", container=name[:100]))
    at = kwh = None
    try:
        if given.get("at"):
            # By any clock, where nobody knows whose it is: a date that is none is none everywhere.
            at = moment_of(given["at"], "UTC" if place is None else place.timezone)
    except WrongCell as error:
        wrong.append(error.why)
    try:
        if given.get("kwh"):
            kwh = figure_of(given["kwh"])
    except WrongCell as error:
        wrong.append(error.why)
    replaced = given.get("replaced", "").casefold()
    if replaced not in _YES | _NO:
        wrong.append(worded("replaced is yes or no, not %(text)s", text=replaced[:40]))
    if wrong or place is None or at is None or kwh is None:
        return None
    return ReadLine(
        line=line,
        container=place.id,
        at=at,
        kwh=kwh,
        replaced=replaced in _YES,
        note=given.get("note", "")[:500],
    )


def figure_of(text: str) -> str:
    """Return a meter's figure as decimal text with a point. Raises WrongCell for what is none, or may be two."""
    bare = _SPACES.sub("", text)
    if _FIGURE.fullmatch(bare) is None:
        if _WITH_THOUSANDS.fullmatch(bare):
            raise WrongCell(worded("%(text)s: write it without a sign between thousands", text=text[:40]))
        raise WrongCell(worded("%(text)s is no figure of a meter", text=text[:40]))
    if _TWO_FIGURES.fullmatch(bare):
        raise WrongCell(
            worded(
                "%(text)s may be two figures: write it as %(whole)s or as %(decimal)s",
                text=text[:40],
                whole=bare.replace(",", ""),
                decimal=bare.replace(",", "."),
            )
        )
    try:
        figure = Decimal(bare.replace(",", "."))
    except InvalidOperation:
        raise WrongCell(worded("%(text)s is no figure of a meter", text=text[:40])) from None
    if figure >= LARGEST_KWH:
        raise WrongCell(worded("%(text)s is more than any meter shows", text=text[:40]))
    if len(bare.replace(",", ".").partition(".")[2]) > MOST_DIGITS:
        raise WrongCell(worded("%(text)s has more than 6 digits after the decimal point", text=text[:40]))
    return f"{figure:f}"


def moment_of(text: str, timezone: str) -> datetime:
    """Return a time as it is written, by the clock of a zone where it names no offset, in UTC."""
    offset = _OFFSET.search(text) if re.search(r"\d:\d{2}", text) else None
    bare = text[: offset.start()] if offset else text
    found = next((match for form in _FORMS if (match := form.fullmatch(bare)) is not None), None)
    if found is None:
        if _AMBIGUOUS.fullmatch(bare):
            raise WrongCell(worded("%(text)s may be two dates: write it as 2026-10-31", text=text[:40]))
        raise WrongCell(
            worded("%(text)s is no time such as 2026-10-31 18:00 or 31.10.2026 18:00", text=text[:40])
        )
    try:
        day = date(int(found["y"]), int(found["m"]), int(found["d"]))
        if offset is None and found.groups()[-3] is None:
            return day_bounds(timezone, day)[0]
        hour, minute, second = (int(part or 0) for part in found.groups()[-3:])
        wall = datetime.combine(day, time(hour, minute, second))
        if offset is not None:
            return datetime.fromisoformat(f"{wall.isoformat()}{offset[1]}").astimezone(UTC)
        return _by_the_clock(wall, timezone, text)
    except (ValueError, OverflowError):
        raise WrongCell(worded("%(text)s is no time that there is", text=text[:40])) from None


def _by_the_clock(wall: datetime, timezone: str, text: str) -> datetime:
    zone = ZoneInfo(timezone)
    earlier, later = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if earlier.astimezone(zone).replace(tzinfo=None) != wall:
        raise WrongCell(worded("%(text)s: the clock was put forward over that time", text=text[:40]))
    if earlier != later:
        raise WrongCell(
            worded(
                "%(text)s was there twice that night: write the offset with it, such as +02:00",
                text=text[:40],
            )
        )
    return earlier
