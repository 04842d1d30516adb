"""Reading one miner: every way to fail is a PollFailure, and what was learnt is forgotten when the miner changes."""

import pytest
import structlog

from miners import client
from miners.client import read_miner
from miners.draft import Draft
from miners.driver import Driver, Memory
from miners.errors import PollError, Refused, TimedOut
from miners.link import Link
from miners.model import PollFailure, Snapshot, Target
from tests.replay.hostile import HOSTILE, hostile_server
from tests.replay.server import ReplayServer

TARGET = Target(
    container="c", miner="m", address="127.0.0.1", port=1, web_port=None, v3_port=None, driver="odd"
)


def with_driver(
    monkeypatch: pytest.MonkeyPatch, outcome: Draft | Exception, *, truncated: bool = False
) -> None:
    async def read(link: Link, _memory: Memory) -> Draft:
        link.truncated = truncated
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setitem(client.DRIVERS, "odd", Driver("odd", "Odd", read))


async def test_a_driver_that_stumbles_is_a_failure_told_once_in_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_driver(monkeypatch, KeyError("password=hunter2"))
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            reading = await read_miner(TARGET, Memory())
            assert isinstance(reading, PollFailure)
            assert reading.reason == "malformed"
            assert "hunter2" not in reading.detail
    assert len(logs) == 1


async def test_an_unknown_driver_is_unsupported() -> None:
    target = Target(container="c", miner="m", address="127.0.0.1", driver="nosuch")
    reading = await read_miner(target, Memory())
    assert isinstance(reading, PollFailure)
    assert reading.reason == "unsupported"
    assert "whatsminer_v3" in reading.detail


@pytest.mark.parametrize(("error", "kept"), [(Refused("x"), False), (TimedOut("x"), True)])
async def test_a_refusal_makes_us_ask_again_who_is_there(
    monkeypatch: pytest.MonkeyPatch, error: PollError, kept: bool
) -> None:
    with_driver(monkeypatch, error)
    memory = Memory(driver="odd", no_join=True)
    reading = await read_miner(TARGET, memory)
    assert isinstance(reading, PollFailure)
    assert reading.reason == error.reason
    assert (memory.driver == "odd") == kept == memory.no_join


async def test_another_firmware_makes_us_ask_again_who_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(driver="odd")
    for version, known in (
        ("1", "odd"),
        ("1", "odd"),
        (None, "odd"),
        ("1", "odd"),
        (None, "odd"),
        ("2", None),
    ):
        with_driver(monkeypatch, Draft(firmware="stock", firmware_version=version, hashrate_hs=1.0))
        reading = await read_miner(TARGET, memory)
        assert isinstance(reading, Snapshot)
        assert reading.identity.manufacturer == "Odd"
        assert memory.driver == known


async def test_a_firmware_that_is_no_longer_named_makes_us_ask_again_who_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = Memory(driver="odd", firmware="stock 1")
    with_driver(monkeypatch, Draft(hashrate_hs=1.0))
    for known in ("odd", None):
        await read_miner(TARGET, memory)
        assert memory.driver == known
    # One that never names any is left alone.
    memory = Memory(driver="odd")
    for _ in range(5):
        await read_miner(TARGET, memory)
        assert memory.driver == "odd"


@pytest.mark.parametrize(("firmware", "driver"), [("stock 1", "odd"), (None, None)])
async def test_after_a_long_silence_nothing_is_taken_for_granted(
    monkeypatch: pytest.MonkeyPatch, firmware: str | None, driver: str | None
) -> None:
    memory = Memory(driver="odd", firmware=firmware)
    memory.keep("version", {"model": "of the one before"}, 1e12)
    for answers in (False, False, True, False, False):
        with_driver(monkeypatch, Draft(hashrate_hs=1.0) if answers else TimedOut("x"))
        await read_miner(TARGET, memory)
        assert memory.recall("version", 0.0) is not None
        assert memory.driver == "odd"
    await read_miner(TARGET, memory)
    assert memory.recall("version", 0.0) is None
    assert memory.driver == driver


