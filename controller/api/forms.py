"""What a form on a page sends: fields as text, in the coding that browsers use (`application/x-www-form-urlencoded`).

A form with a file comes in another one (controller/api/multipart.py); what stands in every form is looked for in both.
"""

from typing import Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from multidict import MultiDict

from controller.api.decoding import decode_query
from controller.api.multipart import MULTIPART, parts_of
from controller.api.problems import Mistake, Problem
from controller.wording import worded

FORM: Final = "application/x-www-form-urlencoded"
FORMS: Final = (FORM, MULTIPART)
"""The codings in which a form may come."""

CSRF_FIELD: Final = "csrf"
"""The hidden field with the session's token against requests of other sites."""

PASSWORD_FIELD: Final = "password_again"  # noqa: S105  # the name of a field, no password
"""The password, given again with the form that needs it."""

OF_EVERY_FORM: Final = (CSRF_FIELD, PASSWORD_FIELD)
"""What is looked at before the form reaches who asked for it."""

MOST_FIELDS: Final = 10_100
"""Each miner of a fleet ticked in a list is a field; the body is limited besides."""

S = TypeVar("S", bound=msgspec.Struct)


def decode_form(raw: bytes, kind: type[S]) -> S:
    """Return a form as this struct, without what is in every form. Raises Problem (malformed) with every mistake."""
    fields = fields_of(raw)
    for name in OF_EVERY_FORM:
        fields.popall(name, None)
    return decode_query(fields, kind)


def csrf_in(raw: bytes, content_type: str = FORM) -> str | None:
    """Return the session's token that a form carries; None if it has none, or is no form.

    `content_type`: the header, with the boundary of a form in parts.
    """
    if not content_type.lower().startswith(MULTIPART):
        return _field(raw, CSRF_FIELD)
    try:
        parts = parts_of(raw, content_type)
    except Problem:
        return None
    return next((part.content.decode("utf-8", "replace") for part in parts if part.name == CSRF_FIELD), None)


def password_in(raw: bytes) -> str | None:
    """Return the password that a form gives again; None if it gives none, or is no form."""
    return _field(raw, PASSWORD_FIELD)


def _field(raw: bytes, name: str) -> str | None:
    try:
        return fields_of(raw).get(name)
    except Problem:
        return None


def fields_of(raw: bytes) -> MultiDict[str]:
    """Return the fields of a form as they were sent. Raises Problem (malformed)."""
    try:
        pairs = parse_qsl(
            raw.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
            encoding="utf-8",
        )
    except ValueError:  # also what is no UTF-8
        detail = worded(
            "the body is no form of at most %(most_fields)s fields in UTF-8", most_fields=MOST_FIELDS
        )
        raise Problem("malformed", detail, [Mistake("", "form", detail)]) from None
    return MultiDict(pairs)
