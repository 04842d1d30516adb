"""Elphapex over real sockets: captured pages of a DG-Home1 that rests, and both ways to ask."""

import json
from typing import Any

import pytest

from miners.client import read_miner
from miners.driver import Memory
from miners.model import Fan, Fault, PollFailure, Psu, Reading, Snapshot, Target
from tests.replay.server import ReplayServer, WebReplayServer, fixture_set

GH = 1e9


def target(server: ReplayServer | None, web: WebReplayServer | None, driver: str | None = None) -> Target:
    return Target(
        container="c",
        miner="m",
        address="127.0.0.1",
        port=server.port if server else None,
        web_port=web.port if web else None,
        v3_port=None,
        driver=driver,
        timeout_s=5.0,
    )


def snapshot(reading: Reading) -> Snapshot:
    assert isinstance(reading, Snapshot), reading
    return reading


async def test_a_dg_home1_on_its_web() -> None:
    async with WebReplayServer(fixture_set("elphapex", "DG-Home1")) as web:
        read = snapshot(await read_miner(target(None, web), Memory()))
    assert read.driver == "elphapex"
    identity = read.identity
    assert (identity.manufacturer, identity.model, identity.algorithm) == ("Elphapex", "DG-Home1", "Scrypt")
    assert identity.firmware_version == "DG-Home1_V1.0.5"
    assert (identity.mac, identity.hostname) == ("B8:4C:87:E0:66:B2", "DG-Home1")
    assert identity.serial == "13HY24B056N300037C11B"
    # Up for ten days, awake by its settings, and not hashing: no pool answers.
    assert (read.state, read.uptime_s, read.mining_s) == ("fault", 924785, 0)
    assert (read.hashrate_hs, read.hashrate_average_hs) == (0, 0)
    assert read.nominal_hashrate_hs == pytest.approx(3.00375 * GH)
    assert (read.power_w, read.power_source) == (25, "measured")
    assert read.psu == Psu(serial="BC10FP1041115S04624J000061A")
    (board,) = read.boards
    assert (board.index, board.serial, board.chips, board.hardware_errors) == (
        3,
        "10HY24B046N300036H10JC53",
        120,
        120,
    )
    assert (board.inlet_c, board.outlet_c, board.board_c) == (46.5, 66.5, 67)
    assert board.chip_max_c == pytest.approx(25.687)
    assert board.chip_avg_c == pytest.approx(25.5465)
    assert board.frequency_hz == pytest.approx(89e6)
    assert (read.expected_boards, board.expected_chips) == (1, 120)
    assert read.fans == (Fan(0, 420), Fan(1, 420), Fan(2, 420), Fan(3, 1020))
    assert [(pool.index, pool.alive, pool.active, pool.user) for pool in read.pools] == [
        (n, False, False, "worker") for n in range(3)
    ]
    assert read.pools[1].url == "stratum+tcp://backup.invalid:3333"
    assert read.pools[0].last_share_at is None
    assert (read.shares.accepted, read.shares.rejected, read.shares.stale) == (0, 0, 0)
    assert read.faults == ()
    assert read.temperatures_c.psu is None


async def test_pages_that_change_slowly_are_not_asked_at_every_poll() -> None:
    async with WebReplayServer(fixture_set("elphapex", "DG-Home1")) as web:
        memory = Memory()
        await read_miner(target(None, web, "elphapex"), memory)
        asked = len(web.asked)
        await read_miner(target(None, web, "elphapex"), memory)
    names = [path.removeprefix("/cgi-bin/").removesuffix(".cgi") for path in web.asked[asked:]]
    # It does not hash: whether it was put to sleep since is asked each time while it is awake by its settings.
    assert names == ["stats", "pools", "get_power", "get_miner_conf"]


