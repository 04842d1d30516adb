"""What the tests of the simulator's writing side share: a fleet of single miners on loopback, and plain ways of asking."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from simulator.clock import ManualClock
from simulator.fleet import SimulatedFleet
from simulator.miner import SimulatedMiner
from simulator.specs import ContainerSpec, MinerSpec

RPC_PORT, WEB_PORT, V3_PORT = 24028, 28080, 24433
CALM = {"restarts_per_day": 0, "pool_outages_per_day": 0, "chip_deaths_per_day": 0, "board_deaths_per_day": 0}


@asynccontextmanager
async def running(
    model: str, address: str, *, clock: ManualClock | None = None, static: bool = False, **simulate: Any
) -> AsyncIterator[tuple[SimulatedFleet, SimulatedMiner]]:
    """Run one miner `a1` in a container `c`, on a clock that stands."""
    spec = MinerSpec(
        container="c",
        name="a1",
        address=address,
        port=RPC_PORT,
        web_port=WEB_PORT,
        v3_port=V3_PORT,
        model=model,
        simulate=simulate,
    )
    fleet = SimulatedFleet(
        [ContainerSpec(name="c", simulate={"wear": CALM}, miners=(spec,))],
        seed=5,
        clock=clock or ManualClock(),
        static=static,
        control_port=0,
    )
    await fleet.start()
    try:
        yield fleet, fleet.miners[0]
    finally:
        await fleet.stop()


async def rpc(miner: SimulatedMiner, request: dict[str, Any], *, source: str = "127.0.0.1") -> Any:
    """Return the reply to one request on 4028 as JSON; None where the miner closed without one."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(miner.spec.address, RPC_PORT, local_addr=(source, 0))
        try:
            writer.write(json.dumps(request).encode())
            reply = await reader.read()
        finally:
            writer.close()
    return json.loads(reply.rstrip(b"\0").replace(b"\\'", b"'")) if reply else None


async def frame(miner: SimulatedMiner, request: dict[str, Any]) -> Any:
    """Return the reply to one frame as JSON; None where the miner closed without one."""
    asked = json.dumps(request).encode()
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(miner.spec.address, V3_PORT)
        try:
            writer.write(struct.pack("<I", len(asked)) + asked)
            head = await reader.read(4)
            if not head:
                return None
            return json.loads(await reader.readexactly(struct.unpack("<I", head)[0]))
        finally:
            writer.close()


async def web(
    miner: SimulatedMiner, name: str, body: Any = None, *, password: str | None = "root"
) -> tuple[int, Any]:
    """Return status and JSON of a page: GET, or POST where there is a body."""
    url = f"http://{miner.spec.address}:{WEB_PORT}/cgi-bin/{name}.cgi"
    middlewares = () if password is None else (aiohttp.DigestAuthMiddleware("root", password),)
    async with aiohttp.ClientSession(middlewares=middlewares) as session:
        asked = session.get(url) if body is None else session.post(url, data=json.dumps(body).encode())
        async with asked as answer:
            text = (await answer.text()).replace('" : }', '":null}')  # the S19's key without a value
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text


async def control(fleet: SimulatedFleet, path: str, *, method: str = "GET", body: Any = None) -> Any:
    """Return the JSON of the control interface."""
    data = None if body is None else json.dumps(body)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, fleet.control_url + path, data=data) as answer,
    ):
        return await answer.json()
