"""Replies of simulated miners, damaged on the wire in every way, read and rendered: no driver stumbles, no page breaks.

Each driver asks a simulated miner through a proxy that damages whatever comes back; what was read goes through the
exporter's live state to a page, which both of prometheus_client's parsers have to accept.
"""

import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.fleet import Fleet
from exporter.scrape import END_OF_OPENMETRICS, fleet_pieces
from miners.client import read_miner
from miners.driver import Memory
from miners.inventory.fleet import Container, Inventory, Miner, Origin
from miners.inventory.secrets import target_of
from miners.model import PollFailure, Snapshot
from simulator.fleet import ContainerSpec, MinerSpec, SimulatedFleet
from tests.system.stack import Stack
from tests.unit.miners.strange_documents import assert_sane

EXAMPLES = 600
POLLS = 3
WEB_PORT, RPC_PORT, V3_PORT = 8080, 4028, 4433

# By driver: what the simulator builds.
MODELS: dict[str, dict[str, Any]] = {
    "antminer": {"model": "S19 Pro"},
    "whatsminer_v2": {"model": "M50"},
    "whatsminer_v3": {"model": "M60S"},
    "avalon": {"model": "1246"},
    "elphapex": {"model": "DG1+"},
    "luxos": {"model": "S19k Pro", "device": "luxos"},
    "vnish": {"model": "S19j Pro", "device": "vnish"},
    "cgminer": {"model": "S19", "device": "cgminer"},
}
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "an S9": ("antminer", {"model": "S9"}),
    "an L7": ("antminer", {"model": "L7"}),
    "an old Avalon": ("avalon", {"model": "841"}),
    "a Q": ("avalon", {"model": "Q"}),
}
KINDS = {name: (name, model) for name, model in MODELS.items()} | OTHERS

Damage = tuple[str, float, Any]

_TOKEN = re.compile(rb'"[^"]*"|-?\d+(?:\.\d+)?')
STRANGE = [
    b"NaN", b"-Infinity", b"1e400", b"-1e400", b"1e308", b"9" * 400, b"-1", b"0", b"true", b"null", b"{}", b"[]", b"[[[]]]",
    b"[" * 3000, b'{"a":' * 3000, b'""', b'"' + b"x" * 5000 + b'"', b'"\\ud800"', b'"\\u0000"', b'"a\\"}\\n{b=\\""', b'"\xff\xfe"', b'"',
    b'"1e999"', b'"nan"', b'"-5"', '"Контейнер"'.encode(), b"}", b"]", b",", b"\0",
]  # fmt: skip


def fractions() -> st.SearchStrategy[float]:
    return st.floats(0, 1)


DAMAGES: st.SearchStrategy[list[Damage]] = st.lists(
    st.one_of(
        st.tuples(st.just("put"), fractions(), st.sampled_from(STRANGE)),
        st.tuples(st.just("cut"), fractions(), st.none()),
        st.tuples(st.just("insert"), fractions(), st.binary(min_size=1, max_size=40)),
        st.tuples(st.just("delete"), fractions(), st.integers(1, 300)),
        st.tuples(st.just("repeat"), fractions(), st.integers(1, 600)),
        st.tuples(st.just("flip"), fractions(), st.integers(1, 255)),
        st.tuples(st.just("replace"), fractions(), st.binary(max_size=300)),
    ),
    max_size=6,
)


def damaged(reply: bytes, damages: list[Damage]) -> bytes:
    for kind, where, what in damages:
        at = int(where * len(reply))
        match kind:
            case "put":
                tokens = list(_TOKEN.finditer(reply))
                if tokens:
                    token = tokens[min(int(where * len(tokens)), len(tokens) - 1)]
                    reply = reply[: token.start()] + what + reply[token.end() :]
            case "cut":
                reply = reply[:at]
            case "insert":
                reply = reply[:at] + what + reply[at:]
            case "delete":
                reply = reply[:at] + reply[at + what :]
            case "repeat":
                reply = reply[: at + what] + reply[at:]
            case "flip":
                reply = reply[:at] + bytes(byte ^ what for byte in reply[at : at + 1]) + reply[at + 1 :]
            case _:
                reply = what
    return reply


