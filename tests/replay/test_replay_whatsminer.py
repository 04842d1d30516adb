"""The captured Whatsminer replies, read over real sockets: the values that must come out of each set."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from miners.ask import TcpLink
from miners.draft import conclude
from miners.driver import Driver, Memory
from miners.drivers import whatsminer_v2, whatsminer_v3
from miners.model import Snapshot, Target
from tests.replay.server import ReplayServer, fixture_set

TH = 1e12


async def read(driver: Driver, server: ReplayServer, memory: Memory | None = None) -> Snapshot:
    target = Target(
        container="c",
        miner="m",
        address="127.0.0.1",
        port=None if server.v3 else server.port,
        v3_port=server.port if server.v3 else None,
        web_port=None,
    )
    now = time.time()
    link = TcpLink(target, now=now, deadline=asyncio.get_running_loop().time() + 5.0)
    draft = await driver.read(link, memory or Memory())
    draft.manufacturer = draft.manufacturer or driver.manufacturer
    return conclude(
        draft,
        target,
        driver=driver.name,
        warm_up_s=driver.warm_up_s,
        now=now,
        duration_s=0.1,
        truncated=link.truncated,
    )


def by_serial(snapshot: Snapshot) -> dict[str | None, tuple[int, int | None]]:
    return {board.serial: (board.index, board.chips) for board in snapshot.boards}


@pytest.mark.parametrize("joins", [True, False], ids=["joined", "singly"])
async def test_v1_20210322(joins: bool) -> None:
    replies = fixture_set("whatsminer", "v1_20210322")
    async with ReplayServer(replies, joins=joins) as server:
        snapshot = await read(whatsminer_v2.DRIVER, server)
    assert snapshot.state == "mining"
    assert not snapshot.truncated
    assert snapshot.identity.manufacturer == "Whatsminer"
    assert snapshot.identity.firmware_version == "20210322.22.REL"
    assert snapshot.identity.mac == "C4:08:28:00:A4:19"
    assert snapshot.hashrate_hs == pytest.approx(70.66811452 * TH)
    assert snapshot.hashrate_average_hs == pytest.approx(67.75325119 * TH)
    assert snapshot.nominal_hashrate_hs == pytest.approx(68.796 * TH)
    assert snapshot.hashes_total == pytest.approx(687_977_549_397e6)
    assert (snapshot.power_w, snapshot.power_source, snapshot.power_limit_w) == (3417.0, "measured", 3500.0)
    assert snapshot.power_mode == "normal"
    assert (snapshot.uptime_s, snapshot.mining_s) == (10_792.0, 10_154.0)
    degrees = snapshot.temperatures_c
    assert (degrees.inlet, degrees.board_max, degrees.chip_max, degrees.chip_avg) == (None, 71.5, 92.5, 84.11)
    assert [fan.speed_rpm for fan in snapshot.fans] == [6450.0, 6480.0]
    assert by_serial(snapshot) == {
        "H5M14S69129A17K10095": (0, 105),
        "H5M14S69129A17K10058": (1, 105),
        "H5M14S69129A17K10002": (2, 105),
    }
    board = snapshot.boards[1]
    assert board.hashrate_hs == pytest.approx(25.56731781 * TH)
    assert (board.board_c, board.chip_max_c, board.chip_avg_c) == (69.5, 90.11, 83.67)
    assert (board.frequency_hz, board.hardware_errors) == (652e6, 47)
    assert snapshot.psu is not None
    assert (snapshot.psu.model, snapshot.psu.output_v, snapshot.psu.fan_rpm) == (
        "P21-12-3600-E",
        11.8,
        9060.0,
    )
    assert [(pool.index, pool.alive, pool.active, pool.accepted) for pool in snapshot.pools] == [
        (1, True, True, 2338),
        (2, True, False, 0),
        (3, True, False, 0),
    ]
    assert (snapshot.pools[0].url, snapshot.pools[0].user) == (
        "stratum+tcp://btc.example.pool:3333",
        "asic-rs.test",
    )
    assert snapshot.pools[0].last_share_at == datetime.fromtimestamp(1_761_061_364, UTC)
    assert snapshot.pools[1].last_share_at is None
    assert (snapshot.shares.accepted, snapshot.shares.rejected, snapshot.shares.stale) == (2338, 0, 0)
    assert snapshot.hardware_errors == 69
    assert snapshot.faults == ()


async def test_v1_20210322_with_faults() -> None:
    replies = fixture_set("whatsminer", "v1_20210322")
    async with ReplayServer({**replies, "summary": replies["summary_with_errors"]}, joins=True) as server:
        snapshot = await read(whatsminer_v2.DRIVER, server)
    assert [(fault.code, fault.text) for fault in snapshot.faults] == [
        ("110", "intake fan: no speed measured"),
        ("600", "ambient temperature high"),
    ]


@pytest.mark.parametrize("joins", [True, False], ids=["joined", "singly"])
async def test_v2_20230803(joins: bool) -> None:
    replies = fixture_set("whatsminer", "v2_20230803")
    async with ReplayServer(replies, joins=joins) as server:
        snapshot = await read(whatsminer_v2.DRIVER, server)
    assert snapshot.state == "mining"
    assert snapshot.identity.firmware_version == "20230803.11.REL"
    assert (snapshot.identity.mac, snapshot.identity.hostname) == ("D4:01:02:03:04:05", "WhatsMiner")
    assert snapshot.hashrate_hs == pytest.approx(124.5 * TH)
    assert snapshot.hashrate_average_hs == pytest.approx(125 * TH)
    assert snapshot.nominal_hashrate_hs == pytest.approx(126 * TH)
    assert snapshot.hashes_total is None
    assert (snapshot.power_w, snapshot.power_source, snapshot.power_limit_w) == (3200.0, "measured", 3300.0)
    assert (snapshot.uptime_s, snapshot.mining_s) == (25_500.0, 25_000.0)
    degrees = snapshot.temperatures_c
    assert (degrees.inlet, degrees.board_max, degrees.chip_max, degrees.chip_avg) == (28.5, 67.0, 81.0, 72.5)
    assert [fan.speed_rpm for fan in snapshot.fans] == [5400.0, 5280.0]
    assert by_serial(snapshot) == {f"BHM5CSD1302803K3000{at + 1}": (at, 135) for at in range(3)}
    board = snapshot.boards[2]
    assert board.hashrate_hs == pytest.approx(41.7 * TH)
    assert board.nominal_hashrate_hs == pytest.approx(42 * TH)
    assert (board.board_c, board.chip_max_c, board.chip_avg_c, board.frequency_hz) == (
        67.0,
        81.0,
        73.5,
        600e6,
    )
    assert board.hardware_errors is None
    assert snapshot.psu is not None
    assert (snapshot.psu.model, snapshot.psu.fan_rpm) == ("P222B", 6000.0)
    assert [(pool.index, pool.active, pool.accepted) for pool in snapshot.pools] == [
        (1, True, 5412),
        (2, False, 0),
        (3, False, 0),
    ]
    assert (snapshot.shares.accepted, snapshot.shares.rejected, snapshot.shares.stale) == (5412, 0, None)
    assert snapshot.hardware_errors is None
    assert snapshot.faults == ()


async def test_v2_20230803_with_faults() -> None:
    replies = fixture_set("whatsminer", "v2_20230803")
    faulty = {**replies, "get_error_code": replies["get_error_code_with_errors"]}
    async with ReplayServer(faulty, joins=True) as server:
        snapshot = await read(whatsminer_v2.DRIVER, server)
    assert [(fault.code, fault.since) for fault in snapshot.faults] == [
        ("218", datetime(2024, 6, 15, 10, 30, tzinfo=UTC)),
        ("110", datetime(2024, 6, 15, 9, 15, tzinfo=UTC)),
    ]
    assert snapshot.faults[0].text == "input voltage below 230 V, too low for high power mode"


async def test_v2_20230803_asleep() -> None:
    replies = fixture_set("whatsminer", "v2_20230803")
    status = replies["status"].replace(b'"mineroff": "false"', b'"mineroff": "true"')
    assert status != replies["status"]
    async with ReplayServer({**replies, "status": status}, joins=True) as server:
        snapshot = await read(whatsminer_v2.DRIVER, server)
    assert (snapshot.state, snapshot.hashrate_hs, snapshot.power_source) == ("sleeping", 0.0, "estimated")
    assert [board.hashrate_hs for board in snapshot.boards] == [0.0, 0.0, 0.0]


async def test_a_second_poll_remembers_and_is_one_connection() -> None:
    replies = fixture_set("whatsminer", "v2_20230803")
    memory = Memory()
    async with ReplayServer(replies, joins=True) as server:
        first = await read(whatsminer_v2.DRIVER, server, memory)
        server.asked.clear()
        moved = replies["summary"].replace(b'"Elapsed": 25000', b'"Elapsed": 25030')
        assert moved != replies["summary"]
        server.replies = {**replies, "summary": moved}
        second = await read(whatsminer_v2.DRIVER, server, memory)
        assert server.asked == ["summary+devs+pools"]
    assert second.identity == first.identity
    assert second.mining_s == 25_030.0


async def test_a_whatsminer_that_breaks_its_json_is_read_all_the_same() -> None:
    """Trailing commas in the summary, a missing comma in the boards: see protocols.md, section 1."""
    replies = fixture_set("whatsminer", "v1_20210322")
    summary = replies["summary"].rstrip().removesuffix(b"}").rstrip() + b",}"
    devs = replies["devs"].replace(b'"ASC": 1,', b'"ASC": 1,\n"Note": ""', 1)
    async with ReplayServer({**replies, "summary": summary, "devs": devs}, joins=True) as server:
        snapshot = await read(whatsminer_v2.DRIVER, server)
    assert snapshot.hashrate_hs == pytest.approx(70.66811452 * TH)
    assert len(snapshot.boards) == 3
    assert len(snapshot.pools) == 3


async def test_v3_m60s() -> None:
    replies = fixture_set("whatsminer", "v3_M60S")
    async with ReplayServer(replies, v3=True) as server:
        snapshot = await read(whatsminer_v3.DRIVER, server)
        assert server.asked == ["get.miner.status:summary+edevs+pools", "get.device.info"]
    assert snapshot.state == "mining"
    identity = snapshot.identity
    assert (identity.manufacturer, identity.model) == ("Whatsminer", "M60S_VK40")
    assert (identity.firmware_version, identity.mac) == ("20251209.16.Rel2", "CE:02:01:00:8C:36")
    assert (identity.serial, identity.hostname) == ("BTM3CS40HD24083100000000000000000", "WhatsMiner")
    assert snapshot.hashrate_hs == pytest.approx(171.259 * TH)
    assert snapshot.hashrate_average_hs == pytest.approx(170.8 * TH)
    assert snapshot.nominal_hashrate_hs == pytest.approx(181.051 * TH)
    assert (snapshot.power_w, snapshot.power_source, snapshot.power_limit_w) == (3156.0, "measured", 3600.0)
    assert snapshot.power_mode == "normal"
    # bootup-time (1323 s) is not the uptime: what has mined for 50,000 s has been up for longer.
    assert (snapshot.mining_s, snapshot.uptime_s) == (50_000.0, 50_000.0)
    degrees = snapshot.temperatures_c
    assert (degrees.inlet, degrees.board_max, degrees.chip_max, degrees.chip_avg) == (28.5, 41.5, 82.0, 75.5)
    assert [fan.speed_rpm for fan in snapshot.fans] == [5400.0, 5280.0]
    assert [(board.index, board.serial, board.chips, board.board_c) for board in snapshot.boards] == [
        (0, "BKM3CSE1404807K42757", 75, 41.1),
        (1, "BKM3CSE1404812K43675", 75, 40.1),
        (2, "BKM3CSE1404807K42762", 75, 41.5),
    ]
    board = snapshot.boards[1]
    assert board.hashrate_hs == pytest.approx(57 * TH)
    assert board.nominal_hashrate_hs == pytest.approx(60.35 * TH)
    assert (board.chip_max_c, board.chip_avg_c, board.frequency_hz) == (82.0, 75.0, 625e6)
    assert [(pool.index, pool.alive, pool.active, pool.priority, pool.user) for pool in snapshot.pools] == [
        (0, True, True, 0, "asic-rs.test"),
        (1, True, False, 1, "asic-rs.test"),
        (2, True, False, 2, "asic-rs.test"),
    ]
    assert (snapshot.shares.accepted, snapshot.hardware_errors) == (None, None)
    assert snapshot.psu is not None
    assert (snapshot.psu.model, snapshot.psu.serial, snapshot.psu.fan_rpm) == (
        "P221B",
        "1436B2429603097",
        6344.0,
    )
    assert snapshot.faults == ()


async def test_v3_m60s_with_faults() -> None:
    replies = fixture_set("whatsminer", "v3_M60S")
    faulty = {**replies, "get_device_info": replies["get_device_info_with_errors"]}
    async with ReplayServer(faulty, v3=True) as server:
        snapshot = await read(whatsminer_v3.DRIVER, server)
    assert [fault.code for fault in snapshot.faults] == ["264", "265", "266", "267", "270"]
    assert snapshot.faults[0].text == "Power xfer error. code: 0xffffffffc0000000"
    assert snapshot.faults[0].since == datetime(2026, 5, 23, 9, 19, 10, tzinfo=UTC)


async def test_v3_m60s_asleep() -> None:
    replies = fixture_set("whatsminer", "v3_M60S")
    told = replies["get_device_info"].replace(b'"working": "true"', b'"working": "false"')
    assert told != replies["get_device_info"]
    async with ReplayServer({**replies, "get_device_info": told}, v3=True) as server:
        snapshot = await read(whatsminer_v3.DRIVER, server)
    assert (snapshot.state, snapshot.hashrate_hs, snapshot.power_source) == ("sleeping", 0.0, "estimated")
