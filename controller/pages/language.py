"""Languages of the pages: which there are, which one a reader gets, and the sentences in it.

English stands in the source and is what is shown where a language lacks a sentence, which the checks do not let happen.
Catalogues are GNU gettext's, compiled beside their sources in `locale/`.
"""

import gettext
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from aiohttp import hdrs
from babel.messages.mofile import read_mo
from markupsafe import Markup

from controller.api.person import Person
from controller.pages.formats import Formats, isolated
from controller.pages.recalling import Recalling
from controller.wording import Figure, Wording

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "ru": "Русский"}
"""Each language's own name for itself, by its code."""

DEFAULT: Final = "en"
DOMAIN: Final = "hashyard"
LOCALE: Final = Path(__file__).parent / "locale"
COOKIE: Final = "hashyard-language"
"""What somebody chose before signing in."""
_ACCEPTED: Final = re.compile(r"([A-Za-z]{1,8})(?:-[A-Za-z0-9-]*)?(?:\s*;\s*q=([01](?:\.\d{0,3})?))?")
"""A language of the header, of which what stands behind the first hyphen is not looked at, and its weight."""
_MOST_ACCEPTED: Final = 500
_ENGLISH_NUMBER: Final = re.compile(r"(-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+\.\d+)(?: (kW|W|s))?")


class Words:
    """One language: its sentences, and how it writes numbers and times.

    Patterns have `%(name)s` for what differs; numbers may be handed over as they are. The methods are named as gettext's,
    so that Babel finds the patterns.
    """

    def __init__(self, code: str, translations: gettext.NullTranslations) -> None:
        """`code`: one of LANGUAGES, or of a language that a test makes."""
        self.code = code
        self.translations = translations
        self.formats = Formats(code if code in LANGUAGES else DEFAULT, self.gettext, self.ngettext)
        self._recalled = lru_cache(maxsize=4096)(self._retold)

    def gettext(self, pattern: str, /, **values: Any) -> str:
        """Return a sentence."""
        return self._filled(self.translations.gettext(pattern), values)

    def ngettext(self, one: str, many: str, number: float, /, **values: Any) -> str:
        """Return the sentence for so many; `%(num)s` stands for the number."""
        return self._filled(self.counted(one, many, number), {"num": number, **values})

    def pgettext(self, context: str, pattern: str, /, **values: Any) -> str:
        """Return a short word that has several meanings, in the one that `context` names."""
        return self._filled(self.translations.pgettext(context, pattern), values)

    def counted(self, one: str, many: str, number: float) -> str:
        """Return the pattern for so many, not filled in. A fraction takes the form that a few take: 2,5 майнера."""
        whole = abs(int(number)) if number == int(number) else 2
        return self.translations.ngettext(one, many, whole)

    def written(self, value: Any) -> Any:
        """Return what stands for a value in a sentence: numbers as the language writes them, names so that they turn nothing."""
        if isinstance(value, Figure):
            return self.formats.number(float(value), value.digits)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.formats.number(value)
        text = self.told(value) if isinstance(value, Wording) else value
        return isolated(text) if isinstance(text, str) and not isinstance(text, Markup) else text

    def told(self, text: str) -> str:
        """Return a sentence of the program in this language; a stranger's as it is.

        A Wording says itself what it was made from. Of a plain text, as the database gives it back, that is looked for.
        """
        if not isinstance(text, Wording):
            return text if self.code == DEFAULT and text == isolated(text) else self._recalled(text)
        if text.many is None:
            return self.gettext(text.pattern, **text.values)
        return self._filled(self.counted(text.pattern, text.many, text.values["num"]), text.values)

    def _retold(self, text: str) -> str:
        found = _patterns().find(text)
        if found is None:
            return text
        values = {name: self._value_again(value) for name, value in found.values.items()}
        if found.many is None:
            return self.gettext(found.pattern, **values)
        number = values.get("num", "1")
        if not number.isdecimal():
            return text
        return self._filled(
            self.counted(found.pattern, found.many, int(number)), {**values, "num": int(number)}
        )

    def _value_again(self, value: str) -> str:
        match = _ENGLISH_NUMBER.fullmatch(value)
        if match is None:
            return self._recalled(value)
        text, unit = match.groups()
        number, digits = float(text.replace(",", "")), len(text.partition(".")[2])
        return self.formats.of(number, unit, digits) if unit else self.formats.number(number, digits)

    def _filled(self, pattern: str, values: Mapping[str, Any]) -> str:
        if not values:
            return pattern.replace("%%", "%")
        return pattern % {name: self.written(value) for name, value in values.items()}


def words(code: str) -> Words:
    """Return a language by its code; the default one for a code that there is none of."""
    return _made(code if _is_known(code) else DEFAULT)


def language_of(person: Person | None, cookies: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return the code of the language for a reader: the account's, else the one chosen before signing in, else the browser's."""
    if person is not None and _is_known(person.user.language):
        return person.user.language
    chosen = cookies.get(COOKIE, "")
    return chosen if _is_known(chosen) else _preferred(headers.get(hdrs.ACCEPT_LANGUAGE, ""))


def _preferred(accepted: str) -> str:
    """Return the first of our languages by the weights of an Accept-Language header (RFC 9110 12.5.4), else the default."""
    found: list[tuple[float, str]] = []
    for part in accepted[:_MOST_ACCEPTED].split(","):
        match = _ACCEPTED.fullmatch(part.strip())
        if match is not None and match[1].lower() in LANGUAGES:
            found.append((float(match[2] or 1), match[1].lower()))
    weight, code = max(found, key=lambda one: one[0], default=(0.0, DEFAULT))
    return code if weight > 0 else DEFAULT


def _is_known(code: str) -> bool:
    return code in LANGUAGES or code in _MADE


def add_language(code: str, translations: gettext.NullTranslations) -> Words:
    """Add a language that has no catalogue here: the tests' own."""
    _MADE[code] = Words(code, translations)
    return _MADE[code]


_MADE: Final[dict[str, Words]] = {}


def prepare() -> None:
    """Read the patterns of all sentences, before anybody asks."""
    _patterns()


@cache
def _patterns() -> Recalling:
    """Return the patterns of all sentences: every catalogue names them all."""
    code = next(code for code in LANGUAGES if code != DEFAULT)
    with (LOCALE / code / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        ids = [message.id for message in read_mo(file) if message.id]
    return Recalling(one if isinstance(one, str) else (one[0], one[1]) for one in ids)


def _made(code: str) -> Words:
    if code not in _MADE:
        _MADE[code] = Words(code, gettext.translation(DOMAIN, LOCALE, [code], fallback=code == DEFAULT))
    return _MADE[code]
