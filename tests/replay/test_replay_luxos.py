"""Captured LuxOS replies of an S19k Pro over a real socket. Its `events` were captured half a year after the rest."""

from datetime import UTC, datetime, timedelta

import pytest

from miners.client import read_miner
from miners.driver import Memory
from miners.model import Fan, Snapshot, Target, Temperatures
from tests.replay.server import ReplayServer, fixture_set

TH = 1e12
POLL = "summary+devs+pools+temps+fans+power+config+stats"


async def read(server: ReplayServer, memory: Memory, driver: str | None = None) -> Snapshot:
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
    reading = await read_miner(target, memory)
    assert isinstance(reading, Snapshot), reading
    return reading


@pytest.mark.parametrize("joins", [True, False])
async def test_an_s19k_pro_on_luxos(joins: bool) -> None:
    async with ReplayServer(fixture_set("luxos", "S19k_Pro"), joins=joins) as server:
        snapshot = await read(server, Memory())
    assert snapshot.driver == "luxos"
    assert snapshot.state == "mining"
    identity = snapshot.identity
    assert (identity.manufacturer, identity.model, identity.algorithm) == (
        "AntMiner",
        "Antminer S19k Pro",
        "SHA-256",
    )
    assert (identity.firmware, identity.firmware_version) == ("LuxOS", "2025.4.8.220305-57b389c7")
    assert (identity.mac, identity.serial) == ("62:F7:5E:B7:10:46", "JYZZB0UBDJABF06RB")
    assert identity.hostname == "UrlacherS19k"
    assert snapshot.mining_s == 3453
    assert snapshot.hashrate_hs == pytest.approx(59.75606 * TH)
    assert snapshot.hashrate_average_hs == pytest.approx(56.91791 * TH)
    assert snapshot.nominal_hashrate_hs == pytest.approx(121.8 * TH)
    assert "nominal_hashrate_hs" not in snapshot.estimated
    assert snapshot.hashes_total is None
    assert (snapshot.power_w, snapshot.power_source) == (1051, "measured")
    assert snapshot.profile == "290MHz"
    assert snapshot.temperatures_c == Temperatures(inlet=34, outlet=47, board_max=47)
    assert [board.index for board in snapshot.boards] == [0, 1, 2]
    rates = [19773825.71692016e6, 19230588.7466751e6, 20751652.263361264e6]
    assert [board.hashrate_hs for board in snapshot.boards] == pytest.approx(rates)
    assert [board.serial for board in snapshot.boards] == [
        "JYZZYRSBDJEBI06Z5",
        "JYZZYRSBDJEBI06ZM",
        "JYZZYRSBDJEBI06ZR",
    ]
    assert [(board.inlet_c, board.outlet_c, board.board_c) for board in snapshot.boards] == [
        (34, 47, 47),
        (33, 47, 47),
        (34, 47, 47),
    ]
    assert {(board.chips, board.nominal_hashrate_hs) for board in snapshot.boards} == {(77, 20651400e6)}
    assert {(board.frequency_hz, board.hardware_errors) for board in snapshot.boards} == {(300e6, 0)}
    assert {board.chip_max_c for board in snapshot.boards} == {None}
    assert snapshot.expected_boards == 3
    assert snapshot.fans == (Fan(1, 2340), Fan(2, 1920), Fan(3, 2340), Fan(4, 1920))
    assert snapshot.fan_duty_ratio == pytest.approx(0.2)
    assert snapshot.psu is not None
    assert snapshot.psu.model == "APW121215e"
    assert [(pool.index, pool.alive, pool.active, pool.priority) for pool in snapshot.pools] == [
        (0, True, True, 0),
        (1, False, False, 1),
        (2, True, True, 2),
        (3, False, False, 3),
    ]
    assert [(pool.accepted, pool.rejected, pool.stale) for pool in snapshot.pools] == [
        (724, 0, 0),
        (0, 0, 0),
        (759, 1, 0),
        (0, 0, 0),
    ]
    assert snapshot.pools[0].url == "stratum+tcp://ca.stratum.braiins.com:3333"
    assert snapshot.pools[2].last_share_at == snapshot.taken_at - timedelta(seconds=1)
    assert snapshot.pools[1].last_share_at is None
    shares = snapshot.shares
    assert (shares.accepted, shares.rejected, shares.stale) == (1483, 1, 0)
    assert snapshot.hardware_errors == 0
    assert [(fault.code, fault.text) for fault in snapshot.faults] == [
        ("NOPIC_PROTECTION", "Miner shutdown due to NOPIC protection."),
        ("REBOOT_NOT_HASHING", "Board reboot due to it not hashing."),
    ]
    assert {fault.since for fault in snapshot.faults} == {datetime(2026, 4, 8, 3, 38, 27, tzinfo=UTC)}


async def test_one_connection_a_poll_and_slow_questions_are_never_asked() -> None:
    async with ReplayServer(fixture_set("luxos", "S19k_Pro"), joins=True) as server:
        memory = Memory()
        first = await read(server, memory, "luxos")
        second = await read(server, memory, "luxos")
    assert server.asked == [f"{POLL}+version+events", POLL]
    assert second.identity == first.identity
    assert second.faults == first.faults
