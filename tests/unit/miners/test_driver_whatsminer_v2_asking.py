"""What the Whatsminer v2 driver asks, and when: over real sockets, with the clock in the test's hand."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from miners.ask import TcpLink
from miners.draft import Draft
from miners.driver import Memory
from miners.drivers.whatsminer_v2 import DRIVER, read
from miners.errors import PollError
from miners.link import Object
from miners.model import Snapshot, Target
from tests.replay.server import CODE_14, ReplayServer
from tests.unit.miners import strange_documents

NOW = 1_790_000_000.0
TH = 1e12
JOINED = "summary+devs+pools"
FIRST = [f"{JOINED}+devdetails", "status", "get_error_code", "get_version", "get_miner_info", "get_psu"]


def msg(content: Any) -> Object:
    return {"STATUS": "S", "When": int(NOW), "Code": 131, "Msg": content, "Description": ""}


def section(name: str, *rows: Object) -> Object:
    return {"STATUS": [{"STATUS": "S", "Code": 11, "Msg": name}], name: list(rows), "id": 1}


def summary(elapsed: float = 40_000, **more: Any) -> Object:
    row = {
        "Elapsed": elapsed,
        "Uptime": elapsed + 600,
        "MHS 5s": 100e6,
        "MHS av": 99e6,
        "Power": 3400,
        "Power Limit": 3500,
        "Factory GHS": 100_000,
        "MAC": "C6:07:20:00:1A:2B",
        "Fan Speed In": 5000,
        **more,
    }
    return section("SUMMARY", {key: value for key, value in row.items() if value is not None})


def miner() -> dict[str, Any]:
    """The replies of a healthy M30S++, to be changed as the test goes."""
    return {
        "summary": summary(),
        "devs": section("DEVS", {"Slot": 0, "MHS 5s": 100e6, "Temperature": 70.0}),
        "pools": section("POOLS", {"POOL": 1, "URL": "stratum+tcp://pool.example:3333", "User": "yard"}),
        "devdetails": section("DEVDETAILS", {"Model": "M30S++_VH70"}),
        "status": msg({"mineroff": "false"}),
        "get_error_code": msg({"error_code": []}),
        "get_version": msg({"fw_ver": "20230911.12.Rel"}),
        "get_miner_info": msg({"hostname": "WhatsMiner"}),
        "get_psu": msg({"model": "P222B", "vin": "22400", "fan_speed": "6976"}),
    }


async def poll(server: ReplayServer, memory: Memory, after: float = 0.0) -> Draft:
    server.asked.clear()
    target = Target(
        container="c", miner="m", address="127.0.0.1", port=server.port, web_port=None, v3_port=None
    )
    deadline = asyncio.get_running_loop().time() + 5.0
    return await read(TcpLink(target, now=NOW + after, deadline=deadline), memory)


def concluded(draft: Draft) -> Snapshot:
    return strange_documents.concluded(draft, DRIVER, NOW)


async def test_a_healthy_miner_costs_one_connection_a_poll() -> None:
    memory, replies = Memory(), miner()
    async with ReplayServer(replies, joins=True) as server:
        first = await poll(server, memory)
        assert server.asked == FIRST
        assert first.psu is not None
        assert (first.model, first.psu.input_v, first.psu.fan_rpm) == ("M30S++_VH70", 224.0, 6976.0)
        for after in (30, 60, 270):
            replies["summary"] = summary(40_000 + after)
            later = await poll(server, memory, after)
            assert server.asked == [JOINED]
            # Names last; what the power supply measured at the first poll is not of now.
            assert later.psu is not None
            assert (later.model, later.hostname, later.asleep) == ("M30S++_VH70", "WhatsMiner", False)
            assert (later.psu.model, later.psu.input_v, later.psu.fan_rpm) == ("P222B", None, None)
        replies["summary"] = summary(40_300)
        await poll(server, memory, 300)
        assert server.asked == [JOINED, "status", "get_error_code"]
        replies["summary"] = summary(43_601)
        await poll(server, memory, 3601)
        assert server.asked == FIRST


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"elapsed": 40_030, "Power": 600},
        {"elapsed": 40_030, "Power": None},
        {"elapsed": 40_030, "MHS 5s": 0.0},
        {"elapsed": 40_030, "MHS 5s": None, "MHS av": None},
    ],
    ids=["frozen", "little power", "power gone", "no hash rate", "hash rate gone"],
)
async def test_a_miner_that_fell_asleep_is_found_out_at_once(change: dict[str, Any]) -> None:
    memory, replies = Memory(), miner()
    async with ReplayServer(replies, joins=True) as server:
        assert concluded(await poll(server, memory)).state == "mining"
        replies["summary"], replies["status"] = summary(**change), msg({"mineroff": "true"})
        snapshot = concluded(await poll(server, memory, 30))
        assert "status" in server.asked
        assert (snapshot.state, snapshot.hashrate_hs) == ("sleeping", 0.0)
        assert snapshot.power_w is not None
        assert snapshot.power_w <= 600
        replies["summary"], replies["status"] = summary(50), msg({"mineroff": "false"})
        assert concluded(await poll(server, memory, 60)).state == "mining"


async def test_a_status_that_fails_does_not_fail_the_poll() -> None:
    memory, replies = Memory(), miner()
    replies["status"] = b"not a reply"
    async with ReplayServer(replies, joins=True) as server:
        snapshot = concluded(await poll(server, memory))
        assert (snapshot.state, snapshot.hashrate_hs) == ("mining", 100 * TH)


async def test_a_miner_that_hashes_again_is_awake_even_if_it_does_not_say_so() -> None:
    memory, replies = Memory(), miner()
    replies["status"] = msg({"mineroff": "true"})
    async with ReplayServer(replies, joins=True) as server:
        assert (await poll(server, memory)).asleep is True
        replies["status"] = b""
        assert (await poll(server, memory, 30)).asleep is True, "nothing moved: the last word holds"
        replies["summary"] = summary(40_060)
        assert (await poll(server, memory, 60)).asleep is None


async def test_a_sleeping_miner_whose_mining_process_is_down() -> None:
    memory, replies = Memory(), miner()
    async with ReplayServer(replies, joins=True) as server:
        await poll(server, memory)
        for name in ("summary", "devs", "pools", "devdetails"):
            replies[name] = CODE_14
        replies["status"] = msg({"mineroff": "true"})
        snapshot = concluded(await poll(server, memory, 30))
        replies.update(miner(), summary=summary(20))
        assert concluded(await poll(server, memory, 60)).state == "mining"
    assert (snapshot.state, snapshot.hashrate_hs, snapshot.identity.model) == ("sleeping", 0.0, "M30S++_VH70")
    assert (snapshot.identity.firmware_version, snapshot.boards) == ("20230911.12.Rel", ())


@pytest.mark.parametrize("default", [CODE_14, b"<html>", b"", b'{"STATUS":"S","Code":131,"Msg":""}', b"[1]"])
async def test_what_tells_nothing_is_a_poll_error(default: bytes) -> None:
    async with ReplayServer({}, joins=False, default=default) as server:
        with pytest.raises(PollError):
            await poll(server, Memory())


async def test_fault_codes_are_asked_for_when_the_summary_counts_some() -> None:
    memory, replies = Memory(), miner()
    async with ReplayServer(replies, joins=True) as server:
        await poll(server, memory)
        replies["summary"] = summary(40_030, **{"Error Code Count": 1})
        replies["get_error_code"] = msg({"error_code": [{"110": "2026-09-01 10:00:00"}]})
        draft = await poll(server, memory, 30)
        assert server.asked == [JOINED, "get_error_code"]
        assert [(f.code, f.since) for f in draft.faults] == [("110", datetime(2026, 9, 1, 10, tzinfo=UTC))]
        # Until it is gone, and no longer.
        replies["summary"], replies["get_error_code"] = summary(40_060), msg({"error_code": []})
        assert (await poll(server, memory, 60)).faults == []
        replies["summary"] = summary(40_090)
        await poll(server, memory, 90)
        assert server.asked == [JOINED]


async def test_codes_that_the_summary_lists_are_not_asked_for_every_time() -> None:
    memory, replies = Memory(), miner()
    codes = {"Error Code Count": 2, "Error Code 0": 110, "Error Code 1": 540}
    replies["summary"] = summary(**codes)
    replies["get_error_code"] = msg(
        {"error_code": ["110", "2026-09-01 10:00:00", "540", "2026-09-01 10:00:00"]}
    )
    async with ReplayServer(replies, joins=True) as server:
        await poll(server, memory)
        replies["summary"] = summary(40_030, **{"Error Code Count": 1, "Error Code 0": 540})
        draft = await poll(server, memory, 30)
        assert server.asked == [JOINED]
        assert [(f.code, f.since) for f in draft.faults] == [("540", datetime(2026, 9, 1, 10, tzinfo=UTC))]


async def test_a_miner_that_stops_hashing_is_asked_why() -> None:
    memory, replies = Memory(), miner()
    async with ReplayServer(replies, joins=True) as server:
        await poll(server, memory)
        replies["summary"] = summary(40_030, **{"MHS 5s": 0.0})
        replies["get_error_code"] = msg([{"233": "2026-09-01 10:00:00"}])
        snapshot = concluded(await poll(server, memory, 30))
        assert server.asked == [JOINED, "status", "get_error_code"]
        assert (snapshot.state, snapshot.faults[0].text) == ("fault", "power supply: output over temperature")


async def test_edevs_where_devs_is_refused_and_remembered() -> None:
    memory, replies = Memory(), miner()
    replies["edevs"] = replies["devs"]
    replies["devs"] = CODE_14
    async with ReplayServer(replies, joins=True) as server:
        assert len((await poll(server, memory)).boards) == 1
        replies["summary"] = summary(40_030)
        assert len((await poll(server, memory, 30)).boards) == 1
        assert server.asked == ["summary+edevs+pools"]


async def test_a_miner_without_boards_is_not_asked_for_them_twice() -> None:
    memory, replies = Memory(), miner()
    async with ReplayServer(replies, joins=True) as server:
        await poll(server, memory)
        replies["summary"], replies["devs"] = summary(40_030), section("DEVS")
        assert (await poll(server, memory, 30)).boards == []
        assert server.asked == [JOINED]
        replies["summary"], replies["devs"] = summary(40_060), CODE_14
        await poll(server, memory, 60)
        replies["summary"] = summary(40_090)
        await poll(server, memory, 90)
        assert server.asked == ["summary+pools"]


async def test_firmware_that_does_not_join() -> None:
    async with ReplayServer(miner(), joins=False) as server:
        draft = await poll(server, Memory())
    assert (draft.hashrate_hs, draft.model, len(draft.boards), len(draft.pools)) == (
        100 * TH,
        "M30S++_VH70",
        1,
        1,
    )


async def test_another_miner_at_the_address_is_asked_who_it_is() -> None:
    memory, replies = Memory(), miner()
    async with ReplayServer(replies, joins=True) as server:
        await poll(server, memory)
        replies["summary"] = summary(40_030, MAC="C6:07:20:00:99:99")
        replies["devdetails"] = section("DEVDETAILS", {"Model": "M50_VG30"})
        draft = await poll(server, memory, 30)
        assert (draft.model, draft.mac) == ("M50_VG30", "C6:07:20:00:99:99")
        assert set(FIRST[1:]) < set(server.asked)


async def test_names_outlast_a_question_that_fails() -> None:
    memory, replies = Memory(), miner()
    async with ReplayServer(replies, joins=True) as server:
        await poll(server, memory)
        replies["devdetails"], replies["get_version"] = CODE_14, b"broken"
        replies["summary"] = summary(43_601)
        draft = await poll(server, memory, 3601)
        assert (draft.model, draft.firmware_version) == ("M30S++_VH70", "20230911.12.Rel")
