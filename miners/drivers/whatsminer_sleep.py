"""Whether a Whatsminer's figures are those of one that hashes, and what to drop when it sleeps.

A miner that was switched off goes on answering, and on some firmware (seen on an M31S) with the figures that it fell
asleep with. Its own word decides; what is here says when to ask for that word, and what of the figures then holds.
"""

from msgspec.structs import replace

from miners.draft import Draft

ASLEEP_POWER_RATIO = 0.2
"""Below this part of its power limit a miner does not hash, whatever hash rate it shows."""


def is_low_power(draft: Draft) -> bool:
    """Tell whether it draws too little to hash."""
    power, limit = draft.power_w, draft.power_limit_w
    return power is not None and limit is not None and power < ASLEEP_POWER_RATIO * limit


def _is_high_power(draft: Draft) -> bool:
    power, limit = draft.power_w, draft.power_limit_w
    return power is not None and limit is not None and power >= ASLEEP_POWER_RATIO * limit


def is_frozen(draft: Draft, hashrate_hs: float | None, mining_s: float | None) -> bool:
    """Tell whether hash rate and mining time stand where they stood at the last poll."""
    return draft.mining_s is not None and draft.mining_s == mining_s and draft.hashrate_hs == hashrate_hs


def settle(draft: Draft, asleep: bool | None) -> None:
    """Say whether it sleeps; if so, drop the figures of when it was awake.

    Figures that fit a sleeping miner (little power, or no hash rate) are of now, and stay.
    """
    draft.asleep = asleep
    if not asleep or is_low_power(draft) or not (draft.hashrate_hs or _is_high_power(draft)):
        return
    draft.power_w = draft.uptime_s = draft.mining_s = None
    draft.inlet_c = draft.board_max_c = draft.chip_max_c = draft.chip_avg_c = None
    draft.fans = []
    draft.boards = [
        replace(board, board_c=None, chip_max_c=None, chip_avg_c=None, frequency_hz=None)
        for board in draft.boards
    ]
    if draft.psu is not None:
        draft.psu = replace(draft.psu, output_v=None, fan_rpm=None, temperature_c=None)
