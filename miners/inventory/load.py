"""Reading the inventory's files: one or several of the same form, strictly, with every mistake at once.

What cannot be read as a file or as YAML at all is one mistake of that file; the other files are still looked at.
"""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec

from miners.errors import InventoryError
from miners.inventory.assemble import assemble
from miners.inventory.fleet import Inventory
from miners.inventory.kinds import MISSING
from miners.inventory.nodes import Mapping, Node, Scalar, Unreadable, compose, said, shortened
from miners.inventory.report import Report, in_order
from miners.inventory.schema import TOP
from miners.inventory.sections import Entry

MAX_BYTES = 64 * 1024 * 1024
MAX_PATH = 4096

_REASONS = {
    errno.ENOENT: "does not exist; `--targets FILE` names the inventory",
    errno.EACCES: "may not be read by this user: check its mode and owner",
    errno.EISDIR: "is a folder; name the file in it",
}


def load(paths: Sequence[Path], *, managed: Path | None = None) -> Inventory:
    """Return the inventory that the files make together. Raises InventoryError with every mistake in them.

    `managed`: a further file, written by the program itself, that need not be there yet.
    """
    reports: list[Report] = []
    tops: list[Entry] = []
    for path in [*paths, *([managed] if managed is not None else [])]:
        report = Report(shortened(str(path), MAX_PATH))
        reports.append(report)
        try:
            text = read_text(path)
        except Unreadable as unreadable:
            if path is managed and isinstance(unreadable.__cause__, FileNotFoundError):
                continue
            report.whole(str(unreadable), unreadable.line)
            continue
        top = _read_top(text, report)
        if top is not None:
            tops.append(top)
    inventory = assemble(tops)
    for top in tops:
        _take_apart(top)
    mistakes = [text for report in reports for text in in_order(report.mistakes)]
    if mistakes:
        raise InventoryError(mistakes)
    return msgspec.structs.replace(
        inventory, warnings=tuple(text for report in reports for text in in_order(report.warnings))
    )


def read_text(path: Path) -> str:
    """Return a file's text. Raises Unreadable with line 0 if it is no file of text that may be read here."""
    try:
        # Not blocking: to open a named pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                raise Unreadable(0, _REASONS[errno.EISDIR])
            if not stat.S_ISREG(mode):
                raise Unreadable(0, "is not a regular file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unreadable(0, _REASONS.get(error.errno or 0, f"cannot be read: {error.strerror}")) from error
    except ValueError as error:
        raise Unreadable(0, "cannot be a file's name") from error
    if len(content) > MAX_BYTES:
        raise Unreadable(0, f"is larger than {MAX_BYTES // 1024 // 1024} MiB; split it")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, "is not UTF-8 text; save the file as UTF-8") from error


def _read_top(text: str, report: Report) -> Entry | None:
    try:
        root = compose(text)
    except Unreadable as unreadable:
        report.mistake(unreadable.line, None, str(unreadable))
        return None
    if root is None:
        report.mistake(1, None, "the file is empty; it begins with `containers:`")
        return None
    if not isinstance(root, Mapping):
        report.mistake(root.line, None, f"{said(root)} stands at the top; the file is {TOP.words}")
        return None
    top = TOP.read(root, report, None)
    return None if top is MISSING else top


def _take_apart(top: Entry) -> None:
    """Free what was read, entry by entry: in one go it would hold up every other thread, the event loop's too."""
    for entry in top.values.get("containers", ()):
        if entry is not MISSING:
            miners = entry.values.get("miners", [])
            while miners:
                miners.pop()
    left: list[Node] = [top.node]
    while left:
        node = left.pop()
        if isinstance(node, Scalar):
            continue
        children = node.flat if isinstance(node, Mapping) else node.items
        while children:
            left.append(children.pop())
