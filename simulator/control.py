"""The simulator's own HTTP interface, on loopback: the fleet, the truth about it, and faults and orders while it runs."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from simulator.faults import as_mapping, read_faults
from simulator.gateway import Gateway
from simulator.miner import SimulatedMiner
from simulator.truth import Truth

AT_ONCE = 20  # miners brought up to date before others get a turn
METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Families: TypeAlias = Mapping[str, tuple[str, Callable[[Truth], float]]]


class Fleet(Protocol):
    """What the interface needs of the fleet."""

    @property
    def miners(self) -> Sequence[SimulatedMiner]:
        """All miners."""
        ...

    @property
    def gateways(self) -> Sequence[Gateway]:
        """The token gateways of the containers that have one."""
        ...

    def now(self) -> float:
        """Return the simulated time, seconds since the epoch."""
        ...

    def find(self, container: str, miner: str) -> SimulatedMiner | None:
        """Return a miner by its names."""
        ...

    async def align(self, miner: SimulatedMiner) -> None:
        """Open and close the miner's ports as its body now has it."""
        ...


def control_app(fleet: Fleet) -> web.Application:
    """Return the application. Errors are JSON: `{"mistakes": [one line each]}`."""
    interface = _Interface(fleet)
    app = web.Application(middlewares=[_mistakes_as_json])
    miner = r"/miners/{container:[^/]+}/{miner:[^/]+}"  # names in any script, with braces as well
    app.router.add_get("/fleet", interface.show_fleet)
    app.router.add_get("/truth", interface.show_truth)
    app.router.add_get("/received", interface.show_received)
    app.router.add_get("/metrics", interface.show_metrics)
    app.router.add_get(f"{miner}/faults", interface.show_faults)
    app.router.add_post(f"{miner}/faults", interface.add_faults)
    app.router.add_delete(f"{miner}/faults", interface.remove_faults)
    app.router.add_delete(miner + "/faults/{name}", interface.remove_faults)
    app.router.add_post(f"{miner}/state", interface.order)
    return app


@web.middleware
async def _mistakes_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as refused:
        if refused.status < 400:
            raise
        return _json({"mistakes": [refused.text or refused.reason]}, status=refused.status)


