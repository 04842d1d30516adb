"""A form with files, as browsers send it (`multipart/form-data`, RFC 7578; its framing RFC 2046 5.1): its parts, strictly read.

Pure: the whole body is there already, and no larger than the application takes. Names and texts are UTF-8, as browsers
send them for pages in UTF-8.
"""

import re
from typing import Final

import msgspec

from controller.api.problems import Mistake, Problem
from controller.wording import worded

MULTIPART: Final = "multipart/form-data"
MOST_PARTS: Final = 100
MOST_HEAD: Final = 4096
"""Octets of the lines above a part."""

_BOUNDARY: Final = re.compile(r";\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))\s*(?:;|$)", re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"^content-disposition:\s*form-data\s*;(.*)$", re.IGNORECASE | re.MULTILINE)
_PARAMETER: Final = re.compile(rb"\b(name|filename)=\"([^\"\r\n]*)\"", re.IGNORECASE)
_WRITTEN: Final = {b"%22": b'"', b"%0d": b"\r", b"%0D": b"\r", b"%0a": b"\n", b"%0A": b"\n"}
"""What browsers write for what cannot stand in quotes (HTML Standard, multipart/form-data encoding algorithm)."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One field. `filename`: of a file, as its owner calls it; None for what is no file, "" where none was chosen."""

    name: str
    filename: str | None
    content: bytes


def parts_of(raw: bytes, content_type: str) -> list[Part]:
    """Return the parts of a form, in their order. Raises Problem (malformed)."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _unreadable()
    line = b"--" + (found[1] or found[2]).encode("utf-8", "replace")
    pieces = (b"\r\n" + raw).split(b"\r\n" + line, MOST_PARTS + 2)
    # Before the first line stands nothing of ours, and the last one is followed by two hyphens.
    if len(pieces) < 2 or len(pieces) > MOST_PARTS + 2 or not pieces[-1].startswith(b"--"):
        raise _unreadable()
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, parted, content = piece.partition(b"\r\n\r\n")
    # A boundary may be followed by blanks before its line ends (RFC 2046 5.1.1), and by nothing else.
    blanks, ended, head = head.partition(b"\r\n")
    if not parted or not ended or blanks.strip(b" \t") or len(head) > MOST_HEAD:
        raise _unreadable()
    disposition = _DISPOSITION.search(head.replace(b"\r\n", b"\n"))
    if disposition is None:
        raise _unreadable()
    given = {key.lower(): _text(value) for key, value in _PARAMETER.findall(disposition[1])}
    if b"name" not in given:
        raise _unreadable()
    return Part(name=given[b"name"], filename=given.get(b"filename"), content=content)


def _text(value: bytes) -> str:
    for written, meant in _WRITTEN.items():
        value = value.replace(written, meant)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise _unreadable() from None


def _unreadable() -> Problem:
    detail = worded("the body is no form of at most %(most)s fields and files", most=MOST_PARTS)
    return Problem("malformed", detail, [Mistake("", "form", detail)])
