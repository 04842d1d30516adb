"""How many requests a token may make: 600 a minute, counted in a sliding minute of two halves of memory."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from controller.api.problems import Problem
from controller.wording import worded

A_MINUTE = 600
MAX_KEYS = 10_000


class Rates:
    """Counts for each token, in memory: a restart begins them anew."""

    def __init__(self, now: Callable[[], datetime], a_minute: int = A_MINUTE) -> None:
        """`now`: the controller's clock."""
        self._now = now
        self._a_minute = a_minute
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def count(self, key: str) -> None:
        """Count one request. Raises Problem (too-many) when there were more than allowed within a minute.

        The minute before counts with the share of it that lies within the last 60 s.
        """
        at = self._now().timestamp()
        minute, within = divmod(at, 60.0)
        began, present, before = self._counts.get(key, (int(minute), 0, 0))
        if began != int(minute):
            before = present if began == int(minute) - 1 else 0
            present = 0
        if present + before * (1 - within / 60.0) >= self._a_minute:
            self._counts[key] = (int(minute), present, before)
            wait = max(1, round(60.0 - within))
            raise Problem(
                "too-many",
                worded("a token makes at most %(most)s requests a minute", most=self._a_minute),
                headers={"Retry-After": str(wait)},
            )
        self._counts[key] = (int(minute), present + 1, before)
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_KEYS:
            self._counts.popitem(last=False)
