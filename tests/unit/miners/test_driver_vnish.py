"""VNish: what it adds to an Antminer's stats."""

from typing import Any

import pytest
from hypothesis import given

from miners.drivers import vnish
from miners.model import Fault
from tests.unit.miners.mutation import finite, mutations

NOW = 1_700_000_000.0


def replies(state: str | None = "mining", **more: Any) -> dict[str, Any]:
    readings: dict[str, Any] = {
        "Elapsed": 3600,
        "GHS 5s": 98765.4,
        "GHS av": 98000.0,
        "total_rateideal": 100000.0,
        "fan_num": 4,
        "fan1": 5000,
        "fan2": 5000,
        "fan3": 4900,
        "fan4": 4900,
        "fan_pwm": 80,
    }
    for n in (1, 2, 3):
        readings |= {
            f"chain_acn{n}": 126,
            f"chain_rate{n}": "32921.8",
            f"chain_vol{n}": 13200 + n,
            f"chain_consumption{n}": 1000 + n,
            f"freq_avg{n}": 545.0,
            f"temp_pcb{n}": "40-42-60-62",
            f"temp_chip{n}": "50-52-70-72",
        }
    if state is not None:
        readings["state"] = state
    pools = [
        {"POOL": 0, "URL": "stratum+tcp://a.invalid:1", "User": "farm", "Status": "Alive", "Priority": 0,
         "Stratum Active": True, "Accepted": 100, "Rejected": 1, "Stale": 0, "Last Share Time": "0:00:03"},
        {"POOL": 1, "URL": "DevFee", "User": "DevFee", "Status": "Alive", "Priority": 999,
         "Stratum Active": True, "Accepted": 2, "Rejected": 0, "Stale": 0, "Last Share Time": "0:10:00"},
    ]  # fmt: skip
    identity = {"BMMiner": "2.0.0", "Miner": "1.2.6", "Type": "Antminer S19j Pro (Vnish 1.2.6-rc4)"}
    return {"stats": {"STATS": [identity, readings | more]}, "pools": {"POOLS": pools}}


def test_power_of_the_chains_voltage_and_version() -> None:
    draft = vnish.parse(replies(), NOW)
    assert (draft.firmware, draft.firmware_version) == ("VNish", "1.2.6-rc4")
    assert draft.power_w == 3006.0
    assert [board.voltage_v for board in draft.boards] == [13.201, 13.202, 13.203]
    assert draft.boards[0].board_c == 62.0
    assert draft.boards[0].chip_max_c == 72.0
    assert draft.hashrate_hs == pytest.approx(98765.4e9)
    assert (draft.asleep, draft.faults) == (False, [])


def test_the_fee_pool_is_listed_and_never_active_beside_another() -> None:
    assert [(pool.url, pool.active) for pool in vnish.parse(replies(), NOW).pools] == [
        ("stratum+tcp://a.invalid:1", True),
        ("DevFee", False),
    ]


@pytest.mark.parametrize(
    ("state", "asleep"),
    [("stopped", True), ("Stopped", True), ("auto-tuning", False), ("humming", None), (None, None)],
)
def test_state(state: str | None, asleep: bool | None) -> None:
    assert vnish.parse(replies(state), NOW).asleep is asleep


def test_a_failure_is_a_fault() -> None:
    draft = vnish.parse(replies("failure"), NOW)
    assert draft.asleep is False
    assert [fault.code for fault in draft.faults] == ["failure"]
    assert isinstance(draft.faults[0], Fault)


@given(document=mutations(replies()))
def test_any_json_anywhere_gives_a_draft_of_finite_figures(document: dict[str, Any]) -> None:
    assert finite(vnish.parse(document, NOW))
