"""Antminer's listed form, on the miner's port and on the web, and the other pages of its web."""

from typing import Any

import pytest
from hypothesis import given

from miners.draft import Draft
from miners.drivers import antminer, cgi
from miners.model import Fault
from tests.unit.miners.antminer_documents import NOW, POOLS, SUMMARY
from tests.unit.miners.mutation import finite, mutations

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


@given(document=mutations({"stats": {"INFO": INFO, "STATS": [LISTED]}, "summary": SUMMARY, "pools": POOLS}))
def test_any_json_anywhere_gives_a_draft_of_finite_figures(document: dict[str, Any]) -> None:
    assert finite(antminer.parse(document, NOW))
    assert finite(antminer.parse_pages(document, NOW))


@given(
    page=mutations(
        {"get_system_info": {"macaddr": "", "serinum": ""}, "SUMMARY": [{"status": [{"status": "e"}]}]}
    )
)
def test_any_json_in_the_other_pages(page: dict[str, Any]) -> None:
    assert finite(cgi.parse_faults(page))
    assert finite(cgi.parse_identity(page))
    assert cgi.parse_work_mode({"miner-mode": page}) is None
