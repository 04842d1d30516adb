"""The record: durable on return, found by whatever it bears, never changed, leaving by retention only."""

import asyncio
import csv
import io
import random
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from controller.events import COUNT_AT_MOST, BadPosition, EventFilter, EventLog, to_csv
from controller.model import SCHEDULE, SYSTEM, Actor, Event, new_id
from controller.storage.event_search import page_of
from controller.storage.faults import StorageAway, StorageError, Taken
from controller.storage.storage import Storage

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANNA = Actor("user", "Anna", "usr_anna")
ROBOT = Actor("token", "Anna", "usr_anna", "tok_robot")


def event(**changes: Any) -> Event:
    values: dict[str, Any] = {
        "id": new_id("evt"),
        "at": NOON,
        "category": "command",
        "kind": "command.sent",
        "actor": SCHEDULE,
    }
    return Event(**values | changes)


FULL = event(
    actor=ROBOT,
    params={"profile": "curtail", "watts": 3250.5, "tries": [1, 2], "note": "größer"},
    container="k-1",
    miner="k-1.a1",
    miner_address="10.1.7.10",
    client="acme",
    operation_id="op_1",
    before={"power_w": 3400},
    after=[True, None, "x"],
    outcome="applied",
    request_id="01J",
    address="192.0.2.7",
)


async def ids(log: EventLog, wanted: EventFilter) -> list[str]:
    return [one.id for one in (await log.find(wanted, limit=10_000))[0]]


async def test_an_event_comes_back_as_it_was_given(storage: Storage) -> None:
    scant = event(at=NOON.astimezone() + timedelta(microseconds=1))
    await storage.events.add(FULL, scant)
    found, more = await storage.events.find(EventFilter())
    assert found == [scant, FULL]
    assert more is None
    assert found[0].at.utcoffset() == timedelta(0)
    assert storage.events.written == 2


async def test_text_that_no_database_takes_is_replaced_and_the_event_kept(storage: Storage) -> None:
    strange = event(
        outcome="a\0b", miner_address="half \ud800", params={"miner said": "\udfff\0"}, before="\ud800"
    )
    await storage.events.add(strange)
    [found] = (await storage.events.find(EventFilter()))[0]
    assert (found.outcome, found.miner_address) == ("a\ufffdb", "half ?")
    assert (found.params, found.before) == ({"miner said": "?\ufffd"}, "?")


async def test_every_event_of_many_callers_is_there_once_each_with_its_commit(storage: Storage) -> None:
    given = [event(at=NOON + timedelta(seconds=number)) for number in range(700)]
    await asyncio.gather(*(storage.events.add(one) for one in given))
    assert await ids(storage.events, EventFilter()) == [one.id for one in reversed(given)]
    assert await storage.events.count(EventFilter()) == storage.events.written == 700


async def test_a_bad_event_fails_its_own_caller_only(storage: Storage) -> None:
    taken = event()
    await storage.events.add(taken)
    good = [event() for _ in range(20)]
    outcomes = await asyncio.gather(
        *(storage.events.add(one) for one in good[:10]),
        storage.events.add(event(), taken),
        storage.events.add(event(params={"what": object()})),
        *(storage.events.add(one) for one in good[10:]),
        return_exceptions=True,
    )
    assert isinstance(outcomes[10], Taken)
    assert isinstance(outcomes[11], TypeError)
    assert [one for one in outcomes if one is not None] == outcomes[10:12]
    assert set(await ids(storage.events, EventFilter())) == {taken.id, *(one.id for one in good)}
    assert (storage.events.written, storage.events.failed) == (21, 3)


async def test_a_caller_that_goes_away_does_not_take_its_event_with_it(storage: Storage) -> None:
    mine = event()
    task = asyncio.create_task(storage.events.add(mine))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await storage.events.add(event())
    assert mine.id in await ids(storage.events, EventFilter())


