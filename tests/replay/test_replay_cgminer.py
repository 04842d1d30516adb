"""The generic reader and VNish over real sockets: what is asked, what is remembered, who is found."""

from typing import Any

import pytest

from miners.client import read_miner
from miners.driver import Memory
from miners.model import PollFailure, Reading, Snapshot, Target
from tests.replay.server import CODE_14, ReplayServer

OK = [{"STATUS": "S", "Code": 11}]


def target(server: ReplayServer) -> Target:
    return Target(
        container="c",
        miner="m",
        address="127.0.0.1",
        port=server.port,
        web_port=None,
        v3_port=None,
        timeout_s=5.0,
    )


def snapshot(reading: Reading) -> Snapshot:
    assert isinstance(reading, Snapshot), reading
    return reading


def braiins() -> dict[str, Any]:
    pool = {"POOL": 0, "URL": "stratum+tcp://a.invalid:1", "Status": "Alive", "Stratum Active": True}
    return {
        "version": {"STATUS": OK, "VERSION": [{"API": "3.7", "BOSminer+": "x", "BOSminer": "0.2.0"}]},
        "summary": {"STATUS": OK, "SUMMARY": [{"Elapsed": 7200, "MHS 5s": 13.5e6, "MHS av": 13.4e6}]},
        "devs": {"STATUS": OK, "DEVS": [{"ASC": n, "ID": 6 + n, "MHS 5s": 4.5e6} for n in range(3)]},
        "devdetails": {
            "STATUS": OK,
            "DEVDETAILS": [{"ID": 6 + n, "Chips": 63, "Model": "Antminer S9"} for n in range(3)],
        },
        "fans": {"STATUS": OK, "FANS": [{"FAN": n, "RPM": 4000, "Speed": 50} for n in range(2)]},
        "tunerstatus": {
            "STATUS": OK,
            "TUNERSTATUS": [{"ApproximateMinerPowerConsumption": 1290, "PowerLimit": 1300}],
        },
        "pools": {"STATUS": OK, "POOLS": [pool]},
    }


@pytest.mark.parametrize("joins", [True, False])
async def test_braiins_os(joins: bool) -> None:
    async with ReplayServer(braiins(), joins=joins) as server:
        memory = Memory()
        read = snapshot(await read_miner(target(server), memory))
        connections = server.connections
        await read_miner(target(server), memory)
        # What it refused the first time (stats, temps) is not asked again.
        assert server.connections - connections == (1 if joins else 7)
    assert (read.driver, read.state) == ("cgminer", "mining")
    assert (read.identity.manufacturer, read.identity.model) == ("AntMiner", "Antminer S9")
    assert (read.identity.firmware, read.identity.firmware_version) == ("Braiins OS", "0.2.0")
    assert read.hashrate_hs == pytest.approx(13.5e12)
    assert (read.power_w, read.power_source, read.power_limit_w) == (1290, "measured", 1300)
    assert [(board.index, board.chips) for board in read.boards] == [(6, 63), (7, 63), (8, 63)]
    assert [fan.speed_rpm for fan in read.fans] == [4000, 4000]
    assert [pool.active for pool in read.pools] == [True]


async def test_edevs_where_devs_is_refused() -> None:
    replies = braiins()
    replies["edevs"] = replies.pop("devs")
    async with ReplayServer(replies, joins=True) as server:
        memory = Memory()
        await read_miner(target(server), memory)
        read = snapshot(await read_miner(target(server), memory))
    assert len(read.boards) == 3
    assert not read.truncated


async def test_a_miner_that_starts_shows_its_boards_when_they_are_there() -> None:
    replies = braiins()
    boards = replies["devs"]
    replies["devs"] = {"STATUS": OK, "DEVS": []}
    async with ReplayServer(replies, joins=True) as server:
        memory = Memory()
        assert snapshot(await read_miner(target(server), memory)).boards == ()
        server.replies = {**replies, "devs": boards}
        assert len(snapshot(await read_miner(target(server), memory)).boards) == 3


async def test_vnish_is_found_and_read() -> None:
    readings: dict[str, Any] = {"Elapsed": 3600, "GHS 5s": 0, "fan_num": 4, "fan1": 0, "state": "stopped"}
    readings |= {f"chain_acn{n}": 126 for n in (1, 2, 3)} | {f"chain_vol{n}": 13000 for n in (1, 2, 3)}
    identity = {"BMMiner": "2.0.0", "Miner": "1.2.6", "Type": "Antminer S19j Pro (Vnish 1.2.6)"}
    replies = {
        "version": {"STATUS": OK, "VERSION": [identity]},
        "stats": {"STATUS": OK, "STATS": [identity, readings]},
        "summary": {"STATUS": OK, "SUMMARY": [{"Elapsed": 3600}]},
        "pools": {"STATUS": OK, "POOLS": []},
    }
    async with ReplayServer(replies, joins=True) as server:
        read = snapshot(await read_miner(target(server), Memory()))
    assert (read.driver, read.state) == ("vnish", "sleeping")
    assert (read.identity.firmware, read.identity.firmware_version) == ("VNish", "1.2.6")
    assert [board.voltage_v for board in read.boards] == [13, 13, 13]
    assert read.nominal_hashrate_hs == pytest.approx(104e12)
    assert (read.power_source, read.expected_boards) == ("estimated", 3)


async def test_a_miner_without_a_reading_is_a_failure_in_words() -> None:
    replies = {"version": {"STATUS": OK, "VERSION": [{"CGMiner": "4.10"}]}}
    async with ReplayServer(replies, default=CODE_14) as server:
        failure = await read_miner(target(server), Memory())
    assert isinstance(failure, PollFailure)
    assert failure.reason == "unsupported"
