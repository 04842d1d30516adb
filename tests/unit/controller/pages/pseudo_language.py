"""A language that nobody speaks: every letter accented and a third longer, values and markup as they are.

Whatever a page shows in plain letters has not gone through a translation, or is somebody's name.
"""

import gettext
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Final, NamedTuple

from controller.pages.language import Words, add_language
from tests.unit.controller.pages.reading_pages import VOID

CODE: Final = "qps"
_PLAIN: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ACCENTED: Final = "áƀçðéƒĝĥíĵķļɱñóþɋŕšţúṽŵẋýžÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞɊŔŠŢÛṼŴẊÝŽ"
_LETTERS: Final = str.maketrans(_PLAIN, _ACCENTED)
_KEPT: Final = re.compile(r"%\(\w+\)s|%%|</?[a-z][^>]*>|&\w+;")
"""What a translation leaves as it is: places of values, elements, entities."""

READ_ATTRIBUTES: Final = frozenset(
    (
        "title", "alt", "placeholder", "label", "aria-label", "aria-description", "aria-valuetext",
        "aria-roledescription",
    )
)  # fmt: skip
"""Attributes that people see or hear."""
_NOT_READ: Final = frozenset(("script", "style", "code", "kbd"))
"""Elements whose text is not ours: programs, commands, keys. Names that people gave are listed by whoever looks."""
_LETTER: Final = re.compile(r"[A-Za-z]")


class _Translations(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return accented(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return accented(msgid1 if n == 1 else msgid2)

    def pgettext(self, _context: str, message: str) -> str:
        return accented(message)


class Shown(NamedTuple):
    """A text of a page. `where`: the element, or element and attribute."""

    where: str
    text: str


def pseudo_language() -> Words:
    """Return the language; pages have it by its code from then on."""
    return add_language(CODE, _Translations())


def accented(pattern: str) -> str:
    """Return a sentence in this language."""
    parts, kept = _KEPT.split(pattern), _KEPT.findall(pattern)
    made = "".join(
        part.translate(_LETTERS) + (kept[place] if place < len(kept) else "")
        for place, part in enumerate(parts)
    )
    return made + "·" * (len(_LETTER.findall("".join(parts))) // 3)


def forgotten(page: str, allowed: Sequence[re.Pattern[str]]) -> list[Shown]:
    """Return the texts of a page that have plain letters beside what is allowed (names, units, dates)."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return [shown for shown in reader.shown if _LETTER.search(_without(shown.text, allowed))]


def _without(text: str, allowed: Sequence[re.Pattern[str]]) -> str:
    for pattern in allowed:
        text = pattern.sub(" ", text)
    return text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[Shown] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        foreign = self._foreign or _is_foreign(tag, attributes)
        if not foreign or tag == "code":
            self.shown += [Shown(f"{tag} {name}", value) for name, value in _read(tag, attributes)]
        if tag not in VOID:
            self._open.append((tag, foreign))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._foreign:
            self.shown.append(Shown(self._open[-1][0] if self._open else "", " ".join(data.split())))

    @property
    def _foreign(self) -> bool:
        return bool(self._open) and self._open[-1][1]


def _is_foreign(tag: str, attributes: dict[str, str]) -> bool:
    other = attributes.get("lang", CODE) != CODE or attributes.get("translate") == "no"
    return tag in _NOT_READ or other or "mono" in attributes.get("class", "").split()


def _read(tag: str, attributes: dict[str, str]) -> Iterator[tuple[str, str]]:
    pressed = tag == "input" and attributes.get("type") in ("submit", "button", "reset")
    for name, value in attributes.items():
        # What scripts are handed: sentences have blanks; lists of keys, paths and JSON begin otherwise.
        told = name.startswith("data-") and " " in value.strip() and not value.startswith(("{", "[", "M"))
        if name in READ_ATTRIBUTES or told or (pressed and name == "value"):
            yield name, value
