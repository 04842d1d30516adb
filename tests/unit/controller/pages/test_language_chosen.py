"""Which language a reader gets: the account's, else the one chosen before signing in, else the browser's, else English."""

import pytest
from aiohttp import hdrs

from controller.pages.language import COOKIE, LANGUAGES, language_of, words
from controller.storage.people import User
from tests.unit.controller.api.conftest import House
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.pages.reading_pages import Element, read_page

RUSSIAN_BROWSER = {hdrs.ACCEPT_LANGUAGE: "ru-RU,ru;q=0.9,en;q=0.8"}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9", "ru"),
        ("RU-ru", "ru"),
        ("de-DE,de;q=0.9", "en"),
        ("de-DE,de;q=0.9,ru;q=0.8", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "en"),
        ("en;q=0.2,ru;q=0.9", "ru"),
        ("ru;q=0,en", "en"),
        ("*", "en"),
        ("ru;q=abc,en", "en"),
        (";;,,;q=", "en"),
        ("\u00ff" * 600, "en"),
    ],
)
def test_the_browser_is_asked_last(asked: str, code: str) -> None:
    assert language_of(None, {}, {hdrs.ACCEPT_LANGUAGE: asked}) == code


def test_what_was_chosen_before_signing_in_comes_before_the_browser() -> None:
    assert language_of(None, {COOKIE: "en"}, RUSSIAN_BROWSER) == "en"
    assert language_of(None, {COOKIE: "tlh"}, RUSSIAN_BROWSER) == "ru"


def test_a_language_that_there_is_none_of_is_english() -> None:
    assert words("tlh").code == "en"
    assert words("../../etc").code == "en"


async def seen(house: House, *, headers: dict[str, str], user: bool = False, language: str = "") -> Element:
    browser = await house.signed_in("anna", "administrator") if user else house.browser()
    if language:
        found = await browser.ask(
            "PATCH", "/api/v1/me", json={"language": language}, headers={"If-Match": "*"}
        )
        assert found.status == 200, await found.text()
    response = await browser.get("/runbooks" if user else "/sign-in", headers=headers)
    assert "Accept-Language" in response.headers[hdrs.VARY]
    assert "Cookie" in response.headers[hdrs.VARY]
    return read_page(await response.text())


async def test_a_stranger_is_spoken_to_in_his_browsers_language(house: House) -> None:
    page = await seen(house, headers=RUSSIAN_BROWSER)
    assert page.one("html").attributes["lang"] == "ru"
    assert "Войти" in page.one("main").words
    assert (await seen(house, headers={})).one("html").attributes["lang"] == "en"


async def test_the_account_comes_before_the_browser(house: House) -> None:
    page = await seen(house, headers=RUSSIAN_BROWSER, user=True, language="en")
    assert page.one("html").attributes["lang"] == "en"


def test_every_language_calls_itself_by_its_own_name() -> None:
    assert LANGUAGES == {"en": "English", "ru": "Русский"}
    assert User.__struct_fields__.index("language") >= 0


async def test_pages_say_refusals_in_the_readers_language_and_the_api_in_english(fleet: FleetHouse) -> None:
    browser = await fleet.browser(language="ru")
    html = {hdrs.ACCEPT: "text/html"}
    page = read_page(await (await browser.get("/containers/none", headers=html)).text())
    assert page.one("h1").words == "Такого нет"
    assert "Такого контейнера нет" in page.one("main").words
    answer = await (await browser.get("/api/v1/containers/none", headers=RUSSIAN_BROWSER)).json()
    assert answer["detail"] == "there is no such container"
    assert answer["title"] == "There is no such thing"


async def test_a_strangers_words_stay_as_they_are_in_every_language(fleet: FleetHouse) -> None:
    browser = await fleet.browser(language="ru")
    page = read_page(await (await browser.get("/miners/container-1.a1")).text())
    assert "chain 2 not found" in page.one("main").words
    assert "stratum+tcp://pool.example:3333" in page.one("main").words
