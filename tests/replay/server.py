"""Servers that replay miners' answers over real loopback sockets: cgminer-style TCP, Whatsminer v3 frames, web CGI.

`fixture_set` loads captured replies from beside the checkout; its result can be handed to a server as it is.
Broken JSON stays broken on the wire: replies given as bytes are sent byte for byte, in a joined answer too.
"""

import asyncio
import hashlib
import json
import re
import secrets
from base64 import b64encode
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pytest
from aiohttp import web

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures"

Replies = Mapping[str, bytes | dict[str, Any] | list[Any]]

CODE_14 = b'{"STATUS":[{"STATUS":"E","When":1700000000,"Code":14,"Msg":"Invalid command","Description":"cgminer"}],"id":1}'
V3_UNKNOWN = b'{"code":-2,"when":1700000000,"msg":"invalid command","desc":"whatsminer"}'


def fixture_set(vendor: str, model: str) -> dict[str, bytes]:
    """Return the captured replies of one device by file stem (`summary`, `get_miner_status_edevs`), or skip the test."""
    folder = FIXTURES / vendor / model
    if not folder.is_dir():
        pytest.skip(f"no captured replies: {folder} is not there")
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def _bytes(reply: object) -> bytes:
    return reply if isinstance(reply, bytes) else json.dumps(reply).encode()


def _find(replies: Replies, command: str, parameter: object, flags: Collection[str]) -> bytes | None:
    """Find a reply under the ways to write its question: `stats?new_api`, `ascset:0,help`, `voltageget_0`, `stats`.

    A captured set writes `get.miner.status` with `edevs` as `get_miner_status_edevs`.
    """
    flat = command.replace(".", "_").replace("-", "_")
    tail = str(parameter).replace("-", "_") if parameter is not None else ""
    keys = [f"{command}?{flag}" for flag in sorted(flags)]
    if tail:
        keys += [f"{command}:{parameter}", f"{flat}_{tail}"]
    keys += [command, flat]
    for key in keys:
        if key in replies:
            return _bytes(replies[key])
    return None


class ReplayServer:
    """One miner's TCP port. Use as an asynchronous context manager; then `.port` is where it listens.

    `replies`: by command (`summary`), command and parameter (`ascset:0,help`), or command and flag
    (`stats?new_api`); bytes are sent as they are. `joins`: True, or the commands that join (others are then left
    out of a joined answer); False answers a joined question with `default`. `nul`: end replies with a NUL byte.
    `keep_open`: do not close after answering. `delay_s`: wait before answering. `v3`: speak Whatsminer v3 frames.
    `asked` lists the questions that came (`summary+pools`), `connections` counts the sockets accepted.
    """

    def __init__(
        self,
        replies: Replies,
        joins: bool | Collection[str] = False,
        nul: bool = True,
        default: bytes | None = None,
        v3: bool = False,
        *,
        keep_open: bool = False,
        delay_s: float = 0.0,
        host: str = "127.0.0.1",
    ) -> None:
        self.replies = replies
        self.joins = joins
        self.nul = nul
        self.default = default if default is not None else (V3_UNKNOWN if v3 else CODE_14)
        self.v3 = v3
        self.keep_open = keep_open
        self.delay_s = delay_s
        self.host = host
        self.port = 0
        self.asked: list[str] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        handlers = list(self._handlers)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    def answer(self, request: dict[str, Any]) -> bytes:
        """Return what a question is answered with, without NUL or frame."""
        command = request.get("cmd") if self.v3 else request.get("command", request.get("cmd"))
        if not isinstance(command, str):
            return self.default
        parameter = request.get("param") if self.v3 else request.get("parameter")
        if self.v3 and isinstance(parameter, str) and "+" in parameter:
            return self._joined_frame(command, parameter)
        if not self.v3 and "+" in command:
            return self._joined(command)
        flags = [key for key, value in request.items() if value is True]
        found = _find(self.replies, command, parameter, flags)
        return self.default if found is None else found

    def _joined(self, command: str) -> bytes:
        if self.joins is False:
            return self.default
        sections = []
        for name in command.split("+"):
            if self.joins is not True and name not in self.joins:
                continue
            found = _find(self.replies, name, None, ())
            reply = (CODE_14 if found is None else found).strip(b"\0 \r\n")
            sections.append(b'"%s":[%s]' % (name.encode(), reply))
        return b"{%s}" % b",".join([*sections, b'"id":1'])

    def _joined_frame(self, command: str, parameter: str) -> bytes:
        merged: dict[str, Any] = {}
        for name in parameter.split("+"):
            found = _find(self.replies, command, name, ())
            if found is None:
                return self.default
            message = json.loads(found)
            merged = {**merged, **message, "msg": {**merged.get("msg", {}), **message["msg"]}}
        return json.dumps(merged).encode()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            request = await (self._read_frame(reader) if self.v3 else self._read_line(reader))
            self.asked.append(self._question(request))
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            reply = self.answer(request)
            if self.v3:
                reply = len(reply).to_bytes(4, "little") + reply
            elif self.nul:
                reply += b"\0"
            writer.write(reply)
            await writer.drain()
            if self.keep_open:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.asked.append("(hung up)")
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            writer.close()
            self._handlers.discard(task)

    def _question(self, request: dict[str, Any]) -> str:
        command = str(request.get("command", request.get("cmd")))
        parameter = request.get("param" if self.v3 else "parameter")
        flags = "".join(f"?{key}" for key, value in request.items() if value is True)
        return command + (f":{parameter}" if parameter is not None else "") + flags

    @staticmethod
    async def _read_line(reader: asyncio.StreamReader) -> dict[str, Any]:
        """Read one JSON object; the client need neither close nor end it with anything, as with cgminer."""
        received = b""
        while True:
            chunk = await reader.read(4096)
            if not chunk:
                raise asyncio.IncompleteReadError(received, None)
            received += chunk
            try:
                request = json.loads(received.strip(b"\0 \r\n"))
            except ValueError:
                continue
            return request if isinstance(request, dict) else {}

    @staticmethod
    async def _read_frame(reader: asyncio.StreamReader) -> dict[str, Any]:
        length = int.from_bytes(await reader.readexactly(4), "little")
        request = json.loads(await reader.readexactly(length))
        return request if isinstance(request, dict) else {}


