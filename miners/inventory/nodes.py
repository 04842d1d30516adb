"""YAML text as a tree that still knows its lines: what a reader needs to say where a mistake stands.

Scalars keep the text that was written and are resolved as YAML 1.2's core schema says (so `06:00` and `no` are texts,
as editors see them), aliases and merge keys are followed, and whatever could blow up (depth, size, aliases of aliases)
has a ceiling. Nothing of Python is ever built from a tag.
"""

import re
from typing import Any, TypeAlias

import msgspec
import yaml

MAX_DEPTH = 32
MAX_NODES = 4_000_000
MAX_ALIASED_NODES = 1_000_000
MAX_DIGITS = 30

_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
# What YAML allows to stand in a stream at all; the parser's own message for the rest names no line.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The parser may add which earlier construct it was in; the line that it stopped at is what helps.
_PROBLEMS = {
    "found character that cannot start any token": "a tab, or another character that no value begins with (indent with spaces)",
    "mapping values are not allowed in this context": "a colon too many, or an indentation that does not fit",
    "did not find expected key": "a key is expected here: does the indentation fit the lines above?",
    "did not find expected '-' indicator": "a list entry (`-`) is expected here: does the indentation fit the lines above?",
    "did not find expected ',' or ']'": "a list in brackets is not closed, or a comma is missing",
    "did not find expected ',' or '}'": "a mapping in braces is not closed, or a comma is missing",
    "did not find expected node content": "a value is missing, or a bracket is not closed",
    "could not find expected ':'": "a key without its colon",
    "found unexpected end of stream": "a quotation mark is not closed",
}


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """One value as it was written. `plain`: without quotes, so that it may mean a number."""

    line: int
    text: str
    plain: bool = True


class Sequence(msgspec.Struct, frozen=True, gc=False):
    """A list."""

    line: int
    items: list["Node"]


class Mapping(msgspec.Struct, frozen=True, gc=False):
    """A mapping. `flat` is key, value, key, value: in order, with duplicates, so that they can be named."""

    line: int
    flat: list["Node"]

    def pairs(self) -> list[tuple["Node", "Node"]]:
        """Return the keys with their values, in the order of the file."""
        return list(zip(self.flat[::2], self.flat[1::2], strict=True))

    def line_of(self, key: str) -> int:
        """Return the line of a key, or of the mapping if it has no such key."""
        for name in self.flat[::2]:
            if type(name) is Scalar and name.text == key:
                return name.line
        return self.line


Node: TypeAlias = Scalar | Sequence | Mapping


