"""The alerts for a page, which waits for Prometheus only a moment: what is late is said to be, and fetched behind the page."""

import asyncio
from typing import Any, Final

import msgspec

from controller.api.route import Call
from controller.api.stats_routes import alerts_seen
from controller.history import FiringAlert, HistoryAway
from controller.pages.language import Words

SOON_S: Final = 0.05
"""How long the first byte of a page may wait for alerts."""

LONG_S: Final = 9.0
"""How long a part that is fetched by itself may: longer than Prometheus is waited for."""

_behind: Final[set[asyncio.Task[list[FiringAlert]]]] = set()


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """`found`: alerts, None where they are not known. `why`: the reason, in words. `late`: they may be had by asking again."""

    found: list[FiringAlert] | None
    why: str = ""
    late: bool = False


async def alerts_soon(call: Call[Any, Any], words: Words, *, within_s: float = SOON_S) -> Alerts:
    """Return the alerts that the person may see. A question that takes longer goes on, for whoever asks next."""
    task = asyncio.create_task(alerts_seen(call))
    # From here on: who asks may leave while he waits.
    _behind.add(task)
    task.add_done_callback(_forget)
    await asyncio.wait([task], timeout=within_s)
    if not task.done():
        return Alerts(found=None, why=words.gettext("Prometheus has not answered yet"), late=True)
    try:
        return Alerts(found=task.result())
    except HistoryAway as error:
        # How Prometheus is set up is no business of a client's.
        short = words.gettext("Prometheus does not answer")
        return Alerts(found=None, why=short if call.person.role == "client" else words.told(str(error)))


def _forget(task: asyncio.Task[list[FiringAlert]]) -> None:
    _behind.discard(task)
    if not task.cancelled():
        task.exception()  # it is asked again, and then said
