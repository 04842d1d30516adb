"""Whatsminers of which only some replies can be had: what those tell is read, and nothing is made up."""

import pytest

from miners.draft import Draft
from miners.drivers.whatsminer_v2 import DRIVER, parse
from miners.model import Snapshot
from tests.unit.miners import strange_documents
from tests.unit.miners.whatsminer_documents import NOW, TH, board_row, device, listed, message, replies


def concluded(draft: Draft) -> Snapshot:
    return strange_documents.concluded(draft, DRIVER, NOW)


def test_boards_alone_add_up_to_the_miner() -> None:
    rows = [
        board_row(
            slot,
            30.0,
            **{"Fan Speed In": 5010, "Fan Speed Out": 5070, "Device Elapsed": 900, "Factory GHS": 31000},
        )
        for slot in range(3)
    ]
    draft = parse({"devs": listed("DEVS", *rows)}, NOW)
    assert draft.hashrate_hs == pytest.approx(3 * 30.6 * TH)
    assert draft.hashrate_average_hs == pytest.approx(3 * 29.7 * TH)
    assert draft.nominal_hashrate_hs == pytest.approx(93 * TH)
    assert draft.mining_s == 900.0
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [(0, 5010.0), (1, 5070.0)]
    assert concluded(draft).state == "mining"
    for key in ("MHS 5s", "MHS 1m", "MHS av"):
        del rows[1][key]
    draft = parse({"devs": listed("DEVS", *rows)}, NOW)
    assert (draft.hashrate_hs, draft.hashrate_average_hs) == (
        None,
        None,
    )  # a sum without one board is no miner's


@pytest.mark.parametrize("command", ["get_version", "get_miner_info"])
def test_the_model_may_stand_outside_devdetails(command: str) -> None:
    told = {command: message({"fw_ver": "20230803.11.REL", "miner_type": "M50S_VH50"})}
    assert parse({**replies(), **told}, NOW).model == "M50S_VH50"
    assert parse({**replies(), **told, "devdetails": device("M50_VG30")}, NOW).model == "M50_VG30"


def test_the_supply_tells_its_temperature() -> None:
    supply = message({"name": "P222B", "vin": "23200", "iin": "14500", "temp0": "33.5"})
    draft = parse({**replies(), "get_psu": supply}, NOW)
    assert draft.psu is not None
    assert (draft.psu.input_v, draft.psu.input_a, draft.psu.temperature_c) == (232.0, 14.5, 33.5)


@pytest.mark.parametrize("start", [0, 1])
def test_faults_of_the_summary_are_numbered_from_either_end(start: int) -> None:
    codes = {f"Error Code {start}": 531, f"Error Code {start + 1}": "218", "Error Code Count": 2}
    assert [fault.code for fault in parse(replies(**codes), NOW).faults] == ["531", "218"]
