"""CSV as the pages offer it (RFC 4180): plain, with points and commas for programs, or as a spreadsheet of the reader's language opens it.

A text that a spreadsheet would take for a formula gets an apostrophe in front; figures are figures.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from aiohttp import web

from controller.api.piecewise import sent_in_pieces
from controller.events import guarded

Cell: TypeAlias = str | float | bool | datetime | Decimal | None

MARK: Final = "\ufeff"
"""The byte order mark, without which Excel takes UTF-8 for something else."""
_COMMA_DECIMALS: Final = frozenset(("ru",))
"""Languages whose spreadsheets write decimals with a comma, and so part cells by semicolons."""


class CsvForm:
    """How the lines are written."""

    def __init__(self, *, excel: bool, language: str) -> None:
        """`excel`: for a spreadsheet; `language`: the code of the reader's."""
        self.begin = MARK if excel else ""
        self._comma = excel and language in _COMMA_DECIMALS
        self._line = io.StringIO(newline="")
        self._writer = csv.writer(self._line, delimiter=";" if self._comma else ",")

    def lines(self, rows: Iterable[Iterable[Cell]]) -> str:
        """Return rows as lines."""
        self._line.seek(0)
        self._line.truncate()
        self._writer.writerows([self._text(cell) for cell in row] for row in rows)
        return self._line.getvalue()

    def _text(self, cell: Cell) -> str:
        if cell is None or isinstance(cell, str):
            return guarded(cell)
        if isinstance(cell, bool):
            return "true" if cell else "false"
        if isinstance(cell, datetime):
            return cell.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        text = format(cell, ".15g") if isinstance(cell, float) else str(cell)
        return text.replace(".", ",") if self._comma else text


async def send_csv(
    request: web.Request, name: str, form: CsvForm, pieces: AsyncIterator[Iterable[Iterable[Cell]]]
) -> web.StreamResponse:
    """Write a file out piece by piece. `name`: of the file, ours."""
    headers = {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": f'attachment; filename="{name}.csv"',
    }

    async def written() -> AsyncIterator[bytes]:
        yield form.begin.encode()
        async for piece in pieces:
            yield form.lines(piece).encode()

    return await sent_in_pieces(request, headers, written())
