"""Elphapex: the pages of its web, and Antminer's form on TCP 4028."""

from typing import Any

import pytest
from hypothesis import given

from miners.drivers import elphapex
from tests.unit.miners.mutation import finite, mutations

NOW = 1_742_264_353.0

INFO = {"type": "DG1+", "miner_version": "DG1+_SW_V1.0.2", "dev_sn": "SN0001", "hw_version": "V1"}


def chain(index: int, chips: int = 204) -> dict[str, Any]:
    return {
        "index": index,
        "asic_num": chips,
        "rate_real": 3500.5 if chips else 0,
        "rate_ideal": 3600.0 if chips else 0,
        "hw": 3 if chips else 0,
        "freq_avg": 1850000 if chips else 0,
        "sn": f"B{index}" if chips else "",
        "temp_chip": ["65250", "66000", "70750", "72000"] if chips else ["", "", "", ""],
        "temp_pcb": [40, 42, 60, 62],
    }


def pages(**more: Any) -> dict[str, Any]:
    row = {
        "chain": [chain(0), chain(1), chain(2), chain(3, 0)],
        "elapsed": 7200,
        "fan": ["4200", "4210", "0", "4230"],
        "rate_5s": 10501.5,
        "rate_15m": 10490.0,
        "rate_avg": 10480.0,
        "rate_ideal": 14400.0,
        "rate_unit": "MH/s",
    }
    pools = [
        {"index": n, "url": f"stratum+tcp://p{n}.invalid:1", "user": "u", "status": status, "priority": n,
         "accepted": 10, "rejected": 1, "stale": 0, "lstime": "00:00:18"}
        for n, status in enumerate(("Unreachable", "Alive", "Alive"))
    ]  # fmt: skip
    return {
        "stats": {
            "INFO": INFO,
            "STATS": [row | more],
            "STATUS": {"STATUS": "S", "when": 90000, "timestamp": 1742264353},
        },
        "pools": {"INFO": INFO, "POOLS": pools},
        "get_power": {"power_output": "3350", "power_sn": "PSU1", "power_temp": "270"},
    }


def test_the_pages() -> None:
    draft = elphapex.parse(pages(), NOW)
    assert (draft.model, draft.firmware_version, draft.serial) == ("DG1+", "DG1+_SW_V1.0.2", "SN0001")
    assert draft.firmware == "stock"
    assert draft.hashrate_hs == pytest.approx(10501.5e6)
    assert draft.hashrate_average_hs == pytest.approx(10480e6)
    assert draft.nominal_hashrate_hs == pytest.approx(14400e6)
    assert (draft.mining_s, draft.uptime_s) == (7200.0, 90000.0)
    assert draft.power_w == 3350.0
    assert draft.psu is not None
    assert (draft.psu.serial, draft.psu.temperature_c) == ("PSU1", None)
    assert [board.index for board in draft.boards] == [0, 1, 2]
    board = draft.boards[1]
    assert (board.serial, board.chips, board.hardware_errors) == ("B1", 204, 3)
    assert board.hashrate_hs == pytest.approx(3500.5e6)
    assert board.nominal_hashrate_hs == pytest.approx(3600e6)
    assert board.frequency_hz == pytest.approx(1850e6)
    assert (board.inlet_c, board.outlet_c, board.board_c) == (41.0, 61.0, 62.0)
    assert (board.chip_max_c, board.chip_avg_c) == (72.0, 68.5)
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [
        (0, 4200.0),
        (1, 4210.0),
        (2, 0.0),
        (3, 4230.0),
    ]
    assert [(pool.alive, pool.active) for pool in draft.pools] == [
        (False, False),
        (True, True),
        (True, False),
    ]
    assert (draft.accepted, draft.rejected, draft.stale, draft.hardware_errors) == (30, 3, 0, 9)


def test_when_that_is_a_clock_is_no_uptime() -> None:
    document = pages()
    document["stats"]["STATUS"]["when"] = 1_742_264_353
    assert elphapex.parse(document, NOW).uptime_s is None


def test_no_power_page_no_power() -> None:
    document = pages()
    del document["get_power"]
    draft = elphapex.parse(document, NOW)
    assert (draft.power_w, draft.psu) == (None, None)


@pytest.mark.parametrize(
    ("model", "figure", "expected"),
    [("DG1+", 14000.0, 14e9), ("DG1+", 14.0, 14e9), ("DG9", 17000.0, 17e9), ("DG9", 17.0, 17e9)],
)
def test_antminers_form_on_the_miners_port(model: str, figure: float, expected: float) -> None:
    readings = {"Elapsed": 60, "GHS 5s": figure, "GHS av": figure, "fan_num": 4, "fan1": 4000, "chain_acn1": 204,
                "chain_rate1": str(figure)}  # fmt: skip
    draft = elphapex.parse_tcp({"stats": {"STATS": [{"Type": model}, readings]}}, NOW)
    assert draft.model == model
    assert draft.hashrate_hs == pytest.approx(expected)
    assert draft.boards[0].hashrate_hs == pytest.approx(expected)


def test_the_listed_form_on_the_miners_port() -> None:
    document = pages()
    document["pools"] = {"POOLS": [{"POOL": 0, "URL": "stratum+tcp://a.invalid:1", "Status": "Alive"}]}
    draft = elphapex.parse_tcp(document, NOW)
    assert draft.boards[0].chip_max_c == 72.0
    assert [pool.active for pool in draft.pools] == [True]


@given(document=mutations(pages()))
def test_any_json_anywhere_gives_a_draft_of_finite_figures(document: dict[str, Any]) -> None:
    for draft in (elphapex.parse(document, NOW), elphapex.parse_tcp(document, NOW)):
        assert finite(draft)
        assert len({board.index for board in draft.boards}) == len(draft.boards)
