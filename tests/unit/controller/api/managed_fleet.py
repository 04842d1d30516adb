"""A house whose fleet stands in files: a hand-written one, and the managed one that the API writes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from controller.accounting.booking import Bookkeeper
from controller.accounting.corrections import Corrections
from controller.accounting.terms import TermsBook
from controller.api.stream_routes import Streams
from controller.assigning import Assigning
from controller.deeds import (
    Choice,
    CommandWish,
    MinerView,
    NotThere,
    Observed,
    OverrideWish,
    Plan,
    Planned,
    Source,
)
from controller.history import History
from controller.jobs import WorkSeen
from controller.live import ExporterSeen
from controller.managed import Managed
from controller.model import (
    Actor,
    Hold,
    Operation,
    Override,
    Result,
    ResultState,
    ServiceMark,
    Wanted,
    new_id,
)
from controller.process import Part, Process, Room
from controller.settings import MANAGED_FILE
from controller.storage.storage import Storage
from controller.tenures import Tenures
from miners.errors import InventoryError
from miners.inventory.fleet import Inventory
from miners.inventory.slugs import miner_id
from miners.inventory.store import InventoryStore
from miners.model import Identity, PollFailure, Reading, Snapshot, Temperatures
from tests.unit.controller.api.conftest import House, MakeHouse
from tests.unit.controller.api.quiet_deeds import BEGIN, QuietDeeds, QuietProcess

HAND = """\
networks: [10.1.0.0/16, 127.0.0.0/8]
defaults: {interval: 10s, timeout: 500ms}
containers:
- name: Container 1
  client: acme
  schedule: default
  control: enforce
  rows: 4
  columns: 5
  manufacturer: Whatsminer
  miners:
  - {name: a1, address: 10.1.7.1, row: 1, column: 1}
  - {name: a2, address: 10.1.7.2, model: M50S}
- name: Container 2
  client: borealis
  miners: [{name: b1, address: 10.1.8.1}]
