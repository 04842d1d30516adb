"""Answers that go out in pieces, compressed when asked, with the event loop's turn between them."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from aiohttp import hdrs, web

from exporter.scrape import gzipped, wants_gzip

JSON = "application/json"


async def stream(request: web.Request, pieces: Iterator[bytes], content_type: str) -> web.StreamResponse:
    """Send pieces as they are made. A client that reads slowly holds up its own answer and nothing else.

    One that goes away in the middle ends it: nothing is wrong here, and nobody is left to be told.
    """
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: content_type,
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.VARY: "Accept, Accept-Encoding",
        }
    )
    if wants_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        pieces = gzipped(pieces)
    with suppress(ConnectionError):
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            for piece in pieces:
                await response.write(piece)
                await asyncio.sleep(0)
        await response.write_eof()
    return response
