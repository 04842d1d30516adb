"""Antminer: one document a family, written after its firmware's form, and any JSON in place of any value."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import antminer
from tests.unit.miners.antminer_documents import (
    NOW,
    POOLS,
    S9_IDENTITY,
    S19_IDENTITY,
    SUMMARY,
    replies,
    s9_readings,
    s19_readings,
)
from tests.unit.miners.mutation import finite, mutations


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


def test_a_board_whose_own_clock_reads_zero_has_none_and_not_the_miners() -> None:
    readings = s9_readings() | {"chain_acn7": 0, "chain_rate7": "", "freq_avg7": 0.0}
    boards = antminer.parse(replies(S9_IDENTITY, readings), NOW).boards
    assert [board.frequency_hz for board in boards] == [
        pytest.approx(631.29e6),
        None,
        pytest.approx(631.29e6),
    ]
    del readings["freq_avg8"]
    boards = antminer.parse(replies(S9_IDENTITY, readings), NOW).boards
    assert boards[2].frequency_hz == 637e6


@pytest.mark.parametrize(
    "more",
    [
        {"temp_chip4": "40-41-52-53"},
        {"temp_pcb4": "40-41-52-53"},
        {"temp_in_chip_4": "50", "temp_out_chip_4": "60"},
        {"temp_in_pcb_4": "50", "temp_out_pcb_4": "60"},
        {"chain_acs4": "xxx"},
        {"temp2_4": 61},
    ],
)
def test_whatever_a_slot_still_says_makes_it_a_board(more: dict[str, Any]) -> None:
    boards = antminer.parse(replies(S19_IDENTITY, s19_readings(**more)), NOW).boards
    assert [(board.index, board.chips) for board in boards][3:] == [(4, 0)]


def test_a_t9_plus_reports_each_third_of_a_board() -> None:
    readings = s9_readings() | {
        f"{name}{n}": 0 for n in (6, 7, 8) for name in ("chain_acn", "temp", "temp2_")
    }
    readings |= {f"chain_rate{n}": "" for n in (6, 7, 8)} | {f"chain_acs{n}": "" for n in (6, 7, 8)}
    for n in (2, 3, 4, 9, 10, 11, 12, 13, 14):
        readings |= {
            f"chain_acn{n}": 18,
            f"chain_rate{n}": f"{1170 + n}",
            f"chain_hw{n}": n,
            f"temp{n}": 60 if n < 5 else 0,
            f"temp2_{n}": 70 + n,
        }
    boards = antminer.parse(replies({"Type": "Antminer T9+"}, readings), NOW).boards
    assert [(board.index, board.chips, board.hardware_errors) for board in boards] == [
        (2, 54, 21),
        (3, 54, 26),
        (4, 54, 31),
    ]
    assert boards[0].hashrate_hs == pytest.approx(3531e9)
    assert (boards[0].board_c, boards[0].chip_max_c) == (60.0, 80.0)
    for lost in ("chain_acn14", "chain_rate14", "chain_acs14", "temp14", "temp2_14"):
        del readings[lost]
    boards = antminer.parse(replies({"Type": "Antminer T9+"}, readings), NOW, whole=False).boards
    assert [board.index for board in boards] == [2, 3]
    # A plain T9 has one chain a board.
    readings = s9_readings()
    boards = antminer.parse(replies({"Type": "Antminer T9"}, readings), NOW).boards
    assert [board.index for board in boards] == [6, 7, 8]


def test_a_temperature_of_zero_was_not_reported() -> None:
    readings = s9_readings() | {"temp6": 0, "temp2_6": 0}
    board = antminer.parse(replies(S9_IDENTITY, readings), NOW).boards[0]
    assert (board.chips, board.board_c, board.chip_max_c) == (63, None, None)


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
        ({"total_power": "3068"}, 3068.0),
        ({"chain_power1": 1000, "chain_power2": "1001.5", "chain_power3": 999}, 3000.5),
        ({"power": 0}, None),
        ({"chain_power": "n/a"}, None),
        ({}, None),
    ],
)
def test_power_only_where_it_is_reported(more: dict[str, Any], expected: float | None) -> None:
    assert antminer.parse(replies(S19_IDENTITY, s19_readings(**more)), NOW).power_w == expected


def test_a_connector_without_a_fan_is_no_fan_where_the_others_were_cut_off() -> None:
    fans = antminer.parse(replies(S9_IDENTITY, {"GHS 5s": 1, "fan_num": 2, "fan1": 0}), NOW, whole=False).fans
    assert fans == []


def test_of_a_cut_reply_nothing_is_summed_up() -> None:
    power = {"chain_power1": 1000, "chain_power2": 1001, "chain_power3": 999}
    document = replies(S19_IDENTITY, s19_readings(**power), pools=POOLS)
    assert antminer.parse(document, NOW).power_w == 3000.0
    cut = antminer.parse(document, NOW, whole=False)
    assert (cut.power_w, cut.accepted, cut.rejected, cut.stale) == (None, None, None, None)
    assert (cut.hashrate_hs, len(cut.boards), len(cut.pools)) == (pytest.approx(104000.5e9), 3, 2)
    # One figure for the whole miner is no sum, and a sum that lacks a working board is no power.
    document = replies(S19_IDENTITY, s19_readings(power=3251))
    assert antminer.parse(document, NOW, whole=False).power_w == 3251.0
    del power["chain_power2"]
    assert antminer.parse(replies(S19_IDENTITY, s19_readings(**power)), NOW).power_w is None


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
        ({"Type": "Antminer T9+", "CGMiner": "4.9.0"}, "stock", "16.8"),
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


DOCUMENTS = [
    {**replies(S9_IDENTITY, s9_readings()), "summary": SUMMARY, "pools": POOLS},
    {**replies(S19_IDENTITY, s19_readings(chain_power="3250 W")), "summary": SUMMARY, "pools": POOLS},
]


@given(document=st.sampled_from(DOCUMENTS).flatmap(mutations))
def test_any_json_anywhere_gives_a_draft_of_finite_figures(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    draft = antminer.parse(document, NOW)
    assert repr(document) == repr(before)
    assert finite(draft)
    assert msgspec.json.encode(draft)
