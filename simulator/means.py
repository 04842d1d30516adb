"""The mean hash rates that a miner's display keeps: over 1, 5, 15 and 30 minutes, brought up to date step by step."""

import math

MINUTES = (1, 5, 15, 30)


class Means:
    """Exponential means in H/s; `windows_hs` in the order of MINUTES."""

    __slots__ = ("_shares", "windows_hs")

    def __init__(self, step_s: float) -> None:
        self._shares = tuple(1 - math.exp(-step_s / (minutes * 60)) for minutes in MINUTES)
        self.windows_hs: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)

    def set(self, rate_hs: float) -> None:
        """Show one rate for all of them, as after a long run at it."""
        self.windows_hs = (rate_hs, rate_hs, rate_hs, rate_hs)

    def follow(self, rate_hs: float) -> None:
        """Let a step at this rate pass."""
        one, five, fifteen, thirty = self.windows_hs
        per_one, per_five, per_fifteen, per_thirty = self._shares
        self.windows_hs = (
            one + (rate_hs - one) * per_one,
            five + (rate_hs - five) * per_five,
            fifteen + (rate_hs - fifteen) * per_fifteen,
            thirty + (rate_hs - thirty) * per_thirty,
        )
