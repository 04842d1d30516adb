"""A miner's web port for writing: POST, and those GETs that change something, with digest authentication.

Apart from `web.py`, so that what reads cannot write. Only credentials that were given are used, never a maker's default.
"""

from functools import partial
from typing import Final

import aiohttp
import orjson

from miners.link import Object
from miners.model import Credentials
from miners.transport.web import Method, WebClient, WebDoor
from miners.writing import CommandRefused, NoPermission, NotSupported, WriteError

_CONSENT: Final = (200, 201, 202, 204)


class WritingPort(WebDoor):
    """A miner's web port during one command.

    `left`: a command has left, and the server has not turned it away at the door: it may have been obeyed.
    """

    def __init__(self, client: WebClient, address: str, port: int, credentials: Credentials) -> None:
        super().__init__(client, address, port, credentials)
        self.left = False
        self._trace = aiohttp.TraceConfig()
        self._trace.on_request_headers_sent.append(self._notice)

    async def read(self, path: str, *, connect_timeout_s: float, deadline: float) -> tuple[bytes, bool]:
        """GET a page that has to be known before writing; return the body, and whether it was cut. Errors as `post`."""
        status, body, cut = await self._knock(
            aiohttp.ClientSession.get, path, connect_timeout_s=connect_timeout_s, deadline=deadline
        )
        if status == 200:
            return body, cut
        raise self._refusal(status, path)

    async def post(
        self, path: str, body: Object, *, connect_timeout_s: float, deadline: float
    ) -> tuple[bytes, bool]:
        """POST a JSON object; return the body of the answer, and whether it was cut.

        Raises NoPermission on 401 and 403, NotSupported on 404 and 405, CommandRefused on any other status that is no
        consent, and a PollError as on TCP.
        """
        payload = aiohttp.BytesPayload(orjson.dumps(body), content_type="application/json")
        method = partial(aiohttp.ClientSession.post, data=payload)
        return await self._change(method, path, connect_timeout_s, deadline)

    async def press(self, path: str, *, connect_timeout_s: float, deadline: float) -> tuple[bytes, bool]:
        """GET a page whose being asked for changes something (`reboot.cgi`); as `post`."""
        return await self._change(aiohttp.ClientSession.get, path, connect_timeout_s, deadline)

    async def _change(
        self, method: Method, path: str, connect_timeout_s: float, deadline: float
    ) -> tuple[bytes, bool]:
        before = self.left
        status, body, cut = await self._knock(
            method,
            path,
            connect_timeout_s=connect_timeout_s,
            deadline=deadline,
            traces=(self._trace,),
        )
        if status in _CONSENT:
            return body, cut
        if status in (401, 403, 404, 405):
            self.left = before
        raise self._refusal(status, path)

    async def _notice(self, *about: object) -> None:
        del about
        self.left = True

    def _refusal(self, status: int, path: str) -> WriteError:
        if status in (401, 403):
            return NoPermission(
                f"{self.place} refuses the user or password given: correct the miner's credentials"
            )
        if status in (404, 405):
            return NotSupported(
                f"{self.place} has no page {path} to write to: another firmware, or not this make"
            )
        return CommandRefused(
            f"{self.place} answers to {path} with HTTP status {status}: look at the page in a browser"
        )
