"""The places of pages that change: the stream over a real socket begins with all of them, and then brings what changed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from hypothesis import given
from hypothesis import strategies as st

from controller.api import stream_routes
from controller.api.preferences import Preferences, keep_preferences
from controller.api.stream_routes import MOST_OF_ONE, Streams
from controller.deeds import Source
from controller.model import Actor, Hold, Operation, Override, Result
from controller.pages import live_routes
from controller.pages.live_state import LiveState
from miners.errors import InventoryError
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetDeeds, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import page
from tests.unit.controller.pages.reading_pages import Element

BORIS = Actor("user", "boris", "usr_boris")
PLACES = ("texts", "paths", "states", "hidden", "links")


class SourcedDeeds(FleetDeeds):
    """Has readings from where a test says."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.origin = Source(state="ok", since=BEGIN)
        self.away: tuple[str, ...] = ()

    def source(self) -> Source:
        return self.origin

    def doubts(self) -> tuple[str, ...]:
        return self.away


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FleetHouse:
    monkeypatch.setattr(stream_routes, "QUIET_S", 0.05)
    monkeypatch.setattr(stream_routes, "PAUSE_S", 0.01)
    monkeypatch.setattr(live_routes, "LOOK_S", 0.02)
    found = await start(make_house, tmp_path, kind=SourcedDeeds)
    found.deeds.snapshot("container-1.a1")
    found.deeds.failure("container-1.a2")
    return found


@asynccontextmanager
async def listening(browser: Browser, name: str) -> AsyncIterator[ClientResponse]:
    async with (
        asyncio.timeout(60),
        browser.http.get(
            "/live",
            params={"page": name},
            headers={"Cookie": f"hashyard={browser.cookie}"},
            allow_redirects=False,
        ) as response,
    ):
        yield response


