"""The types of our columns: times in UTC, text that any database takes, and small documents as JSON.

Both databases hold the same: text (never a NUL character, which PostgreSQL refuses, nor half a surrogate pair, which cannot be
encoded), JSON as text, times as `timestamp with time zone` in PostgreSQL and as sortable text in UTC in SQLite.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from controller.wording import english

LargeNumber = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit number, also as the primary key that counts itself up (in SQLite only INTEGER is the row's own number)."""


def storable(text: str) -> str:
    """Return the text with what no database stores (NUL, lone surrogates) replaced by U+FFFD or `?`.

    Miners, browsers and files send such text; a record must not be lost over it.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class Words(TypeDecorator[str]):
    """Text of any length."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102  # the signature is SQLAlchemy's
        return None if value is None else storable(value)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept and returned in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: D102  # SQLAlchemy's
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(
                f"{value.isoformat()} has no time zone: the database keeps moments, not wall-clock times"
            )
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: D102  # SQLAlchemy's
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Document(TypeDecorator[Any]):
    """A value of any shape that msgspec can write as JSON and read again as `shape`; None is the database's NULL."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any) -> None:
        """`shape`: a type, such as `tuple[str, ...]` or a struct."""
        super().__init__()
        self.shape = shape

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002, D102  # the signature is SQLAlchemy's
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002, D102  # the signature is SQLAlchemy's
        return None if value is None else msgspec.json.decode(value, type=self.shape)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:  # noqa: ARG002, D102  # the signature is SQLAlchemy's
        return Text()


def to_json(value: Any) -> str:
    """Return a value as JSON text; TypeError where it holds something that JSON cannot say."""
    try:
        return msgspec.json.encode(value, enc_hook=english).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(
            _storable_all(msgspec.to_builtins(value, str_keys=True, enc_hook=english))
        ).decode()


def _storable_all(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): _storable_all(item) for key, item in value.items()}
    return [_storable_all(item) for item in value] if isinstance(value, list) else value
