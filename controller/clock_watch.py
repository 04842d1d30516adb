"""Whether the time is to be trusted: the clock has not jumped lately, and whoever keeps it in time says that it is.

Schedules hang on the clock. One that jumped may be wrong now or may have been before; nothing is written until it has
run steadily for some minutes. A machine on which nobody keeps the time (a guest whose host does it looks the same) is not
a doubt by itself: that is unknown, and said as such.
"""

import ctypes
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from controller.wording import figure, worded
from miners.clock import Clock

JUMP_S = 60.0
"""A step of the clock larger than this is a jump."""

STEADY_S = 300.0
"""So long it has to run without one, to be trusted again."""

LOOK_S = 5.0

_log = structlog.get_logger(__name__)


class ClockWatch:
    """Compares the clock with one that nobody can set, and asks who keeps it in time."""

    def __init__(
        self,
        clock: Clock,
        *,
        steady: Callable[[], float],
        synchronised: Callable[[], bool | None] | None = None,
        error: Callable[[], float | None] | None = None,
    ) -> None:
        """`steady`: seconds on a clock that never jumps, running as fast as `clock`; `boot_time` beside the wall's.

        `synchronised`: whether somebody keeps the clock in time, None for unknown; `Synchronised` by default. `error`: by how
        many seconds it is wrong at most, None for unknown; `kernel_error_s` by default.
        """
        self._clock = clock
        self._steady = steady
        self._synchronised = synchronised if synchronised is not None else Synchronised()
        self._error = error if error is not None else kernel_error_s
        self.error_s: float | None = None
        self._offset_s = clock.now() - steady()
        self._jumped_at = -math.inf
        self._jump_s = 0.0
        self.synchronised: bool | None = None
        self._listeners: list[Callable[[], None]] = []

    def on_jump(self, listener: Callable[[], None]) -> None:
        """Have a function called after each jump: what waits for a time has to look at the clock again."""
        self._listeners.append(listener)

    def look(self) -> None:
        """Compare now, and ask who keeps the time."""
        before, self.synchronised = self.synchronised, self._synchronised()
        self.error_s = self._error() if self.synchronised else None
        if before is not False and self.synchronised is False:
            _log.warning("the clock is not synchronised: nothing is written")
        elif before is False and self.synchronised is not False:
            _log.info("the clock is synchronised again")
        self._compare()

    def doubts(self) -> Sequence[str]:
        """Return why the time is not to be trusted now, a line each; empty if it is. Sees a jump that has just come."""
        self._compare()
        doubts: list[str] = []
        left_s = self._jumped_at + STEADY_S - self._steady()
        if left_s > 0:
            by_s, wait_s = figure(abs(self._jump_s), ".0f"), math.ceil(left_s)
            doubts.append(
                worded(
                    "the clock jumped forward by %(jump_s)s s; if it runs steadily, it is trusted again in %(wait_s)s s",
                    jump_s=by_s,
                    wait_s=wait_s,
                )
                if self._jump_s > 0
                else worded(
                    "the clock jumped back by %(jump_s)s s; if it runs steadily, it is trusted again in %(wait_s)s s",
                    jump_s=by_s,
                    wait_s=wait_s,
                )
            )
        if self.synchronised is False:
            doubts.append(
                worded(
                    "the clock is not synchronised: see that the time service of this machine reaches its servers (timedatectl or chronyc tracking say how it goes)"
                )
            )
        return doubts

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_S)

    def _compare(self) -> None:
        steady = self._steady()
        offset_s = self._clock.now() - steady
        jump_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(jump_s) > JUMP_S:
            self._jumped_at, self._jump_s = steady, jump_s
            _log.warning(
                "the clock jumped: nothing is written until it has run steadily", seconds=round(jump_s)
            )
            for listener in self._listeners:
                listener()


def boot_time() -> float:
    """Return seconds since the machine started, its sleep included: a suspended machine's clock did not jump."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Synchronised:
    """Asks the kernel whether somebody keeps the clock in time (adjtimex(2), STA_UNSYNC).

    "Not" counts only where a time service runs that should, or where the clock was in time earlier: else nobody does, or
    the host of this guest does, and that is unknown.
    """

    def __init__(
        self,
        kernel: Callable[[], bool | None] | None = None,
        services: Sequence[Path] = (
            Path("/run/systemd/timesync"),
            Path("/run/chrony"),
            Path("/run/ntpd.pid"),
            Path("/run/openntpd.pid"),
        ),
    ) -> None:
        """`services`: what stands there while a time service runs. `kernel`: its word, None for unknown."""
        self._kernel = kernel if kernel is not None else kernel_synchronised
        self._services = services
        self._was = False

    def __call__(self) -> bool | None:
        """Return whether the clock is kept in time, None for unknown."""
        kernel = self._kernel()
        if kernel:
            self._was = True
            return True
        if kernel is False and (self._was or any(path.exists() for path in self._services)):
            return False
        return None


class _Timex(ctypes.Structure):
    """struct timex of <sys/timex.h>, up to what is read here; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 256),
    )


_STA_UNSYNC = 0x40


def kernel_synchronised() -> bool | None:
    """Return what the kernel says of its clock; None where it cannot be asked (another system, a sandbox)."""
    timex = _asked()
    return None if timex is None else not timex.status & _STA_UNSYNC


def kernel_error_s() -> float | None:
    """Return by how many seconds the clock is wrong at most, as the kernel reckons; None where nobody keeps it in time.

    It is maxerror of adjtimex(2), in µs there: what the time service gave it, growing by 500 µs a second until the next time.
    """
    timex = _asked()
    return None if timex is None or timex.status & _STA_UNSYNC else timex.maxerror / 1e6


def _asked() -> _Timex | None:
    """Return what adjtimex(2) says, None where it cannot be asked."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    timex = _Timex()  # modes 0: nothing is changed
    return None if adjtimex(ctypes.byref(timex)) < 0 else timex
