"""What a request says, decoded strictly into msgspec types, with every mistake at once.

msgspec stops at the first value that does not fit. So a request that does not fit as a whole is walked again field by
field, each with msgspec itself as the judge, and all that does not fit is named: JSON pointers into the body, `?limit`
for the query.
"""

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeVar

import msgspec
from multidict import MultiMapping

from controller.api.problems import Mistake, Problem, invalid, said
from controller.wording import Wording, worded

MAX_MISTAKES = 100
"""As many as a person can use: a body of 1 MiB can hold a hundred thousand."""
FIRST_YEAR = 1970
LAST_YEAR = 2200

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

_WORDS: tuple[tuple[re.Pattern[str], str, Callable[..., Wording]], ...] = tuple(
    (re.compile(pattern), code, words)
    for pattern, code, words in (
        (r"Object missing required field `.*`", "missing", lambda: worded("it is missing")),
        (r"Object contains unknown field `.*`", "unknown", lambda: worded("there is no such field")),
        (
            r"Invalid enum value .*|Invalid value .* - expected one of .*",
            "choice",
            lambda: worded("it is none of the values that it may have"),
        ),
        (
            r"Expected `str` of length <= (\d+)",
            "length",
            lambda most: worded("it has at most %(most)s characters", most=most),
        ),
        (r"Expected `str` of length >= 1$", "length", lambda: worded("it must not be empty")),
        (
            r"Expected `str` of length >= (\d+)",
            "length",
            lambda least: worded("it has at least %(least)s characters", least=least),
        ),
        (
            r"Expected `(?:array|object)` of length <= (\d+)",
            "length",
            lambda most: worded("it has at most %(most)s entries", most=most),
        ),
        (
            r"Expected `(?:array|object)` of length >= (\d+)",
            "length",
            lambda least: worded("it has at least %(least)s entries", least=least),
        ),
        (
            r"Expected `str` matching regex '(.*)'",
            "pattern",
            lambda form: worded("it does not have the form %(form)s", form=form),
        ),
        (
            r"Expected `(?:int|float)` <= (\S+)",
            "range",
            lambda most: worded("it is at most %(most)s", most=most),
        ),
        (
            r"Expected `(?:int|float)` >= (\S+)",
            "range",
            lambda least: worded("it is at least %(least)s", least=least),
        ),
        (
            r"Expected `(?:int|float)` < (\S+)",
            "range",
            lambda bound: worded("it is less than %(bound)s", bound=bound),
        ),
        (
            r"Expected `(?:int|float)` > (\S+)",
            "range",
            lambda bound: worded("it is more than %(bound)s", bound=bound),
        ),
        (
            r"Expected `datetime` with a timezone component",
            "time",
            lambda: worded("it is a time without its zone: end it in Z"),
        ),
        (
            r"Invalid RFC3339 encoded datetime",
            "time",
            lambda: worded("it is no time such as 2026-03-01T18:00:00Z"),
        ),
        (r"Invalid RFC3339 encoded date", "date", lambda: worded("it is no date such as 2026-03-01")),
        (
            r"Expected `(.*)`, got `(.*)`",
            "type",
            lambda wanted, given: worded(
                "it is %(given)s, and has to be %(wanted)s", given=given, wanted=wanted
            ),
        ),
    )
)
"""What msgspec says, and how we say it. What is not in here is passed on as msgspec says it."""


