"""Antminers over real sockets: captured replies of an S19 Pro and an L9, and the ways between TCP 4028 and the web."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from miners.client import read_miner
from miners.driver import Memory
from miners.model import Fan, Fault, PollFailure, Reading, Snapshot, Target, Temperatures
from tests.replay.server import ReplayServer, WebReplayServer, fixture_set

TH, GH = 1e12, 1e9
WELL = [{"type": kind, "status": "s", "code": 0, "msg": ""} for kind in ("rate", "network", "fans", "temp")]


def target(server: ReplayServer | None, web: WebReplayServer | None = None, **more: Any) -> Target:
    return Target(
        container="c",
        miner="m",
        address="127.0.0.1",
        port=server.port if server else None,
        web_port=web.port if web else None,
        v3_port=None,
        timeout_s=5.0,
        **more,
    )


def snapshot(reading: Reading) -> Snapshot:
    assert isinstance(reading, Snapshot), reading
    return reading


async def test_an_s19_pro() -> None:
    async with ReplayServer(fixture_set("antminer", "S19_Pro")) as server:
        memory = Memory()
        read = snapshot(await read_miner(target(server), memory))
        asked = len(server.asked)
        again = snapshot(await read_miner(target(server), memory))
        assert server.asked[asked:] == ["stats", "summary", "pools"]
    assert again.hashrate_hs == read.hashrate_hs
    assert (read.driver, read.state) == ("antminer", "mining")
    identity = read.identity
    assert (identity.manufacturer, identity.model, identity.algorithm) == (
        "AntMiner",
        "Antminer S19 Pro",
        "SHA-256",
    )
    assert (identity.firmware, identity.firmware_version) == ("stock", "49.0.1.3")
    assert (identity.mac, identity.serial) == (None, None)
    assert read.mining_s == 50474
    assert read.hashrate_hs == pytest.approx(110.56689 * TH)
    assert read.hashrate_average_hs == pytest.approx(111.83463 * TH)
    assert read.nominal_hashrate_hs == pytest.approx(110 * TH)
    assert "nominal_hashrate_hs" not in read.estimated
    assert read.hashes_total == pytest.approx(5643633754730.0e6)
    assert read.power_source == "estimated"
    assert read.power_w == pytest.approx(3250 * 110.56689 / 110)
    assert read.temperatures_c == Temperatures(
        board_max=73, chip_max=78, chip_avg=pytest.approx((66.75 + 62 + 59.25) / 3)
    )
    assert [board.index for board in read.boards] == [1, 2, 3]
    assert [board.hashrate_hs for board in read.boards] == pytest.approx(
        [37.6033 * TH, 35.53622 * TH, 37.42738 * TH]
    )
    assert [(board.chips, board.expected_chips) for board in read.boards] == [(114, 114)] * 3
    assert [board.board_c for board in read.boards] == [73, 66, 64]
    assert [board.chip_max_c for board in read.boards] == [78, 71, 69]
    assert [(board.inlet_c, board.outlet_c) for board in read.boards] == [
        (59, 64.5),
        (48.5, 65.5),
        (45, 63.5),
    ]
    assert [board.hardware_errors for board in read.boards] == [183, 195, 184]
    assert {board.frequency_hz for board in read.boards} == {525e6}
    assert read.expected_boards == 3
    assert read.fans == (Fan(1, 6000), Fan(2, 5880), Fan(3, 5040), Fan(4, 5040))
    shares = read.shares
    assert (shares.accepted, shares.rejected, shares.stale, read.hardware_errors) == (4057, 11, 1, 562)
    assert [(pool.index, pool.alive, pool.active) for pool in read.pools] == [
        (0, True, True),
        (1, True, False),
        (2, True, False),
    ]
    first = read.pools[0]
    assert (first.url, first.user) == ("stratum+tcp://btc.global.luxor.tech:700", "satokierepair.H04YK")
    assert (first.accepted, first.rejected, first.stale) == (4057, 11, 1)
    assert first.last_share_at == read.taken_at - timedelta(seconds=3)
    assert read.pools[1].last_share_at is None
    assert read.faults == ()


async def test_an_s19_pro_with_its_web() -> None:
    replies = fixture_set("antminer", "S19_Pro")
    pages = {"get_system_info": replies["system_info"], "summary": {"SUMMARY": [{"status": WELL}]}}
    async with ReplayServer(replies) as server, WebReplayServer(pages) as web:
        memory = Memory()
        read = snapshot(await read_miner(target(server, web), memory))
        asked = len(web.asked)
        await read_miner(target(server, web), memory)
        assert len(web.asked) == asked
    # Its address is no address, and the web's own idea of the model loses against that of the program that mines.
    assert (read.identity.mac, read.identity.serial) == (None, "THQING0BDJAB024NF")
    assert (read.identity.model, read.identity.hostname) == ("Antminer S19 Pro", "Antminer")
    assert read.identity.firmware_version == "49.0.1.3"


async def test_an_l9_with_a_board_that_lost_its_chips() -> None:
    async with ReplayServer(fixture_set("antminer", "L9")) as server:
        read = snapshot(await read_miner(target(server), Memory()))
    assert (read.driver, read.state) == ("antminer", "mining")
    assert (read.identity.model, read.identity.algorithm) == ("Antminer L9", "Scrypt")
    assert read.identity.firmware_version == "86.48-2.0.0"
    assert read.hashrate_hs == pytest.approx(11.48 * GH)
    assert read.hashrate_average_hs == pytest.approx(12.85 * GH)
    assert read.nominal_hashrate_hs == pytest.approx(17.03 * GH)
    assert read.hashes_total is None
    assert read.mining_s == 9153
    assert [board.chips for board in read.boards] == [110, 110, 25]
    assert [board.expected_chips for board in read.boards] == [110, 110, 110]
    assert [board.hashrate_hs for board in read.boards] == pytest.approx(
        [5.659831296 * GH, 5.65380864 * GH, 1.5366688 * GH]
    )
    assert [board.hardware_errors for board in read.boards] == [863, 1365, 82571]
    assert [(board.inlet_c, board.outlet_c) for board in read.boards] == [(40, 64), (39, 62), (32, 45)]
    assert (read.temperatures_c.board_max, read.temperatures_c.chip_max) == (64, 81)
    assert {board.frequency_hz for board in read.boards} == {1262e6}
    assert [fan.speed_rpm for fan in read.fans] == [4170, 4140, 4200, 4200]
    assert read.power_source == "estimated"
    assert (read.shares.accepted, read.shares.rejected, read.shares.stale) == (1757, 5, 4)
    assert read.hardware_errors == 84799
    assert read.pools == ()


S9 = {
    # As an S9 sends it: a comma is missing between the objects, and the model's name holds a line end.
    "stats": b'{"STATUS":[{"STATUS":"S","Code":70}],"STATS":[{"BMMiner":"2.0.0","Miner":"16.8.1.3","Type":"Antminer S9\n"}'
    b'{"STATS":0,"Elapsed":900,"GHS 5s":"13640.58","GHS av":13548.95,"fan_num":2,"fan1":0,"fan3":5880,"fan6":4560,'
    b'"fan8":0,"fan2":0,"fan4":0,"fan5":0,"fan7":0,"temp6":62,"temp2_6":77,"chain_acn6":63,"chain_rate6":"4540.3"}],"id":1}',
    "summary": b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"Elapsed":900,"Accepted":5,"Rejected":0,"Stale":0}],"id":1}',
    "pools": b'{"STATUS":[{"STATUS":"S"}],"POOLS":[],"id":1}',
}


async def test_an_s9_joins_and_breaks_its_json() -> None:
    async with ReplayServer(S9, joins=True) as server:
        read = snapshot(await read_miner(target(server, driver="antminer"), Memory()))
        assert server.asked == ["stats+summary+pools"]
    assert read.identity.model == "Antminer S9"
    assert read.hashrate_hs == pytest.approx(13.64058 * TH)
    assert [(board.index, board.chips) for board in read.boards] == [(6, 63)]
    assert [fan.index for fan in read.fans] == [3, 6]
    assert read.shares.accepted == 5


def listed(rate: float, **more: Any) -> dict[str, Any]:
    row = {"elapsed": 3600, "rate_5s": rate, "rate_avg": rate, "rate_ideal": 200000, "rate_unit": "GH/s", "fan": [5000],
           "chain": [{"index": 0, "asic_num": 108, "rate_real": rate, "temp_pcb": [30, 31, 50, 51]}]}  # fmt: skip
    return {"INFO": {"type": "Antminer S21", "miner_version": "1.3"}, "STATS": [row | more]}


async def test_where_4028_is_closed_the_web_tells_everything() -> None:
    status = [*WELL, {"type": "fans", "status": "e", "code": 1, "msg": "fan lost"}]
    pages = {
        "get_system_info": {"minertype": "Antminer S21", "macaddr": "b8:4c:87:e0:66:b2", "serinum": "S1"},
        "stats": listed(200123.0),
        "summary": {"SUMMARY": [{"elapsed": 3600, "status": status}]},
        "pools": {
            "POOLS": [{"index": 0, "url": "stratum+tcp://a.invalid:1", "status": "Alive", "accepted": 3}]
        },
        "get_miner_conf": b'{"pools": [], "bitmain-work-mode": "0", "bitmain-voltage" : ,}',
    }
    async with WebReplayServer(pages) as web:
        read = snapshot(await read_miner(target(None, web), Memory()))
        async with ReplayServer({}) as gone:
            closed = target(gone, web)
        refused = snapshot(await read_miner(closed, Memory()))
    for reading in (read, refused):
        assert (reading.driver, reading.state) == ("antminer", "mining")
        assert reading.hashrate_hs == pytest.approx(200.123 * TH)
        assert (reading.identity.mac, reading.identity.serial) == ("B8:4C:87:E0:66:B2", "S1")
        assert reading.faults == (Fault("fans:1", "fan lost"),)
        assert reading.power_mode == "normal"
        assert reading.shares.accepted == 3


def flat(rate: float) -> dict[str, Any]:
    return {
        "stats": {
            "STATUS": [{"STATUS": "S", "Code": 70, "Description": "cgminer 1.0.0"}],
            "STATS": [
                {"BMMiner": "1.0.0", "Miner": "49.0.1.3", "Type": "Antminer S19"},
                {
                    "Elapsed": 5000,
                    "GHS 5s": rate,
                    "GHS av": 95000.0,
                    "fan_num": 4,
                    "chain_acn1": 76,
                    "chain_rate1": "1",
                },
            ],
        },
        "summary": {"STATUS": [{"STATUS": "S"}], "SUMMARY": [{"Elapsed": 5000, "Accepted": 1}]},
        "pools": {"STATUS": [{"STATUS": "S"}], "POOLS": []},
    }


async def test_a_miner_put_to_sleep_says_so_in_its_settings() -> None:
    pages: dict[str, Any] = {"get_miner_conf": {"bitmain-work-mode": "0"}}
    memory = Memory()
    async with ReplayServer(flat(95000.0)) as server, WebReplayServer(pages) as web:
        assert snapshot(await read_miner(target(server, web), memory)).state == "mining"
        pages["get_miner_conf"] = {"bitmain-work-mode": "1"}
        server.replies = flat(0.0)
        # The settings were read a moment ago and hold five minutes, but a hash rate of 0 contradicts them.
        asleep = snapshot(await read_miner(target(server, web), memory))
        assert (asleep.state, asleep.power_mode, asleep.hashrate_hs) == ("sleeping", "sleep", 0)
        pages["get_miner_conf"] = {"bitmain-work-mode": "0"}
        server.replies = flat(94000.0)
        assert snapshot(await read_miner(target(server, web), memory)).state == "mining"


async def test_a_sleeper_whose_mining_program_stopped_is_known_by_its_settings() -> None:
    pages = {
        "get_system_info": {"minertype": "Antminer S19"},
        "stats": b"Socket connect failed: Connection refused",
        "get_miner_conf": {"bitmain-work-mode": "1"},
    }
    async with WebReplayServer(pages) as web:
        asleep = snapshot(await read_miner(target(None, web), Memory()))
        pages["get_miner_conf"] = {"bitmain-work-mode": "0"}
        awake = await read_miner(target(None, web), Memory())
    assert (asleep.state, asleep.identity.model, asleep.hashrate_hs) == ("sleeping", "Antminer S19", 0)
    assert isinstance(awake, PollFailure)
    assert awake.reason == "malformed"


async def test_without_the_web_the_listed_form_tells_that_a_miner_sleeps() -> None:
    replies = {**flat(0.0), "stats?new_api": {"STATS": [{"miner-mode": 1}]}}
    async with ReplayServer(replies) as server:
        read = snapshot(await read_miner(target(server), Memory()))
    assert (read.state, read.power_mode) == ("sleeping", "sleep")


async def test_a_miner_that_does_not_hash_and_does_not_sleep_is_at_fault() -> None:
    async with ReplayServer(flat(0.0)) as server:
        memory = Memory()
        assert snapshot(await read_miner(target(server), memory)).state == "fault"
        asked = len(server.asked)
        assert snapshot(await read_miner(target(server), memory)).state == "fault"
        assert server.asked[asked:] == ["stats", "summary", "pools"]


async def test_a_web_that_refuses_us_never_fails_a_poll_and_is_left_alone() -> None:
    pages = {"get_system_info": {"macaddr": "b8:4c:87:e0:66:b2"}}
    async with ReplayServer(flat(95000.0)) as server, WebReplayServer(pages, password="another") as web:
        memory = Memory()
        read = snapshot(await read_miner(target(server, web), memory))
        assert (read.state, read.identity.mac) == ("mining", None)
        refused = web.refused
        assert refused
        await read_miner(target(server, web), memory)
        assert web.refused == refused


async def test_another_miner_at_the_same_address_is_asked_who_it_is() -> None:
    pages: dict[str, Any] = {"get_system_info": {"macaddr": "b8:4c:87:e0:66:b2"}}
    memory = Memory()
    async with ReplayServer(flat(95000.0)) as server, WebReplayServer(pages) as web:
        first = snapshot(await read_miner(target(server, web), memory))
        pages["get_system_info"] = {"macaddr": "b8:4c:87:e0:66:b3"}
        swapped = flat(95000.0)
        swapped["stats"]["STATS"][1]["Elapsed"] = 777_777
        server.replies = swapped
        second = snapshot(await read_miner(target(server, web), memory))
    assert (first.identity.mac, second.identity.mac) == ("B8:4C:87:E0:66:B2", "B8:4C:87:E0:66:B3")


async def test_a_cut_reply_gives_what_was_whole() -> None:
    whole = json.dumps(flat(95000.0)["stats"]).encode()
    cut = {**flat(95000.0), "stats": whole[: whole.index(b'"fan_num"')]}
    async with ReplayServer(cut) as server:
        read = snapshot(await read_miner(target(server, driver="antminer"), Memory()))
    assert read.truncated
    assert read.hashrate_hs == pytest.approx(95 * TH)
    assert read.boards == ()


async def test_answers_without_a_reading_are_a_failure_in_words() -> None:
    nothing = {
        "stats": {"STATUS": [{"STATUS": "S"}], "STATS": []},
        "summary": {"STATUS": [{"STATUS": "S"}], "SUMMARY": []},
    }
    async with ReplayServer(nothing) as server:
        failure = await read_miner(target(server, driver="antminer"), Memory())
    assert isinstance(failure, PollFailure)
    assert failure.reason == "unsupported"
    assert failure.taken_at <= datetime.now(UTC)


async def test_where_4028_denies_everything_the_web_is_asked() -> None:
    denied = (
        b'{"STATUS":[{"STATUS":"E","Code":45,"Msg":"Access denied","Description":"cgminer 1.0.0"}],"id":1}'
    )
    pages = {"get_system_info": {"minertype": "Antminer S21"}, "stats": listed(200123.0)}
    async with ReplayServer({}, default=denied) as server:
        async with WebReplayServer(pages) as web:
            read = snapshot(await read_miner(target(server, web), Memory()))
            at = target(server, web)
        gone = await read_miner(at, Memory(driver="antminer"))
    assert (read.driver, read.hashrate_hs) == ("antminer", pytest.approx(200.123 * TH))
    # Both ways closed: what the miner's own port said is the better word.
    assert isinstance(gone, PollFailure)
    assert gone.reason == "unsupported"
    assert "answers none of stats, summary, pools" in gone.detail


async def test_a_work_mode_of_1_is_sleep_only_of_a_miner_that_rests() -> None:
    pages = {"get_miner_conf": {"bitmain-work-mode": "1"}}
    for joins, mode in ((True, None), (False, "sleep")):
        async with ReplayServer(flat(53000.0), joins=joins) as server, WebReplayServer(pages) as web:
            read = snapshot(await read_miner(target(server, web), Memory()))
        # Of an S17, which joins, it is a way of mining; others have not obeyed (yet).
        assert (read.state, read.power_mode, read.hashrate_hs) == ("mining", mode, 53 * TH)
        async with ReplayServer(flat(0.0), joins=joins) as server, WebReplayServer(pages) as web:
            assert snapshot(await read_miner(target(server, web), Memory())).state == "sleeping"


@pytest.mark.parametrize(
    ("page", "lit"),
    [
        ({"blink": True}, True),
        ({"blink": "false"}, False),
        ({"blink": 1}, True),
        ({"blink": None}, None),
        ({"blink": "x" * 10_000}, None),
        ({}, None),
        (None, None),
    ],
)
async def test_the_light_that_shows_the_way_has_a_page(page: dict[str, Any] | None, lit: bool | None) -> None:
    pages = {"get_miner_conf": {"bitmain-work-mode": "0"}}
    if page is not None:
        pages["get_blink_status"] = page
    async with ReplayServer(flat(53000.0)) as server, WebReplayServer(pages) as web:
        assert snapshot(await read_miner(target(server, web), Memory())).locating is lit


async def test_stats_cut_before_the_model_are_read_in_the_unit_of_the_model_that_version_names() -> None:
    summary = {"SUMMARY": [{"Elapsed": 5000, "GHS 5s": "504.35", "GHS av": 503.1, "Accepted": 7}]}
    sent = {
        "version": {"VERSION": [{"CGMiner": "4.9.0", "Type": "Antminer L3+", "Miner": "1.0.1.3"}]},
        "stats": b'{"STATUS":[{"STATUS":"S","Code":70}],"STATS":[{"CGMiner":"4.9.0","Ty',
        "summary": summary,
        "pools": {"POOLS": []},
    }
    async with ReplayServer(sent) as server:
        read = snapshot(await read_miner(target(server), Memory()))
    assert (read.identity.model, read.truncated) == ("Antminer L3+", True)
    assert read.hashrate_hs == pytest.approx(504.35e6)
    assert read.hashrate_average_hs == pytest.approx(503.1e6)


async def test_a_version_that_stats_do_not_name_is_asked_once() -> None:
    sent = {
        "version": {"VERSION": [{"BMMiner": "2.0.0", "Type": "Antminer S17", "Miner": "52.0.1.3"}]},
        "stats": {"STATS": [{"Type": "Antminer S17"}, {"GHS 5s": "53000.0", "Elapsed": 7200}]},
    }
    memory = Memory(driver="antminer")
    async with ReplayServer(sent) as server:
        for _ in range(3):
            read = snapshot(await read_miner(target(server), memory))
            assert (read.identity.model, read.identity.firmware_version) == ("Antminer S17", "52.0.1.3")
        assert server.asked.count("version") == 1
