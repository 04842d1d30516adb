"""A container that changes hands: what who had it sees from then on, and who has it now, in what is open already too."""

import asyncio
import json
from typing import Any

import pytest

from controller.api import stream_routes
from controller.model import Actor, Event
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.isolation.conftest import Town
from tests.unit.controller.isolation.test_isolation_streams import stream
from tests.unit.controller.pages.fleet_of_two_clients import MARK, OWN


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at rights twenty times a second in place of once in fifteen seconds."""
    for name in ("LEFT_S", "QUIET_S", "PAUSE_S"):
        monkeypatch.setattr(stream_routes, name, 0.05)


async def hand_over(town: Town, client: str) -> None:
    """Have the first client's container be another's, as the inventory says it."""
    hand = town.fleet.hand
    text = hand.read_text(encoding="utf-8")
    before = text.replace("- name: Container 1\n  client: acme", f"- name: Container 1\n  client: {client}")
    assert before != text
    hand.write_text(before, encoding="utf-8")
    assert await town.fleet.store.reload()
    town.fleet.deeds.pass_time(minutes=1)


async def status(browser: Browser, path: str) -> int:
    return (await browser.get(path)).status


@pytest.mark.parametrize("by", ["session", "token"])
async def test_from_then_on_it_is_not_there_for_who_had_it(town: Town, by: str) -> None:
    before, after = await town.asks("clara", "acme", by), await town.asks("boris", MARK, by)
    paths = (
        f"/api/v1/containers/{OWN}",
        f"/api/v1/miners/{OWN}.a1",
        f"/containers/{OWN}",
        f"/charts/container/{OWN}",
    )
    for path in paths:
        assert (await status(before, path), await status(after, path)) == (200, 404), path
    await hand_over(town, MARK)
    for path in paths:
        assert (await status(before, path), await status(after, path)) == (404, 200), path
    listed = await (await before.get("/api/v1/containers")).json()
    assert OWN not in {one["id"] for one in listed["items"]}
    me = await (await before.get("/api/v1/me")).json()
    assert OWN not in me["containers"]


async def test_what_was_done_before_stays_with_whom_it_was_done_for(town: Town) -> None:
    """Of the record and of the books each has his own time, and no more of the other's."""
    before, after = await town.asks("clara", "acme", "session"), await town.asks("boris", MARK, "session")
    energy = "/api/v1/reports/energy?from=2026-02-09&to=2026-02-11"
    own, kept = [await (await before.get(path)).json() for path in ("/api/v1/events?limit=500", energy)]
    other = await (await after.get(energy)).json()
    await hand_over(town, MARK)
    again, still = [await (await before.get(path)).json() for path in ("/api/v1/events?limit=500", energy)]
    assert own["items"]
    assert again["items"] == own["items"]
    assert still["rows"] == kept["rows"]
    assert (await (await after.get(energy)).json())["rows"] == other["rows"]
    events = (await (await after.get(f"/api/v1/events?container={OWN}&limit=500")).json())["items"]
    assert {one["client"] for one in events} <= {MARK}


async def follow(browser: Browser, topics: str, begun: asyncio.Event) -> list[tuple[str, Any]]:
    """Return all that a stream says until its topic ends."""
    told: list[tuple[str, Any]] = []
    name = ""
    async with stream(browser, topics) as response:
        assert response.status == 200, await response.text()
        async for raw in response.content:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                told.append((name, json.loads(line.removeprefix("data: "))))
                begun.set()
                if told[-1][1] is None:
                    break
    return told


@pytest.mark.parametrize("topic", [f"container:{OWN}", f"miner:{OWN}.a1"])
async def test_a_stream_under_way_ends_with_it(town: Town, topic: str) -> None:
    browser = await town.asks("clara", "acme", "session")
    begun = asyncio.Event()
    following = asyncio.create_task(follow(browser, topic, begun))
    await begun.wait()
    await hand_over(town, MARK)
    town.fleet.deeds.snapshot(f"{OWN}.a1", power_w=4242.0)
    told = await following
    assert told[-1] == (topic, None)
    assert "4242.0" not in json.dumps(told)  # as a figure: an id may have the digits by chance


async def test_new_events_go_to_whose_it_is_now(town: Town) -> None:
    """An event carries whose the container was when it happened; a stream that was open before gives no other."""
    had, has = await town.asks("clara", "acme", "session"), await town.asks("boris", MARK, "session")
    async with stream(had, "events") as to_had, stream(has, "events") as to_has:
        for response in (to_had, to_has):
            await response.content.readline()
        await hand_over(town, MARK)
        common: dict[str, Any] = {
            "at": town.fleet.deeds.now,
            "category": "command",
            "kind": "command.finished",
            "actor": Actor("schedule", "schedule"),
            "container": OWN,
        }
        await town.fleet.house.storage.events.add(
            Event(id="evt_late", client="acme", **common), Event(id="evt_new", client=MARK, **common)
        )
        ids = []
        for response in (to_had, to_has):
            async for raw in response.content:
                if raw.startswith(b"data: "):
                    ids.append(json.loads(raw.removeprefix(b"data: "))["id"])
                    break
    assert ids == ["evt_late", "evt_new"]


@pytest.mark.parametrize("how", ["disabled", "moved to another client", "token revoked"])
async def test_a_stream_ends_when_its_reader_may_no_longer(town: Town, how: str) -> None:
    browser = await town.asks("clara", "acme", "token" if how == "token revoked" else "session")
    storage = town.fleet.house.storage
    user = await storage.people.users.get(town.made["clara"])
    assert user is not None
    async with stream(browser, "overview") as response:
        await response.content.readline()
        if how == "token revoked":
            [token] = await storage.access.tokens.of_user(user.id)
            await storage.access.tokens.end(token.id)
        else:
            admin = await town.office("anna", "administrator", "session")
            other = await town.fleet.house.client(MARK)
            path = f"/api/v1/users/{user.id}"
            change: dict[str, Any] = {"active": False} if how == "disabled" else {"client_id": other.id}
            etag = (await admin.get(path)).headers.get("ETag", "*")
            answer = await admin.ask("PATCH", path, change, headers={"If-Match": etag})
            assert answer.status == 200, await answer.text()
        said = (await response.content.read()).decode()
    assert "event: session-ended" in said
    assert await status(browser, "/api/v1/overview") == 401
