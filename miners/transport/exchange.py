"""One question over one TCP connection: connect, send, collect, close, within a deadline and a ceiling on bytes.

How a reply ends differs by protocol and is told by a subclass of Reply (rpc.py, frames.py). The errors of the
operating system become Hashyard's here, and nowhere else.
"""

import asyncio
import errno
import re
import socket
from typing import Any, Final, Literal, TypeAlias, cast
from weakref import WeakKeyDictionary

from miners.errors import Malformed, NoAnswer, PollError, Refused, TimedOut, Unreachable
from miners.repair import MAX_BYTES

# whole: the protocol's own end came. closed: the miner closed or reset. expired: the deadline. large: the ceiling.
Ending: TypeAlias = Literal["whole", "closed", "expired", "large"]

TICK_S: Final = 0.05
"""How late a time-out may come."""

_ERRNO: Final = re.compile(r"Errno (\d+)")
_NO_ROUTE: Final = {
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
}


class Reply(asyncio.Protocol):
    """Sends the request when connected, and collects what comes until `end` is called. One connection, one reply.

    `due`: when `overdue` wants to be called (time of the loop).
    """

    __slots__ = ("_connecting", "deadline", "due", "ended", "late", "received", "request", "transport")

    def __init__(self, request: bytes, deadline: float, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        self.received: bytes | bytearray = b""
        self.deadline = self.due = deadline
        self.ended: asyncio.Future[Ending] = loop.create_future()
        self.transport: asyncio.Transport | None = None
        self.late = False

    def connecting(self, task: asyncio.Task[Any], until: float) -> None:
        """Have the task cancelled if there is no connection at the time `until`."""
        self._connecting = task
        self.due = until

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self.due = self.deadline
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Add what came, as long as it is less than the ceiling."""
        if not self.received:
            self.received = data
        else:
            if isinstance(self.received, bytes):
                self.received = bytearray(self.received)
            self.received += data
        if len(self.received) > MAX_BYTES:
            self.received = b""
            self.end("large")

    def connection_lost(self, exc: Exception | None) -> None:
        """Take what came until here as the reply, whether the miner closed or the connection was reset."""
        del exc
        self.end("closed")

    def end(self, ending: Ending) -> None:
        """End the reply; what comes later is not read."""
        if not self.ended.done():
            self.ended.set_result(ending)

    def overdue(self, now: float) -> None:
        """Act on the time `due` having come."""
        del now
        if self.transport is not None:
            self.end("expired")
        elif not self.late:
            self.late = True
            self._connecting.cancel()


class _Clock:
    """Tells replies when they are overdue, with one timer of the loop for all of them.

    A timer for each, made and thrown away, costs as much as a twelfth of the whole poll.
    """

    def __init__(self) -> None:
        self.watched: set[Reply] = set()
        self._ticking = False

    def watch(self, reply: Reply) -> None:
        self.watched.add(reply)
        if not self._ticking:
            self._ticking = True
            reply.ended.get_loop().call_later(TICK_S, self._tick, reply.ended.get_loop())

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        due = [reply for reply in self.watched if reply.due <= now]
        self._ticking = bool(self.watched)
        if self._ticking:
            loop.call_later(TICK_S, self._tick, loop)
        for reply in due:
            reply.overdue(now)


_clocks: WeakKeyDictionary[asyncio.AbstractEventLoop, _Clock] = WeakKeyDictionary()


async def exchange(reply: Reply, address: str, port: int, connect_timeout_s: float) -> Ending:
    """Ask and wait; return how the reply ended, with at least one byte in `reply.received`.

    Raises Refused, Unreachable, TimedOut (at most TICK_S late), or Malformed for a connection that was closed
    without an answer or an answer over the ceiling; `asked` of the error says whether the question had left. The
    connection is closed when this returns, raises or is cancelled.
    """
    try:
        return await _exchange(reply, address, port, connect_timeout_s)
    except PollError as error:
        error.asked = reply.transport is not None
        raise


async def _exchange(reply: Reply, address: str, port: int, connect_timeout_s: float) -> Ending:
    loop = asyncio.get_running_loop()
    clock = _clocks.get(loop)
    if clock is None:
        clock = _clocks[loop] = _Clock()
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    cancelled_before = task.cancelling()
    reply.connecting(task, min(loop.time() + connect_timeout_s, reply.deadline))
    clock.watch(reply)
    try:
        await loop.create_connection(lambda: reply, address, port)
        ending = await reply.ended
    except asyncio.CancelledError as error:
        # Ours only if nobody else wants the task to end as well.
        if reply.late and task.uncancel() <= cancelled_before:
            raise connection_error(TimeoutError(), address, port) from error
        raise
    except (OSError, ValueError, OverflowError) as error:
        if reply.late:
            task.uncancel()
        raise connection_error(error, address, port) from error
    finally:
        clock.watched.discard(reply)
        if reply.transport is not None:
            reply.transport.abort()
    if ending == "large":
        raise Malformed(
            f"{address}:{port} sent more than {MAX_BYTES >> 20} MiB, which no miner does: is it one?"
        )
    if not reply.received:
        if ending == "expired":
            raise TimedOut(
                f"{address}:{port} took the question and did not answer in time: is the miner overloaded?"
            )
        raise NoAnswer(
            f"{address}:{port} closed the connection without an answer: "
            "does the miner's API allow this host, and is the port right?"
        )
    return ending


def connection_error(error: BaseException, address: str, port: int) -> PollError:
    """Return what an error of the operating system, on the way to a miner, means for the poll."""
    place = f"{address}:{port}"
    number = _errno(error)
    if isinstance(error, TimeoutError) or number == errno.ETIMEDOUT:
        return TimedOut(
            f"{place} did not answer to a connection in time: is the miner on, and the address right?"
        )
    if isinstance(error, socket.gaierror):
        return Unreachable(f"{place}: the name is not known: {error.strerror or error}; check the address")
    if number in (errno.EMFILE, errno.ENFILE):
        return Unreachable(
            f"{place} was not asked: no file descriptor is left here; raise the limit of open files (ulimit -n)"
        )
    if number == errno.ECONNREFUSED:
        return Refused(f"{place} refuses the connection: is the miner's API switched on, and the port right?")
    if number in _NO_ROUTE:
        return Unreachable(f"{place} cannot be reached: no route; is the network up, and the address right?")
    if number in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
        return Malformed(f"{place} closed the connection without an answer: is the port right?")
    if number in (errno.EACCES, errno.EPERM):
        return Unreachable(f"{place} cannot be reached: a firewall on this host forbids it")
    return Unreachable(f"{place} cannot be reached: {_one_line(error)}")


def _errno(error: BaseException) -> int | None:
    """Return the error's number. A name with several addresses gives one error with all of them in its text."""
    if isinstance(error, OSError) and error.errno is None:
        found = _ERRNO.findall(str(error))
        return int(found[-1]) if found else None
    return error.errno if isinstance(error, OSError) else None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