class Unreadable(Exception):
    """No YAML, or none that is read here. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        """`message`: one line, without the place."""
        super().__init__(message)
        self.line = line


class _Open(msgspec.Struct, gc=False):
    """A list or mapping whose end has not come yet. `size` and `height` count what aliases stand for."""

    node: Sequence | Mapping
    children: list[Node]
    anchor: str | None
    size: int = 1
    height: int = 1


class _Anchored(msgspec.Struct, frozen=True, gc=False):
    node: Node
    size: int
    height: int


def compose(text: str) -> Node | None:
    """Return the tree of the only document in the text, None if there is none. Raises Unreadable and nothing else."""
    bad = _UNPRINTABLE.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        raise Unreadable(line, f"control character U+{ord(bad.group()):04X} is not allowed")
    try:
        loader = _LOADER(text)
        try:
            return _compose(loader)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or "not YAML"
        raise Unreadable(
            mark.line + 1 if mark else 1, f"not YAML: {_PROBLEMS.get(problem, problem)}"
        ) from error
    except yaml.YAMLError as error:
        raise Unreadable(1, f"not YAML: {' '.join(str(error).split())}") from error


def _compose(loader: Any) -> Node | None:
    get_event = loader.get_event
    root: Node | None = None
    opened: list[_Open] = []
    anchors: dict[str, _Anchored] = {}
    merging = False
    nodes = aliased = documents = 0
    while True:
        event = get_event()
        kind = type(event)
        size = height = 1
        node: Node
        if kind is yaml.ScalarEvent:
            node = Scalar(event.start_mark.line + 1, event.value, event.implicit[0])
            merging = merging or event.value == "<<"
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            line = event.start_mark.line + 1
            _refuse_tag(event, line)
            if len(opened) >= MAX_DEPTH:
                raise Unreadable(line, f"lists and mappings stand more than {MAX_DEPTH} deep in each other")
            children: list[Node] = []
            container = (
                Mapping(line, children) if kind is yaml.MappingStartEvent else Sequence(line, children)
            )
            opened.append(_Open(container, children, event.anchor))
            continue
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            ended = opened.pop()
            node, size, height = ended.node, ended.size, ended.height
            if merging and type(node) is Mapping:
                node = _merged(node)
            if ended.anchor is not None:
                anchors[ended.anchor] = _Anchored(node, size, height)
        elif kind is yaml.AliasEvent:
            line = event.start_mark.line + 1
            node, size, height = _aliased(event.anchor, line, anchors, opened)
            aliased += size
            if aliased > MAX_ALIASED_NODES or len(opened) + height > MAX_DEPTH + 1:
                raise Unreadable(
                    line, f"alias *{shortened(event.anchor)}: the aliases stand for too much; write it out"
                )
        elif kind is yaml.StreamEndEvent:
            return root
        else:
            documents += kind is yaml.DocumentStartEvent
            if documents > 1:
                raise Unreadable(
                    event.start_mark.line + 1, "a second document begins here; one file is one document"
                )
            continue
        if kind is yaml.ScalarEvent:
            if event.tag is not None:
                _refuse_tag(event, node.line)
            if event.anchor is not None:
                anchors[event.anchor] = _Anchored(node, 1, 1)
        nodes += 1
        if nodes > MAX_NODES:
            raise Unreadable(node.line, f"more than {MAX_NODES} values; split the file")
        if opened:
            parent = opened[-1]
            parent.children.append(node)
            parent.size += size
            parent.height = max(parent.height, height + 1)
        else:
            root = node


def _refuse_tag(event: Any, line: int) -> None:
    if event.tag is not None:
        raise Unreadable(line, f"the tag {shortened(event.tag)} is not used here; leave it out")


def _aliased(
    name: str, line: int, anchors: dict[str, _Anchored], opened: list[_Open]
) -> tuple[Node, int, int]:
    if any(one.anchor == name for one in opened):
        raise Unreadable(line, f"alias *{shortened(name)} stands inside its own anchor")
    found = anchors.get(name)
    if found is None:
        raise Unreadable(line, f"alias *{shortened(name)} has no anchor &{shortened(name)} above it")
    return found.node, found.size, found.height


def _merged(mapping: Mapping) -> Mapping:
    """Return the mapping with its merge keys (`<<: *anchor`) replaced by what they stand for; own keys win."""
    own: list[Node] = []
    sources: list[Node] = []
    for key, value in mapping.pairs():
        if type(key) is Scalar and key.plain and key.text == "<<":
            sources.extend(value.items if type(value) is Sequence else [value])
        else:
            own += (key, value)
    if not sources:
        return mapping
    seen = {key.text for key in own[::2] if type(key) is Scalar}
    for source in sources:
        if type(source) is not Mapping:
            raise Unreadable(
                mapping.line_of("<<"), "`<<` merges a mapping, or a list of mappings, by alias: `<<: *name`"
            )
        for key, value in source.pairs():
            if type(key) is Scalar and key.text not in seen:
                seen.add(key.text)
                own += (key, value)
    return Mapping(mapping.line, own)


def is_null(node: Node) -> bool:
    """Return whether nothing was written: an empty value, `~` or `null`."""
    return type(node) is Scalar and node.plain and node.text in _NULLS


def boolean(node: Node) -> bool | None:
    """Return the truth value that was written, or None if it is none (`yes` and `on` are texts)."""
    return _BOOLEANS.get(node.text) if type(node) is Scalar and node.plain else None


def number(node: Node) -> int | float | None:
    """Return the number that was written, or None if it is none. It may be infinite or not a number (`.nan`).

    A number of more than 30 digits is none either: nobody means it, and turning it into one takes long.
    """
    if type(node) is not Scalar or not node.plain or len(node.text) > MAX_DIGITS:
        return None
    text = node.text
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if not _FLOAT.fullmatch(text):
        return None
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def value_of(node: Node) -> Any:
    """Return the plain data of a tree: dict, list, str, int, float, bool, None. Of duplicate keys the last holds."""
    if type(node) is Mapping:
        return {_key_text(key): value_of(value) for key, value in node.pairs()}
    if type(node) is Sequence:
        return [value_of(item) for item in node.items]
    if is_null(node):
        return None
    for found in (boolean(node), number(node)):
        if found is not None:
            return found
    return node.text if type(node) is Scalar else None


def said(node: Node) -> str:
    """Return what was written, short enough for a message, on one line."""
    if type(node) is Scalar:
        text = shortened(node.text)
        return (text or "nothing") if node.plain else f'"{text}"'
    if type(node) is Sequence:
        return "a list"
    return "a mapping"


def shortened(text: str, limit: int = 60) -> str:
    """Return the text with line breaks and what else is invisible escaped, cut to `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def _key_text(key: Node) -> str:
    return key.text if type(key) is Scalar else said(key)