class Wire:
    """A proxy before one port: what comes back through it is damaged as `damages` says now."""

    def __init__(self, address: str, port: int) -> None:
        self.damages: list[Damage] = []
        self.heads_too = False
        self.frames, self.pages = port == V3_PORT, port == WEB_PORT
        self._to = (address, port)
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self.quiet()

    async def quiet(self) -> None:
        """End what an earlier example has left."""
        for task in list(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            back, forth = await asyncio.open_connection(*self._to)
            try:
                while question := await reader.read(65536):
                    forth.write(question)
                    answer = await back.read(1 << 20)
                    if not self.frames:  # one answer a connection
                        answer += await back.read()
                    writer.write(self._spoilt(answer))
                    await writer.drain()
                    if not self.frames:
                        break
            finally:
                forth.close()
        except (OSError, asyncio.CancelledError):
            return  # the one who asked has had enough, or the example is over
        finally:
            self._busy.discard(task)
            writer.close()

    def _spoilt(self, answer: bytes) -> bytes:
        """Damage the document alone, with its length set right, or the answer as it is with its head."""
        if self.heads_too or not (self.frames or self.pages):
            return damaged(answer, self.damages)
        if self.frames:
            body = damaged(answer[4:], self.damages)
            return len(body).to_bytes(4, "little") + body
        head, parted, document = answer.partition(b"\r\n\r\n")
        document = damaged(document, self.damages)
        length = b"Content-Length: %d" % len(document)
        return re.sub(rb"(?i)content-length: *\d+", length, head) + parted + document


class Rig(NamedTuple):
    """One loop with simulated miners behind wires, and the exporter's state for each."""

    run: Callable[[Any], Any]
    wires: dict[str, list[Wire]]
    containers: dict[str, Container]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    wires: dict[str, list[Wire]] = {}
    containers: dict[str, Container] = {}

    with Stack(tmp_path_factory.mktemp("fuzz")) as stack, asyncio.Runner() as runner:
        specs = {
            name: MinerSpec(
                container="Fuzz", name=name, address=f"127.{stack.network}.1.{place}", port=RPC_PORT, web_port=WEB_PORT, v3_port=V3_PORT,
                manufacturer=None, model=None, driver=None, simulate=model,
            )
            for place, (name, (_, model)) in enumerate(KINDS.items(), 1)
        }  # fmt: skip
        fleet = SimulatedFleet(
            [ContainerSpec(name="Fuzz", timezone="UTC", simulate={}, miners=tuple(specs.values()))],
            static=True,
            control_port=None,
        )

        async def start() -> None:
            await fleet.start()
            for miner in fleet.miners:
                name, ports = miner.spec.name, {}
                wires[name] = [Wire(miner.spec.address, port) for port in miner.ports.values()]
                for role, wire in zip(miner.ports, wires[name], strict=True):
                    ports[role] = await wire.start()
                origin = Origin("targets.yml", 1)
                one = Miner(
                    name=name, container=name, address="127.0.0.1", port=ports.get("rpc"), web_port=ports.get("web"),
                    v3_port=ports.get("v3"), origin=origin,
                )  # fmt: skip
                containers[name] = Container(
                    name=name, id=f"c{len(containers)}", client="volga", connect_timeout_s=1.0, timeout_s=0.4,
                    miners=(one,), origin=origin,
                )  # fmt: skip

        async def stop() -> None:
            for ours in wires.values():
                for wire in ours:
                    await wire.stop()
            await fleet.stop()

        runner.run(start())
        try:
            yield Rig(runner.run, wires, containers)
        finally:
            runner.run(stop())


async def read_and_render(
    rig: Rig, name: str, known: str | None, damages: list[Damage], *, heads_too: bool
) -> list[str]:
    """Poll some times, the first time undamaged; return what each poll came to: `read`, or why not."""
    container = rig.containers[name]
    live, memory = Fleet(), Memory(driver=known)
    await live.apply(Inventory(containers=(container,)), [container], lambda c, m: target_of(c, m, None))
    (state,) = live.miners()
    came_to = []
    for poll in range(POLLS):
        for wire in rig.wires[name]:
            await wire.quiet()
            wire.damages, wire.heads_too = (damages if poll else []), heads_too
        reading = await read_miner(state.target, memory)
        if isinstance(reading, PollFailure):
            assert poll or reading.reason == "timeout", f"an undamaged reply is not read: {reading.detail}"
            assert "could not be understood" not in reading.detail, "the driver has stumbled"
            assert "\n" not in reading.detail
            assert len(reading.detail) < 1000
        else:
            assert isinstance(reading, Snapshot)
            assert_sane(reading)
        came_to.append(reading.reason if isinstance(reading, PollFailure) else "read")
        live.take(state, reading, float(poll * 30))
        check_pages(live)
    return came_to


def check_pages(live: Fleet) -> None:
    containers = list(live.containers.values())
    text = b"".join(fleet_pieces(containers, time.time(), openmetrics=False)).decode()
    for family in parse_text(text):
        for sample in family.samples:
            assert math.isfinite(sample.value), sample
    openmetrics = b"".join(fleet_pieces(containers, time.time(), openmetrics=True)) + END_OF_OPENMETRICS
    assert list(parse_openmetrics(openmetrics.decode()))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", KINDS)
def test_whatever_comes_is_a_reading_or_a_failure(rig: Rig, name: str) -> None:
    driver, _ = KINDS[name]
    came_to: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(damages=DAMAGES, known=st.booleans(), heads_too=st.integers(0, 4).map(lambda number: number == 4))
    @example(damages=[], known=True, heads_too=False)
    @example(damages=[("cut", 0.0, None)], known=True, heads_too=True)
    def each(damages: list[Damage], *, known: bool, heads_too: bool) -> None:
        expected = driver if known else None
        came_to.update(rig.run(read_and_render(rig, name, expected, damages, heads_too=heads_too)))

    each()
    # Of both there was enough: else the damage is too little, or so much that nothing is tried.
    assert came_to["read"] > EXAMPLES
    assert came_to["malformed"] > EXAMPLES / 100
