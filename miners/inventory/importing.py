"""Miners from a text that a person hands in, to be put into containers that are there: CSV, or YAML in the form of the files.

Each becomes a row: the line it stands in, its container, and its keys as a file would hold them. Of a YAML text only
containers' names and miners are taken, with what containers and `defaults` say for their miners; ranges are written out.
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from miners.inventory import nodes
from miners.inventory.assemble import assemble
from miners.inventory.fleet import CredentialsReference, Inventory, Miner
from miners.inventory.kinds import MISSING, nearest
from miners.inventory.nodes import Node, Scalar, Unreadable, compose, shortened
from miners.inventory.plain import miner_mistakes
from miners.inventory.report import Path, Report, path_text
from miners.inventory.schema import MINER, TOP
from miners.inventory.sections import Entry
from miners.inventory.shared_keys import MINERS_SHARED

Mistakes: TypeAlias = list[tuple[int, str]]
"""(line, what is wrong and what would be right)."""

BY_HAND_ONLY: Final = ("gateway", "gateway_credentials", "simulate")
"""Keys that lead to further addresses, or that only simulating reads: they are written by hand."""

MOST_COLUMNS: Final = 100
"""So many columns are looked at: a wrong first line may name a hundred thousand."""

_MARKED: Final = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
_MOST_MARKED: Final = 500

_SHARED: Final = frozenset(MINERS_SHARED) - frozenset(BY_HAND_ONLY)
_OF_CONTAINERS: Final = frozenset(("name", "id", "rows", "columns", "miners")) | _SHARED
_ATTRIBUTES: Final = {
    key: field.attribute
    for key, field in MINER.fields.items()
    if field.attribute is not None and key not in BY_HAND_ONLY
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One miner: `container` by name or id, `data` its keys as a file would hold them, `name` and `address` among them."""

    line: int
    container: str
    data: Mapping[str, Any]


def composed(text: str) -> str:
    """Return the text in Unicode's composed form, as the files' names are compared.

    Composing takes the square of the length for letters that carry marks without end: longer pieces stay as they are, and no
    name is as long. A piece ends before each character of ASCII, which goes together with none before it.
    """
    if text.isascii():
        return text
    return _MARKED.sub(
        lambda found: unicodedata.normalize("NFC", found[0]) if len(found[0]) <= _MOST_MARKED else found[0],
        text,
    )


def rows_of_csv(text: str) -> tuple[list[Row], Mistakes]:
    """Return the rows of a CSV text, parted by commas, semicolons or tabs, whose first line names the columns.

    Columns: `container`, and the keys of a miner that hold one value. An empty cell is not given.
    """
    head = text.partition("\n")[0]
    reader = csv.reader(
        text.removeprefix("\ufeff").splitlines(keepends=True),
        delimiter=max(",;\t", key=head.count),
        strict=True,
    )
    rows: list[Row] = []
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
        mistakes = _mistakes_in_columns(columns)
        if mistakes:
            return [], mistakes
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                mistakes.append(
                    (reader.line_num, f"has {len(cells)} cells; the first line names {len(columns)} columns")
                )
                continue
            given = {
                column: cell.strip() for column, cell in zip(columns, cells, strict=True) if cell.strip()
            }
            mistakes += _take(rows, reader.line_num, given)
    except csv.Error as error:
        return rows, [(reader.line_num or 1, f"not CSV: {error}")]
    return rows, mistakes


def rows_of_yaml(text: str) -> tuple[list[Row], Mistakes]:
    """Return the rows of a YAML text."""
    try:
        root = compose(text)
    except Unreadable as unreadable:
        return [], [(unreadable.line, str(unreadable))]
    report = _Lines()
    if not isinstance(root, nodes.Mapping):
        return [], [(1, f"it is {TOP.words}")]
    _name_what_is_extended(root)
    top = TOP.read(root, report, None)
    if top is MISSING or report.found:
        return [], report.found
    _refuse_other_keys(top)
    inventory = assemble([top])
    return ([] if report.found else list(_rows(top, inventory))), report.found


class _Lines(Report):
    """A report that keeps the lines apart from the texts."""

    def __init__(self) -> None:
        super().__init__("line")
        self.found: Mistakes = []

    def mistake(self, line: int, path: Path, text: str) -> None:
        """Note what makes the text unusable."""
        where = path_text(path)
        self.found.append((line, f"{where}: {text}" if where else text))


def _name_what_is_extended(root: nodes.Mapping) -> None:
    """Have entries that extend a container name it: here all are of containers that are there."""
    for key, value in root.pairs():
        if not (isinstance(key, Scalar) and key.text == "containers" and isinstance(value, nodes.Sequence)):
            continue
        for entry in value.items:
            if isinstance(entry, nodes.Mapping):
                flat: list[Node] = entry.flat
                for place, one in enumerate(flat[::2]):
                    if isinstance(one, Scalar) and one.text == "extends":
                        flat[2 * place] = Scalar(one.line, "name", plain=False)