async def test_events_cannot_be_changed_nor_deleted_nor_replaced(storage: Storage) -> None:
    await storage.events.add(FULL)
    forbidden = [
        "UPDATE events SET outcome = 'refused'",
        "DELETE FROM events",
        # What retention would let go is only what is older than it says, and of that category.
        "INSERT INTO event_retention VALUES ('command', '2026-06-01 12:00:00'); DELETE FROM events",
        "INSERT INTO event_retention VALUES ('auth', '2099-01-01 00:00:00'); DELETE FROM events",
    ]
    if storage.database.postgresql:
        forbidden.append("TRUNCATE events")
    else:
        forbidden += [
            "INSERT OR REPLACE INTO events SELECT * FROM events",
            "UPDATE OR REPLACE events SET id = 'evt_other'",
            "PRAGMA recursive_triggers=OFF; INSERT OR REPLACE INTO events SELECT * FROM events",
        ]
    for lines in forbidden:

        def work(connection: Any, lines: str = lines) -> None:
            for line in lines.split(";"):
                connection.execute(text(line))

        with pytest.raises(StorageError):
            await storage.database.write(work)
    assert (await storage.events.find(EventFilter()))[0] == [FULL]


async def test_readers_can_write_nothing(storage: Storage) -> None:
    with pytest.raises((StorageAway, DBAPIError)):
        await storage.database.read(
            lambda connection: connection.execute(text("INSERT INTO settings VALUES ('a', '1')"))
        )
    assert await storage.settings.all() == {}


async def test_each_category_stays_as_long_as_it_has_to(storage: Storage) -> None:
    log = storage.events
    old, older = NOON - timedelta(days=401), NOON - timedelta(days=1827)
    edge = event(category="auth", at=NOON - timedelta(days=400))
    kept = [event(at=old), event(category="money", at=old), edge]
    left = [event(category="auth", at=old) for _ in range(3)]
    left += [event(category="state", at=edge.at - timedelta(microseconds=1)), event(at=older)]
    await log.add(*kept, *left)
    assert await log.purge(NOON, 400, 5 * 365) == len(left)
    assert set(await ids(log, EventFilter())) == {one.id for one in kept}
    assert await log.purge(NOON, 400, 5 * 365) == 0
    rows = await storage.database.read(
        lambda connection: connection.execute(text("SELECT count(*) FROM event_retention")).scalar()
    )
    assert rows == 0


async def test_each_field_finds_its_events(storage: Storage) -> None:
    log = storage.events
    other = event(
        category="auth",
        kind="auth.failed",
        actor=SYSTEM,
        container="k-2",
        miner="k-2.a1",
        miner_address="10.1.7.100",
        client="other",
        operation_id="op_2",
        outcome="refused",
        at=NOON + timedelta(hours=1),
        params={"name": "%_\\"},
    )
    by_anna = event(actor=ANNA, at=NOON - timedelta(hours=1), params={"said": "ГРОЗА over the yard"})
    await log.add(FULL, other, by_anna)
    wanted = [
        (EventFilter(categories=("auth",)), [other]),
        (EventFilter(categories=("auth", "command")), [other, FULL, by_anna]),
        (EventFilter(kinds=("auth.failed", "no.such")), [other]),
        (EventFilter(actors=("usr_anna",)), [FULL, by_anna]),
        (EventFilter(actors=("tok_robot",)), [FULL]),
        (EventFilter(actors=("tok_robot", "usr_anna", "Anna")), [FULL, by_anna]),
        (EventFilter(actors=("Anna",)), [FULL, by_anna]),
        (EventFilter(actors=("system", "schedule")), [other]),
        (EventFilter(containers=("k-1",)), [FULL]),
        (EventFilter(miners=("k-1.a1", "k-2.a1", "k-1.a1")), [other, FULL]),
        (EventFilter(miner_addresses=("10.1.7.10",)), [FULL]),
        (EventFilter(clients=("acme",)), [FULL]),
        (EventFilter(operations=("op_2",)), [other]),
        (EventFilter(outcomes=("applied", "refused")), [other, FULL]),
        (EventFilter(since=NOON), [other, FULL]),
        (EventFilter(until=NOON), [by_anna]),
        (EventFilter(since=NOON, until=NOON + timedelta(hours=1)), [FULL]),
        (EventFilter(q="GRÖSSER"), [FULL]),
        (EventFilter(q="гроза YARD"), [by_anna]),
        (EventFilter(q="3250.5"), [FULL]),
        (EventFilter(q="%"), [other]),
        (EventFilter(q="_\\"), [other]),
        (EventFilter(q="  "), [other, FULL, by_anna]),
        (EventFilter(categories=("command",), actors=("Anna",), since=NOON, q="curtail"), [FULL]),
        (EventFilter(containers=("k-1",), categories=("auth",)), []),
        (EventFilter(containers=()), []),
        (EventFilter(categories=("command",), clients=()), []),
        (EventFilter(miners=tuple(f"k-1.a{number}" for number in range(200))), [FULL]),
        (EventFilter(miners=("\ud800\0",)), []),
    ]
    for asked, expected in wanted:
        assert (await log.find(asked))[0] == expected, asked
        assert await log.count(asked) == len(expected), asked
        assert [one async for one in log.rows(asked)] == expected, asked


