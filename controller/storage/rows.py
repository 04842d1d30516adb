"""Between structs and rows: the columns of a table are the fields of its struct, by name."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Insert, Row, Table, select
from sqlalchemy.dialects import postgresql, sqlite

Kept = TypeVar("Kept", bound=msgspec.Struct)


def values(kept: msgspec.Struct, **more: Any) -> dict[str, Any]:
    """Return a struct as the values of a row, with the columns that only serve finding."""
    return {name: getattr(kept, name) for name in kept.__struct_fields__} | more


def to_struct(shape: type[Kept], row: Row[Any]) -> Kept:
    """Return the struct that a row keeps; columns that are not its fields are left out."""
    columns = row._mapping  # noqa: SLF001  # SQLAlchemy's public way to the columns by name
    return shape(**{name: columns[name] for name in shape.__struct_fields__})


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; where one of that primary key is there, replace it. All columns must be given."""
    if not rows:
        return
    statement = _upserting(table, tuple(rows[0]), postgres=connection.dialect.name == "postgresql")
    connection.execute(statement, rows)


@lru_cache(maxsize=64)
def _upserting(table: Table, names: tuple[str, ...], *, postgres: bool) -> Insert:
    """Return the statement. Making one leaves a copy of the table's columns behind for the garbage collector."""
    if postgres:
        return _updating(postgresql.insert(table), table, names)
    return _updating(sqlite.insert(table), table, names)


def _updating(statement: Any, table: Table, names: tuple[str, ...]) -> Insert:
    keys = [column.name for column in table.primary_key]
    changes = {name: statement.excluded[name] for name in names if name not in keys}
    updating: Insert = statement.on_conflict_do_update(index_elements=keys, set_=changes)
    return updating


def page(
    connection: Connection,
    shape: type[Kept],
    table: Table,
    conditions: Iterable[ColumnElement[bool]],
    *,
    key: str = "id",
    after: str | None,
    limit: int,
    newest_first: bool = True,
) -> tuple[list[Kept], str | None]:
    """Return one page of a list ordered by its key, and the position after which the next begins (None: no more)."""
    column = table.c[key]
    statement = select(table).where(*conditions)
    if after is not None:
        statement = statement.where(column < after if newest_first else column > after)
    order = column.desc() if newest_first else column.asc()
    found = connection.execute(statement.order_by(order).limit(limit + 1)).all()
    kept = [to_struct(shape, row) for row in found[:limit]]
    return kept, getattr(kept[-1], key) if len(found) > limit and kept else None