async def heard(response: ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Yield (event, data) as they come."""
    name = ""
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def until(pieces: AsyncIterator[tuple[str, Any]], kind: str, key: str) -> Any:
    """Return what the stream next says of a place, and all that came with it."""
    async for name, data in pieces:
        if name == "places" and key in data.get(kind, {}):
            return data
    raise AssertionError(f"{key} never came")


def written(found: Element) -> dict[str, dict[str, Any]]:
    """Return what stands at each live place of a page."""
    state: dict[str, dict[str, Any]] = {name: {} for name in PLACES}
    for one in found.all():
        has = one.attributes
        if "data-live" in has:
            state["texts"][has["data-live"]] = one.text
        if "data-live-path" in has:
            state["paths"][has["data-live-path"]] = has["d"]
        if "data-live-state" in has:
            state["states"][has["data-live-state"]] = has["data-state"]
        if "data-live-hidden" in has:
            state["hidden"][has["data-live-hidden"]] = "hidden" in has
        if "data-live-link" in has:
            state["links"][has["data-live-link"]] = has["href"]
    return state


@pytest.mark.parametrize("role", ["administrator", "accountant", "client"])
@pytest.mark.parametrize("path", ["/", "/?view=table", "/?state=unreachable&sort=name"])
async def test_the_first_event_says_what_the_page_says(fleet: FleetHouse, role: str, path: str) -> None:
    browser = await fleet.browser("anna", role)
    found = await page(browser, path)
    async with listening(browser, found.one("body").attributes["data-live-page"]) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        state = await until(heard(response), "texts", "f.power")
    on_page = written(found)
    assert len(on_page["texts"]) > 30
    for kind, places in on_page.items():
        for key, value in places.items():
            assert state[kind][key] == value, key
    if role == "client":
        assert "container-2" not in json.dumps(state)


async def test_then_only_what_changed_comes(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found = await page(browser, "/")
    async with listening(browser, found.one("body").attributes["data-live-page"]) as response:
        pieces = heard(response)
        await until(pieces, "texts", "f.power")
        fleet.deeds.snapshot("container-1.a1", power_w=1000.0)
        changed = await until(pieces, "texts", "f.power")
    assert changed["texts"]["f.power"] == changed["texts"]["c.container-1.power"] == "1.0\u00a0kW"
    assert "f.miners" not in changed["texts"]
    assert not any(key.startswith("c.container-2") for key in changed["texts"])


async def test_a_container_that_comes_is_told_and_the_page_keeps_its_cards(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    found = await page(browser, "/")
    async with listening(browser, found.one("body").attributes["data-live-page"]) as response:
        pieces = heard(response)
        assert (await until(pieces, "hidden", "s.changed"))["hidden"]["s.changed"] is True
        fleet.hand.write_text(f"{HAND}- name: Container 9\n")
        assert await fleet.store.reload()
        assert (await until(pieces, "hidden", "s.changed"))["hidden"]["s.changed"] is False


async def test_an_ended_session_ends_the_stream_with_words(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    async with listening(browser, "frame") as response:
        assert (await browser.ask("POST", "/api/v1/auth/logout")).status == 204
        names = [name async for name, _ in heard(response)]
    assert names[-1] == "session-ended"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("nothing", 400),
        ("", 400),
        ("fleet:" + "x" * 9000, 400),
        ("<script>", 400),
        ("frame", 200),
        ("fleet", 200),
    ],
)
async def test_pages_that_there_are_not_are_refused(fleet: FleetHouse, name: str, status: int) -> None:
    browser = await fleet.browser()
    response = await browser.get("/live/now", params={"page": name})
    assert response.status == status
    assert "<script>" not in await response.text() or name == "frame"


async def test_whoever_asks_again_hears_that_nothing_changed(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    first = await browser.get("/live/now?page=fleet")
    assert first.content_type == "application/json"
    assert json.loads(await first.text())["texts"]["f.power"] == "3.3\u00a0kW"
    again = await browser.get("/live/now?page=fleet", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    fleet.deeds.snapshot("container-1.a1", power_w=1000.0)
    await asyncio.sleep(0.02)  # what is shared is shared for so long
    other = await browser.get("/live/now?page=fleet", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status == 200


async def test_who_is_not_signed_in_gets_no_places(fleet: FleetHouse) -> None:
    for path in ("/live?page=fleet", "/live/now?page=fleet"):
        response = await fleet.house.browser().get(path)
        assert (response.status, response.headers["Location"].partition("?")[0]) == (303, "/sign-in")


async def test_languages_do_not_mix_though_what_is_made_is_shared(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", 30.0)
    english = await fleet.browser("anna", language="en")
    russian = await fleet.browser("vera", language="ru")
    said = [
        json.loads(await (await browser.get("/live/now?page=fleet")).text())["texts"]["f.power"]
        for browser in (english, russian, english)
    ]
    assert said == ["3.3\u00a0kW", "3,3\u00a0кВт", "3.3\u00a0kW"]


async def test_one_session_opens_a_few_streams_and_no_more(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    opened = [listening(browser, "frame") for _ in range(MOST_OF_ONE)]
    for one in opened:
        assert (await one.__aenter__()).status == 200
    async with listening(browser, "frame") as response:
        assert response.status == 429
    for one in opened:
        await one.__aexit__(None, None, None)


def notices(found: Element) -> list[str]:
    box = found.one("div", class_="notices")
    return [
        " ".join(part.words for part in one.inside if "hidden" not in part.attributes)
        for one in box.all("p", class_="notice")
        if "hidden" not in one.attributes
    ]


async def test_without_cause_there_is_no_notice(fleet: FleetHouse) -> None:
    assert notices(await page(await fleet.browser(), "/")) == []


async def test_notices_say_what_is_so_and_where_to_go(fleet: FleetHouse) -> None:
    deeds = fleet.deeds
    assert isinstance(deeds, SourcedDeeds)
    deeds.away = ("the clock jumped",)
    deeds.origin = Source(state="away", since=BEGIN, reason="http://10.9.9.9:9650 does not answer")
    fleet.store.last_error = InventoryError(
        ["/etc/x/targets.yml:31: port: wrong", "/etc/x/targets.yml:32: port: wrong"]
    )
    deeds.kept_holds.append(
        Hold(
            id="hold_1",
            container="container-1",
            reason="hands inside",
            created_by=BORIS,
            created_at=deeds.now,
        )
    )
    deeds.kept_overrides.append(
        Override(
            id="ov_1",
            profile="curtail",
            ends="manual",
            reason="breaker 2",
            created_by=BORIS,
            created_at=BEGIN,
            starts_at=BEGIN,
            containers=("container-1",),
        )
    )
    running = Operation(
        id="op_1",
        cause="override",
        action="profile curtail",
        profile="curtail",
        state="running",
        created_by=BORIS,
        created_at=BEGIN,
        total=2,
        counts={"applied": 1, "waiting": 1},
    )
    deeds.running["op_1"] = (running, [Result(miner="container-1.a1"), Result(miner="container-1.a2")])
    found = await page(await fleet.browser(password_change_needed=True), "/")
    told = notices(found)
    assert [line.split()[0] for line in told] == [
        "The",
        "No",
        "targets.yml",
        "Nothing",
        "Running:",
        "The",
        "The",
    ]
    assert "12:00" in told[0]
    assert "targets.yml has 2 mistakes; the fleet of" in told[2]
    assert "/etc/x" not in found.text
    assert "hands inside" in told[3]
    assert "profile curtail, 1 of 2 miners done" in told[4]
    assert "by boris has no end: breaker 2" in told[5]
    links = {link.attributes["href"] for link in found.one("div", class_="notices").all("a")}
    assert {
        "/settings/health",
        "/operations/op_1",
        "/password",
        "/deeds/release?container=container-1",
    } <= links


async def test_a_client_is_told_what_concerns_his_figures_and_no_reasons(fleet: FleetHouse) -> None:
    deeds = fleet.deeds
    assert isinstance(deeds, SourcedDeeds)
    deeds.away = ("the clock jumped",)
    deeds.origin = Source(state="away", since=BEGIN, reason="http://10.9.9.9:9650 does not answer")
    fleet.store.last_error = InventoryError(["/etc/x/targets.yml:31: port: wrong"])
    deeds.kept_holds.append(
        Hold(id="hold_1", container=None, reason="hands inside", created_by=BORIS, created_at=deeds.now)
    )
    found = await page(await fleet.browser("carl", "client"), "/")
    [line] = notices(found)
    assert line.startswith("No new readings since")
    for word in ("10.9.9.9", "clock", "hands inside", "targets.yml"):
        assert word not in found.text


states = st.builds(
    LiveState,
    texts=st.dictionaries(st.sampled_from("abc"), st.text(max_size=3)),
    hidden=st.dictionaries(st.sampled_from("abc"), st.booleans()),
    paths=st.dictionaries(st.sampled_from("abc"), st.text(max_size=3)),
)


@given(before=states, now=states)
def test_what_changed_put_over_what_was_is_what_is(before: LiveState, now: LiveState) -> None:
    both = before | now.since(before)
    for kind in ("texts", "hidden", "paths"):
        assert getattr(both, kind).items() >= getattr(now, kind).items()
    assert now.since(now) == LiveState()


async def test_whoever_goes_from_page_to_page_quickly_is_not_shut_out(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "QUIET_S", 30.0)
    browser = await fleet.browser()
    for _ in range(2 * MOST_OF_ONE):
        async with asyncio.timeout(60), opened_soon(browser) as response:
            await response.content.readuntil(b"\n\n")


@asynccontextmanager
async def opened_soon(browser: Browser) -> AsyncIterator[ClientResponse]:
    """Open a stream, again and again as long as there are too many."""
    while True:
        async with listening(browser, "frame") as response:
            if response.status == 200:
                yield response
                return
        await asyncio.sleep(0.05)


async def test_while_nothing_changes_a_browser_hears_that_the_line_lives(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_routes, "LOOK_S", 30.0)
    async with listening(await fleet.browser(), "frame") as response:
        names = [name async for name, _ in some(heard(response), 3)]
    assert names == ["places", "alive", "alive"]


async def some(pieces: AsyncIterator[tuple[str, Any]], number: int) -> AsyncIterator[tuple[str, Any]]:
    """Yield the first so many."""
    for _ in range(number):
        yield await anext(pieces)


async def test_what_is_shared_no_more_is_not_kept(
    make_house: MakeHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", 0.01)
    streams = Streams()
    browser = await (await start(make_house, tmp_path, services={Streams: streams})).browser()
    for at in range(20):
        assert (await browser.get("/live/now", params={"page": f"fleet:seen={at}"})).status == 200
        await asyncio.sleep(0.012)
    assert len(streams._kept) < 5


async def test_what_is_shared_does_not_reach_those_of_other_rights(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", 30.0)
    vera = await fleet.house.user("vera")
    narrow = fleet.house.browser(token=await fleet.house.token(vera, "read", containers=("container-2",)))
    all_of, own = await fleet.browser("anna"), await fleet.browser("carl", "client")
    for _ in range(2):
        for browser, seen in (
            (all_of, {"container-1", "container-2"}),
            (own, {"container-1"}),
            (narrow, {"container-2"}),
        ):
            state = json.loads(await (await browser.get("/live/now?page=fleet")).text())
            assert {key.split(".")[1] for key in state["texts"] if key.startswith("c.")} == seen
    one = await narrow.get("/live/now?page=container:container-1")
    assert (await all_of.get("/live/now?page=container:container-1")).status == 200
    assert (one.status, (await narrow.get("/live/now?page=container:container-1")).status) == (404, 404)


async def test_times_are_those_of_each_readers_zone(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", 30.0)
    said = []
    for name, zone in (("anna", None), ("vera", "Asia/Tokyo"), ("olga", None)):
        browser = fleet.house.browser()
        user = await fleet.house.user(name)
        await keep_preferences(fleet.house.storage, user.id, Preferences(time_zone=zone))
        assert (await browser.sign_in(name)).status == 204
        said.append(json.loads(await (await browser.get("/live/now?page=fleet")).text())["texts"]["s.at"])
    assert said[0] == said[2] != said[1]
