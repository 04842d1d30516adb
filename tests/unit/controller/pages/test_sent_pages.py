"""How pages are sent: made smaller where the browser takes it, in the language that was chosen, and with words when they fail."""

import pytest

from controller.api.compressing import accepts_gzip
from controller.storage.faults import away
from tests.unit.controller.api.conftest import House
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.pages.reading_pages import read_page


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip, deflate, br", True),
        ("GZIP;q=0.5", True),
        ("br, *", True),
        ("x-gzip", True),
        ("", False),
        ("br", False),
        ("gzip;q=0, *", False),
        ("gzip; q=0.000", False),
        ("*;q=0", False),
        ("gzip;q=much", False),
        ("gzipped", False),
    ],
)
def test_who_takes_gzip(header: str, takes: bool) -> None:
    assert accepts_gzip(header) is takes


async def test_a_page_is_made_smaller_for_who_takes_it(house: House) -> None:
    plain = await house.browser().get("/runbooks", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    small = await house.browser().get("/runbooks", headers={"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert int(small.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert await small.read() == await plain.read()
    for answer in (plain, small):
        assert "Accept-Encoding" in answer.headers["Vary"]


async def test_the_language_is_chosen_without_signing_in(house: House) -> None:
    browser = house.browser()
    page = read_page(await (await browser.get("/sign-in?next=/log")).text())
    sent = page.one("form", action="/language").one("input", name="next").attributes["value"]
    led = await browser.ask("POST", "/language", data={"language": "ru", "next": sent})
    assert led.status == 303
    assert led.headers["Location"] == sent
    cookie = led.cookies["hashyard-language"]
    assert cookie.value == "ru"
    shown = await browser.get("/sign-in", headers={"Cookie": "hashyard-language=ru"})
    assert read_page(await shown.text()).one("html").attributes["lang"] == "ru"
    for language, next_ in (("xx", "/"), ("ru\r\nSet-Cookie: a=b", "/")):
        refused = await browser.ask("POST", "/language", data={"language": language, "next": next_})
        assert refused.status == 400
        assert not refused.cookies
    elsewhere = await browser.ask("POST", "/language", data={"language": "en", "next": "//evil.example"})
    assert elsewhere.headers["Location"] == "/"


async def test_a_dead_link_keeps_the_way_on_for_who_is_signed_in(fleet: FleetHouse) -> None:
    html = {"Accept": "text/html"}
    browser = await fleet.browser()
    page = read_page(await (await browser.get("/no-such-page", headers=html)).text())
    assert page.one("h1").words == "There is no such page"
    assert page.all("a", href="/miners")
    stranger = await fleet.house.browser().get("/no-such-page", headers=html)
    assert stranger.status == 404
    assert not read_page(await stranger.text()).all("a", href="/miners")


async def test_a_database_that_is_away_is_told_with_what_still_works(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await fleet.browser()

    async def gone(*_given: object) -> None:
        raise away("the database", "locked")

    monkeypatch.setattr(fleet.house.storage.access.sessions, "by_hash", gone)
    response = await browser.get("/me")
    assert response.status == 503
    assert response.headers["Retry-After"] == "5"
    page = read_page(await response.text())
    assert "Miners go on doing what they were told" in page.text
    assert page.all("a", href="/runbooks")
    assert page.all("a", href="/me")
    assert response.headers["X-Request-Id"] in page.text


async def test_reading_goes_on_where_nothing_can_be_written(
    fleet: FleetHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await fleet.browser()

    async def full(*_given: object) -> None:
        raise away("the database", "full")

    monkeypatch.setattr(fleet.house.storage.access.sessions, "touch", full)
    fleet.deeds.pass_time(minutes=2)
    assert (await browser.get("/keys")).status == 200


@pytest.mark.parametrize("path", ["/miners.csv", "/log.csv", "/api/v1/events.csv", "/miners", "/metrics"])
async def test_the_head_alone_is_sent_to_who_asks_for_it(fleet: FleetHouse, path: str) -> None:
    browser = await fleet.house.signed_in()
    whole = await browser.get(path)
    assert whole.status == 200
    head = await browser.ask("HEAD", path)
    assert (head.status, head.headers["Content-Type"]) == (200, whole.headers["Content-Type"])
    assert await head.read() == b""
    assert (await browser.get("/api/v1/me")).status == 200  # nothing was left on the connection
