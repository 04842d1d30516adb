"""The Hand over real sockets: a Link that can also write (see Hand in `miners/writing.py`).

Nothing is recorded of what is sent or answered, and only credentials that were given are used.
"""

import asyncio
from typing import Any

from miners.ask import TcpLink, request_bytes
from miners.errors import Malformed, PollError
from miners.link import Object
from miners.model import Target
from miners.repair import parse_reply
from miners.transport.frames import ask_frame
from miners.transport.posting import WritingPort
from miners.transport.rpc import ask_bytes
from miners.transport.web import WebClient, shared_client
from miners.writing import NoPermission


class TcpHand(TcpLink):
    """One miner's ports during one command. `now`: of the clock that was handed in; `left`: see Hand."""

    def __init__(self, target: Target, *, now: float, web: WebClient | None = None) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(target, now=now, deadline=loop.time() + target.timeout_s, web=web)
        self._left = False
        self._writing: WritingPort | None = None

    @property
    def left(self) -> bool:
        """Whether a command has left that may have been obeyed."""
        return self._left or (self._writing is not None and self._writing.left)

    @left.setter
    def left(self, left: bool) -> None:
        self._left = left

    async def tell(self, request: Object) -> Object:
        """Send any JSON object to `target.port`; return the reply object (see Hand)."""
        port = self._port("port", self.target.port, "a command")
        return await self._tell(ask_bytes, port, request)

    async def tell_frame(self, request: Object) -> Object:
        """Send any JSON object to `target.v3_port` in a frame; return the reply object (see Hand)."""
        port = self._port("v3_port", self.target.v3_port, "a command")
        return await self._tell(ask_frame, port, request)

    async def _tell(self, transport: Any, port: int, request: Object) -> Object:
        try:
            raw, cut = await transport(
                self.target.address,
                port,
                request_bytes(request),
                connect_timeout_s=self.target.connect_timeout_s,
                deadline=self._deadline,
            )
        except PollError as error:
            self._left |= error.asked
            raise
        self._left = True
        return self._object(await self._parse("a command", port, raw, cut), "a command", port)

    async def web(self, path: str) -> Object | list[Any]:
        """GET a page with the given credentials and no others; return its JSON document."""
        door, port = self._door(path)
        raw, cut = await door.read(
            path, connect_timeout_s=self.target.connect_timeout_s, deadline=self._deadline
        )
        return await self._parse(path, port, raw, cut)

    async def post(self, path: str, body: Object) -> Object:
        """POST a JSON object; return the reply object (see Hand)."""
        door, port = self._door(path)
        raw, cut = await door.post(
            path, body, connect_timeout_s=self.target.connect_timeout_s, deadline=self._deadline
        )
        if not raw.strip() and not cut:
            return {}
        return self._object(await self._parse(path, port, raw, cut), path, port)

    async def press(self, path: str) -> Object:
        """GET a page whose being asked for changes something; return the reply object, {} where it is none."""
        door, _ = self._door(path)
        raw, _ = await door.press(
            path, connect_timeout_s=self.target.connect_timeout_s, deadline=self._deadline
        )
        try:
            document, _ = parse_reply(raw)
        except Malformed:
            return {}  # a miner that goes down answers with a page for people, or with half of one
        return document if isinstance(document, dict) else {}

    def _door(self, path: str) -> tuple[WritingPort, int]:
        port = self._port("web_port", self.target.web_port, path)
        if self._writing is None:
            if self.target.credentials is None:
                raise NoPermission(
                    f"{self.target.address}:{port}: no password is configured for this miner, and writing never tries "
                    "the maker's default: give it credentials in targets.yml"
                )
            client = self._web_client or shared_client()
            self._writing = WritingPort(client, self.target.address, port, self.target.credentials)
        return self._writing, port

    def _port(self, name: str, port: int | None, question: str) -> int:
        # A command may take several questions; each has its own time, so that the last is not cut short by the first.
        self._deadline = asyncio.get_running_loop().time() + self.target.timeout_s
        return super()._port(name, port, question)
