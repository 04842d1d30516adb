"""The live stream over a real socket: what it begins with, who sees what of it, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from controller.api import stream_routes
from controller.api.stream_routes import MOST_OF_ONE, MOST_TOPICS, Streams
from controller.model import Actor, Event, new_id
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start

Heard = tuple[str, Any]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at rights, and at what changed, often."""
    monkeypatch.setattr(stream_routes, "QUIET_S", 0.05)
    monkeypatch.setattr(stream_routes, "PAUSE_S", 0.01)


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path, quick: None) -> FleetHouse:
    found = await start(make_house, tmp_path, services={Streams: Streams()})

    async def changed(_version: int, timeout_s: float) -> int:
        await asyncio.sleep(timeout_s)
        return 1

    found.deeds.changed = changed  # type: ignore[attr-defined]
    return found


@asynccontextmanager
async def listening(browser: Browser, topics: str, **headers: str) -> AsyncIterator[ClientResponse]:
    sent = dict(headers)
    if browser.token is not None:
        sent["Authorization"] = f"Bearer {browser.token}"
    if browser.cookie is not None:
        sent["Cookie"] = f"hashyard={browser.cookie}"
    async with (
        asyncio.timeout(60),
        browser.http.get(f"/api/v1/stream?topics={topics}", headers=sent) as response,
    ):
        yield response


async def heard(response: ClientResponse) -> AsyncIterator[Heard]:
    """Yield (event, data) as they come."""
    name = ""
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def first(response: ClientResponse, wanted: str) -> Any:
    async for name, data in heard(response):
        if name == wanted:
            return data
    raise AssertionError(f"no {wanted} came")


def event(**more: Any) -> Event:
    given: dict[str, Any] = {
        "id": new_id("evt"),
        "category": "command",
        "kind": "command.finished",
        "actor": Actor("user", "anna", "usr_1"),
        "params": {"action": "sleep", "words": "by 10.1.7.1"},
    }
    return Event(**(given | more))


