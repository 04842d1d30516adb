"""Files that other programs read: whole or not at all, readable by their folder's group, and never by everybody.

A file is written beside its place and then put there, so that an interruption leaves the old one, or none; what it leaves
beside is overwritten by the next run. One run at a time works in a folder.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODE = 0o640


class FileFault(Exception):
    """A file or folder does not do; the message is one line that names it and says what helps."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder, made if it is not there, against another run. Raises FileFault."""
    make_folder(folder)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise FileFault(f"{folder}: cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise FileFault(f"{folder}: another `hashyard prepare` is at work there; wait for its end") from None
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder that everybody may enter, if it is not there. Raises FileFault."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFault(f"{folder}: cannot be made: {error.strerror}") from error


def put(path: Path, text: str) -> bool:
    """Put a text in its place; return whether anything changed. Raises FileFault."""
    try:
        if path.exists() and path.read_bytes() == text.encode() and not path.stat().st_mode & 0o007:
            return False
    except OSError as error:
        raise _unwritable(path, error) from error
    beside = _write_beside(path, text)
    try:
        beside.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def put_new(path: Path, text: str) -> None:
    """Put a text in its place unless something is there already, which stays. Raises FileFault."""
    beside = _write_beside(path, text)
    try:
        os.link(beside, path)  # unlike a rename, it fails where something stands
        beside.unlink()
        _sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def _write_beside(path: Path, text: str) -> Path:
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  # a descriptor, which Path cannot open
            file.write(text)
            file.flush()
            os.fchmod(descriptor, MODE)  # whatever the umask
            os.fsync(descriptor)
    except OSError as error:
        raise _unwritable(path, error) from error
    return beside


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> FileFault:
    return FileFault(f"{path}: cannot be written: {error.strerror}; its folder must belong to who runs this")
