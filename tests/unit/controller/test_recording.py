"""What is written down while things are done: durable before it is relied upon, kept while the database is away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from controller import recording
from controller.events import EventFilter
from controller.model import SYSTEM, Event, MinerRecord, new_id
from controller.patience import Slots
from controller.recording import Recorder
from controller.storage.faults import StorageAway
from controller.storage.storage import Storage
from tests.unit.controller.small_fleet import moment

RECORDS = {"north.a1": MinerRecord(miner="north.a1", restarts=3)}


def event(kind: str) -> Event:
    return Event(id=new_id("evt"), at=moment(1_780_000_000.0), category="command", kind=kind, actor=SYSTEM)


@pytest.fixture
async def recorder(storage: Storage) -> AsyncIterator[Recorder]:
    made = Recorder(storage, RECORDS.get)
    made.start()
    yield made
    await made.close()


async def kinds(storage: Storage) -> list[str]:
    found, _ = await storage.events.find(EventFilter(), limit=500)
    return [one.kind for one in reversed(found)]


async def test_what_is_kept_is_durable_when_it_returns(recorder: Recorder, storage: Storage) -> None:
    await asyncio.gather(*(recorder.keep(event(f"e.{n}"), miners=("north.a1",)) for n in range(300)))
    assert set(await kinds(storage)) == {f"e.{n}" for n in range(300)}
    assert await storage.miners.load() == RECORDS


async def test_what_is_remembered_of_a_miner_is_as_durable_as_the_event_of_its_command(
    recorder: Recorder, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_records: Any) -> None:
        raise StorageAway("the disk is full: make room", "full")

    with (
        monkeypatch.context() as full
    ):  # as where the process ends before the records were written on their own
        full.setattr(storage.miners, "save", away)
        await recorder.keep(event("command.sent"), miners=("north.a1",))
        assert await kinds(storage) == ["command.sent"]
        assert await storage.miners.load() == RECORDS


async def test_an_event_that_cannot_be_said_in_json_ends_nothing_but_itself(
    recorder: Recorder, storage: Storage
) -> None:
    strange = msgspec.structs.replace(event("strange"), params={"what": object()})
    recorder.later(strange)
    with pytest.raises(TypeError):
        await asyncio.wait_for(recorder.keep(strange), 60)
    await asyncio.wait_for(recorder.keep(event("sound")), 60)
    assert await kinds(storage) == ["sound"]


async def test_one_that_is_refused_takes_nobody_of_its_batch_along(storage: Storage) -> None:
    records = {name: MinerRecord(miner=name, restarts=1) for name in ("north.a1", "north.a2", "north.a4")}
    poison = MinerRecord(miner="north.a3", restarts=2**70)
    recorder = Recorder(storage, {**records, "north.a3": poison}.get)
    strange = msgspec.structs.replace(event("strange"), params={"what": object()})
    recorder.later(event("one"), strange, event("two"), miners=("north.a1", "north.a3", "north.a2"))
    waiting = [
        asyncio.create_task(recorder.keep(event("three"), miners=("north.a4",))),
        asyncio.create_task(recorder.keep(event("four"), miners=("north.a3",))),
        asyncio.create_task(recorder.keep(event("five"))),
    ]
    await asyncio.sleep(0)
    recorder.start()
    found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 60)
    await recorder.close()
    assert found[::2] == [None, None]
    assert isinstance(found[1], Exception)
    assert recorder.away is None
    assert sorted(await kinds(storage)) == ["five", "one", "three", "two"]
    assert await storage.miners.load() == records


async def test_while_the_database_is_away_nothing_is_promised_and_nothing_lost(
    recorder: Recorder, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "RETRY_S", 0.01)

    async def away(*_events: Any) -> None:
        raise StorageAway("the disk is full: make room", "full")

    with monkeypatch.context() as full:
        full.setattr(storage.events, "add", away)
        full.setattr(storage.events, "add_with", away)
        recorder.later(event("outcome.1"))
        recorder.later(event("outcome.2"))
        with pytest.raises(StorageAway, match="make room"):
            await recorder.keep(event("intent"))
        assert recorder.away == "the disk is full: make room"
    recorder.later(event("outcome.3"))
    await recorder.keep(event("intent again"))
    async with asyncio.timeout(60):
        while recorder.away is not None:  # noqa: ASYNC110  # whoever shows it asks, nobody is told
            await asyncio.sleep(0.01)
    found = await kinds(storage)
    assert [kind for kind in found if kind != "intent again"] == ["outcome.1", "outcome.2", "outcome.3"]
    assert "intent again" in found


async def test_what_is_left_is_written_at_the_end(storage: Storage) -> None:
    recorder = Recorder(storage, RECORDS.get)
    recorder.start()
    recorder.later(event("last"), miners=("north.a1",))
    await recorder.close()
    assert await kinds(storage) == ["last"]
    assert await storage.miners.load() == RECORDS


async def test_places_go_to_who_waits_longest_and_never_get_lost() -> None:
    slots = Slots(2)
    slots.take_now()
    slots.take_now()
    assert slots.free == 0
    order: list[int] = []

    async def wait(name: int) -> None:
        await slots.take()
        order.append(name)

    waiting = [asyncio.create_task(wait(name)) for name in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    slots.give()
    waiting[1].cancel()  # it has its place already, and gives it on
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [2]
    slots.give()
    slots.give()
    assert slots.free == 2