def _refuse_other_keys(top: Entry) -> None:
    _refuse(top, ("containers", "defaults"))
    if "defaults" in top.values:
        _refuse(top.values["defaults"], _SHARED)
    for container in top.values.get("containers", ()):
        _refuse(container, _OF_CONTAINERS)
        for miner in container.values.get("miners", ()):
            _refuse(miner, frozenset(MINER.fields) - frozenset(BY_HAND_ONLY))


def _refuse(entry: Entry, taken: Any) -> None:
    for key in entry.values:
        if key not in taken:
            entry.mistake(key, "is not imported: it is written by hand, or set on the container itself")


def _rows(top: Entry, inventory: Inventory) -> Iterator[Row]:
    defaults = top.values["defaults"].values.keys() if "defaults" in top.values else ()
    for entry, container in zip(top.values.get("containers", ()), inventory.containers, strict=True):
        given_by_line = {
            miner.line: {*defaults, *entry.values, *miner.values} for miner in entry.values.get("miners", ())
        }
        for miner in container.miners:
            yield Row(
                line=miner.origin.line,
                container=container.name,
                data=_data(miner, given_by_line[miner.origin.line]),
            )


def _data(miner: Miner, given: set[str]) -> dict[str, Any]:
    """Return a miner's keys as a file holds them: those that were given, and its place in a range."""
    data: dict[str, Any] = {"name": miner.name, "address": miner.address}
    if miner.row is not None:
        data |= {"row": miner.row, "column": miner.column}
    for key, attribute in _ATTRIBUTES.items():
        if key in given and key not in data:
            data[key] = _WRITTEN.get(key, _as_it_is)(getattr(miner, attribute))
    return data


def _credentials(reference: CredentialsReference) -> str:
    return reference.environment or f"file:{reference.file}"


def _as_it_is(value: Any) -> Any:
    return value


_WRITTEN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "credentials": _credentials,
    "nominal_hashrate": lambda hashrate: f"{hashrate:.0f} H/s",
    "pools": lambda rules: [{"url": rule.url, "user": rule.user} for rule in rules],
}


_COLUMNS: Final = (
    "container",
    "name",
    "address",
    "port",
    "web_port",
    "v3_port",
    "manufacturer",
    "model",
    "driver",
    "row",
    "column",
    "active",
    "nominal_power_w",
    "nominal_hashrate",
    "standby_power_w",
    "credentials",
)
_WHOLE: Final = frozenset(("port", "web_port", "v3_port", "row", "column"))
_DECIMAL: Final = frozenset(("nominal_power_w", "standby_power_w"))
_NULLABLE: Final = frozenset(("port", "web_port", "v3_port"))
_TRUTH: Final = {"true": True, "false": False}


def _mistakes_in_columns(columns: list[str]) -> Mistakes:
    mistakes: Mistakes = []
    number = Counter(columns)
    for column in list(number)[:MOST_COLUMNS]:
        if column not in _COLUMNS:
            near = nearest(column, _COLUMNS)
            advice = f"did you mean {near}?" if near else f"there are {', '.join(_COLUMNS)}"
            mistakes.append((1, f"there is no column {shortened(column) or 'without a name'}; {advice}"))
        elif number[column] > 1:
            mistakes.append((1, f"the column {column} stands twice"))
    mistakes += [
        (1, f"the column {column} is missing") for column in ("container", "address") if column not in columns
    ]
    return mistakes


def _take(rows: list[Row], line: int, given: dict[str, str]) -> Mistakes:
    """Take a row of a CSV text, or return what is wrong with it."""
    data = {key: _value(key, cell) for key, cell in given.items() if key != "container"}
    mistakes = [
        (line, f"{at.removeprefix('/')}: {detail}" if at else detail) for at, detail in miner_mistakes(data)
    ]
    if "container" not in given:
        mistakes.append((line, "container: is empty: give its name or id"))
    if not mistakes:
        data.setdefault("name", data["address"])
        rows.append(Row(line=line, container=given["container"], data=data))
    return mistakes


def _value(key: str, cell: str) -> Any:
    if key in _NULLABLE and cell == "null":
        return None
    if key in _WHOLE and cell.isdecimal() and len(cell) <= 10:
        return int(cell)
    if key in _DECIMAL:
        try:
            return float(cell)
        except ValueError:
            return cell
    return _TRUTH.get(cell.lower(), cell) if key == "active" else cell