"""


class FleetDeeds(QuietDeeds):
    """Follows the files; answers what it was told to; does nothing and writes down what it was asked for."""

    def __init__(self, store: InventoryStore) -> None:
        self._store = store
        self._version = 1
        self.readings: dict[str, Reading] = {}
        self.wishes: list[OverrideWish | CommandWish] = []
        self.kept_overrides: list[Override] = []
        self.kept_holds: list[Hold] = []
        self.running: dict[str, tuple[Operation, list[Result]]] = {}
        self.outcomes: dict[str, ResultState] = {}
        self.marks: dict[str, ServiceMark] = {}
        self.coming: Plan = plan_of(0)
        self.profile: str | None = "normal"
        self.polled: Reading | None = None
        self.now = BEGIN

    @property
    def inventory(self) -> Inventory:  # type: ignore[override]
        return self._store.inventory

    def view(self, miner_id_: str) -> MinerView | None:
        return next((view for view in self.views() if view.id == miner_id_), None)

    def views(self, container_id: str | None = None) -> Sequence[MinerView]:
        found = []
        for container in self.inventory.containers:
            if container_id not in (None, container.id):
                continue
            for miner in container.miners:
                id_ = miner_id(container, miner)
                reading = self.readings.get(id_)
                last = reading if isinstance(reading, Snapshot) else None
                found.append(
                    MinerView(
                        id=id_,
                        container=container,
                        miner=miner,
                        reading=reading,
                        last_snapshot=last,
                        stale=reading is None,
                        wanted=Wanted(profile=self.profile, source="schedule", since=BEGIN),
                        matches=None if last is None else last.state == "mining",
                        service=self.marks.get(id_),
                    )
                )
        return found

    def source(self) -> Source:
        return Source(state="ok", since=BEGIN)

    def wanted_of(self, container_id: str) -> Wanted:
        if all(container.id != container_id for container in self.inventory.containers):
            raise NotThere(f"there is no container {container_id}")
        return Wanted(profile=self.profile, source="schedule", since=BEGIN)

    def running_in(self, container_id: str) -> str | None:
        for operation, results in self.running.values():
            if any(result.miner.startswith(f"{container_id}.") for result in results):
                return operation.id
        return None

    def overrides(self) -> Sequence[Override]:
        return [one for one in self.kept_overrides if one.ended_at is None]

    def holds(self) -> Sequence[Hold]:
        return self.kept_holds

    def doubts(self) -> Sequence[str]:
        return ()

    def actions_of(self, miner_id_: str) -> Sequence[str]:
        return ("sleep", "wake") if self.view(miner_id_) is not None else ()

    def operation(self, operation_id: str) -> Operation | None:
        found = self.running.get(operation_id)
        return None if found is None else found[0]

    def results(self, operation_id: str) -> Sequence[Result] | None:
        found = self.running.get(operation_id)
        return None if found is None else found[1]

    async def wait(self, operation_id: str, _timeout_s: float) -> Operation | None:
        return self.operation(operation_id)

    async def plan_inventory(self, _inventory: Inventory) -> Plan:
        return self.coming

    async def plan_release(self, _containers: Sequence[str] | None) -> Plan:
        return self.coming

    async def plan_change_override(self, _override_id: str, **_more: Any) -> Plan | None:
        return None

    async def plan_override(self, wish: OverrideWish, _actor: Actor) -> Plan:
        self.wishes.append(wish)
        return self.coming

    async def plan_command(self, wish: CommandWish, _actor: Actor) -> Plan:
        self.wishes.append(wish)
        return self.coming

    async def override(self, wish: OverrideWish, actor: Actor, **_more: Any) -> tuple[Override, Operation]:
        self._check_enforced(wish.choice)
        self.wishes.append(wish)
        made = Override(
            id=new_id("ov"),
            profile=wish.profile,
            ends=wish.ends,
            reason=wish.reason,
            created_by=actor,
            created_at=self.now,
            starts_at=wish.starts_at or self.now,
            containers=wish.choice.containers,
            miners=wish.choice.miners,
            until=wish.until,
        )
        self.kept_overrides.append(made)
        return made, self._begin(wish.choice, actor, f"profile {wish.profile}", made.id)

    async def end_override(self, override_id: str, actor: Actor, **_more: Any) -> Operation:
        for place, one in enumerate(self.kept_overrides):
            if one.id == override_id:
                self.kept_overrides[place] = msgspec.structs.replace(one, ended_at=self.now)
                return self._begin(
                    Choice(miners=one.miners, containers=one.containers), actor, "profile normal"
                )
        raise NotThere("there is no such override")

    async def command(self, wish: CommandWish, actor: Actor, **_more: Any) -> Operation:
        self._check_enforced(wish.choice)
        self.wishes.append(wish)
        return self._begin(wish.choice, actor, wish.deed)

    async def hold(
        self, containers: Sequence[str] | None, reason: str, actor: Actor, **_more: Any
    ) -> Sequence[Hold]:
        made = [
            Hold(id=new_id("hold"), container=one, reason=reason, created_by=actor, created_at=self.now)
            for one in (containers if containers is not None else [None])
        ]
        self.kept_holds += made
        return made

    async def release(
        self, containers: Sequence[str] | None, _reason: str, _actor: Actor, **_more: Any
    ) -> None:
        named = [None] if containers is None else list(containers)
        self.kept_holds = [hold for hold in self.kept_holds if hold.container not in named]

    async def mark_service(self, miner: str, reason: str, actor: Actor, **_more: Any) -> ServiceMark:
        self.marks[miner] = ServiceMark(miner=miner, reason=reason, created_by=actor, created_at=self.now)
        return self.marks[miner]

    async def end_service(self, miner: str, _reason: str, _actor: Actor, **_more: Any) -> None:
        if self.marks.pop(miner, None) is None:
            raise NotThere("nobody is at work on it")

    async def poll(self, miner: str) -> Reading:
        return self.polled if self.polled is not None else self.failure(miner)

    async def act(self, miner: str, _action: Any, _actor: Actor, **_more: Any) -> Result:
        return Result(miner=miner, state=self.outcomes.get(miner, "applied"), attempts=1)

    async def cancel(self, operation_id: str, **_more: Any) -> Operation:
        return self._known(operation_id)

    async def retry(
        self, operation_id: str, _states: Sequence[ResultState], _actor: Actor, **_more: Any
    ) -> Operation:
        return self._known(operation_id)

    async def change_override(self, override_id: str, **_more: Any) -> Override:
        raise NotThere(f"there is no override {override_id}")

    def _known(self, operation_id: str) -> Operation:
        found = self.operation(operation_id)
        if found is None:
            raise NotThere("there is no such operation")
        return found

    def snapshot(self, id_: str, **more: Any) -> Snapshot:
        """Give a miner a reading of now, and return it."""
        view = self.view(id_)
        assert view is not None
        given: dict[str, Any] = {
            "container": view.container.name,
            "miner": view.miner.name,
            "address": view.miner.address,
            "taken_at": self.now - timedelta(seconds=5),
            "duration_s": 0.1,
            "driver": "whatsminer_v2",
            "state": "mining",
            "identity": Identity(manufacturer="Whatsminer", model="M50S", algorithm="SHA-256", serial="S1"),
            "power_w": 3300.0,
            "power_source": "measured",
            "hashrate_hs": 110e12,
            "temperatures_c": Temperatures(chip_max=80.0, inlet=25.0),
        } | more
        found = Snapshot(**given)
        self.readings[id_] = found
        return found

    def failure(self, id_: str) -> PollFailure:
        """Have a miner not answer, and return how."""
        view = self.view(id_)
        assert view is not None
        found = PollFailure(
            container=view.container.name,
            miner=view.miner.name,
            address=view.miner.address,
            taken_at=self.now,
            duration_s=3.0,
            reason="timeout",
            detail=f"no answer from {view.miner.address} within 3 s",
        )
        self.readings[id_] = found
        return found

    def _check_enforced(self, choice: Choice) -> None:
        for view in self.views():
            meant = view.id in choice.miners or view.container.id in choice.containers
            if meant and view.container.control == "observe":
                origin = view.container.origin
                raise Observed("it is only observed", [f"{origin.file}:{origin.line}"])

    def _begin(self, choice: Choice, actor: Actor, action: str, override_id: str | None = None) -> Operation:
        miners = [
            view.id
            for view in self.views()
            if view.id in choice.miners or view.container.id in choice.containers
        ]
        results = [
            Result(miner=one, state=self.outcomes.get(one, "applied"), detail="as it says") for one in miners
        ]
        operation = Operation(
            id=new_id("op"),
            cause="override" if override_id else "command",
            action=action,
            state="done",
            created_by=actor,
            created_at=self.now,
            total=len(results),
            override_id=override_id,
        )
        self.running[operation.id] = (operation, results)
        return operation


class QuietWhole(QuietProcess):
    """A process whose parts are well, and that reads its inventory again when it is asked to."""

    version = "1.0"

    def __init__(self, store: InventoryStore) -> None:
        super().__init__()
        self.store = store

    def parts(self) -> list[Part]:
        return [Part(name="inventory", state="ok", since=BEGIN, reason="10.1.7.1 is well")]

    def exporters(self) -> list[ExporterSeen]:
        newest_at = BEGIN - timedelta(seconds=4)
        url = "http://operator:opensesame@exporter.example:9100"
        return [ExporterSeen(url=url, state="ok", since=BEGIN, newest_at=newest_at, reason=None)]

    def work(self) -> list[WorkSeen]:
        return [WorkSeen(name="tidy the database", every_s=3600, ended_at=BEGIN, failed=False, next_at=None)]

    async def room(self) -> Room:
        return Room(database=84_000_000, free=5_000_000_000)

    async def reload(self) -> InventoryError | None:
        return None if await self.store.reload() else self.store.last_error


class FleetHouse:
    """A house with such a fleet."""

    def __init__(
        self,
        house: House,
        deeds: FleetDeeds,
        store: InventoryStore,
        hand: Path,
        managed: Path,
        services: Mapping[type[Any], Any],
    ) -> None:
        self.house, self.deeds, self.store, self.hand, self.managed = house, deeds, store, hand, managed
        self.services = services

    async def browser(self, username: str = "anna", role: Any = "administrator", **more: Any) -> Any:
        return await self.house.signed_in(username, role, **more)


def plan_of(will_change: int, fingerprint: str = "f1") -> Plan:
    """Return a plan in which so many miners would change."""
    return Plan(
        fingerprint=fingerprint,
        miners=Planned(targeted=will_change, will_change=will_change, already=0, skipped=0),
        starts_at=BEGIN,
    )


async def start(
    make_house: MakeHouse,
    tmp_path: Path,
    *,
    hand: str = HAND,
    services: Mapping[type[Any], Any] | None = None,
    kind: type[FleetDeeds] = FleetDeeds,
    place: int = 0,
    **more: Any,
) -> FleetHouse:
    """Start such a house; `kind`: of its deeds; `place`: how many were made before it; `more` goes to the settings."""
    file = tmp_path / (f"targets{place}.yml" if place else "targets.yml")
    file.write_text(hand, encoding="utf-8")
    managed = tmp_path / f"data{place}" / MANAGED_FILE
    store = InventoryStore([file], managed=managed)
    deeds = kind(store)
    made: dict[type[Any], Any] = {}

    def parts(storage: Storage) -> dict[type[Any], Any]:
        document = Managed(managed, [file], store)

        def inventory() -> Inventory:
            return store.inventory

        def now() -> datetime:
            return deeds.now

        bookkeeper = Bookkeeper(storage, None, inventory, TermsBook(storage, inventory), now)
        made.update(
            {
                Managed: document,
                Assigning: Assigning(storage, document, str(managed), inventory, now),
                Tenures: Tenures(storage, inventory, now),
                Bookkeeper: bookkeeper,
                Corrections: Corrections(storage, bookkeeper, now),
                History: History(None),
                Streams: Streams(),
                Process: QuietWhole(store),
                **(services or {}),
            }
        )
        return made

    house = await make_house(deeds=deeds, app={"services": parts}, **more)
    await made[Tenures].keep()
    return FleetHouse(house, deeds, store, file, managed, made)


def moment(text: str) -> datetime:
    """Return a time that JSON gave."""
    return datetime.fromisoformat(text)