class _Interface:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def show_fleet(self, request: web.Request) -> web.Response:
        """GET /fleet: every miner, where it listens and what is wrong with it; and the gateways before them."""
        miners = self._chosen(request)
        rows = [
            {
                "container": miner.spec.container,
                "miner": miner.spec.name,
                "address": miner.spec.address,
                "ports": miner.ports,
                "device": miner.device_name,
                "model": miner.physics.figures.reported,
                "faults": [as_mapping(fault) for fault in miner.physics.faults()],
            }
            for miner in miners
        ]
        gateways = [{"container": one.container, "url": one.url} for one in self._fleet.gateways]
        return _json({"now": self._fleet.now(), "miners": rows, "gateways": gateways})

    async def show_truth(self, request: web.Request) -> web.Response:
        """GET /truth[?container=…[&miner=…]]: what was and is so, each miner at the time it was asked."""
        return _json({"now": self._fleet.now(), "miners": await self._truths(self._chosen(request))})

    async def show_received(self, request: web.Request) -> web.Response:
        """GET /received[?container=…[&miner=…]][&since=…]: the commands that came in at `since` or later, by time.

        `received`: what changes something; `sessions`: what only opens, closes or asks for a session or a token.
        """
        try:
            since = float(request.query.get("since", "-inf"))
        except ValueError:
            raise web.HTTPBadRequest(text="since: seconds since the epoch are wanted") from None
        miners = self._chosen(request)
        found = {
            kind: sorted(
                (one for miner in miners for one in getattr(miner.orders, kind) if one.at >= since),
                key=lambda one: one.at,
            )
            for kind in ("received", "sessions")
        }
        return _json({"now": self._fleet.now(), **found})

    async def show_metrics(self, request: web.Request) -> web.Response:
        """GET /metrics: the truth as Prometheus text, under names that no exporter uses."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_TruthCollector(await self._truths(self._chosen(request))))
        return web.Response(body=generate_latest(registry), headers={"Content-Type": METRICS_CONTENT_TYPE})

    async def show_faults(self, request: web.Request) -> web.Response:
        """GET …/faults: the faults of one miner, in the form they are asked for in."""
        return _json({"faults": [as_mapping(fault) for fault in self._miner(request).physics.faults()]})

    async def add_faults(self, request: web.Request) -> web.Response:
        """POST …/faults: one fault or a list of them."""
        miner = self._miner(request)
        mistakes: list[str] = []
        faults = read_faults(await _body(request), "faults", mistakes)
        for fault in faults:
            misfit = fault.misfit(miner.physics.figures, miner.device_name)
            if misfit:
                mistakes.append(f"{fault.name}: {misfit}")
        if mistakes:
            return _json({"mistakes": mistakes}, status=400)
        miner.add_faults(faults, self._fleet.now())
        await self._fleet.align(miner)
        return _json({"faults": [as_mapping(fault) for fault in miner.physics.faults()]}, status=201)

    async def remove_faults(self, request: web.Request) -> web.Response:
        """DELETE …/faults[/NAME]: all faults, or those of one name."""
        miner = self._miner(request)
        name = request.match_info.get("name")
        removed = miner.remove_faults(name, self._fleet.now())
        if name is not None and not removed:
            raise web.HTTPNotFound(text=f"the miner has no fault {name!r}")
        await self._fleet.align(miner)
        return _json({"removed": removed})

    async def order(self, request: web.Request) -> web.Response:
        """POST …/state: any of asleep, mode, power_percent, power_limit_w, preset, locating; and reboot."""
        miner = self._miner(request)
        wished = await _body(request)
        if not isinstance(wished, dict) or not wished:
            raise web.HTTPBadRequest(text='an object is wanted, such as {"asleep": true}')
        reboot = wished.pop("reboot", False)
        if not isinstance(reboot, bool):
            raise web.HTTPBadRequest(text="reboot: true or false is wanted")
        before = miner.physics.setting
        try:
            setting = msgspec.convert(msgspec.structs.asdict(before) | wished, type(before))
        except msgspec.ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        now = self._fleet.now()
        if setting != before:
            miner.order(setting, now)
        if reboot:
            miner.reboot(now)
        await self._fleet.align(miner)
        return _json(miner.truth(now))

    def _miner(self, request: web.Request) -> SimulatedMiner:
        container, name = request.match_info["container"], request.match_info["miner"]
        miner = self._fleet.find(container, name)
        if miner is None:
            raise web.HTTPNotFound(text=f"no miner {name!r} in a container {container!r}")
        return miner

    def _chosen(self, request: web.Request) -> list[SimulatedMiner]:
        container, name = request.query.get("container"), request.query.get("miner")
        return [
            miner
            for miner in self._fleet.miners
            if (container is None or miner.spec.container == container)
            and (name is None or miner.spec.name == name)
        ]

    async def _truths(self, miners: Sequence[SimulatedMiner]) -> list[Truth]:
        truths = []
        for number, miner in enumerate(miners):
            truths.append(miner.truth(self._fleet.now()))
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        return truths


class _TruthCollector:
    """The truth as metric families."""

    def __init__(self, truths: Sequence[Truth]) -> None:
        self._truths = truths

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        names = ["container", "miner"]
        gauges: _Families = {
            "simulator_hashrate_hashes_per_second": ("True hash rate.", lambda truth: truth.hashrate_hs),
            "simulator_power_watts": ("True power at the wall.", lambda truth: truth.power_w),
            "simulator_inlet_celsius": ("True inlet temperature.", lambda truth: truth.inlet_c),
            "simulator_answering": (
                "1 if a question would be answered whole.",
                lambda truth: truth.answering,
            ),
        }
        counters: _Families = {
            "simulator_energy_joules": (
                "Energy since the simulation began.",
                lambda truth: truth.energy_joules,
            ),
            "simulator_hashes": ("Hashes since the simulation began.", lambda truth: truth.hashes),
        }
        for name, (words, of) in gauges.items():
            gauge = GaugeMetricFamily(name, words, labels=names)
            for truth in self._truths:
                gauge.add_metric([truth.container, truth.miner], of(truth))
            yield gauge
        for name, (words, of) in counters.items():
            counter = CounterMetricFamily(name, words, labels=names)
            for truth in self._truths:
                counter.add_metric([truth.container, truth.miner], of(truth))
            yield counter
        seconds = CounterMetricFamily(
            "simulator_state_seconds",
            "Seconds in each state since the simulation began.",
            labels=[*names, "state"],
        )
        for truth in self._truths:
            for state, spent in truth.seconds.items():
                seconds.add_metric([truth.container, truth.miner, state], spent)
        yield seconds


async def _body(request: web.Request) -> Any:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text=f"the body is not JSON: {error}") from None


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", status=status)
