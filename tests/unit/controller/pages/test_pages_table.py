"""Every page of the table, asked for as nobody, as each role, and by tokens: who gets in is written down in who_may.py."""

import re
from collections.abc import Iterator

import pytest

from controller.api.route import Open, Route
from controller.model import ROLES, SCOPES, Role
from controller.pages.routes import PAGES
from tests.unit.controller.api.conftest import Browser, House
from tests.unit.controller.api.who_may import WHO_MAY_SEE
from tests.unit.controller.pages.reading_pages import read_page

LETTERS: dict[str, Role] = {"A": "administrator", "F": "accountant", "C": "client"}


def lines() -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    for line in WHO_MAY_SEE.splitlines():
        if line.strip():
            method, path, letters, scope = line.split()
            yield (method, path), (letters, scope)


EXPECTED = dict(lines())


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_every_page_has_a_line_and_every_line_a_page() -> None:
    assert {(route.method, route.path) for route in PAGES} == set(EXPECTED)
    assert all(route.page for route in PAGES)


@pytest.mark.parametrize("route", PAGES, ids=named)
async def test_who_is_nobody_is_led_to_signing_in_and_back(house: House, route: Route) -> None:
    letters, _ = EXPECTED[route.method, route.path]
    status, where = await reach(house.browser(), route)
    if letters == "–":
        assert status in {200, 400, 404}
    elif route.method == "GET" and route.path != "/":
        assert (status, where.partition("?")[0]) == (303, "/sign-in")
        assert "next=" in where
    else:
        assert (status, where) == (303, "/sign-in")


async def test_each_role_gets_where_its_letter_stands(house: House) -> None:
    for role in ROLES:
        browser = await house.signed_in(f"user-{role}", role)
        for route in PAGES:
            letters, _ = EXPECTED[route.method, route.path]
            may = letters == "–" or role in {LETTERS[letter] for letter in letters}
            status, where = await reach(browser, route)
            assert (status == 403 or where.startswith("/sign-in")) is not may, (
                f"{named(route)}: {role} {status}"
            )


async def test_a_token_gets_where_its_scope_stands(house: House) -> None:
    user = await house.user("anna")
    for scope in SCOPES:
        browser = house.browser(token=await house.token(user, scope))
        for route in PAGES:
            letters, wanted = EXPECTED[route.method, route.path]
            may = letters == "–" or wanted in {"any", scope}
            house.deeds.pass_time(seconds=1)
            status, _ = await reach(browser, route)
            assert (status == 403) is not may, f"{named(route)} with {scope}: {status}"


async def test_a_token_for_one_miner_gets_nowhere(house: House) -> None:
    browser = house.browser(token=await house.token(await house.user("anna"), miner="container-1.a1"))
    for route in PAGES:
        if not isinstance(route.roles, Open):
            assert (await reach(browser, route))[0] == 403


async def reach(browser: Browser, route: Route) -> tuple[int, str]:
    """Return the status and where it leads. What is posted says nothing usable, so nothing is done."""
    path = re.sub(r"{\w+}", "x", route.path)
    more = {} if route.method == "GET" else {"data": b"x=%ff", "params": {"no-such-parameter": "1"}}
    headers = {} if route.method == "GET" else {"Content-Type": "application/x-www-form-urlencoded"}
    response = await browser.ask(route.method, path, headers=headers, **more)
    text = await response.text()
    if response.status != 303:
        expected = route.reply_media if response.status == 200 else "text/html"
        assert expected.startswith(response.content_type), f"{named(route)}: {text[:200]}"
        if response.content_type == "text/html":
            read_page(text)
    return response.status, response.headers.get("Location", "")
