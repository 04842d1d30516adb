"""A miner's web port: HTTP GET with digest authentication (aiohttp's own), or Basic where the server wants that.

Asked rarely, so connections are not kept. Redirects are not followed, cookies not kept, and a body is read up to the
same ceiling as any reply. Passwords go into the request and nowhere else.
"""

import asyncio
from typing import Final

import aiohttp
from yarl import URL

from miners.errors import AuthFailed, Malformed, PollError, TimedOut, Unreachable, Unsupported
from miners.model import Credentials
from miners.repair import MAX_BYTES
from miners.transport.exchange import connection_error

DEFAULT_CREDENTIALS: Final = Credentials("root", "root")
"""What the makers ship with (Antminer, Elphapex); tried once, for reading only, where nothing else is given."""

MAX_CONNECTIONS: Final = 64


class WebClient:
    """The web connections of a process: at most MAX_CONNECTIONS at a time, two to one miner. Needs a running loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, limit_per_host=2, force_close=True)

    def session(
        self, digest: aiohttp.DigestAuthMiddleware, one_answer: "_OneAnswer"
    ) -> aiohttp.ClientSession:
        """Return a session over the shared connections, to be closed by the caller."""
        return aiohttp.ClientSession(
            connector=self._connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(digest, one_answer),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "hashyard"},
        )


class _OneAnswer:
    """Closes each answer before the next question, and the last one with `close`.

    The digest lets go of the answer that asked for the password without closing it: where the rest of that never
    comes, it would hold one of the shared connections.
    """

    def __init__(self) -> None:
        self._answer: aiohttp.ClientResponse | None = None

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        self.close()
        self._answer = await handler(request)
        return self._answer

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None


class WebPort:
    """One miner's web port during one poll: what it wants as authentication is learnt once and then known.

    `refused`: it does not take these credentials; then it is not asked again.
    """

    def __init__(
        self,
        client: WebClient,
        address: str,
        port: int,
        credentials: Credentials | None,
        *,
        refused: bool = False,
    ) -> None:
        self._client = client
        self._address = address
        self._port = port
        self._given = credentials is not None
        self._credentials = credentials or DEFAULT_CREDENTIALS
        self._digest: aiohttp.DigestAuthMiddleware | None = None
        self._headers: dict[str, str] = {}
        self.refused = refused

    async def get(self, path: str, *, connect_timeout_s: float, deadline: float) -> tuple[bytes, bool]:
        """GET a path; return the body, and whether the deadline or the miner cut it.

        `deadline` is a time of the running loop. Raises AuthFailed on 401 and 403, Unsupported on 404 and redirects,
        and a PollError as on TCP for the rest; nothing else.
        """
        place = f"{self._address}:{self._port}"
        left = deadline - self._client.loop.time()
        if left <= 0:
            raise TimedOut(
                f"{place}: no time was left in the poll to ask for {path}: a longer time-out may help"
            )
        if self.refused:
            raise self._no_entrance()
        if self._digest is None:
            self._digest = self._make_digest()
        body = bytearray()
        one_answer = _OneAnswer()
        try:
            async with (
                asyncio.timeout(left),
                self._client.session(self._digest, one_answer) as session,
            ):
                status = await self._get(session, path, connect_timeout_s, body)
        except TimeoutError as error:
            if body:
                return bytes(body), True
            raise TimedOut(
                f"{place} did not answer to {path} in time: is the miner's web server on?"
            ) from error
        except aiohttp.ClientPayloadError:
            return bytes(body), True
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _web_error(error, self._address, self._port) from error
        finally:
            one_answer.close()
        if status == 200:
            return bytes(body), False
        if status in (401, 403):
            self.refused = True
            raise self._no_entrance()
        if status == 404:
            raise Unsupported(f"{place} has no page {path}: another firmware, or not this make")
        if 300 <= status < 400:
            raise Unsupported(
                f"{place} redirects {path} elsewhere ({status}), which is not followed: is web_port right?"
            )
        raise Malformed(f"{place} answers to {path} with HTTP status {status}: look at the page in a browser")

    async def _get(
        self, session: aiohttp.ClientSession, path: str, connect_timeout_s: float, body: bytearray
    ) -> int:
        plain, _, query = path.partition("?")
        url = URL.build(scheme="http", host=self._address, port=self._port, path=plain, query_string=query)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s)
        for _ in range(2):
            async with session.get(
                url, allow_redirects=False, timeout=timeout, headers=self._headers
            ) as response:
                challenge = response.headers.get("WWW-Authenticate", "")
                if response.status == 401 and not self._headers and challenge.lower().startswith("basic"):
                    given = self._credentials
                    authorization = aiohttp.encode_basic_auth(given.user, given.password, encoding="utf-8")
                    self._headers = {"Authorization": authorization}
                    continue
                if response.status == 200:
                    await self._read(response, body)
                return response.status
        return 401

    async def _read(self, response: aiohttp.ClientResponse, body: bytearray) -> None:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_BYTES:
                body.clear()
                raise _too_large(self._address, self._port)

    def _make_digest(self) -> aiohttp.DigestAuthMiddleware:
        if ":" in self._credentials.user:
            raise AuthFailed(
                f"{self._address}:{self._port}: the user of these credentials holds a colon, "
                "which HTTP does not allow; correct the credentials"
            )
        return aiohttp.DigestAuthMiddleware(self._credentials.user, self._credentials.password)

    def _no_entrance(self) -> AuthFailed:
        place = f"{self._address}:{self._port}"
        if self._given:
            return AuthFailed(f"{place} refuses the user or password given: correct the miner's credentials")
        return AuthFailed(
            f"{place} wants a password, and the maker's default is not it: give the miner credentials"
        )


def shared_client() -> WebClient:
    """Return the running loop's WebClient. It holds nothing open between questions, so nobody has to close it."""
    if not _shared or _shared[0].loop is not asyncio.get_running_loop():
        _shared[:] = [WebClient()]
    return _shared[0]


_shared: list[WebClient] = []


def _too_large(address: str, port: int) -> Malformed:
    return Malformed(
        f"{address}:{port} sent more than {MAX_BYTES >> 20} MiB, which no miner does: is it one?"
    )


def _web_error(error: Exception, address: str, port: int) -> PollError:
    if isinstance(error, aiohttp.ClientConnectorError):
        return connection_error(error.os_error, address, port)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return connection_error(ConnectionResetError(), address, port)
    if isinstance(error, OSError):
        return connection_error(error, address, port)
    if isinstance(error, aiohttp.ClientError):
        return Malformed(
            f"{address}:{port} does not speak proper HTTP ({type(error).__name__}): is the port right?"
        )
    return Unreachable(f"{address}:{port} cannot be asked over HTTP: check the address")
