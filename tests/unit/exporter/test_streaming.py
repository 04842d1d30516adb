"""Answers in pieces: a client that goes away in the middle is no mistake of ours."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from aiohttp import web

from exporter.streaming import stream


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_client_that_goes_away_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture, encoding: str
) -> None:
    ended = asyncio.Event()

    def pieces() -> Iterator[bytes]:
        try:
            for number in range(1_000_000):
                yield f"{number}\n".encode() * 10_000
        finally:
            ended.set()

    async def answer(request: web.Request) -> web.StreamResponse:
        return await stream(request, pieces(), "text/plain")

    application = web.Application()
    application.add_routes([web.get("/", answer)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with caplog.at_level(logging.WARNING):
            reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
            writer.write(f"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\n\r\n".encode())
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.transport.abort()
            async with asyncio.timeout(60):
                await ended.wait()
            await asyncio.sleep(0.05)
    finally:
        await runner.cleanup()
    assert [record.getMessage() for record in caplog.records] == []