async def test_one_cut_reply_is_no_witness_of_another_firmware_but_two_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = Memory(driver="odd", firmware="stock 1")
    for version, truncated, known in (
        ("2", True, "odd"),
        ("1", True, "odd"),
        ("2", True, "odd"),
        ("2", True, None),
    ):
        draft = Draft(firmware="stock", firmware_version=version, hashrate_hs=1.0)
        with_driver(monkeypatch, draft, truncated=truncated)
        await read_miner(TARGET, memory)
        assert memory.driver == known


@pytest.mark.parametrize(
    ("mining_s", "doubted"), [(500.0, False), (450.0, False), (550.0, False), (100.0, True), (9000.0, True)]
)
async def test_a_restart_puts_in_doubt_what_was_told_before_it(
    monkeypatch: pytest.MonkeyPatch, mining_s: float, doubted: bool
) -> None:
    memory = Memory(driver="odd", firmware="stock 1", no_join=True)
    for age in (500.0, mining_s):
        memory.keep("version", {"model": "of the one before"}, 1e12)
        with_driver(monkeypatch, Draft(firmware="stock", firmware_version="1", mining_s=age, hashrate_hs=1.0))
        await read_miner(TARGET, memory)
    assert (memory.recall("version", 0.0) is None) == doubted
    assert (memory.driver, memory.no_join) == ("odd", True)
    # A driver that named the firmware by heart does not find it now: that is proof enough.
    with_driver(monkeypatch, Draft(mining_s=mining_s, hashrate_hs=1.0))
    await read_miner(TARGET, memory)
    assert (memory.driver is None) == doubted


async def test_what_told_no_make_while_it_started_is_asked_again() -> None:
    ok = [{"STATUS": "S", "Code": 11}]
    replies = {"summary": {"STATUS": ok, "SUMMARY": [{"Elapsed": 5, "MHS 5s": 0.0}]}}
    async with ReplayServer(replies) as server:
        target = Target(
            container="c", miner="m", address="127.0.0.1", port=server.port, v3_port=None, web_port=None
        )
        memory = Memory()
        assert (await read_miner(target, memory)).driver == "cgminer"
        replies["stats"] = {"STATUS": ok, "STATS": [{"Type": "Antminer S9"}, {"GHS 5s": 13_500.0}]}
        assert (await read_miner(target, memory)).driver == "cgminer"
        memory.keep("driver", "cgminer", 0.0)
        assert (await read_miner(target, memory)).driver == "antminer"


async def test_a_web_that_never_answers_costs_no_reading_and_is_left_alone_for_a_while() -> None:
    ok = [{"STATUS": "S", "Code": 11}]
    replies = {
        "summary": {"STATUS": ok, "SUMMARY": [{"Elapsed": 5000, "GHS 5s": 95000.0}]},
        "stats": {"STATUS": ok, "STATS": [{"Type": "Antminer S19", "Miner": "1"}, {"GHS 5s": 95000.0}]},
        "pools": {"STATUS": ok, "POOLS": []},
    }
    async with ReplayServer(replies) as server, hostile_server(HOSTILE["never answers"]) as web_port:
        target = Target(
            container="c",
            miner="m",
            address="127.0.0.1",
            port=server.port,
            v3_port=None,
            web_port=web_port,
            timeout_s=2.0,
        )
        memory = Memory()
        record: list[tuple[str, bytes]] = []
        for _ in range(2):
            record.clear()
            reading = await read_miner(target, memory, record=record)
            assert isinstance(reading, Snapshot)
            assert reading.hashrate_hs == 95e12
            assert not reading.truncated
        assert memory.recall("web closed", 0.0)
        assert [question for question, _ in record] == ["stats", "summary", "pools"]
