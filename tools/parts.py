"""Runs the parts of the demo side by side, each with a log file, until one ends or somebody ends them all.

Honcho's manager starts, watches and ends them (each in a process group of its own); this adds what a person at a
terminal wants: the console stays free, and when a part dies it is named with the last lines of its log.
"""

import multiprocessing
import os
import re
import shlex
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from honcho.manager import Manager

from tools.ready import end_with_parent

LAST_LINES = 12
# Honcho speaks of the parts' lives only in its own lines of output.
_STOPPED = re.compile(r"(?P<name>\S+) stopped \(rc=(?P<code>-?\d+)\)")
_STARTED = re.compile(r"\S+ started \(pid=\d+\)")
_ASKED_TO_END = re.compile(r"SIG\w+ received")


class PartsFailed(Exception):
    """The parts cannot be run, or no longer watched; the message is one line that says why and what helps."""


@dataclass(frozen=True)
class Part:
    """A process of the demo: its command, where it says that it is ready, and what has to be ready before it."""

    name: str
    command: tuple[str, ...]
    ready_url: str
    after: str | None = None

    def shell_line(self) -> str:
        """Return the line that a shell runs: `exec`, so that no shell stands between the part and its signals."""
        waiting = (self.after,) if self.after else ()
        return f"exec {shlex.join([sys.executable, '-m', 'tools.ready', *waiting, '--', *self.command])}"


@dataclass(frozen=True)
class Death:
    """A part that ended by itself: its exit code (negative for a signal) and its last lines."""

    name: str
    code: int
    lines: list[str]


@dataclass
class LogFiles:
    """A printer for honcho's manager, writing each part's lines to its own file, and noting the first part that ends unasked."""

    folder: Path
    parts: int
    on_start: Callable[[], None]
    death: Death | None = None
    width: int = 0  # honcho widens it for its columns
    _asked_to_end: bool = False
    _started: int = 0
    _last: dict[str, deque[str]] = field(default_factory=dict)

    @property
    def all_started(self) -> bool:
        """Whether honcho has seen every part start."""
        return self._started >= self.parts

    def write(self, message: Any) -> None:
        """Append a `honcho.printer.Message` to its part's file; honcho's own go to system.log. Raises PartsFailed."""
        text = message.data.decode(errors="replace") if isinstance(message.data, bytes) else message.data
        if message.name == "system":
            self._note(text)
            text = f"{message.time:%Y-%m-%d %H:%M:%S} {text}"  # the parts' own lines have a time already
        for line in text.splitlines():
            self._last.setdefault(message.name, deque(maxlen=LAST_LINES)).append(line)
            path = self.folder / f"{message.name}.log"
            try:
                with path.open("a", encoding="utf-8") as log:
                    log.write(f"{line}\n")
            except OSError as error:
                raise PartsFailed(f"{path} cannot be written: {error.strerror}") from error

    def _note(self, text: str) -> None:
        if _ASKED_TO_END.match(text):
            self._asked_to_end = True
        if _STARTED.match(text):
            self._started += 1
            if self.all_started:
                self.on_start()  # all parts are forked: a thread may be started from here on
                if self._asked_to_end:
                    os.kill(os.getpid(), signal.SIGTERM)  # what was asked for too early is asked for again
        stopped = _STOPPED.match(text)
        if stopped and not self._asked_to_end and self.death is None:
            name = stopped["name"]
            self.death = Death(name, int(stopped["code"]), list(self._last.get(name, ())))


class _PatientManager(Manager):  # type: ignore[misc]  # honcho comes without types
    """Honcho cannot end what it has not seen start, and fails when asked to: this one lets the printer ask again."""

    def __init__(self, printer: LogFiles) -> None:
        super().__init__(printer)
        self._files = printer

    def terminate(self) -> None:
        """End every part, if all have started."""
        if self._files.all_started:
            super().terminate()


def run_parts(
    parts: list[Part], logs: Path, environment: Mapping[str, str], on_start: Callable[[], None]
) -> Death | None:
    """Run the parts until SIGINT, SIGTERM or the terminal's end, or until one of them ends; then end them all.

    `on_start` runs in a thread of its own once all are started. Returns the part that ended by itself, if one did.
    Raises PartsFailed. Should this process be killed outright, the parts end with it.
    """
    # Fork, whatever this Python's default is: the parts' watchers inherit the signal handlers set here.
    multiprocessing.set_start_method("fork", force=True)
    os.register_at_fork(
        after_in_child=partial(end_with_parent, signal.SIGKILL)
    )  # the watchers; a part follows its own
    try:
        logs.mkdir(parents=True, exist_ok=True)
        for old in logs.glob("*.log"):
            old.unlink()
    except OSError as error:
        raise PartsFailed(f"{error.filename} cannot be written: {error.strerror}") from error
    watcher = threading.Thread(target=on_start, daemon=True)
    printer = LogFiles(logs, len(parts), watcher.start)
    try:
        manager = _PatientManager(printer)
    except OSError as error:
        raise PartsFailed(
            f"the watchers of its parts need semaphores, which Linux keeps in /dev/shm ({error.strerror}): "
            "mount a tmpfs there that can be written, as in `mount -t tmpfs tmpfs /dev/shm`"
        ) from error
    for part in parts:
        manager.add_process(part.name, part.shell_line(), env=dict(environment))
    # Honcho knows nothing of a terminal that is closed: without this the parts would live on unseen.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        manager.loop()
    except BaseException:
        # A full disk under the logs, say: no part may outlive its watcher.
        for child in multiprocessing.active_children():
            child.kill()
        raise
    return printer.death
