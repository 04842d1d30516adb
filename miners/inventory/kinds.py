"""Kinds of values that a key of the inventory can hold: each reads a node, and says the same as JSON schema and in words.

A kind of one value raises Wrong, whose text the report puts behind the place. A kind that holds others (a list, a
section) reports each of its mistakes itself, so that one mistake never hides the next.
"""

import math
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable
from collections.abc import Mapping as Names
from collections.abc import Sequence as Many
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from miners.inventory.nodes import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    boolean,
    is_null,
    number,
    said,
    shortened,
    value_of,
)
from miners.inventory.report import Path, Report, Wrong

Schema = dict[str, Any]

# What must not stand in a name that goes to labels, pages and terminals: controls, line breaks of Unicode, the marks
# that turn the direction of the text around them, and a byte order mark.
TEXT_PATTERN = r"^(?!\s)(?!.*\s$)[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]*$"
_UNCLEAN = re.compile(r"[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


class Missing:
    """Stands for a value that was given and could not be taken; the reason has been reported."""


MISSING: Final = Missing()


class Kind(ABC):
    """What a key can hold. `words` completes the sentence "70000 is not …"."""

    words: str

    @abstractmethod
    def read(self, node: Node, report: Report, path: Path) -> Any:
        """Return the value, or MISSING after reporting why there is none."""

    @abstractmethod
    def schema(self) -> Schema:
        """Return the JSON schema of what it takes, as far as JSON schema can say it."""


class One(Kind):
    """A kind of one value: no mistakes of its own inside."""

    nullable = False

    def read(self, node: Node, report: Report, path: Path) -> Any:
        """Return the value, or MISSING after reporting why there is none."""
        if is_null(node) and not self.nullable:
            report.mistake(node.line, path, f"is empty: give {self.words}, or leave the key out")
            return MISSING
        try:
            return self.take(node)
        except Wrong as wrong:
            report.mistake(node.line, path, str(wrong))
            return MISSING

    @abstractmethod
    def take(self, node: Node) -> Any:
        """Return the value. Raises Wrong."""

    def no(self, node: Node) -> Wrong:
        """Return the plain refusal: `70000 is not a TCP port (1–65535)`."""
        return Wrong(f"{said(node)} is not {self.words}")


class Text(One):
    """A text for people: any script, no control characters, one line. Numbers are taken as they are written."""

    def __init__(
        self, words: str = "a text", *, most: int = 200, pattern: str | None = None, hint: str = ""
    ) -> None:
        self.words = words
        self.most = most
        self.pattern = pattern
        self.hint = hint
        self._matches = re.compile(pattern).search if pattern else None

    def take(self, node: Node) -> str:
        """Return the text in Unicode's composed form. Raises Wrong."""
        if type(node) is not Scalar:
            raise self.no(node)
        if boolean(node) is not None:
            raise Wrong(f"{said(node)} is a truth value here: put it in quotes to make it {self.words}")
        text = node.text
        if self._matches is None:
            # Composing takes long for a long text of marks alone; no text grows shorter by it than to a quarter.
            if not text.isascii() and len(text) <= 8 * self.most:
                text = unicodedata.normalize("NFC", text)
            bad = _UNCLEAN.search(text)
            if bad:
                raise Wrong(f"{said(node)} has a control character (U+{ord(bad.group()):04X}) in it")
        elif number(node) is not None:
            raise Wrong(f"{said(node)} is a number here: put it in quotes to make it {self.words}")
        if not text or text != text.strip():
            raise Wrong(f"{said(node)} is empty or has spaces around it: give {self.words}")
        if len(text) > self.most:
            raise Wrong(f"{said(node)} has {len(text)} characters; {self.most} at most")
        if self._matches is not None and not self._matches(text):
            raise Wrong(f"{said(node)} is not {self.words}{self.hint}")
        return text

    def schema(self) -> Schema:
        """Return the JSON schema."""
        if self.pattern:
            return {"type": "string", "minLength": 1, "maxLength": self.most, "pattern": self.pattern}
        return {"type": ["string", "number"], "minLength": 1, "maxLength": self.most, "pattern": TEXT_PATTERN}


class Parsed(One):
    """A text that a function makes a value of, such as an address; `pattern` is as much of it as JSON schema can say."""

    def __init__(self, words: str, parse: Callable[[str], Any], pattern: str) -> None:
        self.words = words
        self.parse = parse
        self.pattern = pattern

    def take(self, node: Node) -> Any:
        """Return what the function makes of the text. Raises Wrong."""
        if type(node) is not Scalar or number(node) is not None or boolean(node) is not None:
            raise self.no(node)
        return self.parse(node.text)

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {"type": "string", "pattern": self.pattern}


class Choice(One):
    """One of a few words. `canonical` brings other spellings home; `refused` says why a known word is not taken."""

    def __init__(
        self,
        words: str,
        options: Many[str],
        *,
        canonical: Callable[[str], str | None] | None = None,
        spellings: Many[str] = (),
        refused: Names[str, str] | None = None,
        hint: str = "",
    ) -> None:
        self.words = words
        self.options = tuple(options)
        self.canonical = canonical
        self.spellings = tuple(spellings)
        self.refused = refused or {}
        self.hint = hint

    def take(self, node: Node) -> str:
        """Return the option. Raises Wrong, with the nearest option."""
        if type(node) is not Scalar:
            raise self.no(node)
        text = node.text
        found = self.canonical(text) if self.canonical else (text if text in self.options else None)
        if found is not None:
            return found
        if text in self.refused:
            raise Wrong(f"{shortened(text)} {self.refused[text]}")
        near = nearest(text, self.options)
        advice = f"; did you mean {near}?" if near else f": {', '.join(self.options)}"
        raise Wrong(f"{said(node)} is not {self.words}{advice}{self.hint}")

    def schema(self) -> Schema:
        """Return the JSON schema."""
        if not self.canonical:
            return {"enum": list(self.options)}
        spellings = dict.fromkeys(name.lower() for name in (*self.options, *self.spellings))
        return {
            "anyOf": [
                {"enum": list(self.options)},
                {"type": "string", "pattern": f"^({'|'.join(map(_any_case, spellings))})$"},
            ]
        }


class Number(One):
    """A number within limits, both included."""

    def __init__(
        self, words: str, least: float, most: float, *, whole: bool = False, nullable: bool = False
    ) -> None:
        self.words = words
        self.least = least
        self.most = most
        self.whole = whole
        self.nullable = nullable

    def take(self, node: Node) -> float | None:
        """Return the number. Raises Wrong."""
        found = number(node)
        if found is None:
            if self.nullable and is_null(node):
                return None
            if type(node) is Scalar and not node.plain and number(Scalar(node.line, node.text)) is not None:
                raise Wrong(f"{said(node)} is a text here: leave the quotes out to make it {self.words}")
            raise self.no(node)
        if not math.isfinite(found) or not self.least <= found <= self.most:
            raise self.no(node)
        if self.whole:
            if found != int(found):
                raise self.no(node)
            return int(found)
        return float(found)

    def schema(self) -> Schema:
        """Return the JSON schema."""
        kind = "integer" if self.whole else "number"
        return {
            "type": [kind, "null"] if self.nullable else kind,
            "minimum": self.least,
            "maximum": self.most,
        }


class OrNull(One):
    """A kind of one value, or `null`, which says that there is none."""

    nullable = True

    def __init__(self, kind: One) -> None:
        self.kind = kind
        self.words = f"{kind.words}, or null"

    def take(self, node: Node) -> Any:
        """Return the value, or None. Raises Wrong."""
        return None if is_null(node) else self.kind.take(node)

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {"anyOf": [self.kind.schema(), {"type": "null"}]}


class Flag(One):
    """`true` or `false`."""

    words = "true or false"

    def take(self, node: Node) -> bool:
        """Return the truth value. Raises Wrong."""
        found = boolean(node)
        if found is None:
            raise self.no(node)
        return found

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {"type": "boolean"}


class Measure(One):
    """A number with a unit (`30s`, `800 kW`, `110 TH/s`). `bare`: what a number without a unit is, if it may be."""

    def __init__(
        self, words: str, units: Names[str, float], least: float, most: float, *, bare: bool, advice: str
    ) -> None:
        self.words = words
        self.units = {unit.lower(): factor for unit, factor in units.items()}
        self.least = least
        self.most = most
        self.bare = bare
        self.advice = advice
        self.pattern = f"^[0-9]+([.][0-9]+)? ?({'|'.join(map(_any_case, self.units))})$"
        self._split = re.compile(r"([0-9]+(?:[.][0-9]+)?) ?([^0-9. ]+)")

    def take(self, node: Node) -> float:
        """Return the value in the base unit. Raises Wrong."""
        if type(node) is not Scalar or len(node.text) > 40:
            raise self.no(node)
        found = number(node)
        if found is None:
            parts = self._split.fullmatch(node.text)
            if parts is None:
                raise Wrong(f"{said(node)} is not {self.words}{self._comma(node.text)}")
            factor = self.units.get(parts[2].lower())
            if factor is None:
                raise Wrong(f"{said(node)} has the unknown unit {shortened(parts[2])}; {self.advice}")
            found = float(parts[1]) * factor
        elif not self.bare:
            raise Wrong(f"{said(node)} has no unit; {self.advice}")
        if not self.least <= found <= self.most:
            raise self.no(node)
        return float(found)

    def schema(self) -> Schema:
        """Return the JSON schema."""
        text = {"type": "string", "pattern": self.pattern}
        if not self.bare:
            return text
        return {"anyOf": [{"type": "number", "minimum": self.least, "maximum": self.most}, text]}

    def _comma(self, text: str) -> str:
        return ": decimals are written with a point" if "," in text else f"; {self.advice}"


class Free(One):
    """A mapping that is kept as it is, for whoever reads it."""

    words = "a mapping"

    def take(self, node: Node) -> dict[str, Any]:
        """Return the mapping as plain data. Raises Wrong for what JSON does not know, and for duplicate keys."""
        if type(node) is not Mapping:
            raise self.no(node)
        _check_free(node)
        found: dict[str, Any] = value_of(node)
        return found

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {"type": "object"}


class ListOf(Kind):
    """A list of one kind; `alone`: a single value without the list's brackets is taken too."""

    def __init__(self, words: str, kind: Kind, *, alone: bool = False) -> None:
        self.words = words
        self.kind = kind
        self.alone = alone

    def read(self, node: Node, report: Report, path: Path) -> Any:
        """Return the values that could be read, as a list; MISSING if it is no list, or if one of it is wrong."""
        if type(node) is not Sequence:
            if self.alone and not is_null(node):
                found = self.kind.read(node, report, path)
                return MISSING if found is MISSING else [found]
            if is_null(node):
                report.mistake(node.line, path, f"is empty: give {self.words}, or `[]` for none")
            else:
                report.mistake(node.line, path, f"{said(node)} is not {self.words}")
            return MISSING
        read = self.kind.read
        return [read(item, report, (path, index)) for index, item in enumerate(node.items)]

    def schema(self) -> Schema:
        """Return the JSON schema."""
        one = self.kind.schema()
        many: Schema = {"type": "array", "items": one}
        return {"anyOf": [one, many]} if self.alone else many


@lru_cache(maxsize=4096)
def nearest(text: str, options: tuple[str, ...]) -> str | None:
    """Return the option that is spelt most like the text, whatever its case, or None if none is near."""
    lowered = {option.lower(): option for option in options}
    found = get_close_matches(text[:100].lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def _any_case(word: str) -> str:
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else re.escape(c) for c in word)


def _check_free(node: Node) -> None:
    if type(node) is Mapping:
        seen: set[str] = set()
        for key, value in node.pairs():
            if type(key) is not Scalar:
                raise Wrong(f"{said(key)} cannot be a key (line {key.line})")
            if key.text in seen:
                raise Wrong(f"the key {shortened(key.text)} stands twice (line {key.line})")
            seen.add(key.text)
            _check_free(value)
    elif type(node) is Sequence:
        for item in node.items:
            _check_free(item)
    else:
        found = number(node)
        if found is not None and not math.isfinite(found):
            raise Wrong(f"{said(node)} is not a finite number (line {node.line})")
