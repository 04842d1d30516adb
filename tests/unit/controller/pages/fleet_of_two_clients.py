"""A fleet of two clients, in which all that is the second one's carries a mark, and so do the names of the operator's people.

The same fleet can be had without the second client at all: what the first one reads must be the same in both.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from aiohttp import web

from controller.assigning import Assigning
from controller.deeds import Plan
from controller.history import History
from controller.model import Actor, Event, Hold, MinerRecord, Operation, Override, Result, ServiceMark
from miners.inventory.fleet import Container
from miners.model import Board, Fault, Identity, Pool
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, full_snapshot
from tests.unit.controller.prometheus_of_alerts import PrometheusOfAlerts

MARK = "zephyrmark"
"""Stands in all names and words that are the second client's."""

PLANTED = r"(?<![0-9A-Za-z])7777(?![0-9A-Za-z])"
"""Finds the second client's figure; not the same digits within a digest or an id, where they stand by chance."""

OFFICE = "quillmark"
"""Stands in the names of the operator's people, and in what they write to each other."""

OWN = "container-1"
OTHER = f"{MARK}-yard"

FIRST = """\
networks: [10.1.0.0/16]
defaults: {interval: 10s, timeout: 500ms}
schedules:
  days: {windows: [{from: "08:00", to: "20:00", profile: normal}], otherwise: curtail}
"""
OF_FIRST = """\
containers:
- name: Container 1
  client: acme
  schedule: days
  control: enforce
  rows: 4
  columns: 5
  manufacturer: Whatsminer
  miners:
  - {name: a1, address: 10.1.7.1, row: 1, column: 1}
  - {name: a2, address: 10.1.7.2, model: M50S}
  - {name: a3, address: 10.1.7.3, active: false}
"""
ALL_OF_SECOND = f"""\
  {MARK} nights: {{windows: [{{from: "01:30", to: "02:30", profile: {MARK}-profile}}], otherwise: normal}}
profiles:
  {MARK}-profile: {{target_percent: 33}}
tariffs:
  {MARK} tariff: {{currency: USD, price_per_kwh: 0.0777}}
feeds:
  {MARK} feed: {{power_limit: 1.2 MW}}
"""
OF_SECOND = f"""\
- name: {MARK} Yard
  client: {MARK}
  schedule: {MARK} nights
  control: enforce
  description: {MARK} by the river
  location: {MARK} Port
  timezone: Pacific/Chatham
  feed: {MARK} feed
  tariff: {MARK} tariff
  rows: 3
  columns: 7
  miners:
  - {{name: {MARK} b1, address: 10.1.66.1}}
  - {{name: {MARK} b2, address: 10.1.66.2, model: {MARK} model}}
  - {{name: {MARK} b3, address: 10.1.66.3, active: false}}
"""
MADE = (
    (
        "POST",
        "containers",
        {"name": "Container 7", "client": "acme", "control": "enforce", "schedule_id": "days"},
    ),
    ("POST", "miners", {"name": "g1", "address": "10.1.9.1", "container": "container-7"}),
)
MADE_FOR_SECOND = (
    ("POST", "containers", {"name": f"{MARK} Attic", "client": MARK, "location": f"{MARK} roof"}),
    ("POST", "miners", {"name": f"{MARK} c1", "address": "10.1.66.9", "container": f"{MARK}-attic"}),
)
"""What is made on the pages, beside what stands in files."""

CHIEF = Actor("user", f"{OFFICE} petrov", "usr_chief")
OF_OTHERS = Actor("user", f"{MARK} boris", "usr_boris")


TwoClients: TypeAlias = Callable[..., Awaitable[FleetHouse]]
"""Starts it; with `second=False` there is nothing of the second client's. `**more` goes to the settings."""


class PlanningDeeds(ChangedDeeds):
    """Says of every end of an override that nothing would change."""

    async def plan_end_override(self, _override_id: str) -> Plan:
        return self.coming