def decode_body(raw: bytes, kind: type[T] | Any) -> T:
    """Return the body as this type. Raises Problem: malformed when it is not JSON, invalid with every mistake."""
    try:
        found: T = _decoded(raw, kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = (
            worded("the body is not JSON")
            if raw
            else worded("there is no body: send JSON, {} if there is nothing to say")
        )
    except RecursionError:
        detail = worded("the body is nested too deep")
    else:
        return found
    raise Problem("malformed", detail, [Mistake("", "json", detail)])


def _decoded(raw: bytes, kind: Any) -> Any:
    found: Any = None
    mistakes: list[Mistake] = []
    try:
        found = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        walk = _mistakes(msgspec.json.decode(raw), kind, "")
        mistakes = list(islice(walk, MAX_MISTAKES)) or [_mistake("", error, kind)]
    if b"\\u0000" in raw:
        named = {mistake.at for mistake in mistakes}
        nulls = _null_characters(msgspec.json.decode(raw), "")
        mistakes += [mistake for mistake in islice(nulls, MAX_MISTAKES) if mistake.at not in named]
    if mistakes:
        raise invalid(*mistakes[:MAX_MISTAKES])
    return found


def decode_query(given: MultiMapping[str], kind: type[S], sorts: Sequence[str] = ()) -> S:
    """Return the query as this struct. Raises Problem (malformed) with every mistake.

    A field that is a tuple takes each time the parameter is given; any other is given once. An empty text is a value.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    allowed = [*fields, *(("sort",) if sorts else ())]
    mistakes: list[Mistake] = []
    values: dict[str, Any] = {}
    for name in dict.fromkeys(given):
        field = fields.get(name)
        texts = given.getall(name)
        at = f"?{name}"
        if any("\0" in text or not is_text(text) for text in texts):
            mistakes.append(Mistake(at, "text", worded("it has characters that are not allowed")))
        elif field is None:
            if name not in allowed:
                mistakes.append(Mistake(at, "unknown", _no_parameter(allowed)))
            elif len(texts) > 1:
                mistakes.append(Mistake(at, "repeated", worded("give it once")))
        elif _is_many(field.type):
            values[field.name] = texts
            mistakes += _converted(texts, field.type, at, values, field.name)
        elif len(texts) > 1:
            mistakes.append(Mistake(at, "repeated", worded("give it once")))
        else:
            mistakes += _converted(texts[0], field.type, at, values, field.name)
    mistakes += [
        Mistake(f"?{name}", "missing", worded("it is missing"))
        for name, field in fields.items()
        if field.required and name not in given
    ]
    if mistakes:
        raise Problem("malformed", said(mistakes), mistakes)
    return kind(**values)


def _no_parameter(allowed: Sequence[str]) -> str:
    if not allowed:
        return worded("there is no such parameter; this takes none")
    return worded("there is no such parameter; there are %(names)s", names=", ".join(allowed))


def decode_sort(text: str | None, sorts: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """Return (field, descending) for each field of `sort=-power_w,name`. Raises Problem (malformed)."""
    if text is None:
        return ()
    found: dict[str, bool] = {}
    for part in text.split(","):
        name = part.removeprefix("-")
        if name not in sorts:
            detail = worded(
                "it is a list, with commas, of %(names)s; `-` before one turns it", names=", ".join(sorts)
            )
            raise Problem("malformed", detail, [Mistake("?sort", "choice", detail)])
        found.setdefault(name, part.startswith("-"))
    return tuple(found.items())


def _converted(value: Any, kind: Any, at: str, values: dict[str, Any], name: str) -> list[Mistake]:
    """Put the value of a parameter, converted from text, into `values`, or return what is wrong with it."""
    try:
        values[name] = msgspec.convert(value, _without_none(kind), strict=False)
        if isinstance(values[name], datetime):  # a number is no time, though it could be taken for one
            values[name] = msgspec.convert(value, _without_none(kind))
    except msgspec.ValidationError as error:
        return [_mistake(at, error, kind)]
    found = values[name]
    if isinstance(found, datetime) and not FIRST_YEAR <= found.year <= LAST_YEAR:
        # At either end of the calendar the same moment in another zone is no date any more.
        return [
            Mistake(
                at,
                "range",
                worded(
                    "it lies between %(first_year)s and %(last_year)s",
                    first_year=str(FIRST_YEAR),
                    last_year=str(LAST_YEAR),
                ),
            )
        ]
    return []


def _without_none(kind: Any) -> Any:
    """Return the type without `| None`: the text `null` in a query is no way to give nothing."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    choices = [choice for choice in typing.get_args(kind) if choice is not type(None)]
    return typing.Union[tuple(choices)]  # noqa: UP007  # made of a list


def _mistakes(value: Any, kind: Any, at: str) -> Iterator[Mistake]:
    """Yield what keeps a value that JSON gave from being of this type."""
    inner = _inside(kind, value)
    found = False
    for mistake in _mistakes_inside(value, inner, at):
        found = True
        yield mistake
    if not found:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            yield _mistake(at, error, kind)


def _mistakes_inside(value: Any, kind: Any, at: str) -> Iterator[Mistake]:
    if isinstance(value, dict) and _is_struct(kind):
        yield from _mistakes_of_struct(value, kind, at)
    elif isinstance(value, list) and (item := _item_type(kind)) is not None:
        for index, entry in enumerate(value):
            yield from _mistakes(entry, item, f"{at}/{index}")
    elif isinstance(value, dict) and typing.get_origin(kind) in (dict, Mapping, _ABSTRACT_MAPPING):
        _, item = typing.get_args(kind)
        for key, entry in value.items():
            yield from _mistakes(entry, item, f"{at}/{_escaped(key)}")


def _mistakes_of_struct(value: dict[str, Any], kind: Any, at: str) -> Iterator[Mistake]:
    struct = typing.get_origin(kind) or kind
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    config = struct.__struct_config__
    tag = config.tag_field
    for name, field in fields.items():
        if name in value:
            yield from _mistakes(value[name], field.type, f"{at}/{_escaped(name)}")
        elif field.required:
            yield Mistake(f"{at}/{_escaped(name)}", "missing", worded("it is missing"))
    if config.forbid_unknown_fields:
        for name in value:
            if name not in fields and name != tag:
                yield Mistake(f"{at}/{_escaped(name)}", "unknown", worded("there is no such field"))


_ABSTRACT_MAPPING = typing.get_origin(Mapping[str, int])


def _inside(kind: Any, value: Any) -> Any:
    """Return the one type behind Annotated and `| None` that the value could be meant as."""
    while True:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif origin in (typing.Union, types.UnionType):
            choices = [choice for choice in typing.get_args(kind) if choice is not type(None)]
            shaped = [choice for choice in choices if _could_be(choice, value)]
            if len(shaped) != 1:
                return None
            kind = shaped[0]
        else:
            return kind


def _could_be(kind: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return _is_struct(kind) or typing.get_origin(kind) in (dict, _ABSTRACT_MAPPING)
    if isinstance(value, list):
        return _item_type(kind) is not None
    return False


def _is_struct(kind: Any) -> bool:
    plain = typing.get_origin(kind) or kind
    return isinstance(plain, type) and issubclass(plain, msgspec.Struct)


def _item_type(kind: Any) -> Any:
    """Return the type of the items of a list or a tuple of any length, else None."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list or (origin is tuple and len(arguments) == 2 and arguments[1] is ...):
        return arguments[0]
    if origin is _ABSTRACT_SEQUENCE:
        return arguments[0]
    return None


_ABSTRACT_SEQUENCE = typing.get_origin(Sequence[int])


def _is_many(kind: Any) -> bool:
    return _item_type(kind) is not None


def _null_characters(value: Any, at: str) -> Iterator[Mistake]:
    """Yield the texts with a null character: databases do not keep it, and nobody types it."""
    if isinstance(value, str):
        if "\0" in value:
            yield Mistake(at, "text", worded("it has a null character"))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _null_characters(entry, f"{at}/{index}")
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _null_characters(key, f"{at}/{_escaped(key)}")
            yield from _null_characters(entry, f"{at}/{_escaped(key)}")


def is_text(text: str) -> bool:
    """Return whether a text can be written in UTF-8: percent signs can make half characters."""
    return all(not 0xD800 <= ord(character) <= 0xDFFF for character in text)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _choices(kind: Any) -> list[str]:
    """Return the values that a type of fixed values allows, whatever it is wrapped in."""
    if typing.get_origin(kind) is Literal:
        return [str(value) for value in typing.get_args(kind)]
    return [choice for inner in typing.get_args(kind) for choice in _choices(inner)]


def _form(kind: Any) -> str | None:
    """Return what a type with a pattern says of its form."""
    if typing.get_origin(kind) is typing.Annotated:
        for note in typing.get_args(kind)[1:]:
            if isinstance(note, msgspec.Meta) and note.pattern is not None:
                return note.description
    return next((form for inner in typing.get_args(kind) if (form := _form(inner)) is not None), None)


def _mistake(at: str, error: msgspec.ValidationError, kind: Any) -> Mistake:
    text, _, path = str(error).partition(" - at `")
    deeper = re.sub(
        r"\[(\d+|\.\.\.)\]", r"/\1", path.removesuffix("`").removeprefix("$").removeprefix("key in ")
    )
    if not at.startswith("?"):
        at += deeper.replace(".", "/") if "..." not in deeper else ""
    for pattern, code, words in _WORDS:
        match = pattern.match(text)
        if match is not None:
            detail = words(*match.groups())
            if code == "choice" and (choices := _choices(kind)):
                detail = worded("it is none of %(names)s", names=", ".join(choices))
            elif code == "pattern" and (form := _form(kind)) is not None:
                detail = worded("it does not have the form: %(form)s", form=form)
            return Mistake(at, code, detail)
    return Mistake(at, "invalid", text[:1].lower() + text[1:])
