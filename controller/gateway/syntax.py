"""PromQL between text and tree: read strictly, written in one form only.

The parser sees no string of a stranger's: each is taken out first and a mark stands in its place, because the parser
would compile every regular expression in it, unbounded, and its printer does not escape. What is written here is read
again by whoever must rely on it. Facts of the language: prometheus.io/docs/prometheus/latest/querying/basics and
promql-parser 0.12.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeAlias

import promql_parser as promql

from miners.errors import HashyardError

MAX_LENGTH: Final = 16_384
"""Characters of a query. Grafana's own with fifty containers in a variable have fewer than 3,000."""
MAX_DEPTH: Final = 30
"""Brackets within brackets: the parser calls itself for each, and ends the process where the stack ends."""
MAX_OPERATORS: Final = 120
"""Operators of a query: the parser's work grows with the square of a chain."""

Operator: TypeAlias = Literal["=", "!=", "=~", "!~"]


class Refused(HashyardError):
    """The gateway does not pass this query on. The text says why, for the person who wrote it."""


class Unreadable(Refused):
    """It is no PromQL, or none that is understood here."""


class TooMuch(Refused):
    """It is too long, too deep, or asks for too much."""


@dataclass(frozen=True)
class Matcher:
    """One condition on a label."""

    name: str
    operator: Operator
    value: str


@dataclass(frozen=True)
class Node:
    """A part of a query: its kind, what it says by itself, and the parts within it.

    A `selector` has its matchers (the name among them) in `matchers`; `range`, `subquery` and `selector` have times in
    `own`, in milliseconds.
    """

    kind: str
    own: tuple[str | int | None, ...] = ()
    parts: tuple["Node", ...] = ()
    matchers: tuple[Matcher, ...] = ()


_PIECE = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|(?P<comment>\#[^\n]*)|(?P<plain>[^"'`\#]+)""",
    re.DOTALL,
)
_PLAIN = re.compile(r"[\t\n\r -~]*")
_ESCAPE = re.compile(
    r"""\\(?:(?P<letter>[abfnrtv\\"'])|x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})"""
    r"""|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))|\\|(?P<other>[^\\]+)"""
)
_LETTERS: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip
_OPERATOR = re.compile(r"[-+*/%^@]|[=!<>]=?|\b(?:and|or|unless|atan2|offset)\b", re.IGNORECASE)
_BEFORE_1970 = re.compile(r"@\s*-")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read(text: str) -> Node:
    """Return the tree of a query. Raises Unreadable, TooMuch."""
    if len(text) > MAX_LENGTH:
        raise TooMuch(f"the query is longer than {MAX_LENGTH} characters")
    skeleton, strings = _without_strings(text)
    _check_size(skeleton)
    if _BEFORE_1970.search(skeleton):
        raise Unreadable("a time after @ cannot lie before 1970")
    try:
        return _Reader(strings).node(promql.parse(skeleton))
    except ValueError as error:
        reason = re.sub(r"\s+", " ", str(error))[:200]
        raise Unreadable(f"this is no query that can be read: {strings.restored(reason)}") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the parser's own, which is no Exception
            raise
        raise Unreadable("this is no query that can be read") from None


class _Strings:
    """The strings of a text, by the marks that stand in their places."""

    def __init__(self, text: str) -> None:
        at = 0
        while f"s{at}_" in text:
            at += 1
        self._prefix = f"s{at}_"
        self._values: dict[str, str] = {}

    def put(self, value: str) -> str:
        """Return the mark for a string; of an empty one nothing, since the parser asks whether a matcher matches nothing."""
        if not value:
            return ""
        mark = f"{self._prefix}{len(self._values)}"
        self._values[mark] = value
        return mark

    def get(self, mark: str) -> str:
        """Return the string of a mark; a word that is none, as it is."""
        return self._values.get(mark, mark)

    def restored(self, text: str) -> str:
        """Return words of the parser without our marks."""
        return re.sub(rf"{self._prefix}\d+", "…", text)


def _without_strings(text: str) -> tuple[str, _Strings]:
    strings = _Strings(text)
    pieces: list[str] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise Unreadable("a quotation mark is not closed")
        at = found.end()
        if found["string"] is not None:
            pieces.append(f'"{strings.put(_unquoted(found["string"]))}"')
        elif found["plain"] is not None:
            if not _PLAIN.fullmatch(found["plain"]):
                raise Unreadable("outside of quotation marks only ASCII characters may stand")
            pieces.append(found["plain"])
        else:
            pieces.append(" ")
    return "".join(pieces), strings


