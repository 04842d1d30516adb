"""The body of one simulated miner: what it hashes, draws, heats and counts, as a function of time, orders and faults.

Time runs in steps of a grid that no question moves: between two points of the grid and of the events (a fault begins,
a restart ends, an order comes) rate and power are constant, so energy and hashes are exact sums, and a run with the
same seed is the same however often the miner is asked. Nothing here knows sockets, protocols or the wall's clock.
"""

from collections.abc import Iterable
from random import Random

import msgspec

from simulator.catalogue import Figures
from simulator.fault import Conditions, Fault, Manners, Obedience
from simulator.fault_schedule import FaultSchedule
from simulator.heat import PROTECT_AT_C, RESUME_AT_C, WANTED_CHIP_C, Heat
from simulator.incidents import NEVER, Incidents, Wear
from simulator.means import Means
from simulator.moment import STATE_OF_PHASE, Phase, TrueState
from simulator.pools import PoolAccount, Pools
from simulator.presets import POWER_EXPONENT
from simulator.setting import Change, Setting, Waiting
from simulator.weather import Weather

STEP_S = 10.0
ERROR_RATIO = 4e-7  # hardware errors for each nonce of difficulty 1

_MULTIPLIER, _INCREMENT, _MASK = 6364136223846793005, 1442695040888963407, (1 << 64) - 1


