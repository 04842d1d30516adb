"""The pools of one miner and the shares it has sent them: who gets the work, and what each has counted."""

import math

import msgspec

from simulator.catalogue import Figures
from simulator.moment import PoolMoment

SHARE_EVERY_S = 12.0  # about how often a miner finds a share that the pool wants
STALE_RATIO = 0.0006
USUAL_REJECT_RATIO = 0.0018


class PoolAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pool as configured: `{miner}` and `{container}` in the user stand for the names (ASCII letters and digits)."""

    url: str
    user: str


class _Counted:
    __slots__ = ("account", "shares_accepted", "shares_rejected", "shares_stale", "worked_until")

    def __init__(self, account: PoolAccount) -> None:
        self.account = account
        self.clear()

    def clear(self) -> None:
        self.shares_accepted = self.shares_rejected = self.shares_stale = 0.0
        self.worked_until = 0.0


class Pools:
    """Three pools in the order of preference. The first that answers gets the work; counts are since mining began."""

    __slots__ = (
        "_dead",
        "_foreign",
        "_pools",
        "_reject_ratio",
        "active",
        "difficulty",
        "shares_per_hash",
        "switches",
    )

    def __init__(self, accounts: tuple[PoolAccount, ...], figures: Figures) -> None:
        self._pools = [_Counted(account) for account in accounts]
        self._dead: frozenset[int] = frozenset()
        self._foreign: PoolAccount | None = None
        self._reject_ratio = USUAL_REJECT_RATIO
        self.active: int | None = 0
        self.switches = 0
        wanted = figures.hashrate_hs * SHARE_EVERY_S / figures.hashes_per_share
        self.difficulty = 2.0 ** max(0, round(math.log2(wanted)))
        self.shares_per_hash = 1 / (self.difficulty * figures.hashes_per_share)

    @property
    def accounts(self) -> list[PoolAccount]:
        """The pools as they are configured now."""
        return [
            self._foreign if self._foreign and not place else pool.account
            for place, pool in enumerate(self._pools)
        ]

    def configure(self, accounts: tuple[PoolAccount, ...]) -> None:
        """Work for other pools from now on."""
        for pool, account in zip(self._pools, accounts, strict=True):
            pool.account = account

    def set_conditions(
        self, dead: frozenset[int], reject_ratio: float, foreign: tuple[str, str] | None
    ) -> None:
        """Say which pools are dead, what part of the shares is rejected, and who has taken the first place."""
        self._dead = dead
        self._reject_ratio = max(USUAL_REJECT_RATIO, reject_ratio)
        self._foreign = PoolAccount(*foreign) if foreign else None
        alive = next((place for place in range(len(self._pools)) if place not in dead), None)
        if alive != self.active:
            if alive is not None and self.active is not None:
                self.switches += 1
            self.active = alive

    def account(self, hashes: float, until: float) -> None:
        """Count the shares of so many hashes, found until `until`."""
        if self.active is None or hashes <= 0:
            return
        pool = self._pools[self.active]
        shares = hashes * self.shares_per_hash
        rejected = shares * self._reject_ratio
        stale = shares * STALE_RATIO
        pool.shares_rejected += rejected
        pool.shares_stale += stale
        pool.shares_accepted += shares - rejected - stale
        pool.worked_until = until

    def clear(self) -> None:
        """Forget the counts: the mining program has restarted."""
        for pool in self._pools:
            pool.clear()

    def moments(self, hashrate_hs: float, since_s: float, now: float) -> list[PoolMoment]:
        """Return the pools as they stand `since_s` seconds after the last account, hashing at `hashrate_hs`."""
        shares = hashrate_hs * since_s * self.shares_per_hash
        share_every = 1 / (hashrate_hs * self.shares_per_hash) if hashrate_hs > 0 else 0.0
        shown = []
        for place, pool in enumerate(self._pools):
            accepted, rejected, stale = pool.shares_accepted, pool.shares_rejected, pool.shares_stale
            last_share_at = pool.worked_until
            active = place == self.active
            if active and hashrate_hs > 0:
                more_rejected = shares * self._reject_ratio
                more_stale = shares * STALE_RATIO
                rejected += more_rejected
                stale += more_stale
                accepted += shares - more_rejected - more_stale
                last_share_at = now - (accepted % 1.0) * share_every
            account = self._foreign if self._foreign and not place else pool.account
            shown.append(
                PoolMoment(
                    place,
                    account.url,
                    account.user,
                    place not in self._dead,
                    active,
                    int(accepted),
                    int(rejected),
                    int(stale),
                    last_share_at if accepted >= 1 else 0.0,
                    self.difficulty,
                )
            )
        return shown
