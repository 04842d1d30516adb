"""Replies in Antminer's flat form, written after the firmware's, for the tests of its driver."""

from typing import Any

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
