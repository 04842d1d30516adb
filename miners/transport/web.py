"""A miner's web port for reading: HTTP GET with digest authentication (aiohttp's own), or Basic where the server wants that.

Asked rarely, so connections are not kept. Redirects are not followed, cookies not kept, and a body is read up to the
same ceiling as any reply. Passwords go into the request and nowhere else.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import aiohttp
from yarl import URL

from miners.errors import AuthFailed, Malformed, PollError, TimedOut, Unreachable, Unsupported
from miners.model import Credentials
from miners.repair import MAX_BYTES
from miners.transport.exchange import connection_error

DEFAULT_CREDENTIALS: Final = Credentials("root", "root")
"""What the makers ship with (Antminer, Elphapex); tried once, for reading only, where nothing else is given."""

MAX_CONNECTIONS: Final = 64

Method: TypeAlias = Callable[..., Any]
"""A way of asking for a URL over a session: `ClientSession.get`, or another one of the same form."""


class WebClient:
    """The web connections of a process: at most MAX_CONNECTIONS at a time, two to one miner. Needs a running loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, limit_per_host=2, force_close=True)

    def session(
        self,
        digest: aiohttp.DigestAuthMiddleware,
        one_answer: "_OneAnswer",
        traces: Sequence[aiohttp.TraceConfig] = (),
    ) -> aiohttp.ClientSession:
        """Return a session over the shared connections, to be closed by the caller."""
        return aiohttp.ClientSession(
            connector=self._connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(digest, one_answer),
            auto_decompress=False,
            trace_configs=list(traces) or None,
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


class WebDoor:
    """One miner's web port for a while: what it wants as authentication is learnt once and then known.

    What is asked there is the subclass's to say: WebPort reads, WritingPort (posting.py) writes.
    """

    def __init__(self, client: WebClient, address: str, port: int, credentials: Credentials) -> None:
        self._client = client
        self.place = f"{address}:{port}"
        self._address = address
        self._port = port
        self._credentials = credentials
        self._digest: aiohttp.DigestAuthMiddleware | None = None
        self._headers: dict[str, str] = {}

    async def _knock(
        self,
        method: Method,
        path: str,
        *,
        connect_timeout_s: float,
        deadline: float,
        traces: Sequence[aiohttp.TraceConfig] = (),
    ) -> tuple[int, bytes, bool]:
        """Ask for a path by a method; return the status, the body, and whether the deadline or the miner cut that.

        Raises AuthFailed where the credentials cannot be sent at all, and a PollError as on TCP for the rest.
        """
        left = deadline - self._client.loop.time()
        if left <= 0:
            raise TimedOut(
                f"{self.place}: no time was left in the poll to ask for {path}: a longer time-out may help"
            )
        if self._digest is None:
            self._digest = self._make_digest()
        answer = _Answer()
        one_answer = _OneAnswer()
        try:
            async with (
                asyncio.timeout(left),
                self._client.session(self._digest, one_answer, traces) as session,
            ):
                await self._try(method, session, path, connect_timeout_s, answer)
        except TimeoutError as error:
            if answer.body:
                return answer.status, bytes(answer.body), True
            raise TimedOut(
                f"{self.place} did not answer to {path} in time: is the miner's web server on?"
            ) from error
        except aiohttp.ClientPayloadError as error:
            if not answer.status:
                raise _web_error(error, self._address, self._port) from error
            return answer.status, bytes(answer.body), True
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _web_error(error, self._address, self._port) from error
        finally:
            one_answer.close()
        return answer.status, bytes(answer.body), False

    async def _try(
        self,
        method: Method,
        session: aiohttp.ClientSession,
        path: str,
        connect_timeout_s: float,
        answer: "_Answer",
    ) -> None:
        plain, _, query = path.partition("?")
        url = URL.build(scheme="http", host=self._address, port=self._port, path=plain, query_string=query)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s)
        for _ in range(2):
            async with method(
                session, url, allow_redirects=False, timeout=timeout, headers=self._headers
            ) as response:
                answer.status = response.status
                challenge = response.headers.get("WWW-Authenticate", "")
                if response.status == 401 and not self._headers and challenge.lower().startswith("basic"):
                    given = self._credentials
                    authorization = aiohttp.encode_basic_auth(given.user, given.password, encoding="utf-8")
                    self._headers = {"Authorization": authorization}
                    continue
                if 200 <= response.status < 300:
                    await self._read(response, answer.body)
                return

    async def _read(self, response: aiohttp.ClientResponse, body: bytearray) -> None:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_BYTES:
                body.clear()
                raise _too_large(self._address, self._port)

    def _make_digest(self) -> aiohttp.DigestAuthMiddleware:
        if ":" in self._credentials.user:
            raise AuthFailed(
                f"{self.place}: the user of these credentials holds a colon, "
                "which HTTP does not allow; correct the credentials"
            )
        return aiohttp.DigestAuthMiddleware(self._credentials.user, self._credentials.password)


class _Answer:
    """The status and the body so far of what is being asked."""

    def __init__(self) -> None:
        self.status = 0
        self.body = bytearray()


class WebPort(WebDoor):
    """A miner's web port during one poll, for reading: it knows no method but GET.

    `refused`: it does not take these credentials; then it is not asked again. Without credentials the maker's default
    is tried.
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
        super().__init__(client, address, port, credentials or DEFAULT_CREDENTIALS)
        self._given = credentials is not None
        self.refused = refused

    async def get(self, path: str, *, connect_timeout_s: float, deadline: float) -> tuple[bytes, bool]:
        """GET a path; return the body, and whether the deadline or the miner cut it.

        `deadline` is a time of the running loop. Raises AuthFailed on 401 and 403, Unsupported on 404 and redirects,
        and a PollError as on TCP for the rest; nothing else.
        """
        if self.refused:
            raise self._no_entrance()
        status, body, cut = await self._knock(
            aiohttp.ClientSession.get, path, connect_timeout_s=connect_timeout_s, deadline=deadline
        )
        if status == 200:
            return body, cut
        if status in (401, 403):
            self.refused = True
            raise self._no_entrance()
        if status == 404:
            raise Unsupported(f"{self.place} has no page {path}: another firmware, or not this make")
        if 300 <= status < 400:
            raise Unsupported(
                f"{self.place} redirects {path} elsewhere ({status}), which is not followed: is web_port right?"
            )
        raise Malformed(
            f"{self.place} answers to {path} with HTTP status {status}: look at the page in a browser"
        )

    def _no_entrance(self) -> AuthFailed:
        if self._given:
            return AuthFailed(
                f"{self.place} refuses the user or password given: correct the miner's credentials"
            )
        return AuthFailed(
            f"{self.place} wants a password, and the maker's default is not it: give the miner credentials"
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
