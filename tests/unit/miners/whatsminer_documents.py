"""Replies as Whatsminer's API v1 and v2 sends them: written for the tests, none captured."""

from typing import Any

from miners.link import Object

NOW = 1_790_000_000.0
TH = 1e12


def listed(section: str, *rows: Object, code: int = 11) -> Object:
    """A reply as btminer has it from cgminer."""
    status = {"STATUS": "S", "When": int(NOW), "Code": code, "Msg": section, "Description": "cgminer 4.9.2"}
    return {"STATUS": [status], section: list(rows), "id": 1}


def message(msg: Any, description: str = "") -> Object:
    """A reply of Whatsminer's own commands."""
    return {"STATUS": "S", "When": int(NOW), "Code": 131, "Msg": msg, "Description": description}


def summary_row(ths: float, **more: Any) -> Object:
    mhs = ths * 1e6
    return {
        "Elapsed": 43210,
        "MHS av": mhs * 0.99,
        "MHS 5s": mhs * 1.02,
        "MHS 1m": mhs * 1.01,
        "MHS 5m": mhs,
        "MHS 15m": mhs * 0.995,
        "HS RT": mhs,
        "Accepted": 4321,
        "Rejected": 5,
        "Stale": 1,
        "Hardware Errors": 12,
        "Total MH": mhs * 0.99 * 43210,
        "Temperature": 76.5,
        "freq_avg": 640,
        "Fan Speed In": 5010,
        "Fan Speed Out": 5070,
        "Voltage": 1206,
        "Power": 3412,
        "Power_RT": 3405,
        "Power Fanspeed": 8640,
        "Power Limit": 3500,
        "Power Mode": "Normal",
        "Uptime": 50000,
        "Hash Stable": True,
        "Env Temp": 24.5,
        "Factory GHS": int(ths * 1000),
        "Chip Temp Min": 70.0,
        "Chip Temp Max": 91.5,
        "Chip Temp Avg": 82.25,
        "Liquid Cooling": False,
        "Firmware Version": "'20220111.16.REL'",
        "MAC": "C6:07:20:00:1A:2B",
        "Error Code Count": 0,
        **more,
    }


def board_row(slot: int, ths: float, **more: Any) -> Object:
    return {
        "ASC": slot,
        "Name": "SM",
        "ID": slot,
        "Slot": slot,
        "Enabled": "Y",
        "Status": "Alive",
        "Temperature": 75.0 + slot,
        "Chip Frequency": 640 + slot,
        "MHS av": ths * 0.99e6,
        "MHS 5s": ths * 1.02e6,
        "MHS 1m": ths * 1.01e6,
        "Hardware Errors": 4,
        "Effective Chips": 148,
        "PCB SN": f"H3M12S69140B21K0{slot}",
        "Chip Temp Max": 90.0 + slot,
        "Chip Temp Avg": 82.0,
        "Chip Temp Min": 70.0,
        **more,
    }


def pool_row(number: int, **more: Any) -> Object:
    return {
        "POOL": number,
        "URL": f"stratum+tcp://pool{number}.example:3333",
        "Status": "Alive",
        "Priority": number - 1,
        "Accepted": 4321 if number == 1 else 0,
        "Rejected": 5 if number == 1 else 0,
        "Stale": 1 if number == 1 else 0,
        "User": "yard.m1",
        "Last Share Time": int(NOW) - 7 if number == 1 else 0,
        "Stratum Active": number == 1,
        **more,
    }


def replies(ths: float = 90.0, boards: int = 3, **more: Any) -> dict[str, Object]:
    return {
        "summary": listed("SUMMARY", summary_row(ths, **more)),
        "devs": listed("DEVS", *(board_row(slot, ths / boards) for slot in range(boards)), code=9),
        "pools": listed("POOLS", pool_row(1), pool_row(2), pool_row(3), code=7),
    }


def device(model: str) -> Object:
    return listed(
        "DEVDETAILS",
        {"DEVDETAILS": 0, "Name": "SM", "ID": 0, "Driver": "bitmicro", "Kernel": "", "Model": model},
        code=69,
    )
