"""Answers that are written piece by piece, since they may be larger than memory."""

from collections.abc import AsyncIterator, Mapping

from aiohttp import hdrs, web


async def sent_in_pieces(
    request: web.Request, headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Write an answer as its pieces come, and return it.

    HEAD gets the head alone (RFC 9110 9.3.2): whatever followed would be read as the next answer on the connection.
    """
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        async for piece in pieces:
            await response.write(piece)
    await response.write_eof()
    return response
