"""`report`: the accountant's figures, asked of the controller with a token: CSV, or a table where a person looks on."""

import csv
import io
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import uvloop
from rich.markup import escape
from rich.table import Table

from hashyard_flags import Flag
from hashyard_remote import Controller, entrance_of
from hashyard_terminal import console
from miners.errors import ConfigurationError

BYS: Final = ("container", "client", "miner", "day", "month")
FORMATS: Final = ("csv", "excel", "json", "table")
NOTHING: Final = "the books have nothing of what was asked for; --container takes an id such as container-7, --client a short name"
SHOWN: Final = (
    ("name", "", "left"),
    ("energy_kwh", "kWh", "right"),
    ("coverage_ratio", "coverage", "right"),
    ("estimated_kwh", "estimated kWh", "right"),
    ("average_w", "W", "right"),
    ("joules_per_terahash", "J/TH", "right"),
)


def run_report(values: Mapping[str, Any]) -> int:
    """Ask for a report and print it; return the exit code. Raises HashyardError with what the controller says."""
    ends = values["to"]
    begins = values["from"]
    if begins is None or ends is None:
        raise ConfigurationError("say of which days: --from 2026-10-01 --to 2026-10-31, both included")
    if begins > ends:
        raise ConfigurationError("--from is after --to")
    form = values["format"] or ("table" if sys.stdout.isatty() else "csv")
    pairs = [("from", begins.isoformat()), ("to", ends.isoformat()), ("by", values["by"])]
    pairs += [("container", one) for one in values["container"] or ()]
    pairs += [("client", one) for one in values["client"] or ()]
    pairs += [("basis", values["basis"]), ("format", "csv" if form == "table" else form)]
    text = uvloop.run(_asked(values, f"/reports/energy?{urlencode(pairs)}"))
    if form == "table":
        _show(text)
    else:
        sys.stdout.write(text)
    if form != "json" and not re.search(r"^row\b", text, re.MULTILINE):
        sys.stderr.write(f"{NOTHING}\n")
    return 0


async def _asked(values: Mapping[str, Any], path: str) -> str:
    async with Controller(values["url"], entrance_of(values)) as controller:
        return await controller.text(path)


def _show(text: str) -> None:
    """Print what a person looks for; the CSV has the rest."""
    lines = list(csv.DictReader(io.StringIO(text)))
    money = [name for name in lines[0] if name.startswith("cost ")] if lines else []
    table = Table(box=None, pad_edge=False)
    for _, head, side in SHOWN:
        table.add_column(head, justify="left" if side == "left" else "right")
    for name in money:
        table.add_column(name.removeprefix("cost "), justify="right")
    for line in lines:
        if line["line"] in ("row", "total", "rounding"):
            name = line["name"] or line["key"] or line["line"]
            cells = [name, *(_short(key, line[key]) for key, _, _ in SHOWN[1:])]
            table.add_row(*map(escape, [*cells, *(line[key] for key in money)]))
    console().print(table)
    gaps = [line for line in lines if line["line"] == "gap"]
    for line in gaps:
        missing = _short("missing_h", line["missing_h"])
        told = f"{line['name']}: {missing} h missing, {line['begins']} to {line['ends']}: {line['why']}"
        console().print(escape(told), highlight=False)
    for line in lines:
        if line["line"] == "note":
            console().print(escape(f"{line['why']} {line['ends'] or line['key']}"), highlight=False)


def _short(key: str, text: str) -> str:
    """Return a figure with as many digits as a line has room for; what is not known is a dash."""
    if not text:
        return "–"
    number = float(text)
    return f"{number:.1%}" if key.endswith("_ratio") else f"{number:,.1f}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("it is no date such as 2026-10-31") from None


def _one_of(allowed: Sequence[str]) -> Any:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"it is one of {', '.join(allowed)}")
        return text

    return read


REPORT_FLAGS: Final = (
    Flag(name="--from", typed=True, help="first day, such as 2026-10-01", convert=_day, metavar="DATE"),
    Flag(name="--to", typed=True, help="last day, included", convert=_day, metavar="DATE"),
    Flag(name="--container", typed=True, many=True, help="only this one (id); may be repeated", metavar="ID"),
    Flag(
        name="--client", typed=True, many=True, help="only his time (slug); may be repeated", metavar="SLUG"
    ),
    Flag(
        name="--by",
        typed=True,
        help=f"what a line is: {', '.join(BYS)} (default container)",
        convert=_one_of(BYS),
        default="container",
        metavar="WHAT",
    ),
    Flag(
        name="--basis",
        typed=True,
        help="what cost rests on: readings, or meter (default readings)",
        convert=_one_of(("readings", "meter")),
        default="readings",
        metavar="WHAT",
    ),
    Flag(
        name="--url",
        help="the controller (default http://127.0.0.1:8000)",
        default="http://127.0.0.1:8000",
        metavar="URL",
    ),
    Flag(
        name="--token-file", help="file with a token that has the scope reports", convert=Path, metavar="FILE"
    ),
    Flag(
        name="--user",
        help="sign in by name, without a token (default admin)",
        default="admin",
        metavar="NAME",
    ),
    Flag(name="--password-file", help="file with the password of --user", convert=Path, metavar="FILE"),
    Flag(
        name="--format",
        typed=True,
        help="csv, excel, json or table (default: a table in a terminal, else csv)",
        convert=_one_of(FORMATS),
        metavar="FORM",
    ),
)
