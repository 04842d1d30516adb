"""The inventory file that the program itself writes: what is created through the API, in the form of `targets.yml`.

A change is tried on a copy beside the hand-written files first, all of it at once; only what makes a right inventory
together with them is put in place, by one rename. Whoever is interrupted leaves the old file or the new one, never half.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from controller.deeds import DeedRefused
from controller.wording import worded
from miners.errors import ConfigurationError, InventoryError
from miners.inventory.fleet import Inventory
from miners.inventory.kinds import MISSING
from miners.inventory.load import load
from miners.inventory.nodes import Unreadable, compose, value_of
from miners.inventory.store import InventoryStore

Document: TypeAlias = dict[str, Any]
"""The file as plain data: `containers` (a list), `tariffs`, `schedules` and `profiles` (by name), as a person would write them."""

HEAD: Final = (
    "# Written by the Hashyard controller: what was created on its pages and through its API.\n"
    "# Edit it there. What stands in the hand-written inventory is not repeated here.\n"
)


class NotRight(DeedRefused):
    """The change would make a wrong inventory. `mistakes`: a line each, without the name of a file."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        """`mistakes`: as the inventory says them."""
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(self.mistakes[:3]))


class Managed:
    """The managed file. One change at a time."""

    def __init__(self, path: Path, targets: Sequence[Path], store: InventoryStore) -> None:
        """`targets`: the hand-written files beside it; `store` is told to read again after a change."""
        self._path = path
        self._targets = tuple(targets)
        self._store = store
        self._lock = asyncio.Lock()
        self._last: tuple[str, Any] = "", None

    async def document(self) -> Document:
        """Return a copy of the document as it is. Raises ConfigurationError where the file cannot be read."""
        async with self._lock:
            return await asyncio.to_thread(self._read)

    async def preview(self, change: Callable[[Document], None]) -> Inventory:
        """Return the inventory that a change would make, and change nothing. Raises NotRight."""
        async with self._lock:
            inventory, _, _ = await asyncio.to_thread(self._try, change)
            return inventory

    async def edit(self, change: Callable[[Document], None]) -> Inventory:
        """Change the document in place by `change`, and put it in use; return the inventory in use.

        Raises NotRight, whatever `change` raises, or ConfigurationError where the file cannot be written; nothing has
        changed then. Changes come one after the other: `change` sees what the one before has put in use.
        """
        async with self._lock:
            _, document, text = await asyncio.to_thread(self._try, change)
            await asyncio.to_thread(self._write, document, text)
            if not await self._store.reload():
                raise ConfigurationError(
                    worded(
                        "%(path)s is written, and is used once the inventory is right again: %(last_error)s",
                        path=self._path,
                        last_error=self._store.last_error,
                    )
                )
            return self._store.inventory

    def _try(self, change: Callable[[Document], None]) -> tuple[Inventory, Document, str]:
        document = self._read()
        change(document)
        text = text_of(document)
        with tempfile.TemporaryDirectory(prefix="hashyard-") as folder:
            candidate = Path(folder) / self._path.name
            candidate.write_text(text, encoding="utf-8")
            try:
                inventory = load(self._targets, managed=candidate)
            except InventoryError as error:
                raise NotRight([self._without(line, candidate) for line in error.mistakes]) from None
        return inventory, document, text

    def _read(self) -> Document:
        try:
            text = self._path.read_text(encoding="utf-8")
            # What was read or written before need not be taken apart again: with thousands of miners that takes seconds.
            found = self._last[1] if text == self._last[0] else _taken_apart(text)
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            raise ConfigurationError(
                worded(
                    "%(path)s cannot be read (%(name)s): mend it, or move it away",
                    path=self._path,
                    name=type(error).__name__,
                )
            ) from None
        if not isinstance(found, dict):
            raise ConfigurationError(
                worded("%(path)s is no inventory: mend it, or move it away", path=self._path)
            )
        self._last = text, found
        copied: Document = _copied(found)
        return copied

    def _without(self, line: str, candidate: Path) -> str:
        """Return a mistake without the candidate's folder, and where it begins with its name and line without them."""
        if line.startswith(str(candidate)):
            line = line.removeprefix(str(candidate)).lstrip(":").partition(": ")[2]
        return line.replace(str(candidate), self._path.name)

    def _write(self, document: Document, text: str) -> None:
        beside = self._path.with_name(self._path.name + ".new")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            self._last = text, msgspec.json.decode(msgspec.json.encode(document))
        except OSError as error:
            raise ConfigurationError(
                worded(
                    "%(path)s cannot be written: %(strerror)s; the inventory is as it was",
                    path=self._path,
                    strerror=error.strerror,
                )
            ) from error