@pytest.mark.parametrize(
    ("mode", "state"), [("-1000", "sleeping"), (-1000, "sleeping"), (1, "sleeping"), ("0", "fault")]
)
async def test_sleep_is_a_work_mode(mode: object, state: str) -> None:
    pages = {**fixture_set("elphapex", "DG-Home1"), "get_miner_conf": {"fc-work-mode": mode}}
    async with WebReplayServer(pages) as web:
        assert snapshot(await read_miner(target(None, web), Memory())).state == state


async def test_faults_of_the_summary() -> None:
    status = [
        {"type": "temp", "status": "e", "code": 5, "msg": "too hot"},
        {"type": "rate", "status": "", "code": 0},
    ]
    pages = {**fixture_set("elphapex", "DG-Home1"), "summary": {"SUMMARY": [{"status": status}]}}
    async with WebReplayServer(pages) as web:
        assert snapshot(await read_miner(target(None, web), Memory())).faults == (Fault("temp:5", "too hot"),)


def on_tcp() -> dict[str, Any]:
    readings = {"Elapsed": 5000, "GHS 5s": 14000.0, "GHS av": 13900.0, "rate_unit": "MH", "fan_num": 4, "fan1": 4000,
                "chain_acn1": 204, "chain_rate1": "14000.0", "temp1": 55}  # fmt: skip
    return {
        "version": {"STATUS": [{"STATUS": "S"}], "VERSION": [{"Type": "DG1+", "API": "3.1"}]},
        "stats": {"STATUS": [{"STATUS": "S"}], "STATS": [{"Type": "DG1+", "Miner": "1.0"}, readings]},
        "summary": {"STATUS": [{"STATUS": "S"}], "SUMMARY": [{"Elapsed": 5000, "Accepted": 9}]},
        "pools": {"STATUS": [{"STATUS": "S"}], "POOLS": []},
    }


async def test_4028_first_and_the_web_for_what_it_alone_knows() -> None:
    pages = {"get_power": {"power_output": "3400"}, "get_system_info": {"macaddr": "b8:4c:87:e0:66:b2"}}
    async with ReplayServer(on_tcp()) as server, WebReplayServer(pages) as web:
        read = snapshot(await read_miner(target(server, web), Memory()))
        alone = snapshot(await read_miner(target(server, None), Memory()))
    assert (read.driver, read.identity.model, read.state) == ("elphapex", "DG1+", "mining")
    assert read.hashrate_hs == pytest.approx(14 * GH)
    assert (read.power_w, read.power_source, alone.power_source) == (3400, "measured", "estimated")
    assert read.identity.mac == "B8:4C:87:E0:66:B2"
    assert read.shares.accepted == 9


async def test_a_mute_4028_is_not_asked_at_every_poll() -> None:
    async with ReplayServer({}) as server, WebReplayServer(fixture_set("elphapex", "DG-Home1")) as web:
        memory = Memory()
        first = snapshot(await read_miner(target(server, web, "elphapex"), memory))
        asked = len(server.asked)
        assert asked
        again = snapshot(await read_miner(target(server, web, "elphapex"), memory))
        assert len(server.asked) == asked
    assert first.identity.model == again.identity.model == "DG-Home1"


async def test_a_web_that_wants_another_password_is_a_failure_in_words() -> None:
    async with WebReplayServer(fixture_set("elphapex", "DG-Home1"), password="another") as web:
        failure = await read_miner(target(None, web, "elphapex"), Memory())
    assert isinstance(failure, PollFailure)
    assert failure.reason == "auth"


@pytest.mark.parametrize("page", [b"<html>", b"[]", json.dumps({"STATS": []}).encode()])
async def test_a_page_of_statistics_that_is_none(page: bytes) -> None:
    pages = {**fixture_set("elphapex", "DG-Home1"), "stats": page}
    async with WebReplayServer(pages) as web:
        failure = await read_miner(target(None, web, "elphapex"), Memory())
    assert isinstance(failure, PollFailure)
    assert failure.reason in ("malformed", "unsupported")
