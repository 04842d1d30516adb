"""What a person hands in to import: a file or pasted lines, read from the form in either coding. Pure.

A file wins over pasted lines. Lines end as one sign, however they were sent, so that what comes back from a text field is
the text that was looked at.
"""

import re
from typing import Final

import msgspec

from controller.api.forms import fields_of
from controller.api.multipart import MULTIPART, parts_of
from controller.pages.language import Words
from controller.pages.miner_form import Found

MOST: Final = 1_000_000
"""Octets of a text, as a text field sends it back: a form of 1 MiB has to hold it."""

_YAML: Final = re.compile(r"\s*(#|---|- |\{|[\w\"']+\s*:)")
_ENDS: Final = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".yml": "yaml", ".yaml": "yaml"}
_FORMS: Final = ("", "csv", "yaml")


class ImportForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form. `form`: csv, yaml, or "" to find it by itself; `filename`: of a file, else "". `seen`: what was looked at.

    `text` None: it is no UTF-8.
    """

    text: str | None = ""
    form: str = ""
    filename: str = ""
    seen: str = ""
    button: str = ""

    @property
    def csv(self) -> bool:
        """Return whether it is CSV: as chosen, else by the file's name, else by how it begins."""
        named = next((form for end, form in _ENDS.items() if self.filename.lower().endswith(end)), "")
        form = self.form or named
        return form == "csv" if form else _YAML.match(self.text or "") is None


def read_form(raw: bytes, content_type: str) -> ImportForm:
    """Return what was sent. Raises Problem (malformed)."""
    filename, content = "", b""
    if content_type.lower().startswith(MULTIPART):
        parts = parts_of(raw, content_type)
        given = {part.name: part.content for part in parts if part.filename is None}
        for part in parts:
            if part.name == "file" and (part.filename or part.content):
                filename, content = part.filename or "", part.content
        fields = {name: value.decode("utf-8", "replace") for name, value in given.items() if name != "text"}
        content = content or given.get("text", b"")
    else:
        fields = dict(fields_of(raw))
        content = fields.get("text", "").encode("utf-8", "replace")
    try:
        text: str | None = re.sub(r"\r\n?", "\n", content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        text = None
    form = fields.get("form", "")
    return ImportForm(
        text=text,
        form=form if form in _FORMS else "",
        filename=filename[:200],
        seen=fields.get("seen", "")[:100],
        button=fields.get("do", ""),
    )


def mistakes_in(form: ImportForm, words: Words) -> Found:
    """Return what is wrong with what was handed in, before any of its lines is looked at."""
    at = "file" if form.filename else "text"
    if form.text is None:
        return [(at, words.gettext("It is not UTF-8 text: save it as “CSV UTF-8”, or as YAML in UTF-8"))]
    if not form.text.strip():
        return [("text", words.gettext("Choose a file that holds lines, or paste them"))]
    if len(form.text.encode()) + form.text.count("\n") > MOST:
        return [(at, words.gettext("It is more than 1 MB: hand in its parts one after the other"))]
    return []
