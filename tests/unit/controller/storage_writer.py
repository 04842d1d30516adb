"""A program that writes events, many at a time, and prints the id of each once `add` has returned: to be killed at any moment.

`python storage_writer.py URL`. Beside the events it replaces one override over and over, events and override in step.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime

from controller.model import SYSTEM, Event, MinerRecord, Override, new_id
from controller.storage.storage import Storage

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def write(url: str) -> None:
    """Write until killed."""
    storage = Storage.open(url)
    os.write(1, b"open\n")

    async def add_events() -> None:
        while True:
            event = Event(id=new_id("evt"), at=NOON, category="command", kind="command.sent", actor=SYSTEM)
            await storage.events.add(event)
            os.write(1, f"{event.id}\n".encode())  # unbuffered: what was printed has been returned

    async def save_pairs() -> None:
        while True:
            # Both records carry the same number: a half-written save would show two.
            number = int.from_bytes(os.urandom(4), "big")
            await storage.miners.save([MinerRecord(miner=name, restarts=number >> 1) for name in ("a", "b")])

    async def add_overrides() -> None:
        while True:
            override = Override(
                id=new_id("ov"),
                profile="curtail",
                ends="manual",
                reason="",
                created_by=SYSTEM,
                created_at=NOON,
                starts_at=NOON,
                containers=("k-1",),
            )
            await storage.overrides.add(override)
            os.write(1, f"{override.id}\n".encode())

    await asyncio.gather(*(add_events() for _ in range(50)), save_pairs(), add_overrides())


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
