"""What comes by itself: streams that are open while things happen to one's own, to another's and to both."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse

from controller.api import stream_routes
from controller.model import Actor, Event
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.isolation.conftest import Town, unasked
from tests.unit.controller.pages.fleet_of_two_clients import MARK, OFFICE, OTHER, OWN, TwoClients

TOPICS = (
    "overview,containers",
    "container:{container}",
    "miner:{miner}",
    "operation:{operation}",
    "operation:op_all",
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_routes, "LEFT_S", 0.01)
    monkeypatch.setattr(stream_routes, "QUIET_S", 0.05)


@asynccontextmanager
async def stream(browser: Browser, topics: str, last: str | None = None) -> AsyncIterator[ClientResponse]:
    headers = {"Cookie": f"hashyard={browser.cookie}"} if browser.cookie else {}
    if browser.token:
        headers["Authorization"] = f"Bearer {browser.token}"
    if last is not None:
        headers["Last-Event-ID"] = last
    async with (
        asyncio.timeout(60),
        browser.http.get("/api/v1/stream", params={"topics": topics}, headers=headers) as response,
    ):
        yield response


async def events_of(response: ClientResponse, most: int) -> list[tuple[str, Any]]:
    """Return the first so many events: name and data."""
    found: list[tuple[str, Any]] = []
    name = ""
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found.append((name, json.loads(line.removeprefix("data: "))))
            if len(found) == most:
                break
    return found


def event(name: str, client: str | None, container: str | None, **more: Any) -> Event:
    given: dict[str, Any] = {
        "id": name,
        "at": BEGIN,
        "category": "command",
        "kind": "command.finished",
        "actor": Actor("user", f"{OFFICE} anna", "usr_1"),
        "client": client,
        "container": container,
        "params": {"action": "reboot", "detail": f"{OFFICE} {MARK}"},
    }
    return Event(**given | more)


OTHERS = (
    event("evt_o1", MARK, OTHER),
    event("evt_o2", None, OTHER),
    event("evt_o3", None, None),
    event("evt_o4", MARK, OWN),  # of the time when it was the other's
    event("evt_o5", None, OWN),
    event("evt_o6", "acme", OWN, category="people", kind="user.changed"),
    event("evt_o7", "acme", None, category="auth", kind="auth.refused"),
)


@pytest.mark.parametrize("by", ["session", "token"])
async def test_new_events_are_ones_own_alone(town: Town, by: str) -> None:
    browser = await town.asks("clara", "acme", by)
    async with stream(browser, "events") as response:
        assert response.status == 200
        await response.content.readline()  # it has begun
        await town.fleet.house.storage.events.add(*OTHERS, event("evt_own", "acme", OWN))
        [(name, told)] = await events_of(response, 1)
    assert (name, told["id"], told["actor"]["name"], told["params"]) == (
        "events",
        "evt_own",
        "operator",
        {"action": "reboot"},
    )


async def test_what_was_missed_is_ones_own_alone(town: Town) -> None:
    """From an event of one's own; from another's, as from one that there never was, only what comes from now on."""
    log = town.fleet.house.storage.events
    browser = await town.asks("clara", "acme", "session")
    await log.add(event("evt_seen", "acme", OWN), *OTHERS, event("evt_missed", "acme", OWN))
    for last, expected in (
        ("evt_seen", ["evt_missed", "evt_now"]),
        ("evt_o1", ["evt_now"]),
        ("evt_o4", ["evt_now"]),
        ("evt_nowhere", ["evt_now"]),
        ("", ["evt_now"]),
    ):
        async with stream(browser, "events", last) as response:
            await response.content.readline()
            await log.add(event(f"evt_now_{last}", "acme", OWN))
            told = await events_of(response, len(expected))
        ids = [data["id"].removesuffix(f"_{last}") for _, data in told]
        assert ids == expected, last


@pytest.mark.parametrize("by", ["session", "token"])
async def test_a_topic_that_is_anothers_is_one_that_is_not_there(town: Town, by: str) -> None:
    browser = await town.asks("clara", "acme", by)
    of, none = await town.things(MARK), await town.things("nowhere")
    for topic in TOPICS[1:4]:
        answers = []
        for things in (of, none):
            async with stream(browser, topic.format(**things)) as response:
                answers.append((response.status, unasked(without_id(await response.text()), things)))
        assert answers[0] == answers[1], topic
        assert answers[0][0] == 404


def without_id(text: str) -> str:
    told = json.loads(text)
    del told["request_id"]
    return json.dumps(told)


@pytest.mark.parametrize("topics", TOPICS)
async def test_the_state_of_a_topic_is_what_it_would_be_if_there_were_no_other(
    two_clients: TwoClients, topics: str
) -> None:
    told = []
    for second in (True, False):
        town = await Town.of(await two_clients(second=second))
        browser = await town.asks("clara", "acme", "session")
        named = topics.format(**await town.things("acme"))
        async with stream(browser, named) as response:
            assert response.status == 200, await response.text()
            found = await events_of(response, 3 if "," in topics else 1)
        told.append([(name, without_times(data)) for name, data in found])
    assert told[0] == told[1]
    assert MARK not in json.dumps(told)


def without_times(data: Any) -> Any:
    """Return what was told without the ids that are made anew in each town."""
    if isinstance(data, dict):
        return {name: without_times(one) for name, one in data.items() if name != "client"}
    return [without_times(one) for one in data] if isinstance(data, list) else data
