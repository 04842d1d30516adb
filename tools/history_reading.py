"""Reads simulated miners of the past without a socket: the driver's own questions go to the simulated device directly.

A reading is made of the same two halves as in earnest, the maker's words from the simulator and their meaning from the
driver, so a series of the past is what the exporter would have shown. Only the network between them is left out.
"""

from datetime import UTC, datetime
from typing import Any, cast

import orjson

from miners.ask import TcpLink, request_bytes
from miners.draft import conclude
from miners.driver import Memory
from miners.drivers import DRIVERS
from miners.errors import AuthFailed, Malformed, PollError, Refused, TimedOut, Unsupported
from miners.identify import find_driver
from miners.link import Object
from miners.model import PollFailure, Reading, Target
from miners.repair import Document, parse_reply
from simulator.fault import Manners
from simulator.hostility import hostile_reply
from simulator.miner import SimulatedMiner

POLL_S = 0.02
"""How long a question takes a miner that answers at once, about."""


class PastLink(TcpLink):
    """The ports of one simulated miner at one moment of the past. Raises what the network would have raised."""

    def __init__(self, miner: SimulatedMiner, target: Target, *, now: float) -> None:
        """`now`: unix seconds of the moment; the miner's body has been brought there."""
        super().__init__(target, now=now, deadline=float("inf"))
        self._miner = miner
        self.waited_s = POLL_S

    async def ask(self, command: str, parameter: str | None = None, **more: object) -> Object:
        """Ask one command of the cgminer-style port (see Link)."""
        given = {} if parameter is None else {"parameter": parameter}
        self._knock("rpc")
        reply = self._spoilt(
            self._miner.reply(request_bytes({"command": command, **given, **more}), self.now)
        )
        return self._object_of(reply)

    async def frame(self, command: str, parameter: object = None) -> Object:
        """Ask one command of the v3 port (see Link)."""
        request: Object = {"cmd": command} if parameter is None else {"cmd": command, "param": parameter}
        self._knock("v3")
        return self._object_of(self._spoilt(self._miner.frame(request_bytes(request), self.now)))

    async def web(self, path: str) -> Object | list[Any]:
        """GET a page (see Link)."""
        self._knock("web")
        miner, given = self._miner, self.target.credentials
        password = miner.device.default_password if given is None else given.password
        if miner.physics.manners.wrong_password or password != miner.orders.password:
            raise AuthFailed(f"{self.target.address}: the password is another one")
        page = miner.web(path, self.now)
        if page is None:
            raise Unsupported(f"{self.target.address}: there is no page {path}")
        return self._document(self._spoilt(page))

    def _knock(self, port: str) -> None:
        """Raise what a connection to a port would raise now, and take the time that the miner takes."""
        address, manners = self.target.address, self._miner.physics.manners
        if self._miner.physics.down or port not in self._miner.ports:
            raise Refused(f"{address} refuses the connection")
        self.waited_s += manners.delay_s
        if manners.silent or self.waited_s > self.target.timeout_s:
            raise TimedOut(f"{address} did not answer in time")

    def _spoilt(self, reply: bytes) -> bytes:
        """Return what of a reply arrives in time."""
        manners: Manners = self._miner.physics.manners
        if manners.hostility:
            return hostile_reply(manners.hostility)
        if manners.cut_ratio is not None:
            return reply[: int(len(reply) * manners.cut_ratio)]
        if manners.drip_s is not None:
            come = int((self.target.timeout_s - self.waited_s) / manners.drip_s)
            if come < len(reply):
                raise TimedOut(f"{self.target.address} had not finished answering in time")
        return reply

    def _document(self, raw: bytes) -> Document:
        try:
            return cast("Document", orjson.loads(raw))
        except orjson.JSONDecodeError:
            document, truncated = parse_reply(raw)
        self.truncated = self.truncated or truncated
        return document

    def _object_of(self, raw: bytes) -> Object:
        document = self._document(raw)
        if isinstance(document, dict):
            return document
        raise Malformed(f"{self.target.address} answers with a list where an object belongs")


async def read_past(miner: SimulatedMiner, target: Target, memory: Memory, now: float) -> Reading:
    """Return what a poll at `now` (unix seconds, not before the one asked for last) would have given."""
    miner.physics.advance(now)
    link = PastLink(miner, target, now=now)
    try:
        name = target.driver or memory.driver
        if name is None:
            name = memory.driver = await find_driver(link, memory)
        driver = DRIVERS[name]
        draft = await driver.read(link, memory)
        if draft.manufacturer is None:
            draft.manufacturer = driver.manufacturer
        snapshot = conclude(
            draft,
            target,
            driver=driver.name,
            warm_up_s=driver.warm_up_s,
            now=now,
            duration_s=link.waited_s,
            truncated=link.truncated,
        )
    except PollError as error:
        return PollFailure(
            container=target.container,
            miner=target.miner,
            address=target.address,
            taken_at=datetime.fromtimestamp(now, UTC),
            duration_s=link.waited_s,
            reason=error.reason,
            detail=str(error) or error.reason,
            driver=memory.driver,
        )
    memory.notice_run(snapshot.mining_s, now)
    return snapshot
