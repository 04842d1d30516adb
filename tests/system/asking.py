"""Asking a whole controller over HTTP, in the quiet loop in which it and its fleet run."""

import json
import socket
from collections.abc import Callable
from typing import Any, TypeAlias

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

from tests.system.whole_controller import Yard

Keep: TypeAlias = Callable[[str, str], None]


class Asker:
    """Asks the controller over HTTP. `keep`: takes every answer but those that are there to show a secret once. `last`: the last
    answer's body as it came."""

    def __init__(self, on: Yard, port: int, keep: Keep = lambda _where, _text: None) -> None:
        self.on, self.keep = on, keep
        self.last = ""
        self.http = ClientSession(
            f"http://127.0.0.1:{port}", cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=None)
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        secret: bool = False,
        seconds: float = 0.0,
        **headers: str,
    ) -> tuple[int, Any, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}

        async def once() -> tuple[int, Any, str]:
            async with self.http.request(
                method, path, json=body, headers=sent, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers, await answer.text()

        status, told, text = await (self.on.do(once(), seconds) if seconds else once())
        self.last = text
        if not secret:
            shown = "\n".join(f"{name}: {value}" for name, value in told.items())
            self.keep(f"{method} {path} {status}", f"{shown}\n{text}")
        found = json.loads(text) if "json" in told.get("Content-Type", "") and text else text
        return status, told, found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
