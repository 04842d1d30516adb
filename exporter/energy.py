"""Energy of one miner, integrated from its readings of power.

A reading stands for the half of the time between it and its neighbour that is nearer to it (the trapezoid rule, with
each half counted under the source of its own reading). Across a gap of more than two and a half poll intervals
nothing is counted: nobody looked. A half without a figure of power counts neither as energy nor as observed.
"""

import sys

import msgspec

from miners.model import Snapshot

MAX_GAP_INTERVALS = 2.5
"""Readings further apart than this many poll intervals are not joined."""


class EnergyMeter(msgspec.Struct, gc=False):
    """Counters of one miner since the exporter began: joules by source, and the seconds that they cover."""

    measured_j: float = 0.0
    estimated_j: float = 0.0
    observed_s: float = 0.0
    _taken_s: float | None = None
    _power_w: float | None = None
    _measured: bool = False

    def add(self, snapshot: Snapshot, taken_s: float, interval_s: float) -> None:
        """Count the time since the reading before. `taken_s`: when this one was taken, on a steady clock."""
        power_w, measured = snapshot.power_w, snapshot.power_source == "measured"
        if power_w is not None and not 0.0 <= power_w <= sys.float_info.max:
            power_w = None  # a counter that shrinks or ends as NaN would be lost for good
        if self._taken_s is not None and 0.0 < taken_s - self._taken_s <= MAX_GAP_INTERVALS * interval_s:
            half_s = (taken_s - self._taken_s) / 2.0
            if self._power_w is not None:
                self._count(self._power_w * half_s, half_s, measured=self._measured)
            if power_w is not None:
                self._count(power_w * half_s, half_s, measured=measured)
        self._taken_s, self._power_w, self._measured = taken_s, power_w, measured

    def _count(self, energy_j: float, seconds: float, *, measured: bool) -> None:
        if measured:
            self.measured_j += energy_j
        else:
            self.estimated_j += energy_j
        self.observed_s += seconds
