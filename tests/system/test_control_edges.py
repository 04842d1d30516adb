"""What comes at an awkward moment: while an intent is being written down, between two actions, after a deed, at once twice."""

import asyncio
from pathlib import Path
from typing import Any

from controller.model import Event
from tests.system.control_stage import ANNA, Stage, container, quietly, stage


def once_written(on: Stage, kind: str, then: Any) -> None:
    """Do something when the first event of a kind has been made durable, before whoever waits for it hears of that."""
    add, done = on.storage.events.add, []

    async def added(*given: Event) -> None:
        await add(*given)
        if not done and any(event.kind == kind for event in given):
            done.append(asyncio.ensure_future(then()))
            for _ in range(5):
                await asyncio.sleep(0)

    on.storage.events.add = added  # type: ignore[method-assign]


@quietly
async def test_a_hold_that_comes_while_the_intent_is_written_down_stops_the_command(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=181)) as on:
        await on.pass_(30)
        before = on.view("north.a1").record
        once_written(on, "command.sent", lambda: on.engine.hold(None, "stop", ANNA))
        await on.override("curtail", containers=("north",))
        await on.pass_(60)
        assert on.received() == []
        (finished,) = await on.events("command.finished")
        assert (finished.outcome, finished.params["intended"], finished.params["sent"]) == (
            "refused",
            True,
            False,
        )
        assert "anna has stopped all writing everywhere" in finished.params["detail"]
        record = on.view("north.a1").record
        assert record is not None
        assert before is not None
        assert (record.restarts, record.not_before, record.attempts) == (before.restarts, None, 0)
        await on.meanwhile(on.engine.release(None, "go on", ANNA), 30)
        assert len(on.received()) == 1
        await on.accounted()


@quietly
async def test_a_deed_leaves_what_came_of_the_order_as_it_was(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 1, net=182)) as on:
        await on.pass_(30)
        await on.override("curtail", containers=("north",))
        await on.pass_(60)
        before = on.view("north.a1").record
        assert before is not None
        assert before.last_outcome == "applied"
        await on.command("locate", "north.a1")
        await on.pass_(30)
        after = on.view("north.a1").record
        assert after is not None
        assert (after.last_outcome, after.last_detail) == (before.last_outcome, before.last_detail)
        assert after.not_before is not None
        assert after.not_before.timestamp() <= on.clock.now()
        await on.restart()
        await on.pass_(30)
        assert await on.events("command.lost") == []
        await on.accounted()
