"""Deeds sent by the forms of the pages, over a real socket, to the real engine and simulated miners, which are then asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession, DummyCookieJar
from aiohttp.test_utils import TestServer

from controller.api.app import application
from controller.api.stream_routes import Streams
from controller.history import History
from controller.model import User, new_id
from controller.pages.deed_links import deed_link
from miners.inventory.fleet import Ramp
from tests.system.control_stage import ANNA, Stage, container, quietly, stage
from tests.unit.controller.api.conftest import PASSWORD, Browser, cheap_passwords
from tests.unit.controller.api.quiet_deeds import QuietProcess
from tests.unit.controller.pages.reading_pages import Element, read_page

FORM = "application/x-www-form-urlencoded"
ONE_BY_ONE = Ramp(step_w=1e9, every_s=10.0, batch=1)
NORTH = tuple(f"north.a{number}" for number in range(1, 7))


class Person:
    """Somebody at a browser, while the stage's clock goes on."""

    def __init__(self, on: Stage, browser: Browser) -> None:
        self.on, self.browser = on, browser

    async def look(self, address: str) -> Element:
        response = await self.on.meanwhile(self.browser.get(address))
        text = await response.text()
        assert response.status == 200, f"{response.status} {text[:800]}"
        return read_page(text)

    async def send(self, found: Element, **typed: str) -> str:
        """Send the form of a page with what was typed; return where it leads."""
        response = await self.answer(found, **typed)
        assert response.status == 303, (await response.text())[-3000:]
        return str(response.headers["Location"])

    async def answer(self, found: Element, **typed: str) -> Any:
        form = found.one("form", class_="deed")
        fields = {
            one.attributes["name"]: one.attributes.get("value", "")
            for one in form.all("input")
            if one.attributes.get("type") not in ("radio", "checkbox") or "checked" in one.attributes
        }
        plain = Browser(self.browser.http, cookie=self.browser.cookie)
        return await self.on.meanwhile(
            plain.ask(
                "POST",
                form.attributes["action"],
                data=urlencode(fields | typed).encode(),
                headers={"Content-Type": FORM},
            )
        )


@asynccontextmanager
async def at_the_pages(on: Stage) -> AsyncIterator[Person]:
    """Put the pages before the engine, and somebody before them."""
    keeper = cheap_passwords()
    parts = {History: History(None), Streams: Streams()}
    app = application(
        on.settings, on.engine, on.storage, process=QuietProcess(), passwords=keeper, services=parts
    )
    server = TestServer(app)
    await server.start_server()
    http = ClientSession(server.make_url("/"), cookie_jar=DummyCookieJar())
    try:
        anna = User(id=new_id("usr"), username="anna", role="administrator", created_at=on.engine.now)
        hashed: Any = await on.meanwhile(keeper.hash(PASSWORD))
        await on.meanwhile(on.storage.people.users.add(anna, hashed))
        browser = Browser(http)
        assert (await on.meanwhile(browser.sign_in("anna"))).status == 204
        yield Person(on, browser)
    finally:
        await http.close()
        await server.close()


def asleep(on: Stage) -> int:
    return sum(on.truth(name) == "sleeping" for name in NORTH)


@quietly
async def test_a_container_is_curtailed_watched_stopped_and_brought_back(tmp_path: Path) -> None:
    north = container("north", 6, net=61, ramp=ONE_BY_ONE)
    async with stage(tmp_path, north, container("east", 2, net=62)) as on, at_the_pages(on) as anna:
        await on.pass_(60)
        found = await anna.look(deed_link("curtail", containers=["north"]))
        assert found.one("button", type="submit").words == "Curtail 6 miners"
        assert (
            "Takes about 52 s, at most 1 at a time in a container." in found.one("form", class_="deed").words
        )
        assert asleep(on) == 0
        address = await anna.send(found, reason="breaker 2", ends="manual", typed="north")
        await on.pass_(25)
        assert 0 < asleep(on) < 6
        found = await anna.look(address)
        assert found.one("h1").words == "Curtail north"
        told = found.one("ul", class_="legend")
        shown = [one.words for one in told.all("li") if "hidden" not in one.attributes]
        counts = (await on.operation(address.rpartition("/")[2])).counts
        assert f"{counts['applied']} applied" in shown
        assert f"{counts['waiting']} waiting" in shown
        [stop] = [one for one in found.all("a", class_="button") if one.words == "Stop and undo"]
        await anna.send(await anna.look(stop.attributes["href"]))
        await on.pass_(180)
        assert [on.truth(name) for name in NORTH] == ["mining"] * 6
        assert on.engine.overrides() == ()
        found = await anna.look(address)
        assert "Stopped: what was on its way finished, nothing more was sent." in found.one("main").words
        await on.accounted()


@quietly
async def test_what_was_put_to_sleep_is_told_in_one_sentence_and_woken_again(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, container("north", 6, net=63), container("east", 2, net=64)) as on,
        at_the_pages(on) as anna,
    ):
        await on.unplug("north.a6")
        await on.pass_(60)
        found = await anna.look(deed_link("curtail", containers=["north"]))
        assert "1 does not answer" in found.one("form", class_="deed").words
        address = await anna.send(found, reason="grid", ends="manual", typed="5")
        await on.pass_(90)
        assert asleep(on) >= 5
        found = await anna.look(address)
        end = found.one("p", class_="ended-as")
        assert "hidden" not in end.attributes
        assert end.words.startswith("5 of 6 asleep after ")
        assert end.words.endswith(" 1 did not answer.")
        assert " was expected. " in end.words
        assert found.one("section", **{"aria-labelledby": "failed"}).one("th", scope="row").words == "a6"
        [retry] = [one for one in found.all("a", class_="button") if one.words == "Try 1 failure again"]
        assert "Try 1 miner again" in (await anna.look(retry.attributes["href"])).one("main").words
        [undo] = [one for one in found.all("a", class_="button") if one.words == "End the override"]
        ending = await anna.look(undo.attributes["href"])
        assert (
            "5 of 6 miners go back to normal. Power rises by about "
            in ending.one("form", class_="deed").words
        )
        await anna.send(ending, typed="5")
        await on.pass_(180)
        assert [on.truth(name) for name in NORTH[:5]] == ["mining"] * 5
        await on.accounted()


@quietly
async def test_an_end_that_would_do_something_else_is_looked_at_again(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, container("north", 6, net=65), container("east", 4, net=66)) as on,
        at_the_pages(on) as anna,
    ):
        await on.pass_(60)
        older, _ = await on.override("underclock", containers=("north",))
        newest, _ = await on.override("curtail", containers=("north",))
        await on.pass_(120)
        assert asleep(on) == 6
        found = await anna.look(deed_link("end-override", override=newest.id))
        assert "6 of 6 miners go back to underclock." in found.one("form", class_="deed").words
        # As many as before would change, but to something else.
        await on.meanwhile(on.engine.end_override(older.id, ANNA))
        refused = await anna.answer(found, typed="6")
        assert refused.status == 409
        told = read_page(await refused.text()).one("form", class_="deed").words
        assert "6 of 6 miners go back to normal." in told
        assert "As many miners as before would change, but other ones, or to something else." in told
        assert [one.id for one in on.engine.overrides()] == [newest.id]
