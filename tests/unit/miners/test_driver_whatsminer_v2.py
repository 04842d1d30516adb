"""Whatsminer's API v1 and v2, family by family. The replies are written for these tests in the shape each family sends."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.draft import Draft
from miners.driver import Memory
from miners.drivers.whatsminer_v2 import DRIVER, parse
from miners.errors import PollError
from miners.link import Object
from miners.model import Snapshot
from tests.unit.miners import strange_documents
from tests.unit.miners.strange_documents import STRANGE, ScriptedLink, assert_sane, mutated
from tests.unit.miners.whatsminer_documents import (
    NOW,
    TH,
    board_row,
    device,
    listed,
    message,
    replies,
    summary_row,
)


def concluded(draft: Draft) -> Snapshot:
    return strange_documents.concluded(draft, DRIVER, NOW)


def test_an_m30s_plus_is_read_whole() -> None:
    asked = {**replies(100.0), "devdetails": device("M30S+_VE40")}
    snapshot = concluded(parse(asked, NOW))
    assert snapshot.state == "mining"
    assert snapshot.identity.model == "M30S+_VE40"
    assert snapshot.identity.firmware_version == "20220111.16.REL"
    assert snapshot.identity.mac == "C6:07:20:00:1A:2B"
    assert snapshot.hashrate_hs == pytest.approx(102 * TH)
    assert snapshot.hashrate_average_hs == pytest.approx(99 * TH)
    assert snapshot.nominal_hashrate_hs == pytest.approx(100 * TH)
    assert snapshot.hashes_total == pytest.approx(99 * TH * 43210)
    assert (snapshot.power_w, snapshot.power_source, snapshot.power_limit_w) == (3412.0, "measured", 3500.0)
    assert snapshot.power_mode == "normal"
    assert (snapshot.uptime_s, snapshot.mining_s) == (50000.0, 43210.0)
    degrees = snapshot.temperatures_c
    assert (degrees.inlet, degrees.board_max, degrees.chip_max, degrees.chip_avg) == (24.5, 76.5, 91.5, 82.25)
    assert [(fan.index, fan.speed_rpm) for fan in snapshot.fans] == [(0, 5010.0), (1, 5070.0)]
    assert snapshot.psu is not None
    assert (snapshot.psu.output_v, snapshot.psu.fan_rpm) == (12.06, 8640.0)
    assert (snapshot.shares.accepted, snapshot.shares.rejected, snapshot.shares.stale) == (4321, 5, 1)
    assert snapshot.hardware_errors == 12
    assert [board.index for board in snapshot.boards] == [0, 1, 2]
    board = snapshot.boards[2]
    assert board.serial == "H3M12S69140B21K02"
    assert board.hashrate_hs == pytest.approx(34 * TH)
    assert (board.chips, board.board_c, board.chip_max_c, board.chip_avg_c) == (148, 77.0, 92.0, 82.0)
    assert (board.frequency_hz, board.hardware_errors) == (642e6, 4)
    assert [(pool.index, pool.active, pool.alive) for pool in snapshot.pools] == [
        (1, True, True),
        (2, False, True),
        (3, False, True),
    ]
    assert snapshot.pools[0].last_share_at == datetime.fromtimestamp(NOW - 7, UTC)
    assert snapshot.pools[1].last_share_at is None
    assert snapshot.faults == ()


def test_an_m20s_reports_little_and_nothing_is_made_up() -> None:
    row = {
        "Elapsed": 700,
        "MHS av": 66500000.1,
        "MHS 5s": 68100000.2,
        "Accepted": "120",
        "Rejected": "0",
        "Temperature": 79,
        "Fan Speed In": 4230,
        "Fan Speed Out": 4200,
        "Power": 3350,
        "Power_RT": 3350,
        "Factory GHS": 0,
        "Firmware Version": "\\'20200410.15.REL\\'",
        "Env Temp": -273,
    }
    draft = parse({"summary": listed("SUMMARY", row), "devdetails": device("M20S")}, NOW)
    assert draft.hashrate_hs == pytest.approx(68.1 * TH, rel=1e-3)
    assert draft.nominal_hashrate_hs is None
    assert draft.firmware_version == "20200410.15.REL"
    assert (draft.accepted, draft.rejected, draft.stale) == (120, 0, None)
    assert draft.inlet_c is None
    assert draft.board_max_c == 79.0
    assert (draft.uptime_s, draft.hashes_total, draft.power_limit_w, draft.power_mode) == (None,) * 4
    assert (draft.boards, draft.pools, draft.faults, draft.psu) == ([], [], [], None)
    snapshot = concluded(draft)
    assert "nominal_hashrate_hs" in snapshot.estimated
    assert snapshot.expected_boards == 3


def test_an_m50_gives_only_its_real_time_and_average_rate() -> None:
    row = summary_row(118.0)
    for key in ("MHS 5s", "MHS 1m", "MHS 5m", "MHS 15m"):
        del row[key]
    boards = [board_row(slot, 39.0) for slot in range(3)]
    for board in boards:
        for key in ("MHS 5s", "MHS 1m"):
            del board[key]
        board["Factory GHS"] = 39500
    draft = parse({"summary": listed("SUMMARY", row), "edevs": listed("DEVS", *boards)}, NOW)
    assert draft.hashrate_hs == pytest.approx(118 * TH)
    assert draft.boards[0].hashrate_hs == pytest.approx(39 * 0.99 * TH)
    assert draft.boards[0].nominal_hashrate_hs == pytest.approx(39.5 * TH)


@pytest.mark.parametrize("model", ["M53_VH30", "M63S_VK30", "M56S_VH30", "M33S++_VG40"])
def test_a_liquid_cooled_miner_has_no_fans(model: str) -> None:
    still = {"Fan Speed In": 0, "Fan Speed Out": 0}
    by_word = parse(replies(226.0, 4, **still, **{"Liquid Cooling": True}), NOW)
    assert by_word.fans == []
    by_model = concluded(parse({**replies(226.0, 4, **still), "devdetails": device(model)}, NOW))
    assert by_model.fans == ()
    assert len(by_model.boards) == 4


def test_a_fan_that_stands_is_shown_standing() -> None:
    draft = parse(replies(**{"Fan Speed In": 0}), NOW)
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [(0, 0.0), (1, 5070.0)]


def as_msg(asked: dict[str, Object], *, text: bool) -> dict[str, Object]:
    """The same readings as newer firmware answers them: everything in Msg, there even as a text."""
    sections = {"summary": "SUMMARY", "devs": "DEVS", "pools": "POOLS", "devdetails": "DEVDETAILS"}
    bodies = {
        name: reply[section][0] if name == "summary" else reply[section]
        for name, section in sections.items()
        if (reply := asked.get(name)) is not None
    }
    return {name: message(json.dumps(body) if text else body) for name, body in bodies.items()}


@pytest.mark.parametrize("text", [False, True])
def test_an_m60_with_everything_in_msg_reads_the_same(text: bool) -> None:
    asked = {**replies(172.0), "devdetails": device("M60S_VK40")}
    assert parse(as_msg(asked, text=text), NOW) == parse(asked, NOW)


@pytest.mark.parametrize(
    ("msg", "asleep"),
    [
        ({"mineroff": "true"}, True),
        ({"mineroff": "false", "power_mode": "low"}, False),
        ({"btmineroff": "true", "Firmware Version": "'20200410.15.REL'"}, True),
        ({"btmineroff": "false"}, False),
        ({"mineroff": True}, True),
        ('{"mineroff":"true"}', True),
        ({"mineroff": "maybe"}, None),
        ({}, None),
        ("command error", None),
    ],
)
def test_status_tells_whether_it_sleeps(msg: object, asleep: bool | None) -> None:
    assert parse({**replies(), "status": message(msg)}, NOW).asleep is asleep


def test_a_sleeping_m31s_does_not_show_what_it_fell_asleep_with() -> None:
    asked = {**replies(74.0), "devdetails": device("M31S_V10"), "status": message({"btmineroff": "true"})}
    snapshot = concluded(parse(asked, NOW))
    assert (snapshot.state, snapshot.hashrate_hs) == ("sleeping", 0.0)
    assert snapshot.power_source == "estimated"
    assert snapshot.power_w is not None
    assert snapshot.power_w < 200
    assert snapshot.temperatures_c.chip_max is None
    assert snapshot.fans == ()
    assert [board.hashrate_hs for board in snapshot.boards] == [0.0, 0.0, 0.0]
    assert all(board.board_c is None and board.frequency_hz is None for board in snapshot.boards)
    assert snapshot.shares.accepted == 4321


def test_a_sleeping_miner_that_measures_keeps_its_figures() -> None:
    asleep = {"MHS 5s": 0.0, "Power": 28, "Power_RT": 28, "Chip Temp Max": 0.0, "Temperature": 0.0}
    asked = {**replies(110.0, **asleep), "status": message({"mineroff": "true"})}
    asked["devs"] = listed("DEVS")
    snapshot = concluded(parse(asked, NOW))
    assert (snapshot.state, snapshot.power_w, snapshot.power_source) == ("sleeping", 28.0, "measured")
    assert snapshot.temperatures_c.inlet == 24.5
    assert snapshot.temperatures_c.chip_max is None


def test_a_miner_that_just_started_is_starting_and_an_old_one_at_zero_is_faulty() -> None:
    still = dict.fromkeys(("MHS 5s", "MHS 1m", "MHS 5m", "MHS 15m", "MHS av", "HS RT"), 0.0)
    young = concluded(parse(replies(**still, Elapsed=200, Uptime=260), NOW))
    old = concluded(parse(replies(**still), NOW))
    assert (young.state, old.state) == ("starting", "fault")


def test_an_empty_slot_is_no_board_but_boards_at_rest_are() -> None:
    empty = {
        "ASC": 1,
        "Slot": 1,
        "Status": "Dead",
        "Temperature": 0.0,
        "MHS av": 0.0,
        "Effective Chips": 0,
        "PCB SN": "",
    }
    beside = parse({"devs": listed("DEVS", board_row(0, 30.0), empty, board_row(2, 30.0))}, NOW)
    assert [board.index for board in beside.boards] == [0, 2]
    alone = parse({"devs": listed("DEVS", empty, {**empty, "Slot": 2})}, NOW)
    assert [(board.index, board.chips, board.board_c) for board in alone.boards] == [
        (1, 0, None),
        (2, 0, None),
    ]


def test_a_dead_board_with_a_serial_stays_a_board() -> None:
    dead = board_row(1, 0.0, Temperature=0.0, **{"Effective Chips": 0, "MHS 5s": 0.0})
    draft = parse({"devs": listed("DEVS", board_row(0, 30.0), dead)}, NOW)
    assert [(board.index, board.hashrate_hs, board.chips) for board in draft.boards] == [
        (0, pytest.approx(30.6 * TH), 148),
        (1, 0.0, 0),
    ]


def test_boards_keep_the_numbers_of_their_slots_whatever_their_order() -> None:
    draft = parse({"devs": listed("DEVS", board_row(2, 30.0), board_row(0, 30.0))}, NOW)
    assert [board.index for board in draft.boards] == [2, 0]
    twice = parse({"devs": listed("DEVS", board_row(1, 30.0), board_row(1, 30.0))}, NOW)
    assert [board.index for board in twice.boards] == [0, 1]
    unnamed = parse({"devs": listed("DEVS", {"ASC": 3, "MHS av": 1.0}, {"ASC": 4, "MHS av": 1.0})}, NOW)
    assert [board.index for board in unnamed.boards] == [3, 4]


def test_old_firmware_lists_its_faults_in_the_summary() -> None:
    codes = {"Error Code Count": 2, "Error Code 0": 110, "Error Code 1": 540}
    draft = parse(replies(**codes), NOW)
    assert [(fault.code, fault.text) for fault in draft.faults] == [
        ("110", "intake fan: no speed measured"),
        ("540", "board 0: chip ids not readable"),
    ]


def test_a_fault_in_both_lists_is_told_once_with_its_time() -> None:
    asked = {
        **replies(**{"Error Code Count": 1, "Error Code 0": 110}),
        "get_error_code": message(
            {"error_code": [{"110": "2026-09-01 10:00:00"}, {"2010": "2026-09-01 10:00:00"}]}
        ),
    }
    faults = parse(asked, NOW).faults
    assert [fault.code for fault in faults] == ["110", "2010"]
    assert faults[0].since == datetime(2026, 9, 1, 10, tzinfo=UTC)


def test_who_it_is_and_its_power_supply() -> None:
    asked = {
        **replies(),
        "get_version": message({"api_ver": "2.0.5", "fw_ver": "20230911.12.Rel", "platform": "H616"}),
        "get_miner_info": message(
            {"hostname": "WhatsMiner", "mac": "d40102030405", "minersn": "HTM38X41CQ23010402145350C41001"}
        ),
        "get_psu": message(
            {
                "name": "P222B",
                "model": "P222B",
                "iin": "14718",
                "vin": "22400",
                "fan_speed": "6976",
                "serial_no": "A1232B0120100049",
            }
        ),
    }
    del asked["summary"]["SUMMARY"][0]["Firmware Version"], asked["summary"]["SUMMARY"][0]["MAC"]
    del asked["summary"]["SUMMARY"][0]["Power Fanspeed"]
    draft = parse(asked, NOW)
    assert (draft.firmware_version, draft.hostname) == ("20230911.12.Rel", "WhatsMiner")
    assert (draft.mac, draft.serial) == ("D4:01:02:03:04:05", "HTM38X41CQ23010402145350C41001")
    assert draft.psu is not None
    assert (draft.psu.model, draft.psu.serial) == ("P222B", "A1232B0120100049")
    assert (draft.psu.input_v, draft.psu.input_a, draft.psu.fan_rpm) == (224.0, 14.718, 6976.0)


def test_shares_come_from_the_pools_where_the_summary_has_none() -> None:
    asked = replies()
    for key in ("Accepted", "Rejected", "Stale"):
        del asked["summary"]["SUMMARY"][0][key]
    draft = parse(asked, NOW)
    assert (draft.accepted, draft.rejected, draft.stale) == (4321, 5, 1)
    asked["summary"]["SUMMARY"][0]["Accepted"] = 4444
    draft = parse(asked, NOW)
    assert (draft.accepted, draft.rejected, draft.stale) == (4444, 5, 1)


def test_no_power_while_hashing_is_no_measurement() -> None:
    """Without a power supply that measures, firmware writes 0."""
    assert parse(replies(Power=0, Power_RT=0), NOW).power_w is None
    assert parse(replies(Power=0, Power_RT=3400), NOW).power_w == 3400.0
    at_rest = dict.fromkeys(("MHS 5s", "MHS 1m", "MHS 5m", "MHS 15m", "MHS av", "HS RT"), 0.0)
    assert parse(replies(**at_rest, Power=0, Power_RT=0), NOW).power_w == 0.0


def test_sensors_that_were_not_read_yet_are_not_frost() -> None:
    cold = {"Temperature": 0.0, "Env Temp": 0.0, "Chip Temp Max": 0.0, "Chip Temp Avg": 0.0}
    draft = parse({"summary": listed("SUMMARY", summary_row(0.0, **cold))}, NOW)
    assert (draft.board_max_c, draft.inlet_c, draft.chip_max_c, draft.chip_avg_c) == (None,) * 4
    winter = parse({"summary": listed("SUMMARY", summary_row(90.0, **{"Env Temp": 0.0}))}, NOW)
    assert winter.inlet_c == 0.0


def test_a_reply_that_refuses_gives_nothing() -> None:
    refused = {"STATUS": "E", "When": 1, "Code": 14, "Msg": "invalid cmd", "Description": "whatsminer v1.4.0"}
    assert parse(dict.fromkeys(("summary", "devs", "pools", "get_psu", "status"), refused), NOW) == Draft(
        firmware="stock"
    )


WHOLE: dict[str, Object] = {
    **replies(100.0),
    "devdetails": device("M30S++_VG40"),
    "status": message({"mineroff": "false", "FirmwareVersion": "20240624.18.REL"}),
    "get_version": message({"fw_ver": "20230911.12.Rel"}),
    "get_miner_info": message({"hostname": "WhatsMiner", "mac": "D4:01:02:03:04:05"}),
    "get_psu": message({"model": "P222B", "vin": "22400", "iin": "14718", "fan_speed": "6976"}),
    "get_error_code": message({"error_code": [{"110": "2026-09-01 10:00:00"}]}),
}


@given(mutated(WHOLE))
def test_wrong_types_anywhere_are_survived(asked: dict[str, Any]) -> None:
    assert_sane(concluded(parse(asked, NOW)))


@given(mutated(as_msg(WHOLE, text=False)))
def test_wrong_types_anywhere_in_msg_are_survived(asked: dict[str, Any]) -> None:
    assert_sane(concluded(parse(asked, NOW)))


@given(st.lists(mutated(WHOLE), min_size=2, max_size=3))
async def test_wrong_types_poll_after_poll_are_survived(polls: list[dict[str, Any]]) -> None:
    memory = Memory()
    for number, asked in enumerate(polls):
        now = NOW + 200.0 * number
        try:
            draft = await DRIVER.read(ScriptedLink(asked, now), memory)
        except PollError:
            continue
        assert_sane(concluded(draft))


@given(st.dictionaries(st.sampled_from(list(WHOLE)), STRANGE | st.dictionaries(st.just("Msg"), STRANGE)))
def test_replies_of_any_type_are_survived(asked: dict[str, Any]) -> None:
    assert_sane(concluded(parse(asked, NOW)))
