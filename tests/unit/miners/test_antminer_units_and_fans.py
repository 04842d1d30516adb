"""Which unit an Antminer's figures are in, and which of its connectors are fans."""

from typing import Any

import pytest

from miners.drivers import antminer
from miners.drivers.antminer_stats import factor_of, flat_fans
from tests.unit.miners.antminer_documents import NOW, replies


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
    assert draft.firmware == "stock"
    assert draft.hashrate_hs == pytest.approx(504.351e6)
    assert draft.hashrate_average_hs == pytest.approx(501.67e6)
    assert [board.index for board in draft.boards] == [1, 2, 3, 4]
    assert draft.boards[2].board_c == 43.0
    assert draft.boards[3].hashrate_hs == pytest.approx(126.08e6)
    assert draft.boards[0].frequency_hz == 384e6
    assert [fan.speed_rpm for fan in draft.fans] == [4320.0, 4290.0]


def test_the_hashes_counted_are_in_the_unit_that_the_average_tells() -> None:
    for total in (501.67 * 1e3 * 5000, 501.67 * 5000):
        document = l3("504.351", 501.67)
        document["summary"] = {"SUMMARY": [{"Elapsed": 5000, "Total MH": total}]}
        assert antminer.parse(document, NOW).hashes_total == pytest.approx(501.67e6 * 5000)


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
        ("Antminer X3", 220.4, None, 220.4e3),
        ("Antminer X3", 0.22, None, 220e3),
        ("Antminer B3", 781.0, None, 781.0),
        ("Antminer D5", 119000.0, None, 119e9),
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


def test_a_summary_that_was_cut_behind_its_first_rate_tells_the_unit() -> None:
    summary = {"SUMMARY": [{"Elapsed": 5000, "GHS 5s": 9501.2}]}
    assert antminer.parse({"summary": summary}, NOW, "Antminer L7").hashrate_hs == pytest.approx(9.5012e9)


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


@pytest.mark.parametrize(
    ("speeds", "fan_num", "expected", "fans"),
    [
        ([6000, 0, 0, 5900], None, None, [(1, 6000.0), (2, 0.0), (3, 0.0), (4, 5900.0)]),
        ([0, 0, 0, 0, 0, 0, 0, 0], 2, None, [(3, 0.0), (6, 0.0)]),
        ([5000, 0, 0, 0, 0, 0, 0, 0], None, None, [(1, 5000.0)]),
        ([0, 0, 0, 0], 0, 0, []),
        ([5000, 5000, 0, 0], 4, 2, [(1, 5000.0), (2, 5000.0)]),
        ([5000, 5000, 0, 0], 2, None, [(1, 5000.0), (2, 5000.0)]),
        ([6000, 0, 6000, 6000], 3, None, [(1, 6000.0), (2, 0.0), (3, 6000.0), (4, 6000.0)]),
        (["x", -1, None, 5000], None, None, [(4, 5000.0)]),
        ([4800, 0, 4800, 4800, 0, 0, 0, 0], 4, 4, [(1, 4800.0), (2, 0.0), (3, 4800.0), (4, 4800.0)]),
        ([0, 0, 0, 0, 5000, 0, 0, 0], 2, 2, [(5, 5000.0), (6, 0.0)]),
        ([0, 0, 5000, 0, 0, 0, 0, 0], 2, 2, [(3, 5000.0), (6, 0.0)]),
        ([0, 4000, 0, 0, 0, 0, 0, 0], 2, 2, [(1, 0.0), (2, 4000.0)]),
        ([0, 0, 0, 0, 0, 0, 0, 4000], 2, 2, [(1, 0.0), (8, 4000.0)]),
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


@pytest.mark.parametrize(
    ("written", "volts"),
    [
        (13200, 13.2),
        ("8900", 8.9),
        (890, 8.9),
        ("8.9", 8.9),
        (0, None),
        (1.5, None),
        ("n/a", None),
        (10**9, None),
    ],
)
def test_the_voltage_of_a_board_in_any_of_its_units(written: Any, volts: float | None) -> None:
    readings = {"GHS 5s": 1.0, "chain_acn1": 10, "chain_vol1": written}
    board = antminer.parse(replies({"Type": "Antminer S9"}, readings), NOW).boards[0]
    assert board.voltage_v == (None if volts is None else pytest.approx(volts))
