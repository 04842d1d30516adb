"""The parts of cgminer's `summary` and `pools` that makers share: counts that agree with each other."""

from typing import Any

from simulator.devices.device import Json, percent
from simulator.moment import Moment, PoolMoment

DISCARDED_PER_SHARE = 8


def share_counts(moment: Moment) -> Json:
    """Return the counting fields of a summary (cgminer API: `summary`)."""
    accepted, rejected, stale = moment.accepted, moment.rejected, moment.stale
    minutes = moment.elapsed_s / 60
    return {
        "Getworks": accepted // 3 + 1,
        "Accepted": accepted,
        "Rejected": rejected,
        "Hardware Errors": moment.hardware_errors,
        "Utility": round(accepted / minutes, 2) if minutes else 0.0,
        "Discarded": accepted * DISCARDED_PER_SHARE,
        "Stale": stale,
        "Get Failures": 0,
        "Local Work": accepted * 40,
        "Remote Failures": 0,
        "Network Blocks": int(moment.elapsed_s // 600),
        "Total MH": round(moment.hashes / 1e6, 4),
        "Work Utility": round((accepted + rejected) * moment.difficulty / minutes, 2) if minutes else 0.0,
        "Difficulty Accepted": accepted * moment.difficulty,
        "Difficulty Rejected": rejected * moment.difficulty,
        "Difficulty Stale": stale * moment.difficulty,
        "Best Share": int(accepted * moment.difficulty * 0.7),
        "Device Rejected%": percent(rejected, accepted + rejected),
        "Pool Rejected%": percent(rejected, accepted + rejected),
        "Pool Stale%": percent(stale, accepted + rejected + stale),
    }


def pool_row(pool: PoolMoment, last_share: Any, *, number: int | None = None) -> Json:
    """Return one row of `pools` (cgminer API: `pools`). `last_share` in the maker's own way of writing time."""
    return {
        "POOL": pool.place if number is None else number,
        "URL": pool.url,
        "Status": "Alive" if pool.alive else "Dead",
        "Priority": pool.place,
        "Quota": 1,
        "Long Poll": "N",
        "Getworks": pool.accepted // 3,
        "Accepted": pool.accepted,
        "Rejected": pool.rejected,
        "Works": pool.accepted * 40,
        "Discarded": pool.accepted * DISCARDED_PER_SHARE,
        "Stale": pool.stale,
        "Get Failures": 0,
        "Remote Failures": 0,
        "User": pool.user,
        "Last Share Time": last_share,
        "Diff1 Shares": int(pool.accepted * pool.difficulty),
        "Proxy Type": "",
        "Proxy": "",
        "Difficulty Accepted": pool.accepted * pool.difficulty,
        "Difficulty Rejected": pool.rejected * pool.difficulty,
        "Difficulty Stale": pool.stale * pool.difficulty,
        "Last Share Difficulty": pool.difficulty if pool.last_share_at else 0.0,
        "Has Stratum": True,
        "Stratum Active": pool.active,
        "Stratum URL": pool.url.split("//")[-1] if pool.active else "",
        "Has GBT": False,
        "Best Share": int(pool.accepted * pool.difficulty * 0.7),
        "Pool Rejected%": percent(pool.rejected, pool.accepted + pool.rejected),
        "Pool Stale%": percent(pool.stale, pool.accepted + pool.rejected + pool.stale),
    }
