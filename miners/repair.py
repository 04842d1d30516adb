"""From the bytes of a reply to a document, also where the miner's JSON is broken (protocols.md lists what was seen).

A plain JSON parse comes first; only when it fails, one tolerant pass reads what is there, in linear time and with
ceilings on size, depth and number of values. What was valid, strings above all, comes out as it was sent.
"""

import math
import re
from typing import Any, Final, TypeAlias

import orjson

from miners.errors import Malformed

Document: TypeAlias = dict[str, Any] | list[Any]

MAX_BYTES: Final = 1 << 20
"""A longer reply is hostile: Avalon's, the longest known, are around 64 KiB."""
MAX_DEPTH: Final = 64
"""Of the tolerant pass. The plain parser stops at 1024 by itself; looking for 64 there costs a tenth of a poll."""
MAX_VALUES: Final = 1 << 16
"""A ceiling on memory: a mebibyte of `[],[],` would become a third of a million lists."""

MENDS_BEFORE_REPAIR: Final = 8
"""So many commas and the like are mended for the plain parser; a reply with more of them takes the tolerant pass."""

# What may stand between values: blanks, control bytes and any number of commas, wanted, missing or doubled.
_GAP = r"[\x00-\x20,]*+"
_BLANK = r"[\x00-\x20]*+"
_STRING = r'"((?:[^"\\]++|\\.)*+)"'
_BARE = r'([^\x00-\x20,:\[\]{}"]++)'

_KEY = re.compile(f"{_GAP}{_STRING}{_BLANK}:", re.DOTALL)
_BETWEEN = re.compile(rf"{_GAP}(?:{_STRING}|{_BARE}(?:{_BLANK}(:))?|([\[\]{{}}:]))", re.DOTALL)
# `"Type":""temp0":…` lacks `",`: the second quote opens the next key.
_VALUE = re.compile(
    rf'[\x00-\x20:]*+(?:(""(?=\w[^"]*+"{_BLANK}:))|{_STRING}|{_BARE}|([\[\]{{}},]))', re.DOTALL
)
# An Avalon packs a whole module into one text of `Key[value] Key[value] …`: each pair of brackets in it is whole.
_CUT_VALUES = re.compile(r"[\x00-\x20:]*+\"((?:'\w{1,20}':\{)?\w[\w ]{0,30}\[[^\"\\]*\])")
_NEXT_OBJECT = re.compile(rf"{_GAP}\{{")

_LIST_START = re.compile(rf'\[{_GAP}[\[{{"]')
_OBJECT_WITHIN = re.compile(rf'\{{{_GAP}"')

_TO_MEND = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\(.)|[\x00-\x1f]++",
    re.DOTALL,
)
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "'": "'"}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NAME = re.compile(r"[A-Za-z_][\w.%-]*")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "none": None}


def parse_reply(raw: bytes) -> tuple[Document, bool]:
    """Return the document of a reply, and whether the reply was cut and only what was whole is in it.

    Never yields NaN or an infinity: those, bare or written as a number too large, become None. Text that says "nan"
    in quotes is a string like any other. Objects that follow one another at the top become one, and the first to
    name a key keeps it; `{"329","2022-11-08"}`, an object of mere strings, becomes a list. Raises Malformed, and
    nothing else, if no document is in it, or one too large or too deep.
    """
    if len(raw) > MAX_BYTES:
        raise Malformed(f"the reply is larger than {MAX_BYTES >> 20} MiB: no miner's is")
    raw = raw.strip(b"\0 \t\r\n")
    if len(raw) > MAX_VALUES and sum(map(raw.count, (b"{", b"[", b","))) > MAX_VALUES:
        raise _too_many()
    document = _quick_parse(raw)
    if document is None:
        return _Repair(raw.decode("utf-8", "replace")).run()
    if not isinstance(document, dict | list):
        raise _not_a_document(raw.decode("utf-8", "replace"))
    return document, False