async def test_it_begins_with_the_whole_state(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    async with listening(browser, "overview,container:container-1,miner:container-1.a1") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        seen: dict[str, Any] = {}
        async for name, data in heard(response):
            seen[name] = data
            if len(seen) == 3:
                break
    assert seen["overview"]["containers"] == 2
    assert seen["container:container-1"]["id"] == "container-1"
    assert seen["miner:container-1.a1"]["address"] == "10.1.7.1"


async def test_what_people_of_the_same_rights_see_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", 60.0)
    streams, made, going = Streams(), [], asyncio.Event()

    async def state() -> dict[str, Any]:
        made.append(1)
        await going.wait()
        return {"": {"made": len(made)}}

    leaves = asyncio.create_task(streams.shown("rights", "overview", 1, state))
    stays = asyncio.create_task(streams.shown("rights", "overview", 1, state))
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    going.set()
    assert await stays == {"": b'{"made":1}'}
    assert await streams.shown("rights", "overview", 1, state) == {"": b'{"made":1}'}
    assert await streams.shown("other rights", "overview", 1, state) == {"": b'{"made":2}'}
    assert await streams.shown("rights", "containers", 1, state) == {"": b'{"made":3}'}
    assert await streams.shown("rights", "overview", 2, state) == {"": b'{"made":4}'}
    monkeypatch.setattr(
        stream_routes, "PAUSE_S", 0.0
    )  # what changes without a version is seen a second later
    assert await streams.shown("rights", "overview", 2, state) == {"": b'{"made":5}'}


async def test_streams_of_the_same_rights_share_what_they_show(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", 60.0)
    asked: list[str] = []
    show = stream_routes.get_overview

    async def counted(call: Any) -> Any:
        asked.append(call.person.role)
        return await show(call)

    monkeypatch.setattr(stream_routes, "get_overview", counted)
    browser = await fleet.browser()
    async with listening(browser, "overview") as one, listening(browser, "overview") as other:
        assert await first(one, "overview") == await first(other, "overview")
    # Each is asked once whether it may, before the stream begins.
    assert asked == ["administrator"] * 3


async def test_an_ended_session_ends_the_stream_with_words(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    async with listening(browser, "events") as response:
        assert (await browser.ask("POST", "/api/v1/auth/logout")).status == 204
        assert await first(response, "session-ended") == {}
        assert [line async for line in response.content if line.strip()] == []


@pytest.mark.parametrize("way", ["revoked", "lapsed", "inactive", "another role"])
async def test_a_token_that_is_no_longer_good_ends_the_stream(fleet: FleetHouse, way: str) -> None:
    house = fleet.house
    await house.user("keeps the house open")
    user = await house.user("olga", "accountant")
    token = await house.token(user, "read")
    async with listening(house.browser(token=token), "events,containers") as response:
        if way == "revoked":
            await house.storage.access.tokens.end_of_user(user.id)
        elif way == "lapsed":
            fleet.deeds.pass_time(days=91)
        else:
            change = {"active": False} if way == "inactive" else {"role": "administrator"}
            admin = await fleet.browser()
            path = f"/api/v1/users/{user.id}"
            etag = (await admin.get(path)).headers["ETag"]
            assert (await admin.ask("PATCH", path, change, headers={"If-Match": etag})).status == 200
        assert await first(response, "session-ended") == {}


async def test_a_client_hears_of_his_own_and_without_the_operators_business(fleet: FleetHouse) -> None:
    browser = await fleet.browser("carl", "client")
    add = fleet.house.storage.events.add
    async with listening(browser, "events") as response:
        at = fleet.deeds.now
        await add(
            event(at=at, container="container-2", client="borealis"),
            event(at=at, container=None, client=None),
            event(at=at, category="auth", kind="auth.failed", client="acme"),
            event(
                at=at, container="container-1", client="acme", miner_address="10.1.7.1", address="10.9.9.9"
            ),
        )
        shown = await first(response, "events")
    assert (shown["container"], shown["client"]) == ("container-1", "acme")
    assert (shown["actor"]["name"], shown["params"]) == ("operator", {"action": "sleep"})
    assert "10." not in json.dumps(shown)


async def test_missed_events_are_cut_as_well(fleet: FleetHouse) -> None:
    browser = await fleet.browser("carl", "client")
    at = fleet.deeds.now
    before = event(at=at, container="container-1", client="acme")
    own = event(at=at, container="container-1", client="acme")
    other = event(at=at, container="container-2", client="borealis")
    await fleet.house.storage.events.add(before, other, own)
    async with listening(browser, "events", **{"Last-Event-ID": before.id}) as response:
        assert (await first(response, "events"))["id"] == own.id


@pytest.mark.parametrize(
    ("topics", "status"),
    [
        ("container:container-2", 404),
        ("miner:container-2.b1", 404),
        ("operation:op_1", 404),
        ("container:nowhere", 404),
        ("users", 400),
        ("container:", 400),
        ("%0d%0aevent:x", 400),
        (",".join(f"miner:m{at}" for at in range(MOST_TOPICS + 1)), 400),
    ],
)
async def test_what_is_not_his_is_refused_before_anything_is_sent(
    fleet: FleetHouse, topics: str, status: int
) -> None:
    browser = await fleet.browser("carl", "client")
    async with listening(browser, topics) as response:
        assert response.status == status
        assert response.headers["Content-Type"].startswith("application/problem+json")


async def test_a_container_that_goes_to_another_client_ends_its_topic(fleet: FleetHouse) -> None:
    browser = await fleet.browser("carl", "client")
    async with listening(browser, "container:container-1,containers") as response:
        pieces = heard(response)
        async for name, data in pieces:
            if name == "container:container-1":
                assert data["id"] == "container-1"
                break
        fleet.hand.write_text(HAND.replace("client: acme", "client: borealis"))
        assert await fleet.store.reload()
        async for name, data in pieces:
            if name == "container:container-1" and data is None:
                break
        # The line goes on, and brings no more of it.
        await browser.ask("POST", "/api/v1/auth/logout")
        rest = [name async for name, _ in pieces]
    assert rest[-1] == "session-ended"
    assert set(rest[:-1]) <= {"containers"}


async def test_one_session_opens_a_few_streams_and_no_more(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    opened = [listening(browser, "events") for _ in range(MOST_OF_ONE)]
    for one in opened:
        assert (await one.__aenter__()).status == 200
    async with listening(browser, "events") as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "5")
    for one in opened:
        await one.__aexit__(None, None, None)


async def test_it_cannot_be_asked_for_its_head(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    assert (await browser.ask("HEAD", "/api/v1/stream?topics=events")).status == 405
