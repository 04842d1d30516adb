"""The catalogues of the pages' languages: gathers every sentence from source and templates, and says what lacks a translation.

`python -m tools.catalogues` writes the list of all sentences (hashyard.pot), brings each language's `.po` up to date with it
and compiles that to `.mo`; translations are then written into the `.po` by hand. `--check` writes nothing and names all
that is wrong. Nothing is guessed: a new sentence is empty until somebody translates it. Files come out the same from the
same sources: no dates, no line numbers.
"""

import argparse
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).parents[1]
LOCALE: Final = ROOT / "controller/pages/locale"
DOMAIN: Final = "hashyard"
_SOURCES: Final = ROOT / "controller"
_METHODS: Final = [("pages/templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "pages/templates/**.html": {"trimmed": "true", "silent": "false"}
}
_KEYWORDS: Final[dict[str, Any]] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "worded": None,
    "worded_many": (1, 2),
}
_NOTE: Final = "Translators:"
"""Begins a comment in the source that is handed on to whoever translates."""
_HEADERS: Final = frozenset(
    (
        "project-id-version",
        "language",
        "plural-forms",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    )
)
"""Of a catalogue's headers, those that say something about it; the others are dates and people."""
_TEMPLATE_HEAD: Final = (
    "# Every sentence of Hashyard's pages. Made by tools/catalogues.py; translations stand in the .po files."
)
_LANGUAGE_HEAD: Final = "# Hashyard's pages in another language."
_PLACE: Final = re.compile(r"%\((\w+)\)s")
_TAG: Final = re.compile(r"</?[a-z][^>]*>")


class Catalogue(Catalog):
    """A catalogue whose headers are the same whenever it is made."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """The headers that are written."""
        return [(name, value) for name, value in self._get_mime_headers() if name.lower() in _HEADERS]

    @mime_headers.setter
    def mime_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        self._set_mime_headers(headers)


def gathered() -> Catalogue:
    """Return all sentences of source and templates, by file and then by text, with no translation."""
    found = extract_from_dir(
        _SOURCES, _METHODS, _OPTIONS, keywords=_KEYWORDS, comment_tags=(_NOTE,), strip_comment_tags=True
    )
    made = _catalogue(None)
    taken = [
        (f"controller/{Path(file).as_posix()}", text, notes, context)
        for file, _, text, notes, context in found
    ]
    for file, text, notes, context in sorted(taken, key=lambda one: (one[0], str(one[1]), one[3] or "")):
        made.add(text, None, [(file, 0)], auto_comments=notes, context=context)
    return made


def languages() -> list[Path]:
    """Return the `.po` of each language."""
    return sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(file: Path) -> Catalogue:
    """Return the catalogue of a language. Raises PoFileError where the file is not one."""
    with file.open("rb") as content:
        found = read_po(content, locale=file.parts[-3], domain=DOMAIN, abort_invalid=True)
    made = _catalogue(file.parts[-3])
    made.header_comment = found.header_comment
    for message in found:
        if message.id:
            made[message.id] = message
    return made


def joined(sentences: Catalogue, translated: Catalogue) -> Catalogue:
    """Return the catalogue of a language with exactly these sentences, translated where they were."""
    made = _catalogue(str(translated.locale))
    made.header_comment = translated.header_comment
    for message in sentences:
        if not message.id:
            continue
        known = translated.get(_key(message), message.context)
        same = known is not None and known.id == message.id
        made.add(
            message.id,
            known.string if same and known is not None else "",
            message.locations,
            flags=() if known is None or not same else known.flags,
            auto_comments=message.auto_comments,
            user_comments=() if known is None else known.user_comments,
            context=message.context,
        )
    return made


def mistakes(sentences: Catalogue, translated: Catalogue) -> Iterator[str]:
    """Yield what is wrong with a language's catalogue, one line each, the sentence named."""
    for message in sentences:
        if message.id:
            yield from _own_mistakes(message)
            known = translated.get(_key(message), message.context)
            if known is None or known.id != message.id:
                yield f"missing: {_named(message)}"
            else:
                yield from _mistakes_of(message, known, translated.num_plurals)
    for known in translated:
        if known.id and sentences.get(_key(known), known.context) is None:
            yield f"unused: {_named(known)}"


def text_of(catalogue: Catalogue) -> bytes:
    """Return a catalogue as its file has it."""
    content = io.BytesIO()
    write_po(content, catalogue, width=110, include_lineno=False, sort_by_file=True)
    return content.getvalue()


def compiled(catalogue: Catalogue) -> bytes:
    """Return a catalogue as gettext reads it."""
    content = io.BytesIO()
    write_mo(content, catalogue)
    return content.getvalue()


def files(sentences: Catalogue) -> dict[Path, bytes]:
    """Return what each file is to have in it. `sentences`: all that there are."""
    made = {LOCALE / f"{DOMAIN}.pot": text_of(sentences)}
    for file in languages():
        language = joined(sentences, read(file))
        made[file] = text_of(language)
        made[file.with_suffix(".mo")] = compiled(language)
    return made


def all_mistakes(sentences: Catalogue) -> list[str]:
    """Return what is wrong with all catalogues: what they lack, and files that are not as they would be made now."""
    found = [
        f"{file.parts[-3]}: {mistake}" for file in languages() for mistake in mistakes(sentences, read(file))
    ]
    found += [
        f"stale: {file.relative_to(ROOT)}: run python -m tools.catalogues"
        for file, content in files(sentences).items()
        if not file.exists() or file.read_bytes() != content
    ]
    return found


def main() -> int:
    """Write the catalogues, or say what is wrong with them. Returns the exit code."""
    asked = argparse.ArgumentParser(prog="python -m tools.catalogues", description=__doc__)
    asked.add_argument("--check", action="store_true", help="write nothing, and fail where anything is wrong")
    only_check: bool = asked.parse_args().check
    sentences = gathered()
    if not only_check:
        for file, content in files(sentences).items():
            file.write_bytes(content)
    found = all_mistakes(sentences)
    for line in found:
        print(line)
    print(f"{len(sentences)} sentences, {len(found)} mistakes.")
    return 1 if found else 0


def _catalogue(code: str | None) -> Catalogue:
    return Catalogue(
        locale=code,
        domain=DOMAIN,
        project="Hashyard",
        version="pages",
        header_comment=_TEMPLATE_HEAD if code is None else _LANGUAGE_HEAD,
        fuzzy=False,
    )


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _named(message: Message) -> str:
    where = message.locations[0][0] if message.locations else "in no file"
    context = f" ({message.context})" if message.context else ""
    return f"{_key(message)!r}{context}, {where}"


def _forms(texts: Any) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def _own_mistakes(message: Message) -> Iterator[str]:
    """Yield what is wrong with a sentence of the source itself."""
    for text in _forms(message.id):
        if _loose_percent(text):
            yield f"a per cent sign that is not doubled: {_named(message)}"
        if text != text.strip():
            yield f"blanks at an end: {_named(message)}"


def _mistakes_of(message: Message, known: Message, forms: int) -> Iterator[str]:
    """Yield what is wrong with a translation. `forms`: how many of a plural the language has."""
    asked, given = _forms(message.id), _forms(known.string)
    if not any(given):
        yield f"missing: {_named(message)}"
        return
    if known.fuzzy:
        yield f"fuzzy: {_named(message)}"
    if len(asked) > 1 and (len(given) != forms or not all(given)):
        yield f"not all forms of the plural: {_named(message)}"
    for text in given:
        if text and Counter(_PLACE.findall(text)).keys() != Counter(_PLACE.findall(asked[-1])).keys():
            yield f"other values than in English: {_named(message)}: {text!r}"
        if _loose_percent(text):
            yield f"a per cent sign that is not doubled: {_named(message)}: {text!r}"
        if text and Counter(_TAG.findall(text)) != Counter(_TAG.findall(asked[-1])):
            yield f"other elements than in English: {_named(message)}: {text!r}"
        if text != text.strip():
            yield f"blanks at an end: {_named(message)}: {text!r}"


def _loose_percent(text: str) -> bool:
    return "%" in _PLACE.sub("", text.replace("%%", ""))


if __name__ == "__main__":
    sys.exit(main())
