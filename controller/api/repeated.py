"""The same command twice is one command: Idempotency-Key, kept for 24 h for each user.

A command that was refused has done nothing, so its key is free again. One that failed midway, or that a stop of the
controller cut off, may have done something: its key stays taken, and nothing is done a second time.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import hdrs, web

from controller.api.problems import Mistake, Problem, problem_of
from controller.api.route import Call
from controller.storage.idempotency import Earlier
from controller.wording import worded

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 128
_KEPT_HEADERS = (hdrs.CONTENT_TYPE, hdrs.LOCATION, hdrs.ETAG)


def key_of(header: str | None) -> str | None:
    """Return the key of a request. Raises Problem (malformed) for one that cannot be a key."""
    if header is None:
        return None
    key = header.strip()
    if not key or len(key) > MAX_KEY or not (key.isascii() and key.isprintable()):
        detail = worded("it has 1 to %(most)s printable ASCII characters", most=MAX_KEY)
        raise Problem("malformed", detail, [Mistake(HEADER, "pattern", detail)])
    return key


async def once(
    call: Call[Any, Any], key: str, raw: bytes, work: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Do the work unless this user has had it done under this key: then answer as then. Raises Problem."""
    keys, user_id = call.storage.idempotency, call.person.user.id
    earlier = await keys.begin(user_id, key, _hash_of(call, raw), call.now)
    if earlier.state != "new":
        return _again(earlier)
    try:
        response = await work()
    except Exception as error:
        problem = problem_of(error)
        if problem is not None and problem.status < 500:
            await keys.forget(user_id, key)
        raise
    body = response.body if isinstance(response, web.Response) else None
    headers = {str(name): response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    text = body.decode() if isinstance(body, bytes | bytearray) else None
    await keys.finish(user_id, key, response.status, headers, text)
    return response


def _again(earlier: Earlier) -> web.Response:
    if earlier.state == "done" and earlier.status is not None:
        body = None if earlier.body is None else earlier.body.encode()
        return web.Response(status=earlier.status, body=body, headers={**earlier.headers, REPLAYED: "true"})
    if earlier.state == "other_body":
        detail = worded("this key was used for another request: take a new one")
        raise Problem("invalid", detail, [Mistake(HEADER, "used", detail)])
    if earlier.state == "interrupted":
        detail = worded(
            "the controller was stopped while it did this, and whether it was done is not known: look at "
            "/api/v1/operations, then take a new key"
        )
        raise Problem("busy", detail, [Mistake(HEADER, "interrupted", detail)])
    raise Problem(
        "busy", worded("the first request with this key is still running"), headers={"Retry-After": "1"}
    )


def _hash_of(call: Call[Any, Any], raw: bytes) -> str:
    """Return what tells one command from another under the same key: also for which containers the token is."""
    request, token = call.request, call.person.token
    containers = "" if token is None else " ".join(sorted(token.containers))
    parts = (request.method.encode(), request.path_qs.encode(), containers.encode(), raw)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