class WebReplayServer:
    """A miner's web port: `/cgi-bin/<name>.cgi` (and `/<name>`), with digest, basic or no authentication.

    `replies`: by name (`get_system_info`) or path (`/cgi-bin/luci/status`). `asked` lists the paths that were
    answered 200, `refused` counts the answers 401.
    """

    REALM = "antMiner Configuration"

    def __init__(
        self,
        replies: Replies,
        *,
        scheme: Literal["digest", "basic", "none"] = "digest",
        user: str = "root",
        password: str = "root",
        host: str = "127.0.0.1",
    ) -> None:
        self.replies = replies
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = 0
        self.asked: list[str] = []
        self.refused = 0
        self._nonce = secrets.token_hex(16)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        challenge = self._challenge(request)
        if challenge is not None:
            self.refused += 1
            return web.Response(status=401, text="<h1>401</h1>", headers={"WWW-Authenticate": challenge})
        name = request.path.removeprefix("/cgi-bin/").removesuffix(".cgi").strip("/")
        reply = self.replies.get(request.path, self.replies.get(name))
        if reply is None:
            return web.Response(status=404, text="<h1>404 - Not Found</h1>", content_type="text/html")
        self.asked.append(request.path)
        return web.Response(body=_bytes(reply), content_type="text/html")

    def _challenge(self, request: web.Request) -> str | None:
        """Return the challenge to answer with, or None if the request may pass."""
        given = request.headers.get("Authorization", "")
        if self.scheme == "none":
            return None
        if self.scheme == "basic":
            right = "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()
            return None if given == right else f'Basic realm="{self.REALM}"'
        if given.startswith("Digest ") and self._digest_fits(request.method, given):
            return None
        return f'Digest realm="{self.REALM}", nonce="{self._nonce}", qop="auth"'

    def _digest_fits(self, method: str, given: str) -> bool:
        """Check a digest as RFC 2617 has it (MD5, qop=auth)."""
        field = {
            key: quoted or bare for key, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', given)
        }

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        if field.get("username") != self.user or field.get("nonce") != self._nonce:
            return False
        secret = md5(f"{self.user}:{self.REALM}:{self.password}")
        asked = md5(f"{method}:{field.get('uri', '')}")
        right = md5(f"{secret}:{self._nonce}:{field.get('nc')}:{field.get('cnonce')}:auth:{asked}")
        return secrets.compare_digest(field.get("response", ""), right)
