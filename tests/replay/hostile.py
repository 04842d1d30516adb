"""What a hostile or dying miner does to whoever asks it, over a real socket, each behaviour by name."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_PAGE = b'<!DOCTYPE html><html><body>{"STATUS":[{"STATUS":"S"}]} 400 Bad Request</body></html>'


def say(*parts: bytes, then_hang: bool = False, before_asked: bool = False) -> Behaviour:
    """Wait for a question (unless `before_asked`), send the parts, then close (or keep the connection open)."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not before_asked:
            await reader.read(4096)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if then_hang:
            await reader.read()

    return behave


def endlessly(part: bytes, pause_s: float) -> Behaviour:
    """Send the part again and again, until the other side has had enough."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return behave


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


HOSTILE: Mapping[str, Behaviour] = MappingProxyType(
    {
        "a byte at a time, for ever": endlessly(b"{", 0.02),
        "10 MiB of letters": say(b'{"STATUS":"', *[b"x" * (1 << 16)] * 160),
        "10 MiB of values": say(b'{"a":[', *[b"[]," * (1 << 14)] * 220),
        "as fast as it can, for ever": endlessly(b"\x01" * 65536, 0),
        "100,000 brackets": say(b"[" * 100_000 + b"\0"),
        "100,000 objects in one another": say(b'{"a":' * 100_000 + b"\0"),
        "not UTF-8": say(b"\xff\xfe\x80" * 1000 + b"\0"),
        "a page": say(_PAGE),
        "a line of text": say(b"Socket connect failed: Connection refused\n"),
        "closes at once": say(before_asked=True),
        "closes when asked": say(),
        "resets when asked": _reset,
        "never answers": say(then_hang=True),
        "only NUL": say(b"\0"),
        "garbage, then hangs": say(b"}}{{]]", then_hang=True),
        "a beginning, then hangs": say(b'{"STATUS":[{"STA', then_hang=True),
        "a number": say(b"1e400\0"),
        "compressed": say(gzip.compress(b'{"a":1}')),
    }
)
"""Behaviours after which nothing can be read: each has to end in a PollError."""


@asynccontextmanager
async def hostile_server(behave: Behaviour) -> AsyncIterator[int]:
    """Serve one behaviour on a loopback port, which it yields."""
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await behave(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            return  # the one who asked has had enough, or the test is over
        finally:
            handlers.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for handler in list(handlers):
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