def _quick_parse(raw: bytes) -> Any:
    """Return the JSON value of `raw`, or None where that takes the tolerant pass (or the value is null).

    The commonest breakages are mended where the plain parser stopped, and it is asked again: it is twenty times
    faster than the tolerant pass, and an S9's every reply lacks one comma.
    """
    text = raw
    for _ in range(MENDS_BEFORE_REPAIR):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            if not raw.isascii():
                # The parser counts letters, and bytes are not letters here.
                return None
            at = error.pos
        before, here = text[:at].rstrip()[-1:], text[at : at + 1]
        if here in (b"{", b"[", b'"') and before in (b"}", b"]", b'"'):
            text = text[:at] + b"," + text[at:]
        elif (here == b"," and before != b":") or here in (b"\n", b"\r", b"\t"):
            # A comma too many; or a blank, at which the parser stops only inside a string.
            text = text[:at] + text[at + 1 :]
        else:
            return None
    return None


def excerpt(text: str, length: int = 60) -> str:
    """Return the beginning of what a stranger sent, on one line and printable, for a message."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: length + 1].strip())
    return repr(shown if len(shown) <= length else shown[: length - 1] + "…")


def _not_a_document(text: str) -> Malformed:
    if not text:
        return Malformed("an empty reply: the miner's own program may be down")
    return Malformed(
        f"not JSON but {excerpt(text)}: another service on this port, or the miner's own program is down"
    )


def _too_many() -> Malformed:
    return Malformed(f"the reply holds more than {MAX_VALUES} values: no miner's does")


def _too_deep() -> Malformed:
    return Malformed(f"the reply is nested deeper than {MAX_DEPTH} levels: no miner's is")


class _Open:
    """A container that is not closed yet. `key`: where it belongs in its parent; None if that is a list or unnamed."""

    __slots__ = ("container", "key", "loose")

    def __init__(self, container: Document, key: str | None) -> None:
        self.container = container
        self.key = key
        self.loose: list[str] = []

    def result(self) -> Document:
        """Return the container: as a list if it is an object that holds strings and no pair."""
        if not self.loose or not isinstance(self.container, dict):
            return self.container
        if not self.container:
            return list(self.loose)
        for key in self.loose:
            self.container.setdefault(key, None)
        return self.container


class _Repair:
    """One tolerant pass over a text. `pos` only ever grows, and every step looks at what it takes and no further."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = self._start()
        self.stack: list[_Open] = []
        self.brackets = ""
        self.root: Document | None = None
        self.noise = False

    def run(self) -> tuple[Document, bool]:
        self._open(self.text[self.pos - 1], None)
        steps = 1
        while self._step():
            steps += 1
            if steps > MAX_VALUES:
                raise _too_many()
        truncated = bool(self.stack)
        while self.stack:
            self._close(cut=True)
        if not self.root and (truncated or self.noise):
            if self.noise:
                raise _not_a_document(self.text)
            raise Malformed(f"the reply ends before anything in it is whole: {excerpt(self.text)}")
        assert self.root is not None  # noqa: S101  # the first _open made a container, the last _close put it here
        return self.root, truncated

    def _start(self) -> int:
        """Return where the document's first bracket ends. Pages of a web server have braces too, but no reply."""
        text = self.text.lstrip("\ufeff,\0 \t\r\n")
        offset = len(self.text) - len(text)
        if not text.startswith(("<", "HTTP/")):
            if text.startswith("{") or _LIST_START.match(text):
                return offset + 1
            within = _OBJECT_WITHIN.search(text)
            if within is not None:
                return offset + within.start() + 1
            if text.startswith("["):
                return offset + 1
        raise _not_a_document(self.text)

    def _step(self) -> bool:
        """Read one element or pair of the innermost container; return False at the end of document or text."""
        if not self.stack:
            return self._another_object()
        container = self.stack[-1].container
        if isinstance(container, list):
            return self._element(container)
        match = _KEY.match(self.text, self.pos)
        if match is not None:
            self.pos = match.end()
            return self._value(container, _mend(match[1]))
        return self._between()

    def _another_object(self) -> bool:
        match = _NEXT_OBJECT.match(self.text, self.pos)
        if match is None or not isinstance(self.root, dict):
            return False
        self.pos = match.end()
        self._open("{", None)
        return True

    def _value(self, container: dict[str, Any], key: str) -> bool:
        """Read what stands behind `"key":`."""
        match = _VALUE.match(self.text, self.pos)
        if match is None:
            cut = _CUT_VALUES.match(self.text, self.pos)
            if cut is not None:
                container[key] = _mend(cut[1])
            return False
        half, string, bare, mark = match.groups()
        if string is not None:
            container[key] = _mend(string)
        elif bare is not None:
            if match.end() == len(self.text):
                # 12 may have been 123: a number is whole only when something follows it.
                return False
            container[key] = _scalar(bare)
        elif mark in ("{", "["):
            self.pos = match.end()
            self._open(mark, key)
            return True
        elif mark is not None:
            # `"key" : ,` and `"key" : }`: the closing bracket is left for the next step.
            container[key] = None
            self.pos = match.end() - 1
            return True
        elif half is not None:
            container[key] = ""
            self.pos = match.end() - 1
            return True
        self.pos = match.end()
        return True

    def _element(self, container: list[Any]) -> bool:
        match = _BETWEEN.match(self.text, self.pos)
        if match is None:
            return False
        string, bare, _, mark = match.groups()
        end = match.end()
        if string is not None:
            container.append(_mend(string))
        elif bare is not None:
            end = match.end(2)
            if end == len(self.text):
                return False
            container.append(_scalar(bare))
        else:
            self._mark(mark)
        self.pos = end
        return True

    def _between(self) -> bool:
        """Read what stands in an object and is no pair."""
        match = _BETWEEN.match(self.text, self.pos)
        if match is None:
            return False
        string, bare, colon, mark = match.groups()
        self.pos = match.end()
        if string is not None:
            if self.pos == len(self.text):
                return False
            self.stack[-1].loose.append(_mend(string))
        elif bare is not None:
            container = self.stack[-1].container
            if colon and _NAME.fullmatch(bare) and isinstance(container, dict):
                return self._value(container, bare)
            self.noise = True
        else:
            self._mark(mark)
        return True

    def _mark(self, mark: str) -> None:
        if mark in ("{", "["):
            self._open(mark, None)
        elif mark != ":":
            # A bracket without its opening is passed over; one whose inner brackets were never closed closes them.
            opening = self.brackets.rfind("{" if mark == "}" else "[")
            while opening >= 0 and len(self.stack) > opening:
                self._close()

    def _open(self, mark: str, key: str | None) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise _too_deep()
        self.stack.append(_Open({} if mark == "{" else [], key))
        self.brackets += mark

    def _close(self, *, cut: bool = False) -> None:
        """Put the innermost container where it belongs. One that was cut while empty is as good as not sent."""
        opened = self.stack.pop()
        self.brackets = self.brackets[:-1]
        value = opened.result()
        if not self.stack:
            if self.root is None:
                self.root = value
            elif isinstance(self.root, dict) and isinstance(value, dict):
                _add(value, self.root)
            return
        if cut and not value:
            return
        parent = self.stack[-1].container
        if isinstance(parent, list):
            parent.append(value)
        elif opened.key is not None:
            parent[opened.key] = value
        elif isinstance(value, dict):
            _add(value, parent)


