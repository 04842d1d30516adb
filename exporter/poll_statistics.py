"""What the poller counts of its own work, in plain numbers: own_metrics makes metrics of them when asked."""

from bisect import bisect_left

from exporter.metrics import DURATION_BUCKETS_S
from miners.model import FAILURE_REASONS, FailureReason

LATE_S = 1.0
"""A poll that begins later than this after its time is counted as late."""


class PollStatistics:
    """Counters of one poller since it began. `durations`: polls by bucket, each alone; the last is beyond all."""

    def __init__(self) -> None:
        """Begin with nothing counted, every result at 0."""
        self.lag_s = 0.0
        self.late = 0
        self.sweep_s: float | None = None
        self.results: dict[str, int] = dict.fromkeys(("ok", *FAILURE_REASONS), 0)
        self.durations = [0] * (len(DURATION_BUCKETS_S) + 1)
        self.duration_sum_s = 0.0

    def began(self, lag_s: float) -> None:
        """Count a poll that begins `lag_s` after its time."""
        self.lag_s = lag_s
        if lag_s > LATE_S:
            self.late += 1

    def ended(self, reason: FailureReason | None, duration_s: float) -> None:
        """Count a poll that ended: with a reading (None), or with the reason why there is none."""
        self.results["ok" if reason is None else reason] += 1
        self.durations[bisect_left(DURATION_BUCKETS_S, duration_s)] += 1
        self.duration_sum_s += duration_s