def _unquoted(literal: str) -> str:
    """Return what a string literal says, by the rules of Go. Raises Unreadable."""
    mark, inside = literal[0], literal[1:-1]
    value = inside if mark == "`" else _unescaped(inside, mark)
    if "\0" in value:
        raise Unreadable("a text cannot hold the character NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unreadable("a text is not UTF-8") from None
    return value


def _unescaped(inside: str, mark: str) -> str:
    raw = bytearray()
    for found in _ESCAPE.finditer(inside):
        letter = found["letter"]
        code = found["short"] or found["long"]
        try:
            if found["other"] is not None:
                raw += found["other"].encode()
            elif letter is not None and not (letter in "\"'" and letter != mark):
                raw += _LETTERS[letter].encode()
            elif found["hex"] is not None:
                raw.append(int(found["hex"], 16))
            elif found["octal"] is not None:
                raw.append(int(found["octal"], 8))
            elif code is not None:
                raw += chr(int(code, 16)).encode()
            else:
                raise Unreadable("a backslash begins no escape that PromQL has; a backslash itself is \\\\")
        except (UnicodeEncodeError, ValueError, OverflowError):
            raise Unreadable("an escape is no character") from None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Unreadable("a text is not UTF-8") from None


def _check_size(skeleton: str) -> None:
    depth = 0
    for character in skeleton:
        if character in "([{":
            depth += 1
            if depth > MAX_DEPTH:
                raise TooMuch(f"brackets stand more than {MAX_DEPTH} deep within each other")
        elif character in ")]}":
            depth -= 1
    if sum(1 for _ in _OPERATOR.finditer(re.sub(r"\{[^}]*\}", "", skeleton))) > MAX_OPERATORS:
        raise TooMuch(f"the query has more than {MAX_OPERATORS} operators")


class _Reader:
    """Makes our tree of the parser's."""

    def __init__(self, strings: _Strings) -> None:
        self._strings = strings

    def node(self, said: promql.Expr) -> Node:
        """Return a part of the parser's tree as ours. Raises Unreadable for what is not known here."""
        match said:
            case promql.NumberLiteral():
                return Node("number", (_number(said.val),))
            case promql.StringLiteral():
                return Node("string", (self._strings.get(said.val),))
            case promql.ParenExpr():
                return Node("brackets", (), (self.node(said.expr),))
            case promql.UnaryExpr():
                return Node("minus", (), (self.node(said.expr),))
            case promql.BinaryExpr():
                return self._binary(said)
            case promql.AggregateExpr():
                return self._aggregate(said)
            case promql.Call():
                return Node("call", (said.func.name,), tuple(self.node(part) for part in said.args))
            case promql.VectorSelector():
                return self._selector(said)
            case promql.MatrixSelector():
                return Node("range", (_ms(said.range),), (self._selector(said.vector_selector),))
            case promql.SubqueryExpr():
                own = (_ms(said.range), _ms(said.step), *_when(said))
                return Node("subquery", own, (self.node(said.expr),))
        raise Unreadable("the query holds something that is not known here")

    def _binary(self, said: promql.BinaryExpr) -> Node:
        parts = (self.node(said.lhs), self.node(said.rhs))
        modifier = said.modifier
        if modifier is None:
            return Node("binary", (str(said.op), ""), parts)
        if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
            raise Unreadable("fill, fill_left and fill_right are not known here")
        words = ["bool"] if modifier.return_bool else []
        if modifier.matching is not None:
            which = "on" if modifier.matching.type == promql.LabelModifierType.Include else "ignoring"
            words.append(f"{which} ({self._labels(modifier.matching.labels)})")
        side = None
        if modifier.card == promql.VectorMatchCardinality.ManyToOne:
            side = "group_left"
        elif modifier.card == promql.VectorMatchCardinality.OneToMany:
            side = "group_right"
        if side is not None:
            words.append(f"{side} ({self._labels(modifier.group_labels or [])})")
        return Node("binary", (str(said.op), " ".join(words)), parts)

    def _aggregate(self, said: promql.AggregateExpr) -> Node:
        by = ""
        if said.modifier is not None:
            which = "by" if said.modifier.type == promql.AggModifierType.By else "without"
            by = f"{which} ({self._labels(said.modifier.labels)})"
        parameter = () if said.param is None else (self.node(said.param),)
        return Node("aggregate", (str(said.op), by), (*parameter, self.node(said.expr)))

    def _selector(self, said: promql.VectorSelector) -> Node:
        if said.matchers.or_matchers:
            raise Unreadable("`or` between the conditions of a selector is not allowed: write `=~` with `|`")
        names = () if said.name is None else (Matcher("__name__", "=", self._strings.get(said.name)),)
        matchers = tuple(
            Matcher(self._label(one.name), _operator(one.op), self._strings.get(one.value))
            for one in said.matchers.matchers
        )
        return Node("selector", _when(said), (), (*names, *matchers))

    def _labels(self, names: list[str]) -> str:
        return ", ".join(self._label(name) for name in names)

    def _label(self, name: str) -> str:
        label = self._strings.get(name)
        if not _LABEL.fullmatch(label):
            raise Unreadable("a label's name has letters, digits and _ only")
        return label


def _operator(said: promql.MatchOp) -> Operator:
    if said == promql.MatchOp.Equal:
        return "="
    if said == promql.MatchOp.NotEqual:
        return "!="
    return "=~" if said == promql.MatchOp.Re else "!~"


def _number(value: float) -> str:
    if value != value:  # noqa: PLR0124  # NaN alone is not itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)


def _ms(length: timedelta | None) -> int | None:
    return None if length is None else length // timedelta(milliseconds=1)


def _when(said: promql.VectorSelector | promql.SubqueryExpr) -> tuple[int | None, str | None]:
    """Return offset in milliseconds and what stands behind `@`, in PromQL's words."""
    at = None
    if said.at is not None:
        if said.at.type == promql.AtModifierType.Start:
            at = "start()"
        elif said.at.type == promql.AtModifierType.End:
            at = "end()"
        elif said.at.at is not None:
            at = f"{said.at.at.timestamp():.3f}"
    return _ms(said.offset), at


def walk(node: Node) -> Iterator[Node]:
    """Give a node and all within it."""
    yield node
    for part in node.parts:
        yield from walk(part)


def quoted(text: str) -> str:
    """Return a string literal that every reader of PromQL reads alike."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(_written_character(character) for character in escaped) + '"'


def _written_character(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x20 or code == 0x7F else character


def write(node: Node) -> str:
    """Return the text of a tree."""
    return _WRITERS[node.kind](node)


def _write_binary(node: Node) -> str:
    operator, words = node.own
    left, right = node.parts
    between = f"{operator} {words}" if words else f"{operator}"
    return f"{write(left)} {between} {write(right)}"


def _write_aggregate(node: Node) -> str:
    operator, by = node.own
    inside = ", ".join(write(part) for part in node.parts)
    return f"{operator} {by} ({inside})" if by else f"{operator}({inside})"


def _write_selector(node: Node) -> str:
    inside = ",".join(f"{one.name}{one.operator}{quoted(one.value)}" for one in node.matchers)
    return f"{{{inside}}}{_written_when(node.own)}"


def _write_range(node: Node) -> str:
    (selector,) = node.parts
    bare = Node("selector", (None, None), (), selector.matchers)
    return f"{write(bare)}[{_length(node.own[0])}]{_written_when(selector.own)}"


def _write_subquery(node: Node) -> str:
    length, step, *when = node.own
    resolution = "" if step is None else _length(step)
    return f"{write(node.parts[0])}[{_length(length)}:{resolution}]{_written_when(tuple(when))}"


def _written_when(when: tuple[str | int | None, ...]) -> str:
    offset, at = when
    moment = "" if at is None else f" @ {at}"
    return moment if offset is None else f"{moment} offset {_length(offset)}"


def _length(ms: str | int | None) -> str:
    number = int(ms or 0)
    sign, number = ("-", -number) if number < 0 else ("", number)
    return f"{sign}{number // 1000}s" if number % 1000 == 0 else f"{sign}{number}ms"


_WRITERS: Mapping[str, Callable[[Node], str]] = {
    "number": lambda node: str(node.own[0]),
    "string": lambda node: quoted(str(node.own[0])),
    "brackets": lambda node: f"({write(node.parts[0])})",
    "minus": lambda node: f"- {write(node.parts[0])}",
    "binary": _write_binary,
    "aggregate": _write_aggregate,
    "call": lambda node: f"{node.own[0]}({', '.join(write(part) for part in node.parts)})",
    "selector": _write_selector,
    "range": _write_range,
    "subquery": _write_subquery,
}