class Physics:
    """One miner's body. `advance(now)` first; everything public is then true of `now` (seconds since the epoch)."""

    __slots__ = (
        "_alive_chips",
        "_boot_s",
        "_clock",
        "_due",
        "_faults",
        "_grid",
        "_incidents",
        "_means",
        "_noise",
        "_outage_until",
        "_prompt",
        "_quality",
        "_quiet_s",
        "_ramp_s",
        "_ramp_until",
        "_random",
        "_step_s",
        "_waiting",
        "_worn_boards",
        "board_weights",
        "boot_until",
        "booted_at",
        "chips",
        "energy_j",
        "fan_factors",
        "figures",
        "hardware_errors",
        "hashes",
        "hashrate_hs",
        "heat",
        "heat_share",
        "held_hashrate_hs",
        "key",
        "mining_since",
        "now",
        "phase",
        "pools",
        "power_w",
        "quiet_until",
        "restarts",
        "seconds",
        "session_hashes",
        "setting",
        "settled_at",
        "troubled_since",
    )

    def __init__(
        self,
        key: str,
        figures: Figures,
        weather: Weather,
        pools: tuple[PoolAccount, ...],
        *,
        start: float,
        wear: Wear,
        setting: Setting | None = None,
        step_s: float = STEP_S,
        prompt: bool = False,
        just_up: bool = False,
    ) -> None:
        """`prompt`: it hashes in full as soon as it is told to, without a start and a ramp. `just_up`: it came up just now."""
        chance = Random(f"{key}/body")  # noqa: S311  # a reproducible run, no secret
        self.key = key
        self.figures = figures
        self.setting = setting or Setting()
        self.pools = Pools(pools, figures)
        self._incidents = Incidents(key, figures, wear, start)
        self._step_s = step_s
        self._means = Means(step_s)

        # no two miners are alike: silicon, place in the rack, fans, how quickly they come up
        self._quality = chance.uniform(0.975, 1.02)
        inlet_offset_c = chance.uniform(-0.8, 2.2)
        self.heat = Heat(figures, weather, inlet_offset_c=inlet_offset_c, step_s=step_s, now=start)
        self._boot_s = chance.uniform(45.0, 80.0)
        self._quiet_s = chance.uniform(60.0, 130.0)
        self._ramp_s = chance.uniform(150.0, 320.0)
        self._prompt = prompt
        self.board_weights = tuple(chance.uniform(0.975, 1.025) for _ in range(figures.boards))
        self.fan_factors = tuple(chance.uniform(0.96, 1.03) for _ in range(figures.fans))
        self._random = chance.getrandbits(64)
        self._noise = 0.0

        self._faults = FaultSchedule()
        self._waiting = Waiting()
        self._worn_boards: set[int] = set()
        self.chips = [figures.chips_per_board] * figures.boards
        self._alive_chips = 1.0
        self._outage_until = NEVER
        self.troubled_since = start

        # it has been running for a while when the simulation begins, if only for as long as it takes to come up
        age_s = chance.uniform(0.2, 20.0) * 86_400
        if just_up:
            age_s = self._quiet_s + self._ramp_s
        self.mining_since = start - age_s
        self.boot_until = self.mining_since
        self.booted_at = self.mining_since - 60.0
        self.quiet_until = self.mining_since + self._quiet_s
        self._ramp_until = self.quiet_until + self._ramp_s

        self.now = self.settled_at = start
        self._grid = start + step_s
        self._due = start
        self.energy_j = 0.0
        self.hashes = 0.0
        self.session_hashes = 0.0
        self.hardware_errors = 0.0
        self.restarts = 0
        self.seconds: dict[TrueState, float] = {}
        self.phase: Phase = "mining"
        self.power_w = figures.power_w
        self.hashrate_hs = self.held_hashrate_hs = 0.0
        self._clock = self.setting.clock(self.figures)
        self.heat_share = 1.0
        self._look_ahead(start)
        self._warm_up(start, age_s)
        if prompt:
            self._quiet_s = self._ramp_s = 0.0

    def advance(self, now: float) -> None:
        """Bring it to `now`; a time already passed is taken as the latest one known."""
        while True:
            then = min(self._due, self._grid)
            if then > now:
                break
            self._settle(then)
            if then == self._due:
                self._happen(then)
            if then == self._grid:
                self._drift(then)
                self._grid += self._step_s
            self._balance(then)
        self.now = max(self.now, now)

    def next_due(self) -> float:
        """Return when something next happens to it by itself, seconds since the epoch: its ports may close or open."""
        return self._due

    @property
    def since_settled_s(self) -> float:
        """Seconds since the counters were last brought up to date; rate and power have been constant since."""
        return self.now - self.settled_at

    @property
    def state(self) -> TrueState:
        """What it truly does, whatever it says."""
        return STATE_OF_PHASE[self.phase]

    @property
    def down(self) -> bool:
        """Whether its ports are closed: it boots, refuses, or its network is away."""
        return self.phase == "booting" or self.manners.refuse or self._faults.away(self.now)

    @property
    def conditions(self) -> Conditions:
        """What its faults come to now."""
        return self._faults.conditions

    @property
    def manners(self) -> Manners:
        """How it answers now."""
        return self._faults.manners

    @property
    def obedience(self) -> Obedience:
        """What becomes of orders now."""
        return self._faults.obedience

    @property
    def dead_boards(self) -> set[int]:
        """Places (from 0) of the boards that are gone."""
        return self._worn_boards | self.conditions.dead_boards

    @property
    def windows_hs(self) -> tuple[float, ...]:
        """Mean hash rate over the last 1, 5, 15 and 30 minutes, H/s."""
        return self._means.windows_hs

    @property
    def power_limit_w(self) -> float:
        """The limit at the wall that its firmware keeps to, W."""
        return self.setting.kept_power_limit_w(self.figures)

    @property
    def clock(self) -> float:
        """The chips' clock as a part of the nominal one, 0 when they stand."""
        return self._clock if self.phase == "mining" else 0.0

    def faults(self) -> tuple[Fault, ...]:
        """Return the faults that it has, or will have, in the order they were asked for."""
        return self._faults.faults()

    def add_faults(self, faults: Iterable[Fault], now: float) -> None:
        """Give it faults; their `after_s` counts from `now`."""
        self._interrupt(now)
        self._faults.add(faults, self.now)
        self._rearrange()

    def remove_faults(self, name: str | None, now: float) -> int:
        """Take away the faults of one name, or all; return how many went. What sleeps by a fault wakes."""
        self._interrupt(now)
        gone = self._faults.remove(name, self.now)
        self._rearrange()
        return gone

    def order(self, change: Change, now: float, *, at: float | None = None) -> None:
        """Let it do as told, from `now` or a later time on: sleeping and waking at once, clocks by a restart of mining."""
        self._interrupt(now)
        self._waiting.add(change, self.now if at is None else max(self.now, at))
        self._rearrange()

    def _interrupt(self, now: float) -> None:
        self.advance(now)
        self._settle(self.now)

    def _rearrange(self) -> None:
        self._happen(self.now)
        self._balance(self.now)

    def _obey(self, change: Change, now: float) -> None:
        before, self.setting = self.setting, msgspec.structs.replace(self.setting, **change.fields)
        setting = self.setting
        if change.pools is not None:
            self.pools.configure(change.pools)
        if setting.asleep and not before.asleep:
            self.held_hashrate_hs = self.hashrate_hs or self.held_hashrate_hs
        self._clock = setting.clock(self.figures)
        if change.reboots:
            self._reboot(now)
        elif not setting.asleep and (before.asleep or change.restarts or setting.needs_restart(before)):
            self._restart_mining(now)

    def _settle(self, then: float) -> None:
        """Count what was done since the last time, at the constant rate and power that held since."""
        passed = then - self.settled_at
        if passed <= 0:
            return
        self.settled_at = self.now = then
        state = STATE_OF_PHASE[self.phase]
        self.seconds[state] = self.seconds.get(state, 0.0) + passed
        self.energy_j += self.power_w * passed
        if self.hashrate_hs:
            hashes = self.hashrate_hs * passed
            self.hashes += hashes
            self.session_hashes += hashes
            self.hardware_errors += hashes * self.error_ratio / self.figures.hashes_per_share
            self.pools.account(hashes, then)

    @property
    def error_ratio(self) -> float:
        """Hardware errors for each nonce of difficulty 1."""
        return ERROR_RATIO + self.conditions.error_ratio

    def _happen(self, now: float) -> None:
        """Let begin and end what is due by now, and find out what comes next."""
        incidents = self._incidents
        if incidents.restart.at <= now:
            incidents.take_restart()
            self._reboot(now)
        if incidents.pool_outage.at <= now:
            self._outage_until = now + incidents.take_pool_outage().lasting_s
        if incidents.chip_death.at <= now:
            board = incidents.take_chip_death().board
            self.chips[board] = max(0, self.chips[board] - 1)
        if incidents.board_death.at <= now:
            self._worn_boards.add(incidents.take_board_death().board)
            self.troubled_since = now
        for change in self._waiting.take(now):
            self._obey(change, now)
        was_hung = self.conditions.hung
        turn = self._faults.turn(now)
        if turn.begun:
            self.troubled_since = now
        if turn.sleep:
            self.held_hashrate_hs = self.hashrate_hs or self.held_hashrate_hs
            self.setting = msgspec.structs.replace(self.setting, asleep=True)
        if turn.wake and self.setting.asleep:
            self.setting = msgspec.structs.replace(self.setting, asleep=False)
            self._restart_mining(now)
        if turn.reboot:
            self._reboot(now)
        if self.conditions.hung and not was_hung:
            self.held_hashrate_hs = self.hashrate_hs
        if self._outage_until <= now:
            self._outage_until = NEVER
        self._look_ahead(now)

    def _look_ahead(self, now: float) -> None:
        """Work out what the faults and outages of this moment come to, and when something next happens by itself."""
        coming = (self._outage_until, self.boot_until, self.quiet_until)
        self._due = min(
            self._incidents.next_at(),
            self._faults.due,
            self._waiting.due,
            min((at for at in coming if at > now), default=NEVER),
        )
        conditions = self.conditions
        dead_pools = frozenset(conditions.dead_pools | ({0} if self._outage_until < NEVER else set()))
        self.pools.set_conditions(dead_pools, conditions.reject_ratio, conditions.foreign_pool)
        self._count_chips()

    def _count_chips(self) -> None:
        gone = self.dead_boards
        lost = self.conditions.lost_chips
        alive = sum(
            max(0, chips - lost.get(place, 0)) for place, chips in enumerate(self.chips) if place not in gone
        )
        self._alive_chips = alive / (self.figures.boards * self.figures.chips_per_board)

    def _reboot(self, now: float) -> None:
        self._restart_mining(now)
        self.restarts += 1
        self.boot_until = now + self._boot_s
        self.booted_at = now
        self.mining_since = self.boot_until
        self.quiet_until = self.boot_until + self._quiet_s
        self._ramp_until = self.quiet_until + self._ramp_s

    def _restart_mining(self, now: float) -> None:
        """Begin again from 0: the mining program restarts, and with it what it counts."""
        self.heat.protecting = False
        self.mining_since = max(now, self.boot_until)
        self.quiet_until = self.mining_since + self._quiet_s
        self._ramp_until = self.quiet_until + self._ramp_s
        self.session_hashes = self.hardware_errors = 0.0
        self._means.set(0.0)
        self.pools.clear()

    def _phase_at(self, now: float) -> Phase:
        if now < self.boot_until:
            return "booting"
        if self.setting.asleep:
            return "sleeping"
        if self.heat.protecting:
            return "protected"
        if now < self.quiet_until:
            return "starting"
        if self.conditions.hung or self.pools.active is None or not self._alive_chips:
            return "stopped"
        return "mining"

    def _balance(self, now: float) -> None:
        """Find rate and power for the time from now until the next step or event."""
        figures = self.figures
        phase = self.phase = self._phase_at(now)
        if phase != "mining":
            self.hashrate_hs = 0.0
            idle = {"starting": 0.08, "stopped": 0.05, "protected": 0.02}.get(phase, 0.0)
            self.heat_share = idle
            self.power_w = figures.standby_w + idle * figures.power_w
            return
        speed = self._clock
        if now < self._ramp_until:
            speed *= 0.15 + 0.85 * (now + self._step_s / 2 - self.quiet_until) / (
                self._ramp_s + self._step_s / 2
            )
        weakness = self.conditions.rate_ratio
        self.hashrate_hs = (
            figures.hashrate_hs * speed * self._alive_chips * weakness * self._quality * (1 + self._noise)
        )
        leakage = 1 + 0.0011 * (self.heat.chip_c - WANTED_CHIP_C)
        drawn = float(speed**POWER_EXPONENT) * self._alive_chips * (0.4 + 0.6 * weakness)
        self.heat_share = drawn * leakage * (1 + 0.4 * self._noise)
        power = figures.standby_w + (figures.power_w - figures.standby_w) * self.heat_share
        limit = self.setting.power_limit_w
        self.power_w = power if limit is None or power < limit else max(limit, figures.standby_w)
        if self._prompt and not self._means.windows_hs[0]:
            self._means.set(self.hashrate_hs)

    def _drift(self, now: float) -> None:
        """Move on by a step what has inertia: noise, inlet, chips, fans, means; and let it protect itself."""
        self._random = (self._random * _MULTIPLIER + _INCREMENT) & _MASK
        self._noise = 0.72 * self._noise + 0.02 * ((self._random >> 11) / 2**53 - 0.5)
        conditions, fans = self.conditions, self.figures.fans
        self.heat.drift(
            now,
            self.heat_share,
            turning=1 - len(conditions.dead_fans) / fans if conditions.dead_fans else 1.0,
            idle=self.phase == "sleeping",
            extra_c=conditions.extra_inlet_c,
        )
        if not conditions.hung:
            self._means.follow(self.hashrate_hs)

        if self.heat.protecting:
            if self.heat.chip_c < RESUME_AT_C:
                self._restart_mining(now)
                self._look_ahead(now)
        elif self.hottest_chip_c >= PROTECT_AT_C:
            self.heat.protecting = True
            self.troubled_since = now

    @property
    def hottest_chip_c(self) -> float:
        """The hottest chip, °C."""
        return self.heat.hottest_c(self.heat_share)

    def _warm_up(self, now: float, age_s: float) -> None:
        """Begin in balance: as hot, as fast and with as much counted as after a long run under these conditions."""
        for _ in range(12):
            self._balance(now)
            if self.phase != "mining":
                break
            self.heat.settle(self.heat_share)
        self._balance(now)
        rate = self.hashrate_hs
        self._means.set(rate)
        self.session_hashes = rate * max(0.0, age_s - self._quiet_s - self._ramp_s / 2)
        self.hardware_errors = self.session_hashes * ERROR_RATIO / self.figures.hashes_per_share
        self.pools.account(self.session_hashes, now)
