"""Finds again from which pattern an English sentence of the program was made, when all that is left of it is its text.

What goes through the database (details of results, reasons in the record) comes back as plain text. Each pattern of the
catalogues that has enough fixed text of its own is held against it, the longest first, each in one pass over the text.
What no pattern fits is not ours, and stays as it is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

MOST: Final = 1000
"""Characters: no sentence of ours is longer, but a stranger's may be."""
_PLACE: Final = re.compile(r"%\((\w+)\)s")
_LETTER: Final = re.compile(r"[^\W\d_]")
_FIXED_LETTERS: Final = 8
"""A pattern with fewer, such as `%(file)s: %(text)s`, would fit anything."""


class Recalled(NamedTuple):
    """What a text was made from. `many`: the pattern for several, if it has one; `values`: texts, by name."""

    pattern: str
    many: str | None
    values: Mapping[str, str]


class _Known(NamedTuple):
    """A pattern with places. `fixed`: the texts around them, one more than there are places, some of them empty."""

    pattern: str
    many: str | None
    fixed: Sequence[str]
    names: Sequence[str]


class Recalling:
    """Knows all patterns."""

    def __init__(self, patterns: Iterable[str | tuple[str, str]]) -> None:
        """`patterns`: in English, (one, many) where they are counted."""
        self._plain: dict[str, Recalled] = {}
        known: list[_Known] = []
        for entry in patterns:
            one, many = (entry, None) if isinstance(entry, str) else entry
            for text in (one,) if many is None else (one, many):
                parts = _PLACE.split(text)
                fixed = [part.replace("%%", "%") for part in parts[::2]]
                if len(parts) == 1:
                    if " " in text:
                        self._plain[fixed[0]] = Recalled(one, many, {})
                elif len(_LETTER.findall("".join(fixed))) >= _FIXED_LETTERS:
                    known.append(_Known(one, many, fixed, parts[1::2]))
        # By the letter it begins with, else the one it ends in: few are left to be looked at for each text.
        self._known: dict[tuple[str, str], list[_Known]] = {}
        for pattern in sorted(known, key=_weight, reverse=True):
            first, last = pattern.fixed[0][:1], pattern.fixed[-1][-1:]
            self._known.setdefault((first, "" if first else last), []).append(pattern)

    def find(self, text: str) -> Recalled | None:
        """Return what a text was made from, None if it is not ours."""
        if text in self._plain:
            return self._plain[text]
        if not 0 < len(text) <= MOST:
            return None
        found: Recalled | None = None
        weight = 0
        for key in ((text[0], ""), ("", text[-1]), ("", "")):
            for known in self._known.get(key, ()):
                if _weight(known) <= weight:
                    break
                values = _values(known, text)
                if values is not None:
                    found, weight = Recalled(known.pattern, known.many, values), _weight(known)
                    break
        return found


def _weight(known: _Known) -> int:
    """Return how much of a pattern is fixed: of two that fit a text, the one that says more of it is meant."""
    return sum(map(len, known.fixed))


def _values(known: _Known, text: str) -> dict[str, str] | None:
    """Return what stands at the places of a pattern, None where the text does not fit it; never an empty value."""
    first, *middle, last = known.fixed
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or end <= len(first):
        return None
    values: dict[str, str] = {}
    begin = len(first)
    for name, fixed in zip(known.names, (*middle, None), strict=True):
        stop = end if fixed is None else text.find(fixed, begin + 1, end)
        if stop <= begin or values.setdefault(name, text[begin:stop]) != text[begin:stop]:
            return None
        begin = stop + len(fixed or "")
    return values
