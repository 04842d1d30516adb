"""The sockets of the simulated miners: one listening socket a port, lean protocols behind them, none for a closed port."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Protocol, cast

from simulator.clock import Clock
from simulator.devices.device import MAXIMUM_REQUEST_BYTES
from simulator.fault import Loss
from simulator.manners import misbehave
from simulator.miner import SimulatedMiner
from simulator.orders import NoAnswerError

IDLE_S = 10.0  # a connection on which nothing comes is closed after so long
MAXIMUM_FRAME_BYTES = 64 * 1024
BACKLOG = 64
SHORTEST_SWEEP_S = 0.01
_LENGTH = struct.Struct("<I")


class Hub:
    """What all sockets share: the clock, the connections that are open, the tasks of the ill-mannered."""

    def __init__(self, clock: Clock, *, sweep_every_s: float) -> None:
        self.clock = clock
        self.loop = asyncio.get_running_loop()
        self.open: dict[Connection, float] = {}
        self._sweep_every_s = max(sweep_every_s, SHORTEST_SWEEP_S)
        self._sweeper: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self, connection: "Connection") -> None:
        """Note that a connection is open, or in use again; it is looked at now and then while any is open."""
        self.open[connection] = self.loop.time()
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(self._sweep_every_s, self._sweep)

    def _sweep(self) -> None:
        """Close the connections that have been idle for too long; the silent keep theirs until the other leaves."""
        self._sweeper = None
        before = self.loop.time() - IDLE_S
        for connection in [one for one, since in self.open.items() if since < before]:
            if not connection.busy:
                connection.transport.abort()
        if self.open:
            self._sweeper = self.loop.call_later(self._sweep_every_s, self._sweep)

    def drop(self, miner: SimulatedMiner) -> None:
        """Break off the connections of a miner that goes down."""
        for connection in [one for one in self.open if one.miner is miner]:
            connection.transport.abort()

    def spawn(self, connection: "Connection", answer: Callable[[], bytes], *, keep: bool) -> None:
        """Let an ill-mannered reply take its time beside the others."""
        manners = connection.miner.physics.manners
        task = self.loop.create_task(misbehave(manners, answer, connection.transport, keep=keep))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Break everything off."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self.open):
            connection.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Connection(asyncio.Protocol):
    """One connection to a miner. Subclasses say when a request is whole and how it is answered."""

    __slots__ = ("_buffer", "_hub", "busy", "miner", "transport")

    transport: asyncio.Transport

    def __init__(self, miner: SimulatedMiner, hub: Hub) -> None:
        self.miner = miner
        self._hub = hub
        self._buffer = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; clients beyond the limit of some makes are turned away."""
        self.transport = cast("asyncio.Transport", transport)
        if self.miner.device.most_addresses is not None:
            address = transport.get_extra_info("peername")[0]
            if not self.miner.admits(address, self._hub.loop.time()):
                self.transport.abort()
                return
        self._hub.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        del exc
        self._hub.open.pop(self, None)

    @property
    def _source(self) -> str:
        """The address of the client."""
        peer = self.transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    def _leave_unanswered(self, how: Loss) -> None:
        """Send nothing: close, or let the client wait until it leaves."""
        self.busy = True
        if how == "closed":
            self.transport.close()

    def _down(self, now: float) -> bool:
        """Break off if the miner has gone down without anybody having noticed yet."""
        self.miner.physics.advance(now)
        if self.miner.physics.down:
            self.transport.abort()
            return True
        return False


class RpcConnection(Connection):
    """cgminer's way: one request, one reply, closed by the miner."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Answer as soon as the request is whole; what cannot become a request gets an error."""
        request = self._buffer + data if self._buffer else data
        if self.busy:
            return
        end = request.rstrip(b"\0\r\n\t ")
        if len(end) > MAXIMUM_REQUEST_BYTES:
            self.transport.close()
            return
        if end[-1:] != b"}" and end == request:
            self._buffer = request
            return
        now = self._hub.clock.now()
        if self._down(now):
            return
        self.busy = True
        if self.miner.physics.manners.plain:
            try:
                self.transport.write(self.miner.reply(end, now, self._source))
            except NoAnswerError as lost:
                self._leave_unanswered(lost.how)
                return
            self.transport.close()
        else:
            source = self._source
            self._hub.spawn(self, lambda: self.miner.reply(end, self._hub.clock.now(), source), keep=False)


class FrameConnection(Connection):
    """Whatsminer's v3: little-endian length, then JSON, both ways, as often as the client likes."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Answer each whole frame; a length that no request has ends the connection."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if not 0 < length <= MAXIMUM_FRAME_BYTES:
                self.transport.close()
                return
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            request, self._buffer = self._buffer[_LENGTH.size : end], self._buffer[end:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        now = self._hub.clock.now()
        if self._down(now):
            return
        self._hub.opened(self)
        if self.miner.physics.manners.plain:
            try:
                self.transport.write(self._framed(request, now, self._source))
            except NoAnswerError as lost:
                self._leave_unanswered(lost.how)
            return
        self.busy = True
        source = self._source
        self._hub.spawn(self, lambda: self._framed(request, self._hub.clock.now(), source), keep=True)

    def _framed(self, request: bytes, now: float, source: str) -> bytes:
        reply = self.miner.frame(request, now, source)
        return _LENGTH.pack(len(reply)) + reply


class Factory(Protocol):
    """Whatever makes the protocol of a new connection."""

    def __call__(self) -> asyncio.BaseProtocol:
        """Return a protocol for one connection."""
        ...


class Listener:
    """One port of a miner, open or closed."""

    __slots__ = ("_address", "_factory", "_server", "port")

    def __init__(self, address: str, port: int, factory: Factory) -> None:
        self._address = "127.0.0.1" if address == "localhost" else address
        self.port = port
        self._factory = factory
        self._server: asyncio.AbstractServer | None = None

    @property
    def open(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    async def start(self) -> None:
        """Open the port. Raises OSError where it is taken or needs rights that this process does not have."""
        if self._server is not None:
            return
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setblocking(False)  # the name says it
            listening.bind((self._address, self.port))
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._factory, sock=listening, backlog=BACKLOG)
        except BaseException:
            listening.close()
            raise

    def stop(self) -> None:
        """Close the port: the next connection is refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
