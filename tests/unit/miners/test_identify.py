"""Which driver a miner needs: judged from replies of every make, and found over real sockets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.identify import judge


def status(description: str, code: int = 22) -> list[dict[str, Any]]:
    return [{"STATUS": "S", "When": 1, "Code": code, "Msg": "versions", "Description": description}]


def version(description: str = "cgminer 4.9.0", **fields: object) -> dict[str, Any]:
    return {"version": {"STATUS": status(description), "VERSION": [{"API": "3.1", **fields}], "id": 1}}


def stats(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"stats": {"STATUS": status("cgminer 4.9.0", 70), "STATS": list(entries), "id": 1}}


REFUSED: dict[str, Any] = {
    "version": {
        "STATUS": [
            {"STATUS": "E", "When": 1, "Code": 14, "Msg": "Invalid command", "Description": "cgminer 4.11.1"}
        ],
        "id": 1,
    }
}


@pytest.mark.parametrize(
    ("replies", "driver"),
    [
        (version("bmminer 1.0.0", BMMiner="2.0.0", Miner="16.8.1.3", Type="Antminer S9"), "antminer"),
        (version("cgminer 1.0.0", BMMiner="1.0.0", Miner="49.0.1.3", Type="Antminer S19 Pro"), "antminer"),
        (version("cgminer 4.10.0", CGMiner="4.10.0", Type="Antminer L3+"), "antminer"),
        (version("vnish 1.2", Type="Antminer S19"), "vnish"),
        (version("cgminer 4.11.1", Miner="uart_trans.1.3 vnish-1.2.6", Type="Antminer S19"), "vnish"),
        (
            version("LUXminer 2025.4.8.220305-57b389c7", LUXminer="2025.4.8", Type="Antminer S19k Pro"),
            "luxos",
        ),
        (version("BOSminer boser-openwrt 0.2", BOSer="boser-openwrt 0.2"), "cgminer"),
        (version("cgminer 4.11.1", CGMiner="4.11.1", PROD="AvalonMiner 1246", MODEL="1246-83"), "avalon"),
        (version("cgminer 4.11.1", CGMiner="4.11.1", DNA="0201", MODEL="Q", MAC="aabb"), "avalon"),
        (version("btminer", Miner="20210322"), "whatsminer_v2"),
        (version("cgminer 4.10.0", Type="DG1+"), "elphapex"),
        (
            {
                "version": {
                    "STATUS": "E",
                    "When": 1,
                    "Code": 14,
                    "Msg": "invalid cmd",
                    "Description": "whatsminer v1.4",
                }
            },
            "whatsminer_v2",
        ),
        ({"version": {"STATUS": "E", "When": 1, "Code": 14, "Msg": "invalid cmd"}}, "whatsminer_v2"),
        (REFUSED | stats({"ID": "AVA100", "MM ID0": "Ver[1246-83-21072802]"}), "avalon"),
        (REFUSED | stats({"MM ID1": "Ver[7411706-…]"}), "avalon"),
        (
            REFUSED | stats({"Type": "Antminer S9\u0000", "BMMiner": "2.0"}, {"chain_acn6": 63}),
            "antminer",
        ),
        (REFUSED | stats({"ID": "BC50"}, {"chain_rate1": "1"}), "antminer"),
        (
            version("cgminer 4.9.2")
            | {
                "summary": {
                    "STATUS": status("x", 11),
                    "SUMMARY": [{"Factory GHS": 1, "HS RT": 2, "Power": 3}],
                }
            },
            "whatsminer_v2",
        ),
        (version("cgminer 4.9.2") | {"devdetails": {"DEVDETAILS": [{"Model": "M21S_V60"}]}}, "whatsminer_v2"),
        (
            # A Whatsminer of 2019: none of the fields that later firmware added.
            version("cgminer 4.9.2", CGMiner="4.9.2")
            | {
                "summary": {
                    "SUMMARY": [{"MHS av": 1, "Fan Speed In": 5760, "Fan Speed Out": 5790, "Power": 3387}]
                }
            },
            "whatsminer_v2",
        ),
        ({"devs": {"DEVS": [{"Name": "SM", "PCB SN": "H", "Effective Chips": 105}]}}, "whatsminer_v2"),
        ({"devs": {"DEVS": [{"Name": "AVA10", "ID": 0, "MHS av": 1}]}}, "avalon"),
        ({"devs": {"DEVS": [{"Name": "AV7"}]}}, "avalon"),
        ({"devs": {"DEVS": [{"Name": "BC5", "Fan Speed In": 1}]}}, None),
        (REFUSED | stats({"ID": "AV80", "MM Count": 0}), "avalon"),
        (REFUSED | {"estats": {"STATS": [{"MM ID0": "Ver[1166Pro-S-78-20111801]"}]}}, "avalon"),
        (REFUSED | stats({"ID": "AVR0"}), None),
        (version("cgminer 4.9.2"), None),
        (REFUSED, None),
        ({}, None),
    ],
)
def test_judge(replies: dict[str, Any], driver: str | None) -> None:
    assert judge(replies) == driver


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=10,
)
SECTIONS = st.sampled_from(["STATUS", "VERSION", "STATS", "SUMMARY", "DEVDETAILS", "DEVS", "Msg", "Code"])
QUESTIONS = st.sampled_from(["version", "stats", "summary", "devdetails", "get_version", "devs"])


@given(st.dictionaries(QUESTIONS, st.dictionaries(SECTIONS, JSON, max_size=4), max_size=4))
def test_judge_survives_whatever_came(replies: dict[str, Any]) -> None:
    judge(replies)