def _add(pairs: dict[str, Any], to: dict[str, Any]) -> None:
    for key, value in pairs.items():
        to.setdefault(key, value)


def _mend(content: str) -> str:
    """Return a string's text: its escapes resolved, control bytes and what no text can hold left out."""
    if content.isascii() and content.isprintable() and "\\" not in content:
        return content
    return _TO_MEND.sub(_mend_one, content)


def _mend_one(match: re.Match[str]) -> str:
    high, low, code, escaped = match.groups()
    if high is not None:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    if code is not None:
        letter = chr(int(code, 16))
        return "\ufffd" if "\ud800" <= letter <= "\udfff" else letter
    if escaped is None or escaped < " ":
        return ""
    # A backslash before any other letter is no escape and stays, as in a path.
    return _ESCAPES.get(escaped, "\\" + escaped)


def _scalar(bare: str) -> bool | float | None:
    """Return the value of an unquoted word: a number, true, false; None for nan, inf and whatever else it is."""
    if len(bare) > 400:
        return None
    if _INTEGER.fullmatch(bare):
        number = int(bare)
        # As the plain parse has it: what does not fit 64 bits is a float.
        if -(1 << 63) <= number < 1 << 64:
            return number
    elif not _NUMBER.fullmatch(bare):
        return _WORDS.get(bare.lower())
    value = float(bare)
    return value if math.isfinite(value) else None
