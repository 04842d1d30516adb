"""A stage for writing: one simulated miner on real sockets, and a clock that runs ahead as the writing side waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from miners.actions import Action
from miners.apply import Applied, apply
from miners.driver import Memory
from miners.model import Credentials, Identity, Snapshot, Target
from miners.writing import Session, Writer
from simulator.clock import ManualClock
from simulator.fleet import SimulatedFleet
from simulator.miner import SimulatedMiner
from simulator.orders import Received
from simulator.specs import ContainerSpec, MinerSpec

SECRET = "opensesame-5r7"
CONTAINER = "north"
PORTS_FOLLOW_S = 0.02


class StageClock:
    """The simulated time, moved on by whoever sleeps. `slept`: how long they wanted to."""

    def __init__(self) -> None:
        self.simulated = ManualClock()
        self.slept: list[float] = []

    def now(self) -> float:
        return self.simulated.now()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.simulated.advance(seconds)
        await asyncio.sleep(PORTS_FOLLOW_S)


class Stage:
    """One miner to write to. `password`: what the writing side is given, None for no credentials."""

    def __init__(
        self,
        fleet: SimulatedFleet,
        clock: StageClock,
        spec: MinerSpec,
        credentials: Credentials | None,
        gateway_credentials: Credentials | None = None,
    ) -> None:
        self.fleet = fleet
        self.clock = clock
        self.session = Session()
        self.memory = Memory()
        self.intents = 0
        self.target = Target(
            container=spec.container,
            miner=spec.name,
            address=spec.address,
            port=spec.port,
            web_port=spec.web_port,
            v3_port=spec.v3_port,
            credentials=credentials,
            gateway=fleet.gateways[0].url if fleet.gateways else None,
            gateway_credentials=gateway_credentials,
            connect_timeout_s=1.0,
            timeout_s=1.0,
        )

    @property
    def miner(self) -> SimulatedMiner:
        found = self.fleet.find(self.target.container, self.target.miner)
        assert found is not None
        return found

    @property
    def received(self) -> list[Received]:
        return self.miner.received

    async def do(
        self,
        action: Action,
        *,
        writer: Writer | None = None,
        before: Snapshot | None = None,
        expected: Identity | None = None,
    ) -> Applied:
        async def on_sent() -> None:
            self.intents += 1

        done = await apply(
            self.target,
            action,
            writer=writer,
            session=self.session,
            memory=self.memory,
            clock=self.clock,
            before=before,
            expected=expected,
            on_sent=on_sent,
        )
        outcome = done.outcome
        assert SECRET not in repr(done)
        assert outcome.detail == " ".join(outcome.detail.split()) != ""
        assert outcome.action == action
        # Nothing leaves without its intent recorded before.
        assert not (outcome.sent and not self.intents)
        return done


async def until(holds: Callable[[], object], *, within_s: float = 5.0) -> None:
    """Wait until something is so, looking each time that the loop has gone round; fail where it takes longer."""
    async with asyncio.timeout(within_s):
        while True:
            if holds():
                return
            await asyncio.sleep(0)


@asynccontextmanager
async def stage(
    address: str,
    model: str,
    *,
    credentials: Credentials | None = None,
    web_port: int | None = 28080,
    gateway: Mapping[str, Any] | None = None,
    gateway_credentials: Credentials | None = None,
    **simulate: Any,
) -> AsyncIterator[Stage]:
    """Start one simulated miner, behind a gateway if there is to be one; `simulate`: what its mapping would say."""
    wishes: Mapping[str, Any] = {key: wish for key, wish in simulate.items() if wish is not None}
    spec = MinerSpec(
        container=CONTAINER,
        name="a1",
        address=address,
        port=24028,
        web_port=web_port,
        v3_port=24433,
        model=model,
        simulate=wishes,
    )
    clock = StageClock()
    around = {} if gateway is None else {"gateway": gateway}
    fleet = SimulatedFleet(
        [ContainerSpec(name=CONTAINER, simulate=around, miners=(spec,))],
        clock=clock.simulated,
        control_port=None,
    )
    await fleet.start()
    try:
        clock.simulated.advance(3600.0)
        yield Stage(fleet, clock, spec, credentials, gateway_credentials)
    finally:
        await fleet.stop()
