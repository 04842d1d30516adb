"""Kill -9 in the middle of writing, again and again: what had been said to be stored is there, and nothing is half there."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from controller.storage.storage import Storage

WRITER = Path(__file__).with_name("storage_writer.py")
REPOSITORY = Path(__file__).parents[3]


def written_until_killed(url: str, seconds: float, said: bytes) -> set[str]:
    """Let the writer write so long after it has said something that begins so, kill it, and return the ids that it had been told
    were stored."""
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    writer = subprocess.Popen(
        [sys.executable, WRITER, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    printed: list[bytes] = []
    begun = threading.Event()

    def listen() -> None:
        assert writer.stdout is not None
        for line in writer.stdout:
            printed.append(line)
            if line.startswith(said):
                begun.set()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert begun.wait(60), "it does not write"
        time.sleep(seconds)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        listener.join()
        writer.stdout.close()
        writer.stderr.close()
    return {
        line.decode().strip() for line in printed if line.startswith((b"evt_", b"ov_")) and line[-1:] == b"\n"
    }


async def check_after_kills(url: str, rounds: int) -> None:
    stored: set[str] = set()
    for number in range(rounds):
        # Now and then before anything is stored, now and then after: how long that takes is the machine's.
        said = (b"open", b"evt_")[number % 2]
        stored |= written_until_killed(url, random.uniform(0.0, 0.3), said)
        storage = Storage.open(url)
        try:
            found = await storage.database.read(
                lambda connection: {
                    row[0]
                    for row in connection.execute(
                        text("SELECT id FROM events UNION ALL SELECT id FROM overrides")
                    )
                }
            )
            assert not stored - found
            assert len({record.restarts for record in (await storage.miners.load()).values()}) <= 1
            overrides = await storage.overrides.live()
            assert {"k-1"} >= {one.containers[0] for one in overrides}
            reached = await storage.database.read(
                lambda connection: connection.execute(
                    text("SELECT count(*) FROM override_containers")
                ).scalar()
            )
            assert reached == len(overrides)
            if not storage.database.postgresql:
                whole = await storage.database.read(
                    lambda connection: connection.execute(text("PRAGMA integrity_check")).scalar()
                )
                assert whole == "ok"
        finally:
            storage.close()
    assert stored


async def test_what_was_stored_is_there_after_kill_9(database_url: str) -> None:
    await check_after_kills(database_url, rounds=4)


@pytest.mark.long
async def test_what_was_stored_is_there_after_many_a_kill_9(database_url: str) -> None:
    await check_after_kills(database_url, rounds=60)
