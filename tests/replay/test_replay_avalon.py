"""Captured Avalon replies over a real socket: a 1246 that mines (its `stats` alone is there) and a Q that sleeps."""

import pytest

from miners.client import read_miner
from miners.driver import Memory
from miners.model import Fan, PollFailure, Snapshot, Target, Temperatures
from tests.replay.server import ReplayServer, Replies, fixture_set

TH = 1e12


async def read(
    replies: Replies, *, joins: bool = True, driver: str | None = None
) -> tuple[Snapshot, list[str]]:
    async with ReplayServer(replies, joins=joins) as server:
        target = Target(
            container="c",
            miner="m",
            address="127.0.0.1",
            port=server.port,
            web_port=None,
            v3_port=None,
            driver=driver,
            timeout_s=5.0,
        )
        reading = await read_miner(target, Memory())
    assert isinstance(reading, Snapshot), reading
    return reading, server.asked


@pytest.mark.parametrize("joins", [True, False])
async def test_a_1246_mines(joins: bool) -> None:
    snapshot, _ = await read(fixture_set("avalon", "1246"), joins=joins)
    assert snapshot.driver == "avalon"
    assert snapshot.state == "mining"
    assert snapshot.identity.manufacturer == "Avalon"
    assert snapshot.identity.model == "1246-83"
    assert snapshot.identity.algorithm == "SHA-256"
    assert snapshot.identity.firmware == "stock"
    assert snapshot.identity.firmware_version == "21072802_4ec6bb0_211fc46"
    assert snapshot.identity.serial == "02010000cbd2fd6d"
    assert snapshot.mining_s == 24684
    assert snapshot.hashrate_hs == pytest.approx(81.07268 * TH)
    assert snapshot.hashrate_average_hs == pytest.approx(79.65663 * TH)
    assert snapshot.nominal_hashrate_hs == pytest.approx(83.92304 * TH)
    assert "nominal_hashrate_hs" not in snapshot.estimated
    assert (snapshot.power_w, snapshot.power_source, snapshot.power_limit_w) == (3504, "measured", 3200)
    assert snapshot.power_mode == "standard"
    assert snapshot.temperatures_c == Temperatures(inlet=30, chip_max=77, chip_avg=65)
    assert [board.index for board in snapshot.boards] == [0, 1, 2]
    rates = [26.90701 * TH, 26.02506 * TH, 26.72456 * TH]
    assert [board.hashrate_hs for board in snapshot.boards] == pytest.approx(rates)
    assert [(board.chips, board.expected_chips) for board in snapshot.boards] == [(120, 120)] * 3
    assert [board.chip_max_c for board in snapshot.boards] == [77, 77, 76]
    assert [board.chip_avg_c for board in snapshot.boards] == [66, 65, 64]
    assert [board.hardware_errors for board in snapshot.boards] == [999, 697, 1039]
    assert {board.frequency_hz for board in snapshot.boards} == {502.41e6}
    assert snapshot.expected_boards == 3
    assert snapshot.fans == (Fan(1, 5344), Fan(2, 5392), Fan(3, 5349), Fan(4, 5309))
    assert snapshot.fan_duty_ratio == pytest.approx(0.72)
    assert snapshot.psu is not None
    assert snapshot.psu.output_v == pytest.approx(13.16)
    assert snapshot.hardware_errors == 2735
    assert snapshot.faults == ()
    assert snapshot.pools == ()
    assert snapshot.shares.accepted is None


@pytest.mark.parametrize("joins", [True, False])
async def test_a_q_sleeps(joins: bool) -> None:
    snapshot, _ = await read(fixture_set("avalon", "Q"), joins=joins)
    assert snapshot.driver == "avalon"
    assert snapshot.state == "sleeping"
    assert snapshot.identity.model == "Q"
    assert snapshot.identity.mac == "AA:BB:CC:DD:EE:FF"
    assert snapshot.identity.serial == "01234567890123456789012345678901"
    assert snapshot.identity.firmware_version == "25052801_14a19a2"
    assert snapshot.mining_s == 37714
    assert snapshot.hashrate_hs == 0
    assert snapshot.hashrate_average_hs == pytest.approx(44.49941 * TH)
    assert snapshot.nominal_hashrate_hs == pytest.approx(55.03279 * TH)
    assert snapshot.hashes_total == pytest.approx(1679772288024e6)
    assert (snapshot.power_w, snapshot.power_source, snapshot.power_limit_w) == (146, "measured", 800)
    assert (snapshot.power_mode, snapshot.profile) == ("eco", "0")
    assert snapshot.temperatures_c == Temperatures(inlet=26, outlet=27)
    (board,) = snapshot.boards
    assert (board.index, board.hashrate_hs, board.chips, board.inlet_c, board.outlet_c) == (0, 0, 160, 27, 27)
    assert (board.chip_max_c, board.chip_avg_c) == (None, None)
    assert snapshot.fans == (Fan(1, 0), Fan(2, 0), Fan(3, 0), Fan(4, 0))
    assert snapshot.fan_duty_ratio == 0
    (pool,) = snapshot.pools
    assert (pool.index, pool.url, pool.user) == (0, "stratum+tcp://pool.example.com:4444", "worker1")
    assert (pool.alive, pool.active, pool.priority) == (True, True, 0)
    assert (pool.accepted, pool.rejected, pool.stale) == (890, 2, 0)
    assert pool.last_share_at is None  # it counts from boot, and the reply's own clock from 1970
    assert (snapshot.shares.accepted, snapshot.shares.rejected, snapshot.shares.stale) == (890, 2, 0)
    assert snapshot.hardware_errors == 0
    assert snapshot.faults == ()


async def test_one_connection_a_poll_once_the_driver_is_known() -> None:
    _, asked = await read(fixture_set("avalon", "Q"), driver="avalon")
    assert asked == ["summary+stats+pools+version"]


async def test_bare_nan_and_a_stray_comma_are_repaired() -> None:
    replies = fixture_set("avalon", "Q")
    broken = (
        replies["summary"].replace(b'"MHS av": 44539601.86', b'"MHS av": -nan').replace(b"[\n", b"[,\n", 1)
    )
    snapshot, _ = await read({**replies, "summary": broken})
    assert snapshot.state == "sleeping"
    assert snapshot.shares.accepted == 890


async def test_a_reply_cut_in_mid_air_says_so_and_keeps_what_was_whole() -> None:
    replies = fixture_set("avalon", "1246")
    whole = replies["stats"]
    snapshot, _ = await read(
        {"stats": whole[: whole.index(b'"Voltage Level Offset"')]}, joins=False, driver="avalon"
    )
    assert snapshot.truncated
    assert snapshot.hashrate_hs == pytest.approx(81.07268 * TH)


async def test_a_miner_process_that_is_down_is_a_failure_with_a_reason() -> None:
    down = b"Socket connect failed: Connection refused\n"
    async with ReplayServer({}, default=down) as server:
        target = Target(
            container="c",
            miner="m",
            address="127.0.0.1",
            port=server.port,
            web_port=None,
            v3_port=None,
            driver="avalon",
            timeout_s=5.0,
        )
        reading = await read_miner(target, Memory())
    assert isinstance(reading, PollFailure)
    assert reading.reason == "malformed"
