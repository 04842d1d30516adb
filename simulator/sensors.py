"""From the body of a miner to what its sensors show: the Moment that a device puts into its maker's words."""

import math

from simulator.moment import BoardMoment, Moment, Trouble
from simulator.physics import Physics

PREHEAT = 0.32  # of the way from inlet to chips: where the air reaches the board's first sensor
EXHAUST = 0.62  # and its last


def observe(physics: Physics, serials: tuple[str, ...]) -> Moment:
    """Return the moment at `physics.now`; advance it first. `serials`: one for each board."""
    figures, setting, conditions, heat = physics.figures, physics.setting, physics.conditions, physics.heat
    since = physics.since_settled_s
    true_rate = physics.hashrate_hs
    rate = physics.held_hashrate_hs if conditions.hung else true_rate
    elapsed = 0.0 if physics.phase == "booting" else max(0.0, physics.now - physics.mining_since)
    hashes = physics.session_hashes + true_rate * since
    errors = physics.hardware_errors + true_rate * since * physics.error_ratio / figures.hashes_per_share
    pools = physics.pools.moments(true_rate, since, physics.now)
    one, five, fifteen, thirty = physics.windows_hs
    boards = _boards(physics, rate, errors, serials)
    alive = [board for board in boards if board.chips]
    fans = [
        0 if place in conditions.dead_fans else _rpm(figures.fan_rpm, heat.fan_duty, factor)
        for place, factor in enumerate(physics.fan_factors)
    ]
    phase = "mining" if conditions.hung and physics.phase == "stopped" else physics.phase
    return Moment(
        physics.now,
        phase,
        max(0.0, physics.now - physics.booted_at),
        elapsed,
        rate,
        one,
        five,
        fifteen,
        thirty,
        hashes / elapsed if elapsed >= 1 else 0.0,
        physics.held_hashrate_hs or one,
        figures.hashrate_hs * physics.setting.nominal_share(figures),
        hashes,
        physics.power_w,
        physics.power_limit_w,
        setting.power_percent,
        setting.mode,
        setting.preset,
        setting.locating,
        heat.inlet_c,
        heat.inlet_c + 0.4 * (heat.chip_c - heat.inlet_c),
        heat.chip_c,
        max((board.chip_max_c for board in alive), default=physics.hottest_chip_c),
        heat.inlet_c + 18.0 * min(1.0, physics.power_w / figures.power_w),
        heat.fan_duty,
        fans,
        _rpm(9_000.0, 0.5 + heat.fan_duty / 3, 1.0) if figures.fans else 0,
        230.0 + 3.0 * math.sin(physics.now / 1_100.0),
        boards,
        pools,
        sum(pool.accepted for pool in pools),
        sum(pool.rejected for pool in pools),
        sum(pool.stale for pool in pools),
        physics.pools.difficulty,
        int(errors),
        _troubles(physics),
        physics.troubled_since,
    )


def _rpm(full: float, duty: float, factor: float) -> int:
    """Return a fan's speed as its sensor has it: in steps of 30 rpm."""
    return int(full * (0.18 + 0.82 * duty) * factor / 30) * 30


def _boards(physics: Physics, rate: float, errors: float, serials: tuple[str, ...]) -> list[BoardMoment]:
    figures, lost, gone = physics.figures, physics.conditions.lost_chips, physics.dead_boards
    expected = figures.chips_per_board
    counts = [
        0 if place in gone else max(0, chips - lost.get(place, 0))
        for place, chips in enumerate(physics.chips)
    ]
    weights = [count * weight for count, weight in zip(counts, physics.board_weights, strict=True)]
    whole = sum(weights) or 1.0
    heat = physics.heat
    inlet, rise = heat.inlet_c, heat.chip_c - heat.inlet_c
    hottest_spread = physics.hottest_chip_c - heat.chip_c
    nominal = figures.hashrate_hs * physics.setting.nominal_share(figures) / figures.boards
    mhz = round(figures.frequency_mhz * physics.clock, 2)
    volts = round(figures.board_voltage_v * (0.82 + 0.18 * physics.clock), 2) if physics.clock else 0.0
    boards = []
    for place, count in enumerate(counts):
        number = figures.first_board + place
        if not count:
            boards.append(
                BoardMoment(
                    place,
                    number,
                    serials[place],
                    0,
                    expected,
                    0.0,
                    nominal,
                    0.0,
                    0.0,
                    0.0,
                    0.0,
                    0.0,
                    0.0,
                    0.0,
                    0,
                )
            )
            continue
        share = weights[place] / whole
        # the weights that make a board fast make it warm as well
        warmth = rise * (0.5 + 0.5 * physics.board_weights[place])
        chip = inlet + warmth
        boards.append(
            BoardMoment(
                place,
                number,
                serials[place],
                count,
                expected,
                rate * share,
                nominal,
                inlet + PREHEAT * warmth,
                inlet + EXHAUST * warmth,
                chip,
                chip + hottest_spread,
                chip - 0.8 * hottest_spread,
                mhz,
                volts,
                int(errors * share),
            )
        )
    return boards


def _troubles(physics: Physics) -> list[Trouble]:
    """Return what its own program would complain of."""
    conditions = physics.conditions
    troubles: list[Trouble] = []
    if physics.dead_boards:
        troubles.append("board")
    expected = physics.figures.chips_per_board
    if conditions.lost_chips or any(chips < 0.97 * expected for chips in physics.chips):
        troubles.append("chips")
    if conditions.dead_fans:
        troubles.append("fan")
    if physics.heat.protecting:
        troubles.append("heat")
    if physics.pools.active is None:
        troubles.append("pools")
    if physics.phase == "mining" and conditions.rate_ratio < 0.85:
        troubles.append("rate")
    return troubles
