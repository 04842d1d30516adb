"""The reader of whatever answers in cgminer's form: Braiins OS, Ebang, programs of the first years."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import cgminer
from tests.unit.miners.mutation import finite, mutations

NOW = 1_700_000_000.0

BRAIINS: dict[str, Any] = {
    "version": {"VERSION": [{"API": "3.7", "BOSminer": "bosminer-plus-tuner 0.2.0-36c56a9363"}]},
    "summary": {
        "SUMMARY": [
            {"Accepted": 100, "Rejected": 2, "Stale": 1, "Elapsed": 7200, "Hardware Errors": 5, "MHS 5s": 13.5e6,
             "MHS 1m": 13.6e6, "MHS av": 13.4e6, "Total MH": 96.48e9}
        ]
    },
    "devs": {
        "DEVS": [
            {"ASC": place, "ID": 6 + place, "Enabled": "Y", "Status": "Alive", "MHS 5s": 4.5e6, "MHS av": 4.4e6,
             "Nominal MHS": 4.6e6, "Hardware Errors": place, "Temperature": 0.0}
            for place in range(3)
        ]
    },
    "devdetails": {
        "DEVDETAILS": [
            {"DEVDETAILS": place, "ID": 6 + place, "Chips": 63, "Frequency": 650, "Voltage": 8.8, "Model": "Antminer S9"}
            for place in range(3)
        ]
    },
    "temps": {"TEMPS": [{"TEMP": place, "ID": 6 + place, "Board": 61.0, "Chip": 75.5} for place in range(3)]},
    "fans": {
        "FANS": [{"FAN": n, "ID": n, "RPM": rpm, "Speed": 70} for n, rpm in enumerate((4200, 4300, 0, 0))],
    },
    "tunerstatus": {"TUNERSTATUS": [{"ApproximateMinerPowerConsumption": 1290, "PowerLimit": 1300}]},
    "pools": {
        "POOLS": [
            {"POOL": 0, "URL": "stratum2+tcp://a.invalid:1", "User": "u", "Status": "Alive", "Stratum Active": True,
             "Last Share Time": 1_699_999_990, "Accepted": 100, "Rejected": 2, "Stale": 1, "Priority": 0}
        ]
    },
}  # fmt: skip


def test_braiins_os() -> None:
    draft = cgminer.parse(BRAIINS, NOW)
    assert (draft.manufacturer, draft.model) == ("AntMiner", "Antminer S9")
    assert (draft.firmware, draft.firmware_version) == ("Braiins OS", "bosminer-plus-tuner 0.2.0-36c56a9363")
    assert draft.hashrate_hs == pytest.approx(13.5e12)
    assert draft.hashrate_average_hs == pytest.approx(13.4e12)
    assert draft.nominal_hashrate_hs == pytest.approx(13.8e12)
    assert draft.hashes_total == pytest.approx(96.48e15)
    assert (draft.power_w, draft.power_limit_w) == (1290.0, 1300.0)
    assert [board.index for board in draft.boards] == [6, 7, 8]
    board = draft.boards[1]
    assert (board.chips, board.board_c, board.chip_max_c, board.voltage_v) == (63, 61.0, 75.5, 8.8)
    assert (board.frequency_hz, board.hardware_errors) == (650e6, 1)
    assert board.hashrate_hs == pytest.approx(4.5e12)
    # Four connectors, of which an S9 uses two.
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [(0, 4200.0), (1, 4300.0)]
    assert draft.fan_duty_ratio == 0.7
    assert (draft.accepted, draft.rejected, draft.stale, draft.hardware_errors) == (100, 2, 1, 5)
    assert draft.pools[0].active is True
    assert draft.pools[0].last_share_at is not None


def test_braiins_os_plus_names_itself_and_writes_clocks_in_hertz() -> None:
    details = [
        {"ID": 6 + place, "Chips": 63, "Frequency": 650_000_000, "Model": "Antminer S9"} for place in range(3)
    ]
    version = {"VERSION": [{"API": "3.7", "BOSminer+": "0.2.0-36c56a9363"}]}
    draft = cgminer.parse(BRAIINS | {"version": version, "devdetails": {"DEVDETAILS": details}}, NOW)
    assert (draft.firmware, draft.firmware_version) == ("Braiins OS+", "0.2.0-36c56a9363")
    assert [board.frequency_hz for board in draft.boards] == [650e6] * 3


def test_a_fan_of_two_that_stands_stays() -> None:
    fans = {"FANS": [{"FAN": n, "RPM": rpm, "Speed": 100} for n, rpm in enumerate((0, 4300, 0, 0))]}
    draft = cgminer.parse(BRAIINS | {"fans": fans}, NOW)
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [(0, 0.0), (1, 4300.0)]


@pytest.mark.parametrize(
    ("field", "figure", "expected"),
    [
        ("MHS 20s", 5e6, 5e12),
        ("GHS 5s", "18000.5", 18000.5e9),
        ("KHS 5s", 900.0, 900e3),
        ("THS 30s", 18.0, 18e12),
        ("HS 5s", 400.0, 400.0),
        ("MHS 15m", 7e6, 7e12),
        ("MHS av", 6e6, 6e12),
    ],
)
def test_hashrate_in_whatever_window_and_unit(field: str, figure: float | str, expected: float) -> None:
    draft = cgminer.parse({"summary": {"SUMMARY": [{"Elapsed": 60, field: figure}]}}, NOW)
    assert draft.hashrate_hs == pytest.approx(expected)


def test_the_shortest_window_is_now() -> None:
    summary = {"MHS 15m": 1e6, "MHS 5s": 2e6, "MHS av": 3e6}
    draft = cgminer.parse({"summary": {"SUMMARY": [summary]}}, NOW)
    assert draft.hashrate_hs == pytest.approx(2e12)
    assert draft.hashrate_average_hs == pytest.approx(3e12)


def test_without_a_summary_the_boards_are_summed_up() -> None:
    draft = cgminer.parse({"devs": BRAIINS["devs"]}, NOW)
    assert draft.hashrate_hs == pytest.approx(13.5e12)
    assert draft.manufacturer is None


def test_boards_of_which_one_says_nothing_are_not_summed_up() -> None:
    """A dead board lowers neither what the miner is made for nor, unsaid, what it does."""
    boards = [{"ID": 1, "MHS 5s": 31e6, "Nominal MHS": 32e6}, {"ID": 2, "Nominal MHS": 0}]
    draft = cgminer.parse({"devs": {"DEVS": boards}}, NOW)
    assert (draft.hashrate_hs, draft.nominal_hashrate_hs) == (None, None)
    boards[1] |= {"MHS 5s": 0.0, "Nominal MHS": 32e6}
    draft = cgminer.parse({"devs": {"DEVS": boards}}, NOW)
    assert (draft.hashrate_hs, draft.nominal_hashrate_hs) == (31e12, 64e12)


def test_boards_that_share_an_id_are_numbered_by_asc() -> None:
    devs = {
        "DEVS": [
            {"ASC": 1 + place, "ID": 0, "Name": "BM1", "MHS 20s": 1.0, "Temperature": 55}
            for place in range(2)
        ]
    }
    boards = cgminer.parse({"devs": devs}, NOW).boards
    assert [(board.index, board.board_c) for board in boards] == [(1, 55.0), (2, 55.0)]


def test_of_a_cut_reply_the_boards_are_not_summed_up() -> None:
    cut = {"devs": {"DEVS": [*BRAIINS["devs"]["DEVS"][:2], {"ASC": 2}]}, "pools": BRAIINS["pools"]}
    draft = cgminer.parse(cut, NOW, whole=False)
    assert (draft.hashrate_hs, draft.nominal_hashrate_hs, draft.accepted) == (None, None, None)
    assert [board.index for board in draft.boards] == [6, 7]


def test_edevs_where_devs_is_empty() -> None:
    assert len(cgminer.parse({"devs": {"DEVS": []}, "edevs": BRAIINS["devs"]}, NOW).boards) == 3


@pytest.mark.parametrize(
    ("version", "maker"),
    [
        ({"Type": "Ebit E9+"}, "Ebang"),
        ({"Type": "Antminer S9 (Hiveon)"}, "AntMiner"),
        ({"PROD": "AvalonMiner 741"}, "Avalon"),
        ({"Type": "Antminer of no table"}, "AntMiner"),
        ({"Type": "Teapot"}, None),
        ({}, None),
    ],
)
def test_manufacturer_by_the_models_name(version: dict[str, Any], maker: str | None) -> None:
    draft = cgminer.parse({"version": {"VERSION": [version]}, "summary": {"SUMMARY": [{"MHS 5s": 1}]}}, NOW)
    assert draft.manufacturer == maker


def test_stats_in_antminers_form_are_read_as_such() -> None:
    readings = {"Elapsed": 5, "GHS 5s": 13500, "fan_num": 2, "fan1": 4000, "fan2": 4100, "chain_acn6": 63,
                "chain_rate6": "4500", "temp6": 60}  # fmt: skip
    draft = cgminer.parse({"stats": {"STATS": [{"Type": "Antminer S9", "CGMiner": "4.10"}, readings]}}, NOW)
    assert draft.hashrate_hs == pytest.approx(13500e9)
    assert [board.index for board in draft.boards] == [6]
    assert len(draft.fans) == 2


@given(document=st.just(BRAIINS).flatmap(mutations))
def test_any_json_anywhere_gives_a_draft_of_finite_figures(document: dict[str, Any]) -> None:
    draft = cgminer.parse(document, NOW)
    assert finite(draft)
    assert len({board.index for board in draft.boards}) == len(draft.boards)