class PrometheusOfTwo(PrometheusOfAlerts):
    """Has one series of each client, and gives those that a query's selectors take, as Prometheus does."""

    SERIES = (
        {"container": "Container 1", "miner": "a1", "client": "acme", "algorithm": "SHA-256", "value": "66"},
        {
            "container": f"{MARK} Yard",
            "miner": f"{MARK} b1",
            "client": MARK,
            "algorithm": f"{MARK} algorithm",
            "value": "7777",
        },
    )

    def __init__(self) -> None:
        super().__init__()
        self.queries: list[str] = []

    async def _range(self, request: web.Request) -> web.Response:
        asked: Any = await request.post()
        self.queries.append(str(asked["query"]))
        begin, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        times = [begin + number * step for number in range(int((end - begin) / step) + 1)]
        result = [
            {"metric": one, "values": [[at, one["value"]] for at in times]}
            for one in self.SERIES
            if _takes(str(asked["query"]), one)
        ]
        return web.json_response({"status": "success", "data": {"resultType": "matrix", "result": result}})


def _takes(query: str, labels: dict[str, str]) -> bool:
    """Return whether every selector for a label that the series has lets it through."""
    for name, sign, quoted in re.findall(r'(\w+)(=~|!=|!~|=)"((?:[^"\\]|\\.)*)"', query):
        if name not in labels:
            continue
        wanted = quoted.encode().decode("unicode_escape")
        same = re.fullmatch(wanted, labels[name]) is not None if "~" in sign else wanted == labels[name]
        if same is sign.startswith("!"):
            return False
    return True


@asynccontextmanager
async def starting(make_house: MakeHouse, tmp_path: Path) -> AsyncIterator[TwoClients]:
    """Yield what starts such fleets, each with a Prometheus of its own."""
    ends: list[Callable[[], Awaitable[None]]] = []

    async def begin(*, second: bool = True) -> FleetHouse:
        prometheus = PrometheusOfTwo()
        await prometheus.start()
        history = History(prometheus.url)
        ends.extend((history.close, prometheus.stop))
        services = {History: history}
        place = len(ends) // 2 - 1
        fleet = await start(
            make_house,
            tmp_path,
            hand=FIRST + (ALL_OF_SECOND if second else "") + OF_FIRST + (OF_SECOND if second else ""),
            kind=PlanningDeeds,
            services=services,
            place=place,
            grafana_url="https://grafana.example",
            public_url="https://here.example",
        )
        await _fill(fleet, prometheus, second=second)
        await fleet.services[Assigning].follow()
        return fleet

    yield begin
    for end in ends:
        await end()


async def _fill(fleet: FleetHouse, prometheus: PrometheusOfTwo, *, second: bool) -> None:
    """Give the fleet readings, alerts, a history, and people."""
    full_snapshot(fleet)
    fleet.deeds.failure(f"{OWN}.a2")
    prometheus.fires("MinerSilent", miner="a2", container="Container 1", client="acme")
    await fleet.house.client("acme")
    if second:
        _marked(fleet)
        prometheus.fires(
            f"{MARK}Alert", miner=f"{MARK} b2", container=f"{MARK} Yard", client=MARK, severity="critical"
        )
        of_second = (await fleet.house.client(MARK)).id
        await fleet.house.user(f"{MARK} clerk", "client", client_id=of_second)
    maker = await fleet.browser(f"{OFFICE} maker")
    for method, path, body in (*MADE, *(MADE_FOR_SECOND if second else ())):
        response = await maker.ask(method, f"/api/v1/{path}", body)
        assert response.status == 201, await response.text()
    for container in fleet.deeds.inventory.containers:
        await _history_of(fleet, container)
    await _both(fleet)


def _marked(fleet: FleetHouse) -> None:
    """Give the second client's miners readings in which every word is marked."""
    one, two = (view.id for view in fleet.deeds.views(OTHER)[:2])
    fleet.deeds.snapshot(
        one,
        identity=Identity(
            manufacturer=f"{MARK} maker",
            model=f"{MARK} model",
            algorithm="Scrypt",
            firmware=f"{MARK} firmware",
            serial=f"{MARK} serial",
        ),
        hashrate_hs=7.77e9,
        power_w=7777.0,
        pools=(Pool(0, f"stratum+tcp://{MARK}.example:3333", f"{MARK}.worker", active=True),),
        faults=(Fault(f"{MARK}:1", f"{MARK} lost", BEGIN - timedelta(hours=2)),),
        boards=(Board(0, serial=f"{MARK} board"),),
    )
    fleet.deeds.failure(two)
    fleet.deeds.altered[two] = {
        "doubt": f"{MARK} doubt",
        "record": MinerRecord(
            miner=two, applied_profile=f"{MARK} profile", last_outcome="refused", last_detail=f"{MARK} no"
        ),
    }


