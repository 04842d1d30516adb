"""An event loop that knows when it has nothing left to do, and whose timers can be made to pass.

Once no callback is ready, no socket has anything, nothing is on its way between two sockets of the machine and no executor
works, nothing more will happen before the next timer: then a clock that is shared by everything in the loop may be moved. While it is being moved, the loop's own time stands
but for what it is told to skip, so that time-outs and naps follow the shared clock and a run is the same each time.
"""

import asyncio
import fcntl
import selectors
import sys
import termios
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple, Unpack

IN_FLIGHT_S = 0.001  # how long to wait at a time for what one socket has sent another
MOST_WAITS = 200  # for what is in flight: who does not read at all shall not stop time
_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class _QuietSelector(selectors.DefaultSelector):
    """A selector that tells when it would have to wait for longer than the machine's own sockets need."""

    def __init__(self) -> None:
        super().__init__()
        self.on_quiet: Callable[[float | None], bool] | None = None
        self._streams: set[int] = set()
        self._writing: set[int] = set()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file, and remember whether something can be in flight from it."""
        key = super().register(fileobj, events, data)
        if _unsent(key.fd) is not None:
            self._streams.add(key.fd)
        self._note(key)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file for other events."""
        key = super().modify(fileobj, events, data)
        self._note(key)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch a file no longer."""
        key = super().unregister(fileobj)
        self._streams.discard(key.fd)
        self._writing.discard(key.fd)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, as ever; but before waiting, say so, and do not wait if that gave something to do."""
        if self.on_quiet is None or (timeout is not None and timeout <= 0):
            return super().select(timeout)
        for _ in range(MOST_WAITS):
            in_flight = self._in_flight()
            # what has arrived meanwhile is ready: hence first the one question, then the other
            ready = super().select(IN_FLIGHT_S if in_flight else 0)
            if ready:
                return ready
            if not in_flight:
                break
        if self.on_quiet(timeout):
            return []
        return super().select(timeout)

    def _note(self, key: selectors.SelectorKey) -> None:
        if key.events & selectors.EVENT_WRITE:
            self._writing.add(key.fd)
        else:
            self._writing.discard(key.fd)

    def _in_flight(self) -> bool:
        """Whether a connection is being made, or bytes are on their way from a socket to its peer's."""
        return bool(self._writing) or any(_unsent(fd) for fd in self._streams)


def _unsent(fd: int) -> int | None:
    """Return how many bytes the peer's kernel has not acknowledged; None for what is no connected socket."""
    answer = bytearray(4)
    try:
        fcntl.ioctl(fd, termios.TIOCOUTQ, answer)
    except OSError:
        return None
    return int.from_bytes(answer, sys.byteorder)


class QuietLoop(asyncio.SelectorEventLoop):
    """The loop. `run_quietly` runs a coroutine on a new one."""

    def __init__(self) -> None:
        self._quiet_selector = _QuietSelector()
        self._waiting: list[asyncio.Future[float | None]] = []
        self._working = 0
        self._skipped = 0.0
        self._stands_at: float | None = None
        super().__init__(self._quiet_selector)

    def time(self) -> float:
        """Return the loop's time: the system's, and what was skipped; while driven, what was skipped alone goes on."""
        return (super().time() if self._stands_at is None else self._stands_at) + self._skipped

    def skip(self, seconds: float) -> None:
        """Let so many seconds pass for the loop's timers."""
        self._skipped += seconds

    @contextmanager
    def driven(self) -> Iterator[None]:
        """Let the system's time stand for the loop: it passes by `skip` alone."""
        self._stands_at = super().time()
        try:
            yield
        finally:
            # time goes on from where it stood: what the system's clock did meanwhile never happened
            self._skipped -= super().time() - self._stands_at
            self._stands_at = None

    async def quiet(self) -> float | None:
        """Wait until nothing is left to do; return the seconds until the next timer, None if there is none."""
        waiting: asyncio.Future[float | None] = self.create_future()
        self._waiting.append(waiting)
        self._quiet_selector.on_quiet = self._fell_quiet
        return await waiting

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[Unpack[_Arguments]], _Result],
        *args: *_Arguments,
    ) -> asyncio.Future[_Result]:
        """Run as ever; the loop is not quiet until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _future: object) -> None:
        self._working -= 1

    def _fell_quiet(self, timeout: float | None) -> bool:
        if self._working:
            return False
        waiting, self._waiting = self._waiting, []
        self._quiet_selector.on_quiet = None
        for one in waiting:
            if not one.done():
                one.set_result(timeout)
        return bool(waiting)


def run_quietly(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine to its end on a QuietLoop of its own."""
    with asyncio.Runner(loop_factory=QuietLoop) as runner:
        return runner.run(work)