async def test_pages_show_every_event_once_whatever_comes_in_between(storage: Storage) -> None:
    log = storage.events
    random.seed(4)
    # Many at one moment, and a clock that was set back.
    given = [event(at=NOON + timedelta(seconds=random.randrange(9)), container="k-1") for _ in range(95)]
    await log.add(*given)
    for wanted in (EventFilter(), EventFilter(containers=("k-1", "k-2")), EventFilter(q="k-1")):
        seen: list[Event] = []
        after: str | None = None
        while True:
            found, after = await log.find(wanted, after=after, limit=10)
            seen += found
            if after is None:
                break
            await log.add(event(at=NOON + timedelta(hours=1), container="k-1"))  # newer: on no later page
        assert {one.id for one in given} <= {one.id for one in seen}
        assert len({one.id for one in seen}) == len(seen)
        assert all(later.at <= earlier.at for earlier, later in pairwise(seen))


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, "at"),
        ({"q": "x", "since": NOON}, "at"),
        ({"categories": ("auth",)}, "category"),
        ({"kinds": ("auth.failed",), "categories": ("auth",)}, "kind"),
        ({"outcomes": ("refused",), "categories": ("command",)}, "outcome"),
        ({"containers": ("k-1",), "outcomes": ("refused",), "since": NOON, "q": "x"}, "container"),
        ({"clients": ("acme",), "kinds": ("command.sent",)}, "client"),
        ({"actors": ("Anna",), "containers": ("k-1",)}, "actor_name"),
        ({"actors": ("usr_anna", "usr_bob"), "containers": ("k-1",)}, "actor_id"),
        ({"actors": ("tok_robot",)}, "token_id"),
        ({"miners": ("k-1.a1",), "containers": ("k-1",), "actors": ("Anna",)}, "miner"),
        ({"miner_addresses": ("10.1.7.1", "10.1.7.2"), "until": NOON}, "miner_address"),
        ({"operations": ("op_1",), "miners": ("k-1.a1",)}, "operation_id"),
    ],
)
async def test_a_search_walks_along_the_index_of_its_most_telling_field(
    tmp_path: Path, asked: dict[str, Any], index: str
) -> None:
    storage = Storage.open(f"sqlite:///{tmp_path / 'hashyard.db'}")
    statement = page_of(EventFilter(**asked), after="1.1", limit=100, sqlite=True)

    def work(connection: Connection) -> list[str]:
        query = statement.compile(connection, compile_kwargs={"literal_binds": True})
        return [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]

    try:
        plan = await storage.database.read(work)
    finally:
        storage.close()
    # Beside the walk, the event where the page before ended is looked up by its id.
    reads = [step for step in plan if " events " in step and "uq_events_id" not in step]
    assert reads[-1] == "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"  # the rows of the page
    assert all(re.search(rf"INDEX ix_events_{index} \(", step) for step in reads[:-1]), plan
    assert len(reads) > 1


@pytest.mark.parametrize(
    "after", ["", "1", "a.b", "-1.2", "1.2 3", "1.", "٣.4", "9" * 30 + ".1", "1" * 60 + ".1"]
)
async def test_a_position_that_is_none_is_refused(storage: Storage, after: str) -> None:
    with pytest.raises(BadPosition, match="no position"):
        await storage.events.find(EventFilter(), after=after)


async def test_a_position_does_not_move_with_what_is_left_out(storage: Storage) -> None:
    """Else a client would read from his own how many events others have."""
    own = [event(id=f"evt_{number}", client="acme") for number in range(3)]
    positions = []
    for others in (0, 40):
        await storage.events.add(*(event(client="borealis") for _ in range(others)))
        await storage.events.add(*(msgspec.structs.replace(one, id=f"{one.id}_{others}") for one in own))
        wanted = EventFilter(clients=("acme",))
        _, after = await storage.events.find(wanted, limit=1)
        assert after is not None
        positions.append(after.replace(f"_{others}", ""))
    assert positions[0] == positions[1]


