"""Who a miner is, over real sockets: asked once, remembered, asked anew after another firmware, and never in vain."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

import pytest

from miners.client import read_miner
from miners.driver import Memory
from miners.drivers import DRIVERS
from miners.model import PollFailure, Reading, Snapshot, Target
from simulator.build import build_miners
from simulator.miner import SimulatedMiner
from simulator.specs import ContainerSpec, MinerSpec
from tests.replay.hostile import HOSTILE, hostile_server

START = 1_750_000_000.0
CALM = {"restarts_per_day": 0, "pool_outages_per_day": 0, "chip_deaths_per_day": 0, "board_deaths_per_day": 0}


def simulated(model: str, driver: str | None = None, *, start: float = START) -> SimulatedMiner:
    spec = MinerSpec(container="c", name="a1", address="127.0.0.1", model=model, driver=driver)
    container = ContainerSpec(name="c", simulate={"wear": CALM}, miners=(spec,))
    return build_miners([container], seed=3, start=start)[0]


class Site:
    """One address: whatever miner stands there answers on its two ports; the port that its make lacks is closed."""

    def __init__(self) -> None:
        self.port, self.v3_port = _free_port(), _free_port()
        self.asked: list[str] = []
        self.requests: list[dict[str, object]] = []
        self.hangs: set[str] = set()
        self.now = START + 3_600
        self._servers: list[asyncio.Server] = []
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._clear()

    async def place(self, miner: SimulatedMiner) -> None:
        """Put a miner there in the place of the one before."""
        await self._clear()

        async def rpc(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"}")
            self.requests.append(json.loads(request))
            question = str(self.requests[-1]["command"])
            self.asked.append(question)
            if self.hangs & {*question.split("+"), "+" if "+" in question else ""}:
                await reader.read()
            writer.write(miner.reply(request, self.now))

        async def frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "little"))
            self.requests.append(json.loads(request))
            self.asked.append(str(self.requests[-1]["cmd"]))
            reply = miner.frame(request, self.now)
            writer.write(len(reply).to_bytes(4, "little") + reply)

        for answers, serve, port in (
            (miner.device.answers_rpc, rpc, self.port),
            (miner.device.answers_v3, frame, self.v3_port),
        ):
            if answers:
                self._servers.append(await asyncio.start_server(self._closing(serve), "127.0.0.1", port))

    async def read(
        self, memory: Memory, *, driver: str | None = None, timeout_s: float = 5.0, one_port: bool = False
    ) -> Reading:
        self.asked.clear()
        self.now += 1.0
        target = Target(
            container="c",
            miner="m",
            address="127.0.0.1",
            port=self.port,
            v3_port=self.port if one_port else self.v3_port,
            web_port=None,
            driver=driver,
            timeout_s=timeout_s,
        )
        return await read_miner(target, memory)

    def _closing(
        self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._handlers.add(task)
            try:
                await serve(reader, writer)
                await writer.drain()
            finally:
                self._handlers.discard(task)
                writer.close()

        return handle

    async def _clear(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        handlers = list(self._handlers)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def site_with(model: str, driver: str | None = None) -> AsyncIterator[Site]:
    async with Site() as site:
        await site.place(simulated(model, driver))
        yield site


MAKES = [
    ("S9", None, "antminer"),
    ("S19 Pro", None, "antminer"),
    ("S19 Pro", "luxos", "luxos"),
    ("S19 Pro", "vnish", "vnish"),
    ("M30S+", None, "whatsminer_v2"),
    ("M60S", "whatsminer_v3", "whatsminer_v3"),
    ("1246", None, "avalon"),
    ("741", None, "avalon"),
    ("DG1+", None, "elphapex"),
]


@pytest.mark.parametrize(("model", "firmware", "driver"), MAKES)
async def test_a_second_poll_asks_no_identification(model: str, firmware: str | None, driver: str) -> None:
    async with site_with(model, firmware) as site:
        memory = Memory()
        first = await site.read(memory)
        assert isinstance(first, Snapshot)
        assert first.driver == driver
        cold = list(site.asked)
        second = await site.read(memory)
        assert isinstance(second, Snapshot)
        assert second.driver == driver
        assert memory.firmware == f"{first.identity.firmware} {first.identity.firmware_version}"
        # What the poll itself asks, and no more: no question about who it is, nor a join that was refused before.
        assert len(site.asked) < len(cold)
        names = {name for question in site.asked for name in question.split("+")}
        assert names.isdisjoint({"version", "get_version", "devdetails", "get.device.info"})
        assert ("+" in "".join(site.asked)) != memory.no_join or driver == "whatsminer_v3"


READING = {
    *("version", "stats", "summary", "pools", "devs", "edevs", "devdetails", "estats", "litestats", "config"),
    *(
        "temps",
        "fans",
        "power",
        "events",
        "tunerstatus",
        "status",
        "get_version",
        "get_miner_info",
        "get_psu",
    ),
    *("get_error_code", "get.device.info", "get.miner.status"),
}


@pytest.mark.parametrize(("model", "firmware", "driver"), MAKES)
async def test_reading_never_writes(model: str, firmware: str | None, driver: str) -> None:
    """Whatever is asked is a question: also where the driver fits the miner badly, and of one that is asleep or mute."""
    async with site_with(model, firmware) as site:
        for named in (None, driver, *DRIVERS):
            memory = Memory()
            for _ in range(2):
                await site.read(memory, driver=named)
                assert {name for question in site.asked for name in question.split("+")} <= READING
                assert all(
                    request.keys() <= {"command", "cmd", "param", "new_api"} for request in site.requests
                )


CHANGES = [
    (("S19 Pro", None), ("S19 Pro", "luxos"), "luxos"),
    (("S19 Pro", None), ("S19 Pro", "vnish"), "vnish"),
    (("S19 Pro", "luxos"), ("S19 Pro", None), "antminer"),
    (("S19 Pro", "vnish"), ("S19 Pro", None), "antminer"),
    (("S19 Pro", "luxos"), ("S19 Pro", "vnish"), "vnish"),
    (("S19 Pro", "vnish"), ("S19 Pro", "luxos"), "luxos"),
    (("M30S+", None), ("M60S", "whatsminer_v3"), "whatsminer_v3"),
    (("M60S", "whatsminer_v3"), ("M30S+", None), "whatsminer_v2"),
    (("M30S+", None), ("1246", None), "avalon"),
    (("1246", None), ("M30S+", None), "whatsminer_v2"),
    (("1246", None), ("S9", None), "antminer"),
    (("S9", None), ("1246", None), "avalon"),
    (("S9", None), ("S19 Pro", None), "antminer"),
    (("S19 Pro", None), ("S9", None), "antminer"),
    (("M30S+", None), ("S9", None), "antminer"),
    (("DG1+", None), ("S19 Pro", None), "antminer"),
]


@pytest.mark.parametrize("start", [START + 1_800, START - 7_200], ids=["younger", "older"])
@pytest.mark.parametrize(("before", "after", "driver"), CHANGES)
async def test_found_again_after_a_change_of_firmware_or_device(
    before: tuple[str, str | None], after: tuple[str, str | None], driver: str, start: float
) -> None:
    async with Site() as site:
        await site.place(simulated(*before))
        memory = Memory()
        for _ in range(2):
            assert isinstance(await site.read(memory), Snapshot)
        await site.place(simulated(*after, start=start))
        # A poll or two may show it with the other's eyes; the third knows.
        for _ in range(2):
            await site.read(memory)
        reading = await site.read(memory)
        assert isinstance(reading, Snapshot)
        assert reading.driver == driver
        anew = Memory()
        fresh = await site.read(anew)
        assert isinstance(fresh, Snapshot)
        assert memory.no_join == anew.no_join
        assert reading.identity == fresh.identity
        assert reading.hashrate_hs == pytest.approx(fresh.hashrate_hs, rel=0.1)
        assert len(reading.boards) == len(fresh.boards)


@pytest.mark.parametrize(
    ("model", "firmware", "driver"), [make for make in MAKES if make[2] != "whatsminer_v3"]
)
@pytest.mark.parametrize("one_port", [False, True])
async def test_a_miner_that_hangs_on_version_is_read_within_the_time(
    model: str, firmware: str | None, driver: str, one_port: bool
) -> None:
    async with site_with(model, firmware) as site:
        site.hangs = {"version"}
        memory = Memory()
        reading = await site.read(memory, timeout_s=2.0, one_port=one_port)
        assert isinstance(reading, Snapshot)
        assert reading.driver == driver
        assert reading.hashrate_hs
        assert not reading.truncated
        # And from then on without the question.
        again = await site.read(memory, timeout_s=2.0)
        assert isinstance(again, Snapshot)
        assert "version" not in "+".join(site.asked)


async def test_a_miner_that_hangs_on_joined_questions_is_asked_singly_in_the_end() -> None:
    async with site_with("M30S+") as site:
        site.hangs = {"+"}
        memory = Memory(driver="whatsminer_v2")
        readings = [await site.read(memory, timeout_s=1.0) for _ in range(8)]
        assert [isinstance(reading, Snapshot) for reading in readings] == [False, True] * 3 + [True] * 2
        assert memory.no_join


async def test_one_poll_that_hung_costs_no_miner_its_joined_questions() -> None:
    async with site_with("M30S+") as site:
        memory = Memory()
        await site.read(memory)
        for _ in range(5):
            site.hangs = {"+"}
            assert isinstance(await site.read(memory, timeout_s=0.3), PollFailure)
            site.hangs = set()
            for _ in range(2):
                assert isinstance(await site.read(memory), Snapshot)
        assert not memory.no_join
        assert site.asked[0].startswith("summary+")


@pytest.mark.parametrize("behaviour", ["never answers", "a beginning, then hangs"])
async def test_a_port_where_nothing_is_answered_is_given_up_in_time(behaviour: str) -> None:
    async with hostile_server(HOSTILE[behaviour]) as port:
        target = Target(
            container="c",
            miner="m",
            address="127.0.0.1",
            port=port,
            web_port=None,
            v3_port=None,
            timeout_s=0.6,
        )
        reading = await read_miner(target, Memory())
        assert isinstance(reading, PollFailure)
        assert reading.reason == "timeout"
        assert reading.duration_s < 10.0, "far from what a hanging port could take"


async def test_a_web_page_is_tried_though_the_port_between_is_silent() -> None:
    """4028 refuses, so the host is there; that 4433 is dropped by a filter on the way says nothing of the web."""
    async with (
        hostile_server(HOSTILE["never answers"]) as v3_port,
        hostile_server(HOSTILE["a page"]) as web_port,
    ):
        target = Target(
            container="c",
            miner="m",
            address="127.0.0.1",
            port=_free_port(),
            v3_port=v3_port,
            web_port=web_port,
            timeout_s=0.6,
        )
        record: list[tuple[str, bytes]] = []
        reading = await read_miner(target, Memory(), record=record)
        assert isinstance(reading, PollFailure)
        assert reading.reason == "refused"
