"""Antminer: one document a family, written after its firmware's form, and any JSON in place of any value."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.draft import Draft
from miners.drivers import antminer, cgi
from miners.drivers.antminer_stats import factor_of, flat_fans
from miners.model import Fault
from tests.unit.miners.mutation import finite, mutations

NOW = 1_700_000_000.0


def stats(identity: dict[str, Any], readings: dict[str, Any]) -> dict[str, Any]:
    return {
        "STATUS": [{"STATUS": "S", "Code": 70, "Msg": "CGMiner stats"}],
        "STATS": [identity, readings],
        "id": 1,
    }


def replies(identity: dict[str, Any], readings: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {"stats": stats(identity, readings), **sections}


SUMMARY = {
    "SUMMARY": [
        {
            "Elapsed": 86400,
            "GHS 5s": "13640.58",
            "GHS av": 13548.95,
            "Accepted": 4321,
            "Rejected": 12,
            "Stale": 3,
            "Hardware Errors": 77,
            "Total MH": 1170629280000.0,
        }
    ]
}

POOLS = {
    "POOLS": [
        {
            "POOL": 0,
            "URL": "stratum+tcp://first.invalid:3333",
            "User": "farm.101",
            "Status": "Dead",
            "Priority": 0,
            "Stratum Active": False,
            "Accepted": 10,
            "Rejected": 1,
            "Stale": 0,
            "Last Share Time": "12:00:01",
        },
        {
            "POOL": 1,
            "URL": "stratum+tcp://second.invalid:3333",
            "User": "farm.101",
            "Status": "Alive",
            "Priority": 1,
            "Stratum Active": True,
            "Accepted": 4311,
            "Rejected": 11,
            "Stale": 3,
            "Last Share Time": "0:00:05",
        },
        {"POOL": 2, "URL": "", "User": "", "Status": "Dead", "Priority": 2, "Stratum Active": False},
    ]
}

S9_IDENTITY = {
    "BMMiner": "2.0.0",
    "Miner": "16.8.1.3",
    "CompileTime": "Fri Nov 17 17:37:49 CST 2017",
    "Type": "Antminer S9",
}


def s9_readings() -> dict[str, Any]:
    readings: dict[str, Any] = {
        "STATS": 0,
        "ID": "BC50",
        "Elapsed": 86400,
        "GHS 5s": "13640.58",
        "GHS av": 13548.95,
        "miner_count": 3,
        "frequency": "637",
        "fan_num": 2,
        "temp_num": 3,
        "total_rateideal": 13500.95,
        "temp_max": 63,
        "no_matching_work": 80,
        "miner_version": "16.8.1.3",
    }
    for n in range(1, 17):
        there = 6 <= n <= 8
        readings |= {
            f"temp{n}": 60 + n if there else 0,
            f"temp2_{n}": 75 + n if there else 0,
            f"temp3_{n}": 0,
            f"freq_avg{n}": 631.29 if there else 0.0,
            f"chain_rateideal{n}": 4500.0 if there else 0.0,
            f"chain_acn{n}": 63 if there else 0,
            f"chain_acs{n}": " oooooooo oooooooo" if there else "",
            f"chain_hw{n}": n if there else 0,
            f"chain_rate{n}": "4546.86" if there else "",
        }
    for n in range(1, 9):
        readings[f"fan{n}"] = {3: 5880, 6: 4560}.get(n, 0)
    return readings


def test_s9_numbers_its_chains_from_six_and_leaves_out_what_is_not_there() -> None:
    draft = antminer.parse(replies(S9_IDENTITY, s9_readings(), summary=SUMMARY, pools=POOLS), NOW)
    assert (draft.model, draft.firmware, draft.firmware_version) == ("Antminer S9", "stock", "16.8.1.3")
    assert draft.hashrate_hs == pytest.approx(13640.58e9)
    assert draft.hashrate_average_hs == pytest.approx(13548.95e9)
    assert draft.nominal_hashrate_hs == pytest.approx(13500.95e9)
    assert draft.mining_s == 86400
    assert draft.power_w is None
    assert [board.index for board in draft.boards] == [6, 7, 8]
    board = draft.boards[0]
    assert (board.chips, board.board_c, board.chip_max_c, board.hardware_errors) == (63, 66.0, 81.0, 6)
    assert board.hashrate_hs == pytest.approx(4546.86e9)
    assert board.nominal_hashrate_hs == pytest.approx(4500e9)
    assert board.frequency_hz == pytest.approx(631.29e6)
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [(3, 5880.0), (6, 4560.0)]
    assert (draft.accepted, draft.rejected, draft.stale, draft.hardware_errors) == (4321, 12, 3, 77)
    assert draft.hashes_total == pytest.approx(1170629280000.0e6)


def test_s9_fan_that_stands_is_shown_as_standing() -> None:
    readings = s9_readings() | {"fan6": 0}
    fans = antminer.parse(replies(S9_IDENTITY, readings), NOW).fans
    assert [(fan.index, fan.speed_rpm) for fan in fans] == [(3, 5880.0), (6, 0.0)]
    # The count that some firmwares give is of fans that turn: the model table knows better.
    fans = antminer.parse(replies(S9_IDENTITY, readings | {"fan_num": 1}), NOW).fans
    assert [fan.speed_rpm for fan in fans] == [5880.0, 0.0]


def test_pools_say_which_one_gets_the_work() -> None:
    draft = antminer.parse(replies(S9_IDENTITY, s9_readings(), pools=POOLS), NOW)
    assert [(pool.index, pool.alive, pool.active, pool.priority) for pool in draft.pools] == [
        (0, False, False, 0),
        (1, True, True, 1),
    ]
    assert draft.pools[1].last_share_at is not None
    assert draft.pools[1].last_share_at.timestamp() == NOW - 5
    assert draft.pools[1].user == "farm.101"
    # No summary: what the pools counted.
    assert (draft.accepted, draft.rejected, draft.stale) == (4321, 12, 3)
    assert draft.hardware_errors == 80


def test_a_board_with_its_chips_gone_is_still_a_board() -> None:
    readings = s9_readings() | {"chain_acn7": 0, "chain_rate7": "", "chain_acs7": ""}
    boards = antminer.parse(replies(S9_IDENTITY, readings), NOW).boards
    assert [(board.index, board.chips, board.hashrate_hs) for board in boards][1] == (7, 0, None)
    readings |= {"temp7": 0, "temp2_7": 0}
    boards = antminer.parse(replies(S9_IDENTITY, readings), NOW).boards
    assert [board.index for board in boards] == [6, 8]
    boards = antminer.parse(replies(S9_IDENTITY, readings | {"chain_acs7": " xxxxxxxx"}), NOW).boards
    assert [board.index for board in boards] == [6, 7, 8]


def test_a_temperature_of_zero_was_not_reported() -> None:
    readings = s9_readings() | {"temp6": 0, "temp2_6": 0}
    board = antminer.parse(replies(S9_IDENTITY, readings), NOW).boards[0]
    assert (board.chips, board.board_c, board.chip_max_c) == (63, None, None)


def l3(rate: str, average: float, **more: Any) -> dict[str, Any]:
    identity = {"CGMiner": "4.9.0", "Miner": "1.0.1.3", "CompileTime": "Aug 25 2017", "Type": "Antminer L3+"}
    readings: dict[str, Any] = {
        "STATS": 0,
        "ID": "L30",
        "Elapsed": 5000,
        "GHS 5s": rate,
        "GHS av": average,
        "miner_count": 4,
        "frequency": "384",
        "fan_num": 2,
        "fan1": 4320,
        "fan2": 4290,
        "temp31": 0,
        "temp4_1": 0,
    }
    for n in range(1, 5):
        readings |= {
            f"temp{n}": 40 + n,
            f"temp2_{n}": 50 + n,
            f"chain_acn{n}": 72,
            f"chain_acs{n}": " oooooooo",
            f"chain_hw{n}": 9,
            f"chain_rate{n}": "126.08",
        }
    return replies(identity, readings | more)


def test_l3_writes_megahashes_under_the_name_of_giga() -> None:
    draft = antminer.parse(l3("504.351", 501.67), NOW)
    assert draft.firmware == "cgminer"
    assert draft.hashrate_hs == pytest.approx(504.351e6)
    assert draft.hashrate_average_hs == pytest.approx(501.67e6)
    assert [board.index for board in draft.boards] == [1, 2, 3, 4]
    assert draft.boards[2].board_c == 43.0
    assert draft.boards[3].hashrate_hs == pytest.approx(126.08e6)
    assert draft.boards[0].frequency_hz == 384e6
    assert [fan.speed_rpm for fan in draft.fans] == [4320.0, 4290.0]


def test_l3_with_its_unit_in_words_and_one_that_is_nearly_dead() -> None:
    assert antminer.parse(l3("504351", 501670.0, rate_unit="KH"), NOW).hashrate_hs == pytest.approx(504.351e6)
    assert antminer.parse(l3("0.504", 0.502), NOW).hashrate_hs == pytest.approx(504e6)
    assert antminer.parse(l3("20.1", 19.8), NOW).hashrate_hs == pytest.approx(20.1e6)
    assert antminer.parse(l3("0.0", 501.67), NOW).hashrate_hs == 0.0


@pytest.mark.parametrize(
    ("model", "figure", "unit", "expected"),
    [
        ("Antminer L7", 9500.0, "MH", 9.5e9),
        ("Antminer L7", 9512.3, None, 9.5123e9),
        ("Antminer L7", 9.5, None, 9.5e9),
        ("Antminer L9", 16.2, "GH", 16.2e9),
        ("Antminer E9 Pro", 3680.0, None, 3.68e9),
        ("Antminer E9 Pro", 3680.0, "MH", 3.68e9),
        ("Antminer E9 Pro", 3680.0, "GH", 3.68e9),
        ("Antminer D3", 19300.0, None, 19.3e9),
        ("Antminer Z11", 135.0, None, 135e3),
        ("Antminer Z15", 420.0, "KSol", 420e3),
        ("Antminer Z9-Mini", 12.5, None, 12.5e3),
        ("Antminer E3", 190.2, None, 190.2e6),
        ("Antminer L3", 251.0, None, 251e6),
        ("Antminer K7", 63500.0, "GH", 63.5e12),
        ("Antminer S21", 200123.4, "GH", 200.1234e12),
        ("Antminer S21", 200.1, "TH", 200.1e12),
        ("Antminer T9+", 10500.0, None, 10.5e12),
        ("Antminer S15", 28000.0, None, 28e12),
        ("Antminer X99", 123.0, None, 123e9),
    ],
)
def test_every_family_in_hashes(model: str, figure: float, unit: str | None, expected: float) -> None:
    readings = {
        "GHS 5s": figure,
        "GHS av": figure,
        "fan_num": 4,
        "chain_acn1": 10,
        "chain_rate1": str(figure),
    }
    draft = antminer.parse(replies({"Type": model}, readings | ({"rate_unit": unit} if unit else {})), NOW)
    assert draft.hashrate_hs == pytest.approx(expected)
    assert draft.boards[0].hashrate_hs == pytest.approx(expected)


def test_an_operators_model_decides_the_unit_where_the_miner_is_mute() -> None:
    document = l3("504.3", 504.3)
    del document["stats"]["STATS"][0]["Type"]
    assert antminer.parse(document, NOW, "Antminer L3+").hashrate_hs == pytest.approx(504.3e6)


def test_boards_in_another_unit_than_the_miner() -> None:
    readings = {"GHS 5s": 11.48, "rate_unit": "GH", "fan_num": 4}
    for n in (1, 2):
        readings |= {f"chain_acn{n}": 110, f"chain_rate{n}": "5740.1"}
    draft = antminer.parse(replies({"Type": "Antminer L9"}, readings), NOW)
    assert draft.boards[0].hashrate_hs == pytest.approx(5.7401e9)
    # One board that nearly stopped is no other unit.
    readings |= {"chain_rate1": "11.4", "chain_rate2": "0.001"}
    draft = antminer.parse(replies({"Type": "Antminer L9"}, readings), NOW)
    assert draft.boards[1].hashrate_hs == pytest.approx(1e6)


S19_IDENTITY = {
    "BMMiner": "1.0.0",
    "Miner": "49.0.1.3",
    "CompileTime": "Dec 2022",
    "Type": "Antminer S19j Pro",
}


def s19_readings(**more: Any) -> dict[str, Any]:
    readings: dict[str, Any] = {
        "Elapsed": 7200,
        "GHS 5s": 104000.5,
        "GHS av": 103900.0,
        "rate_30m": 104100.0,
        "rate_unit": "GH",
        "Mode": 2,
        "fan_num": 4,
        "total_rateideal": 104000.0,
        "frequency": 525,
        "fan_pwm": 72,
    }
    for n in range(1, 5):
        there = n < 4
        readings |= {
            f"fan{n}": 6000,
            f"chain_acn{n}": 126 if there else 0,
            f"chain_acs{n}": " ooo" if there else "",
            f"chain_hw{n}": 5 if there else 0,
            f"chain_rate{n}": "34666.83" if there else "",
            f"freq{n}": 520 if there else 0,
            f"temp{n}": 65 if there else 0,
            f"temp2_{n}": 72 if there else 0,
            f"temp_pcb{n}": "45-47-63-65" if there else "0-0-0-0",
            f"temp_chip{n}": "50-52-70-72" if there else "0-0-0-0",
        }
    return readings | more


def test_s19_sensors_two_at_the_inlet_and_two_at_the_outlet() -> None:
    draft = antminer.parse(replies(S19_IDENTITY, s19_readings()), NOW)
    assert [board.index for board in draft.boards] == [1, 2, 3]
    board = draft.boards[0]
    assert (board.inlet_c, board.outlet_c, board.board_c) == (46.0, 64.0, 65.0)
    assert (board.chip_max_c, board.chip_avg_c) == (72.0, 61.0)
    assert board.frequency_hz == 520e6
    assert draft.fan_duty_ratio == 0.72
    assert draft.asleep is None


def test_sensors_below_zero_fewer_than_four_and_dead_ones() -> None:
    readings = s19_readings(
        temp1=0, temp_pcb1="-5--6-3-4", temp_chip1="0-52-0-72", temp2_1=0, temp_pcb2="41-43"
    )
    first, second, third = antminer.parse(replies(S19_IDENTITY, readings), NOW).boards
    assert (first.inlet_c, first.outlet_c, first.board_c) == (-5.5, 3.5, 4.0)
    assert (first.chip_max_c, first.chip_avg_c) == (72.0, 62.0)
    assert (second.inlet_c, second.outlet_c, second.board_c) == (None, None, 65.0)
    assert third.inlet_c == 46.0


def test_l9_names_the_sensors_of_each_side() -> None:
    readings = {
        "GHS 5s": 16.1,
        "fan_num": 4,
        "temp1": 64,
        "temp2_1": 81,
        "temp_in_pcb_1": "40",
        "temp_out_pcb_1": "64",
        "temp_in_chip_1": "59",
        "temp_out_chip_1": "84",
        "chain_acn1": 110,
        "chain_rate1": 16.1,
    }
    board = antminer.parse(replies({"Type": "Antminer L9"}, readings), NOW).boards[0]
    assert (board.inlet_c, board.outlet_c, board.board_c, board.chip_max_c) == (40.0, 64.0, 64.0, 84.0)


def test_s17_asleep_says_so() -> None:
    readings = s19_readings(Mode=254, **{"GHS 5s": 0})
    draft = antminer.parse(replies({"Type": "Antminer S17 Pro"}, readings), NOW)
    assert draft.asleep is True
    assert draft.hashrate_hs == 0.0


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"chain_power": "3250 W"}, 3250.0),
        ({"chain_power": "1240.50 W (AB)"}, 1240.5),
        ({"power": 3251}, 3251.0),
        ({"watt": "3252"}, 3252.0),
        ({"chain_power1": 1000, "chain_power2": "1001.5", "chain_power3": 999}, 3000.5),
        ({"power": 0}, None),
        ({"chain_power": "n/a"}, None),
        ({}, None),
    ],
)
def test_power_only_where_it_is_reported(more: dict[str, Any], expected: float | None) -> None:
    assert antminer.parse(replies(S19_IDENTITY, s19_readings(**more)), NOW).power_w == expected


def test_hashrate_of_the_first_minute_comes_from_elsewhere() -> None:
    readings = s19_readings(**{"GHS 5s": ""})
    assert antminer.parse(replies(S19_IDENTITY, readings), NOW).hashrate_hs == pytest.approx(104100e9)
    del readings["rate_30m"]
    summary = {"SUMMARY": [{"GHS 5s": "104001"}]}
    draft = antminer.parse(replies(S19_IDENTITY, readings, summary=summary), NOW)
    assert draft.hashrate_hs == pytest.approx(104001e9)
    assert antminer.parse(replies(S19_IDENTITY, readings), NOW).hashrate_hs is None


def test_theory_hashrate_of_the_summary_is_the_nominal_one() -> None:
    summary = {"SUMMARY": [{"Elapsed": 5, "RT HASHRATE": "11.49 GH/s", "THEORY HASHRATE": "17.04 GH/s"}]}
    draft = antminer.parse({"summary": summary}, NOW, "Antminer L9")
    assert draft.hashrate_hs == pytest.approx(11.49e9)
    assert draft.nominal_hashrate_hs == pytest.approx(17.04e9)


@pytest.mark.parametrize(
    ("identity", "firmware", "version"),
    [
        ({"Type": "Antminer S9 (Hiveon 1.03)", "Miner": "16.8.1.3"}, "Hiveon", "16.8.1.3"),
        ({"Type": "Antminer T9+", "CGMiner": "4.9.0"}, "cgminer", "16.8"),
        ({"Type": "Antminer S9", "CompileTime": "Fri"}, "stock", "16.8"),
    ],
)
def test_firmware(identity: dict[str, Any], firmware: str, version: str) -> None:
    draft = antminer.parse(replies(identity, {"GHS 5s": 1, "miner_version": "16.8"}), NOW)
    assert (draft.firmware, draft.firmware_version) == (firmware, version)


def test_a_type_with_a_line_end_in_it() -> None:
    assert antminer.parse(replies({"Type": "Antminer S9\n"}, {"GHS 5s": 1}), NOW).model == "Antminer S9"


def test_statistics_of_pools_between_the_rows_are_no_readings() -> None:
    document = replies(S9_IDENTITY, s9_readings())
    document["stats"]["STATS"].insert(1, {"STATS": 1, "ID": "POOL0", "Elapsed": 86400, "Pool Calls": 0})
    assert len(antminer.parse(document, NOW).boards) == 3


LISTED = {
    "elapsed": 3600,
    "rate_5s": 200345.6,
    "rate_30m": 200100.0,
    "rate_avg": 199987.5,
    "rate_ideal": 200000.0,
    "rate_unit": "GH/s",
    "chain_num": 3,
    "fan_num": 4,
    "fan": [5000, 5010, 0, 5030],
    "miner-mode": 0,
    "watt": 3510,
    "chain": [
        {
            "index": n,
            "freq_avg": 490,
            "rate_ideal": 66666.6,
            "rate_real": 66781.8,
            "asic_num": 108,
            "asic": " oooo",
            "temp_pic": [30, 31, 50, 51],
            "temp_pcb": [35, 37, 55, 57],
            "temp_chip": [45, 47, 68, 70],
            "hw": 4,
            "sn": f"SN{n}",
        }
        for n in range(3)
    ]
    + [{"index": 3, "asic_num": 0, "rate_real": 0, "temp_pcb": [0, 0, 0, 0], "temp_chip": [0, 0, 0, 0], "hw": 0, "sn": ""}],
}  # fmt: skip
INFO = {"miner_version": "uart_trans.1.3", "CompileTime": "Mon 2023", "type": "Antminer S21"}


def assert_listed(draft: Draft) -> None:
    assert draft.model == "Antminer S21"
    assert draft.hashrate_hs == pytest.approx(200345.6e9)
    assert draft.hashrate_average_hs == pytest.approx(199987.5e9)
    assert draft.nominal_hashrate_hs == pytest.approx(200000e9)
    assert draft.mining_s == 3600
    assert draft.power_w == 3510.0
    assert (draft.asleep, draft.power_mode) == (False, "normal")
    assert [board.index for board in draft.boards] == [0, 1, 2]
    board = draft.boards[1]
    assert (board.serial, board.chips, board.frequency_hz, board.hardware_errors) == ("SN1", 108, 490e6, 4)
    assert (board.inlet_c, board.outlet_c, board.board_c) == (36.0, 56.0, 57.0)
    assert (board.chip_max_c, board.chip_avg_c) == (70.0, 57.5)
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [
        (1, 5000.0),
        (2, 5010.0),
        (3, 0.0),
        (4, 5030.0),
    ]


def test_the_listed_form_on_the_miners_port() -> None:
    assert_listed(antminer.parse({"stats": {"INFO": INFO, "STATS": [LISTED]}}, NOW))


def test_the_listed_form_on_the_web() -> None:
    status = [
        {"type": "rate", "status": "s", "code": 0, "msg": ""},
        {"type": "fans", "status": "e", "code": 2, "msg": "fan lost"},
        {"type": "temp", "status": "E", "code": 0, "msg": ""},
        {"type": "network", "status": "S", "code": 0, "msg": ""},
    ]
    pages = {
        "stats": {"INFO": INFO, "STATS": [LISTED], "STATUS": {"STATUS": "S"}},
        "summary": {"INFO": INFO, "SUMMARY": [{"hw_all": 12, "status": status}]},
        "pools": {
            "POOLS": [
                {"index": 0, "url": "stratum+tcp://a.invalid:1", "user": "u", "status": "Alive", "priority": 0,
                 "accepted": 7, "rejected": 1, "stale": 0, "lstime": "00:00:18"},
                {"index": 1, "url": "stratum+tcp://b.invalid:1", "user": "u", "status": "Alive", "priority": 1,
                 "accepted": 1, "rejected": 0, "stale": 2, "lstime": "0"},
            ]
        },
    }  # fmt: skip
    draft = antminer.parse_pages(pages, NOW)
    assert_listed(draft)
    assert draft.firmware_version == "uart_trans.1.3"
    assert (draft.accepted, draft.rejected, draft.stale, draft.hardware_errors) == (8, 1, 2, 12)
    assert [pool.active for pool in draft.pools] == [True, False]
    assert draft.faults == [Fault("fans:2", "fan lost"), Fault("temp", None)]


def test_identity_of_the_web_with_a_placeholder_for_an_address() -> None:
    page = {
        "macaddr": "02:55:97:22:3M:72",
        "serinum": "AB12",
        "hostname": "Antminer",
        "minertype": "Antminer S21",
    }
    assert cgi.parse_identity(page) == cgi.WebIdentity(None, "AB12", "Antminer", "Antminer S21", None)


@pytest.mark.parametrize(
    ("page", "mode", "asleep", "name"),
    [
        ({"bitmain-work-mode": "1"}, 1, True, "sleep"),
        ({"bitmain-work-mode": "0"}, 0, False, "normal"),
        ({"miner-mode": 3}, 3, False, "low"),
        ({"bitmain-work-mode": "254"}, 254, True, None),
        ({"bitmain-work-mode": ""}, None, None, None),
        ({"pools": []}, None, None, None),
    ],
)
def test_work_mode(page: dict[str, Any], mode: int | None, asleep: bool | None, name: str | None) -> None:
    assert cgi.parse_work_mode(page) == mode
    assert cgi.asleep(mode) is asleep
    assert cgi.mode_name(mode) == name


@pytest.mark.parametrize(
    ("speeds", "fan_num", "expected", "fans"),
    [
        ([6000, 0, 0, 5900], None, None, [(1, 6000.0), (2, 0.0), (3, 0.0), (4, 5900.0)]),
        ([0, 0, 0, 0, 0, 0, 0, 0], 2, None, [(3, 0.0), (6, 0.0)]),
        ([5000, 0, 0, 0, 0, 0, 0, 0], None, None, [(1, 5000.0)]),
        ([0, 0, 0, 0], 0, 0, []),
        ([5000, 5000, 0, 0], 2, 2, [(1, 5000.0), (2, 5000.0)]),
        (["x", -1, None, 5000], None, None, [(4, 5000.0)]),
    ],
)
def test_which_connectors_are_fans(
    speeds: list[Any], fan_num: int | None, expected: int | None, fans: list[tuple[int, float]]
) -> None:
    readings = {f"fan{n}": speed for n, speed in enumerate(speeds, 1)}
    if fan_num is not None:
        readings["fan_num"] = fan_num
    assert [(fan.index, fan.speed_rpm) for fan in flat_fans(readings, expected)] == fans


def test_the_factor_falls_only_where_the_figure_is_beyond_belief() -> None:
    assert factor_of(None, None, 1e9) == 1e9
    assert factor_of("MH", 504.0, None) == 1e6
    assert factor_of("furlong", 504.0, 504e6) == 1e6
    assert factor_of("GH", 3680.0, 3.68e9) == 1e6
    assert factor_of(None, 16.0, 2.4e9) == 1e9


DOCUMENTS = [
    {**replies(S9_IDENTITY, s9_readings()), "summary": SUMMARY, "pools": POOLS},
    {**replies(S19_IDENTITY, s19_readings(chain_power="3250 W")), "summary": SUMMARY, "pools": POOLS},
    {"stats": {"INFO": INFO, "STATS": [LISTED]}, "summary": SUMMARY, "pools": POOLS},
]


@given(document=st.sampled_from(DOCUMENTS).flatmap(mutations))
def test_any_json_anywhere_gives_a_draft_of_finite_figures(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    drafts = [antminer.parse(document, NOW), antminer.parse_pages(document, NOW)]
    assert repr(document) == repr(before)
    for draft in drafts:
        assert finite(draft)
        assert msgspec.json.encode(draft)