async def test_what_was_missed_is_cut_before_it_is_counted(storage: Storage) -> None:
    others = [event(id=f"evt_other_{number}", client="borealis") for number in range(30)]
    await storage.events.add(
        event(id="evt_first", client="acme"), *others, event(id="evt_last", client="acme")
    )
    wanted = EventFilter(clients=("acme",))
    assert [one.id for one in await storage.events.since("evt_first", 5, wanted)] == ["evt_last"]
    for not_his in ("evt_other_3", "evt_nowhere"):
        assert await storage.events.since(not_his, 5, wanted) == []


async def test_counting_ends_somewhere(storage: Storage) -> None:
    await storage.events.add(*(event() for _ in range(COUNT_AT_MOST + 5)))
    assert await storage.events.count(EventFilter()) == COUNT_AT_MOST
    assert await storage.events.count(EventFilter(categories=("command", "auth"))) == COUNT_AT_MOST
    assert len([one async for one in storage.events.rows(EventFilter())]) == COUNT_AT_MOST + 5


async def test_a_stream_goes_on_after_the_last_event_it_saw(storage: Storage) -> None:
    log = storage.events
    given = [
        event(at=NOON - timedelta(seconds=number)) for number in range(5)
    ]  # in order of writing, not of time
    await log.add(*given)
    assert await log.since(given[1].id, 2) == given[2:4]
    assert await log.since(given[4].id) == []
    assert await log.since("evt_unknown") == []


async def test_listeners_get_each_event_once_in_order_also_those_they_were_too_slow_for(
    storage: Storage,
) -> None:
    log = storage.events
    await log.add(event())
    with log.subscribe() as quick, log.subscribe() as slow:
        first = [event() for _ in range(3)]
        await log.add(*first)
        assert [await anext(quick) for _ in first] == first
        flood = [event() for _ in range(2500)]
        for start in range(0, 2500, 500):
            await log.add(*flood[start : start + 500])
        assert [await anext(slow) for _ in range(2503)] == first + flood
        assert [await anext(quick) for _ in flood] == flood
        waiting = asyncio.create_task(anext(slow))
        await asyncio.sleep(0)
        last = event()
        await log.add(last)
        assert await waiting == last
    assert not log._subscriptions


async def test_a_listener_catches_up_while_more_is_written(storage: Storage) -> None:
    log = storage.events
    given = [event() for _ in range(6000)]
    with log.subscribe() as listener:

        async def write() -> None:
            for start in range(0, 6000, 300):
                await log.add(*given[start : start + 300])

        writer = asyncio.create_task(write())
        heard = []
        for _ in given:
            heard.append(await anext(listener))
            if len(heard) % 1000 == 1:
                await asyncio.sleep(0.01)
        await writer
    assert heard == given


async def test_more_at_once_than_a_listener_holds_reaches_it_all_the_same(storage: Storage) -> None:
    with storage.events.subscribe() as listener:
        given = [event() for _ in range(1500)]
        await storage.events.add(*given)
        assert [await anext(listener) for _ in given] == given


def test_csv_has_a_header_and_every_figure() -> None:
    header, row = csv.reader(io.StringIO("".join(to_csv([FULL]))))
    assert dict(zip(header, row, strict=True)) == {
        "at": "2026-06-01T12:00:00.000000Z",
        "id": FULL.id,
        "category": "command",
        "kind": "command.sent",
        "outcome": "applied",
        "actor_type": "token",
        "actor": "Anna",
        "actor_id": "usr_anna",
        "token_id": "tok_robot",
        "container": "k-1",
        "miner": "k-1.a1",
        "miner_address": "10.1.7.10",
        "client": "acme",
        "operation_id": "op_1",
        "request_id": "01J",
        "address": "192.0.2.7",
        "params": '{"profile":"curtail","watts":3250.5,"tries":[1,2],"note":"größer"}',
        "before": '{"power_w":3400}',
        "after": '[true,null,"x"]',
    }
    assert list(to_csv([], header=False)) == []
    assert "".join(to_csv([event()], header=False)).count(",") == len(header) - 1


@given(st.text())
def test_no_cell_of_the_csv_starts_a_formula_and_nothing_is_lost(said: str) -> None:
    given = event(actor=Actor("user", said), container=said, outcome=said)
    header, row = csv.reader(io.StringIO("".join(to_csv([given])), newline=""))
    for cell in row:
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    for name in ("actor", "container", "outcome"):
        assert row[header.index(name)] in {said, f"'{said}"}
