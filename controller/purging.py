"""What leaves the database by age: events, intentions and operations that ended, sessions and tokens that lapsed."""

from datetime import datetime, timedelta

import structlog

from controller.api.signing_in import ABSOLUTE, IDLE
from controller.settings import Settings
from controller.storage.storage import Storage

LAPSED_TOKENS_KEPT = timedelta(days=30)
"""A token is shown as lapsed for so long."""

_log = structlog.get_logger(__name__)


async def purge(storage: Storage, settings: Settings, now: datetime) -> int:
    """Delete what is older than it has to be kept; return how many events left. Raises StorageAway."""
    left = await storage.events.purge(now, settings.retention_days, settings.money_retention_days)
    # Overrides and operations are commands: they stay as long as the events that tell of them.
    before = now - timedelta(days=settings.money_retention_days)
    await storage.overrides.purge(before)
    await storage.operations.purge(before)
    if left:
        _log.info("old events have left the record", events=left)
    return left


async def end_lapsed(storage: Storage, now: datetime) -> None:
    """Delete sessions, tokens and answers to repeated requests that nobody can use any more. Raises StorageAway."""
    await storage.access.sessions.purge(now - IDLE, now - ABSOLUTE)
    await storage.access.tokens.purge(now - LAPSED_TOKENS_KEPT)
    await storage.idempotency.purge(now)
