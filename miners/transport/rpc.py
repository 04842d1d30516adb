"""The cgminer-style API over TCP: one JSON object asked, one answered, on one connection.

A reply ends with a NUL byte or with the connection; firmwares that send no NUL and keep the connection open are
found out by a pause after a closing brace. What the bytes mean is read elsewhere (miners/repair.py).
"""

import asyncio
import re
from typing import Final

from miners.repair import MAX_BYTES
from miners.transport.exchange import Reply, exchange

IDLE_S: Final = 0.25
"""A pause of this length after a closing brace is worth a look whether the reply is whole."""

_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


async def ask_bytes(
    address: str, port: int, request: bytes, *, connect_timeout_s: float, deadline: float
) -> tuple[bytes, bool]:
    """Ask one question; return the bytes of the reply without its NUL, and whether the deadline cut it.

    `deadline` is a time of the running loop. A reply that the miner itself cut short comes as it is: the parser
    tells. Raises a PollError and nothing else.
    """
    reply = _RpcReply(request, deadline, asyncio.get_running_loop())
    ending = await exchange(reply, address, port, connect_timeout_s)
    return bytes(reply.received), ending == "expired"


class _RpcReply(Reply):
    """Ends at NUL, at the end of the connection, or when it is whole and nothing more comes."""

    __slots__ = ("_worth_checking",)

    def __init__(self, request: bytes, deadline: float, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(request, deadline, loop)
        # Looking is linear, but a miner could make it happen often: all looks together read no more than this.
        self._worth_checking = MAX_BYTES

    def data_received(self, data: bytes) -> None:
        """Look for the end in what came."""
        if self.ended.done():
            return
        end = data.find(b"\0")
        super().data_received(data if end < 0 else data[:end])
        if end >= 0:
            self.end("whole")
            return
        self.due = self.deadline
        if data.rstrip()[-1:] == b"}":
            self.due = min(self.deadline, self.ended.get_loop().time() + IDLE_S)

    def overdue(self, now: float) -> None:
        """Look whether the reply is whole, or give up at the deadline."""
        if self.transport is None or now >= self.deadline:
            super().overdue(now)
            return
        self.due = self.deadline
        self._worth_checking -= len(self.received)
        if self._worth_checking >= 0 and _is_whole(self.received):
            self.end("whole")


def _is_whole(received: bytes | bytearray) -> bool:
    """Return whether every bracket outside strings is closed."""
    bare = _STRING.sub(b"", received)
    return (
        b'"' not in bare and bare.count(b"{") == bare.count(b"}") > 0 and bare.count(b"[") == bare.count(b"]")
    )
