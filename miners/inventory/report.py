"""What was found wrong in a file of the inventory, and where: `targets.yml:31: containers[2].name: …`."""

from typing import Any, TypeAlias

import msgspec

from miners.inventory.nodes import shortened

# A path is built only when something is wrong: until then it is a chain of (the path above, key or index).
Path: TypeAlias = tuple[Any, str | int] | None


class Wrong(ValueError):
    """A value that cannot be taken. Its text says why, and follows the place in the message."""


class Note(msgspec.Struct, frozen=True):
    """One mistake or warning, in the line it stands."""

    line: int
    text: str


class Report:
    """The mistakes and warnings of one file. `file` is its name as the person gave it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Note] = []
        self.warnings: list[Note] = []

    def mistake(self, line: int, path: Path, text: str) -> None:
        """Note what makes the file unusable."""
        self.mistakes.append(Note(line, f"{self.place(line)}: {_before(path)}{text}"))

    def warning(self, line: int, path: Path, text: str) -> None:
        """Note what is allowed and yet worth a look."""
        self.warnings.append(Note(line, f"{self.place(line)}: {_before(path)}{text}"))

    def whole(self, text: str, line: int = 0) -> None:
        """Note what is wrong with the file as such: `targets.yml: does not exist`. Line 0: in no line of it."""
        self.mistakes.append(Note(line, f"{self.place(line) if line else self.file}: {text}"))

    def place(self, line: int) -> str:
        """Return `file:line`."""
        return f"{self.file}:{line}"


def in_order(notes: list[Note]) -> list[str]:
    """Return the texts by line; what stands in one line stays in the order it was found."""
    return [note.text for note in sorted(notes, key=lambda note: note.line)]


def path_text(path: Path) -> str:
    """Return a path as people write it: `containers[2].miners[14].port`."""
    parts: list[str] = []
    while path is not None:
        path, part = path
        parts.append(f"[{part}]" if isinstance(part, int) else f".{shortened(part)}")
    return "".join(reversed(parts)).removeprefix(".")


def _before(path: Path) -> str:
    return f"{path_text(path)}: " if path is not None else ""
