"""Answers made smaller on the way to browsers: gzip, where the asker takes it and it is worth the while.

A page that holds both a secret and what a stranger sent would give the secret away by its size, a letter at a time (BREACH,
Prado, Harris and Gluck, 2013). So the session's token is another text in each page (`gate.masked`), and streams are left as
they are.
"""

import asyncio
import gzip
from typing import Final

from aiohttp import hdrs, web

SMALLEST: Final = 1_000
"""Bytes. What is shorter fits one packet either way."""

AT_ONCE: Final = 16_000
"""Bytes. What is longer is made smaller beside the event loop."""

_LEVEL: Final = 6
_MEDIA: Final = ("text/", "application/json", "application/problem+json", "image/svg+xml")


def accepts_gzip(header: str) -> bool:
    """Return whether an Accept-Encoding header takes gzip (RFC 9110 12.5.3): named, or by `*`, and not with `q=0`."""
    found: dict[str, bool] = {}
    for part in header.split(","):
        name, _, more = part.partition(";")
        found[name.strip().lower()] = not _is_zero(more)
    return found.get("gzip", found.get("x-gzip", found.get("*", False)))


async def compressed(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Return the response, its body made smaller where that is possible. Caches are told that it depends on the asker."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if not response.content_type.startswith(_MEDIA) or hdrs.CONTENT_ENCODING in response.headers:
        return response
    varied = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = f"{varied}, Accept-Encoding" if varied else "Accept-Encoding"
    if len(response.body) < SMALLEST or not accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
        return response
    body = response.body
    if len(body) > AT_ONCE:
        response.body = await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)
    else:
        response.body = gzip.compress(body, _LEVEL, mtime=0)
    response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    etag = response.headers.get(hdrs.ETAG)
    if etag is not None and not etag.startswith("W/"):  # the same by meaning, and no longer by its bytes
        response.headers[hdrs.ETAG] = f"W/{etag}"
    return response


def _is_zero(parameters: str) -> bool:
    """Return whether the parameters of a coding give it a weight of nought, or one that is no number."""
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value) <= 0.0
            except ValueError:
                return True
    return False
