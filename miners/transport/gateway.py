"""JSON over HTTP to a farm's own service in front of its miners: one POST, one answer, errors translated here.

The service is named by the inventory, not by a stranger; its answers are a stranger's all the same: bounded in size and
time, redirects not followed.
"""

import asyncio
import ssl
from typing import Final

import aiohttp
import orjson

from miners.errors import AuthFailed, Malformed, Refused, TimedOut, Unreachable
from miners.link import Object
from miners.model import Credentials
from miners.transport.exchange import connection_error

MAX_BYTES: Final = 64 << 10
WITHIN_S: Final = 30.0
"""A gateway may read the miner back before it answers, which ours does for 20 s."""


async def post_json(
    url: str, body: Object, credentials: Credentials | None, *, connect_timeout_s: float
) -> tuple[int, Object]:
    """POST a JSON object; return the HTTP status and the object that came ({} where the body is none).

    `credentials` without a user is a bearer token. Raises a PollError for what keeps an answer from coming,
    whose `asked` says whether the question had left.
    """
    headers = {"User-Agent": "hashyard", "Accept": "application/json", "Accept-Encoding": "identity"}
    if credentials is not None:
        try:
            headers["Authorization"] = (
                aiohttp.encode_basic_auth(credentials.user, credentials.password, encoding="utf-8")
                if credentials.user
                else f"Bearer {credentials.password}"
            )
        except ValueError:
            raise AuthFailed(
                f"{url}: the gateway's user may not hold a colon; correct its credentials"
            ) from None
    timeout = aiohttp.ClientTimeout(total=WITHIN_S, sock_connect=connect_timeout_s)
    try:
        async with (
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, auto_decompress=False
            ) as session,
            session.post(url, json=body, headers=headers, allow_redirects=False) as response,
        ):
            raw = await response.content.read(MAX_BYTES + 1)
            while len(raw) <= MAX_BYTES and (more := await response.content.read(MAX_BYTES + 1 - len(raw))):
                raw += more
            status = response.status
    except TimeoutError as error:
        late = TimedOut(f"{url} did not answer in time: is the gateway on?")
        late.asked = not isinstance(error, aiohttp.ConnectionTimeoutError)
        raise late from None
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, ssl.SSLError):
            raise Unreachable(
                f"{url}: no trust between it and this host ({error.os_error.reason or 'TLS'}): mend its certificate, or the "
                "URL's scheme in the inventory"
            ) from None
        raise connection_error(error.os_error, error.host, error.port or 0) from None
    except (aiohttp.InvalidURL, ValueError):
        raise Unreachable(
            f"{url} is not a URL that can be asked: correct the gateway in the inventory"
        ) from None
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        broken = Refused(f"{url} broke off ({type(error).__name__}): is the gateway's address right?")
        broken.asked = True
        raise broken from None
    if len(raw) > MAX_BYTES:
        large = Malformed(f"{url} sent more than {MAX_BYTES >> 10} KiB, which no gateway does: is it one?")
        large.asked = True
        raise large
    try:
        found = orjson.loads(raw) if raw.strip() else {}
    except orjson.JSONDecodeError:
        found = {}
    return status, found if isinstance(found, dict) else {}