def _taken_apart(text: str) -> Any:
    """Return the file as plain data, read as the inventory reads it. Raises Unreadable."""
    root = compose(text)
    return None if root is None else value_of(root)


def text_of(document: Document) -> str:
    """Return the file: a line a miner, a tariff, a profile, a schedule; texts as JSON writes them, which YAML reads as they are."""
    lines: list[str] = []
    for section in ("tariffs", "profiles", "schedules"):
        if document.get(section):
            lines.append(f"{section}:")
            lines += [f"  {_json(name)}: {_json(entry)}" for name, entry in document[section].items()]
    lines.append("containers:" if document.get("containers") else "containers: []")
    for entry in document.get("containers", ()):
        miners = entry.get("miners", ())
        keys = [f"{key}: {_json(value)}" for key, value in entry.items() if key != "miners"]
        keys.append("miners:" if miners else "miners: []")
        lines += [f"{'  ' if place else '- '}{key}" for place, key in enumerate(keys)]
        lines += [f"    - {_json(miner)}" for miner in miners]
    return "\n".join([HEAD.rstrip("\n"), *lines, ""])


def entry_of(document: Document, container: str) -> Document | None:
    """Return the entry of a container in the document, by its name; None if it is not there."""
    return next((entry for entry in document.get("containers", ()) if _name(entry) == container), None)


def add_container(document: Document, entry: Document) -> None:
    """Add a container."""
    document.setdefault("containers", []).append(entry)


def remove_container(document: Document, container: str) -> None:
    """Take a container away, with its miners."""
    document["containers"] = [entry for entry in document.get("containers", ()) if _name(entry) != container]


def put_miner(document: Document, container: str, miner: Document, *, instead_of: str | None = None) -> None:
    """Put a miner into a container, which is in the document or (then it is extended) in a hand-written file."""
    miners = miners_in(document, container)
    if instead_of is not None:
        for place, other in enumerate(miners):
            if other.get("name") == instead_of:
                miners[place] = miner
                return
    miners.append(miner)


def miners_in(document: Document, container: str) -> list[Document]:
    """Return the list of a container's miners in the document, to put miners into: made for one of a hand-written file."""
    entry = entry_of(document, container)
    if entry is None:
        entry = {"extends": container, "miners": []}
        add_container(document, entry)
    found: list[Document] = entry.setdefault("miners", [])
    return found


def remove_miner(document: Document, container: str, miner: str) -> None:
    """Take a miner away; an extension that has none left goes as well."""
    entry = entry_of(document, container)
    if entry is None:
        return
    entry["miners"] = [other for other in entry.get("miners", ()) if other.get("name") != miner]
    _drop_if_idle(document, entry)


def say_of_container(document: Document, container: str, said: Document) -> None:
    """Say of a container whose it is or what it costs: in its own entry, or beside one of a hand-written file.

    `said`: keys with what they are now; MISSING takes a key away.
    """
    entry = entry_of(document, container)
    if entry is None:
        entry = {"extends": container}
        add_container(document, entry)
    for key, value in said.items():
        if value is MISSING:
            entry.pop(key, None)
        else:
            entry[key] = value
    _drop_if_idle(document, entry)


def _drop_if_idle(document: Document, entry: Document) -> None:
    """Take away an entry that extends a container and has nothing more to say of it."""
    if "extends" in entry and not entry.get("miners") and not entry.keys() - {"extends", "miners"}:
        remove_container(document, entry["extends"])


def _name(entry: Document) -> str | None:
    return entry.get("name") or entry.get("extends")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value
