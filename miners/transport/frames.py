"""Whatsminer API v3 on TCP 4433: a frame each way, four bytes of length (little-endian) and then JSON."""

import asyncio

from miners.errors import Malformed
from miners.repair import MAX_BYTES, excerpt
from miners.transport.exchange import Reply, exchange


async def ask_frame(
    address: str, port: int, request: bytes, *, connect_timeout_s: float, deadline: float
) -> tuple[bytes, bool]:
    """Ask one question (`request` without its frame); return the JSON bytes and whether the deadline cut them.

    `deadline` is a time of the running loop. Raises a PollError and nothing else; Malformed where what answers does
    not speak v3.
    """
    framed = len(request).to_bytes(4, "little") + request
    reply = _FrameReply(framed, deadline, asyncio.get_running_loop())
    ending = await exchange(reply, address, port, connect_timeout_s)
    head, body = bytes(reply.received[:4]), bytes(reply.received[4:])
    length = int.from_bytes(head, "little")
    if length > MAX_BYTES or len(head) < 4:
        foreign = Malformed(
            f"{address}:{port} does not speak Whatsminer v3, it answers "
            f"{excerpt((head + body).decode('utf-8', 'replace'))}: is it the port of another API?"
        )
        foreign.asked = True
        raise foreign
    return body[:length], ending == "expired" and len(body) < length


class _FrameReply(Reply):
    """Ends when as much has come as its first four bytes say, or when they cannot be a length."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Look for the end in what came."""
        if self.ended.done():
            return
        super().data_received(data)
        if len(self.received) < 4:
            return
        length = int.from_bytes(self.received[:4], "little")
        # Text, such as JSON without a frame, reads as a length of more than 500 MiB.
        if length > MAX_BYTES or len(self.received) >= 4 + length:
            self.end("whole")