async def _both(fleet: FleetHouse) -> None:
    """Have one override, one operation and one hold reach whatever there is."""
    everything = [one.id for one in fleet.deeds.inventory.containers]
    await _in_force(fleet, _override("ov_all", *everything))
    fleet.deeds.kept_holds.append(_hold("hold_all", None))
    results = [
        Result(
            miner=view.id,
            state="applied" if view.container.client == "acme" else "refused",
            detail="as it says",
            started_at=BEGIN - timedelta(minutes=5),
            duration_s=300.0,
        )
        for view in fleet.deeds.views()
    ]
    failed = any(one.state == "refused" for one in results)
    state = "done_with_failures" if failed else "done"
    ended = _operation("op_all_ended", results, state=state, ended_at=BEGIN)
    await fleet.house.storage.operations.add(ended, results)
    # The first client's part of what runs has ended; without the second, it has ended.
    going = [
        msgspec.structs.replace(one, state="waiting") if one.state == "refused" else one for one in results
    ]
    more: dict[str, Any] = {} if failed else {"state": "done", "ended_at": BEGIN}
    fleet.deeds.running["op_all"] = _operation("op_all", going, **more), going


async def _history_of(fleet: FleetHouse, container: Container) -> None:
    """Give a container an override, a hold, a service mark, an operation that runs, one that has ended, and events."""
    word = container.id
    miner = next(view for view in fleet.deeds.views(container.id))
    results = [
        Result(miner=view.id, state="unreachable", detail=f"{word} said nothing")
        for view in fleet.deeds.views(container.id)
    ]
    fleet.deeds.running[f"op_{word}"] = _operation(f"op_{word}", results), results
    ended = _operation(f"op_{word}_ended", results, state="done_with_failures", ended_at=BEGIN)
    await fleet.house.storage.operations.add(ended, results)
    await _in_force(fleet, _override(f"ov_{word}", container.id))
    fleet.deeds.kept_holds.append(_hold(f"hold_{word}", container.id))
    fleet.deeds.marks[miner.id] = ServiceMark(
        miner=miner.id, reason=f"{OFFICE} at work", created_by=CHIEF, created_at=BEGIN
    )
    common: dict[str, Any] = {
        "at": BEGIN - timedelta(hours=1),
        "container": container.id,
        "client": container.client,
        "actor": OF_OTHERS if container.client == MARK else CHIEF,
    }
    await fleet.house.storage.events.add(
        Event(
            id=f"evt_{word}_1",
            category="command",
            kind="override.created",
            params={"profile": "curtail", "reason": f"{OFFICE} breaker of {word}"},
            operation_id=f"op_{word}",
            outcome="ok",
            **common,
        ),
        Event(
            id=f"evt_{word}_2",
            category="command",
            kind="command.finished",
            params={"action": "profile curtail", "detail": f"{word} said nothing"},
            miner=miner.id,
            miner_address=miner.miner.address,
            outcome="refused",
            **common,
        ),
        Event(
            id=f"evt_{word}_3",
            category="inventory",
            kind="miner.changed",
            before={"name": f"{OFFICE} before"},
            after={"name": f"{OFFICE} after"},
            miner=miner.id,
            outcome="ok",
            **common,
        ),
    )


async def _in_force(fleet: FleetHouse, override: Override) -> None:
    fleet.deeds.kept_overrides.append(override)
    await fleet.house.storage.overrides.add(override)


def _override(name: str, *containers: str) -> Override:
    return Override(
        id=name,
        profile="curtail",
        ends="manual",
        reason=f"{OFFICE} reason",
        created_by=CHIEF,
        created_at=BEGIN,
        starts_at=BEGIN,
        containers=containers,
    )


def _hold(name: str, container: str | None) -> Hold:
    return Hold(id=name, container=container, reason=f"{OFFICE} smoke", created_by=CHIEF, created_at=BEGIN)


def _operation(name: str, results: list[Result], **more: Any) -> Operation:
    given: dict[str, Any] = {
        "id": name,
        "cause": "override",
        "action": "profile curtail",
        "profile": "curtail",
        "state": "running",
        "created_by": CHIEF,
        "reason": f"{OFFICE} reason",
        "created_at": BEGIN - timedelta(minutes=5),
        "started_at": BEGIN - timedelta(minutes=5),
        "override_id": name.replace("op_", "ov_"),
        "total": len(results),
        "counts": {
            state: sum(one.state == state for one in results) for state in {one.state for one in results}
        },
        "power_before_w": 1000.0 * len(results),
    }
    return Operation(**given | more)
