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
from pathlib import Path
from typing import Any

from honcho.manager import Manager

LAST_LINES = 12
# Honcho speaks of the parts' lives only in its own lines of output.
_STOPPED = re.compile(r"(?P<name>\S+) stopped \(rc=(?P<code>-?\d+)\)")
_ASKED_TO_END = re.compile(r"SIG\w+ received")


@dataclass(frozen=True)
class Part:
    """A process of the demo: its command, where it says that it is ready, and what has to be ready before it."""

    name: str
    command: tuple[str, ...]
    ready_url: str
    after: str | None = None

    def shell_line(self) -> str:
        """Return the line that a shell runs: `exec`, so that no shell stands between the part and its signals."""
        waiting = (sys.executable, "-m", "tools.ready", self.after, "--") if self.after else ()
        return f"exec {shlex.join([*waiting, *self.command])}"


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
    on_start: Callable[[], None]
    death: Death | None = None
    width: int = 0  # honcho widens it for its columns
    _ending: bool = False
    _started: bool = False
    _last: dict[str, deque[str]] = field(default_factory=dict)

    def write(self, message: Any) -> None:
        """Append a `honcho.printer.Message` to its part's file; honcho's own go to system.log."""
        if not self._started:
            # The first line comes when all parts are forked: a thread may be started from here on.
            self._started = True
            self.on_start()
        text = message.data.decode(errors="replace") if isinstance(message.data, bytes) else message.data
        if message.name == "system":
            self._note(text)
            text = f"{message.time:%Y-%m-%d %H:%M:%S} {text}"  # the parts' own lines have a time already
        for line in text.splitlines():
            self._last.setdefault(message.name, deque(maxlen=LAST_LINES)).append(line)
            with (self.folder / f"{message.name}.log").open("a", encoding="utf-8") as log:
                log.write(f"{line}\n")

    def _note(self, text: str) -> None:
        if _ASKED_TO_END.match(text):
            self._ending = True
        stopped = _STOPPED.match(text)
        if stopped and not self._ending:
            self._ending = True
            name = stopped["name"]
            self.death = Death(name, int(stopped["code"]), list(self._last.get(name, ())))


def run_parts(
    parts: list[Part], logs: Path, environment: Mapping[str, str], on_start: Callable[[], None]
) -> Death | None:
    """Run the parts until SIGINT, SIGTERM or the terminal's end, or until one of them ends; then end them all.

    `on_start` runs in a thread of its own once all are started. Returns the part that ended by itself, if one did.
    """
    # Fork, whatever this Python's default is: the parts' watchers inherit the signal handlers set here.
    multiprocessing.set_start_method("fork", force=True)
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*.log"):
        old.unlink()
    watcher = threading.Thread(target=on_start, daemon=True)
    printer = LogFiles(logs, watcher.start)
    manager = Manager(printer)
    for part in parts:
        manager.add_process(part.name, part.shell_line(), env=dict(environment))
    # Honcho knows nothing of a terminal that is closed: without this the parts would live on unseen.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        manager.loop()
    except BaseException:
        manager.kill()  # a full disk under the logs, say: no part may outlive its watcher
        raise
    return printer.death
