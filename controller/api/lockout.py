"""Who has guessed too often: failures of signing in by name and address, and by address alone.

A stranger who guesses shuts out himself only: other addresses sign in under the same name as before. A try counts as a
failure from its beginning until it has succeeded, so that guesses at the same time do not slip through together.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

_K = TypeVar("_K")

SLOW_AFTER = 5
SLOW_S = (1.0, 2.0, 4.0, 8.0)
"""How long the answers take after the fifth failure, the sixth and so on."""

MAX_KEYS = 10_000


@dataclass(frozen=True)
class Limit:
    """So many failures within this time shut it for that long."""

    failures: int
    within: timedelta
    shut: timedelta


NAME = Limit(10, timedelta(minutes=15), timedelta(minutes=15))
ADDRESS = Limit(30, timedelta(minutes=10), timedelta(minutes=10))


class ShutOut(Exception):
    """Too many tries: none is looked at before `until`. `first`: nobody was told of it yet."""

    def __init__(self, until: datetime, wait_s: int, *, first: bool) -> None:
        """Take the moment, `wait_s` seconds from now (at least 1)."""
        super().__init__("too many tries")
        self.until = until
        self.wait_s = wait_s
        self.first = first


@dataclass
class _Failures:
    times: deque[datetime] = field(default_factory=deque)
    shut_until: datetime | None = None
    told: bool = False


@dataclass(frozen=True)
class Try:
    """One try under way. `slow_s`: how long to wait before it is looked at."""

    name: str
    address: str
    at: datetime
    slow_s: float


class Lockout:
    """The failures, in memory: a restart forgets them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """`now`: the controller's clock."""
        self._now = now
        self._names: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._addresses: OrderedDict[str, _Failures] = OrderedDict()

    def begin(self, name: str, address: str) -> Try:
        """Begin a try. Raises ShutOut. `name` in the form in which names are compared."""
        now = self._now()
        by_name = _of(self._names, (name, address))
        by_address = _of(self._addresses, address)
        _check(by_address, ADDRESS, now)
        _check(by_name, NAME, now)
        failed = len(by_name.times)
        slow_s = SLOW_S[min(failed - SLOW_AFTER, len(SLOW_S) - 1)] if failed >= SLOW_AFTER else 0.0
        by_name.times.append(now)
        by_address.times.append(now)
        return Try(name, address, now, slow_s)

    def succeeded(self, done: Try) -> None:
        """Take a try back that was right, and forget the failures under this name from this address."""
        self._names.pop((done.name, done.address), None)
        self._take_back(done)

    def undone(self, done: Try) -> None:
        """Take a try back that came to nothing for a reason of our own."""
        failures = self._names.get((done.name, done.address))
        if failures is not None and done.at in failures.times:
            failures.times.remove(done.at)
        self._take_back(done)

    def _take_back(self, done: Try) -> None:
        failures = self._addresses.get(done.address)
        if failures is not None and done.at in failures.times:
            failures.times.remove(done.at)


def _of(table: OrderedDict[_K, _Failures], key: _K) -> _Failures:
    failures = table.get(key)
    if failures is None:
        failures = table[key] = _Failures()
        if len(table) > MAX_KEYS:
            table.popitem(last=False)
    table.move_to_end(key)
    return failures


def _check(failures: _Failures, limit: Limit, now: datetime) -> None:
    if failures.shut_until is not None and failures.shut_until <= now:
        failures.shut_until, failures.told = None, False
        failures.times.clear()
    while failures.times and failures.times[0] <= now - limit.within:
        failures.times.popleft()
    if failures.shut_until is None and len(failures.times) >= limit.failures:
        failures.shut_until = failures.times[-1] + limit.shut
    if failures.shut_until is not None:
        first, failures.told = not failures.told, True
        wait_s = max(1, round((failures.shut_until - now).total_seconds()))
        raise ShutOut(failures.shut_until, wait_s, first=first)
