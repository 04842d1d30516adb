"""One controller a data folder: the second refuses to start, since two would command the same miners in turn.

The lock is the kernel's, on an open file: it ends with the process, however that ends, and leaves nothing to clean up.
"""

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from miners.errors import ConfigurationError

LOCK_FILE = "controller.lock"

_ONLY_THE_OWNER = 0o700
_LONGEST_PID = 20


class DataLock:
    """The lock on a data folder, held from its making until `close()`. Makes the folder, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises ConfigurationError if another controller holds it or the folder cannot be used."""
        make_private(folder)
        self._path = folder / LOCK_FILE
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ConfigurationError(f"--data: {self._path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, _LONGEST_PID, 0).decode("ascii", "replace").strip()
            os.close(self._file)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                who = f"process {holder}" if holder.isdigit() else "another process"
                raise ConfigurationError(
                    f"--data: another controller ({who}) works with {folder}; end it first, or give this one a folder "
                    "and miners of its own: two would command the same miners"
                ) from error
            raise ConfigurationError(
                f"--data: {self._path} cannot be locked ({error.strerror}); the folder has to be on a disk of this machine"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_private(folder: Path) -> None:
    """Make a folder that none but its owner can look into, or take the rights of others away.

    Raises ConfigurationError if it is no folder, or belongs to somebody else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_ONLY_THE_OWNER)
        if folder.stat().st_mode & 0o077:
            folder.chmod(_ONLY_THE_OWNER)
    except FileExistsError as error:
        raise ConfigurationError(f"--data: {folder} is not a folder") from error
    except PermissionError as error:
        raise ConfigurationError(
            f"--data: {folder} has to belong to the user that the controller runs as, and be closed to others "
            f"(chmod 700): {error.strerror}"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"--data: {folder} cannot be made: {error.strerror}") from error
