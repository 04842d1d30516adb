"""Seeing what a client sees: the same pages that he gets, nothing changed by any request, left by ending it alone, in the log."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from controller.api.gate import SAFE_METHODS
from controller.api.routes import ROUTES
from controller.model import Client
from controller.pages.routes import PAGES
from tests.unit.controller.api.conftest import PASSWORD, Browser, House, MakeHouse
from tests.unit.controller.pages.fleet_of_two_clients import MARK, starting
from tests.unit.controller.pages.reading_pages import read_page

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOOKED_AT = (
    "/",
    "/?view=table",
    "/miners",
    "/miners.csv",
    "/schedule",
    "/log",
    "/log.csv",
    "/containers/container-1",
    f"/containers/{MARK}-yard",
    "/settings",
    "/people",
    "/api/v1/containers",
    "/api/v1/miners",
    "/api/v1/events",
    "/api/v1/users",
    "/api/v1/overview",
    "/api/v1/clients",
)


async def view(house: House, name: str = "root") -> tuple[Browser, Client]:
    """Return an administrator who has taken the view of acme."""
    browser, client = await house.signed_in(name), await house.client("acme")
    led = await browser.ask("POST", f"/clients/{client.id}/view", data=b"", headers=FORM)
    assert (led.status, led.headers["Location"]) == (303, "/")
    return browser, client


async def end(browser: Browser) -> str:
    led = await browser.ask("POST", "/end-view", data=b"", headers=FORM)
    assert led.status == 303
    return led.headers["Location"]


async def test_every_answer_is_the_clients_own(make_house: MakeHouse, tmp_path: Path) -> None:
    async with starting(make_house, tmp_path) as begin:
        fleet = await begin()
        viewer, _ = await view(fleet.house)
        client = await fleet.house.signed_in("clara", "client")
        for address in LOOKED_AT:
            seen, own = [await one.get(address) for one in (viewer, client)]
            assert seen.status == own.status, address
            assert MARK not in (await seen.text()).replace(address, ""), address
            assert comparable(await seen.text()) == comparable(await own.text()), address
        me = await (await viewer.get("/api/v1/me")).json()
        assert (me["role"], me["containers"]) == (
            "client",
            (await (await client.get("/api/v1/me")).json())["containers"],
        )


def comparable(text: str) -> str:
    """Return an answer without the notice of the view, the account's menu, and what differs each time."""
    text = re.sub(r'<form method="post" action="/end-view".*?</form>\s*', "", text, flags=re.DOTALL)
    text = re.sub(r'<a href="/me">.*?</a>', "", text, flags=re.DOTALL)
    text = re.sub(r'name="csrf" value="[^"]*"|\b[0-9A-HJKMNP-TV-Z]{26}\b', "", text)
    return re.sub(r"\s+", " ", re.sub(r"\b(root|clara)\b", "who", text))


async def test_no_request_changes_anything_whatever_route_it_takes(house: House) -> None:
    """Every unsafe method of every route and page but those that end it, the open ones too, by session token or without."""
    browser, _ = await view(house)
    before = {event.id for event in await house.events()}
    tried = 0
    for route in (*ROUTES, *PAGES):
        if route.method in SAFE_METHODS or route.in_view:
            continue
        path = re.sub(r"{\w+}", "x", route.path)
        for csrf in (browser.csrf, None):
            browser_now = Browser(browser.http, cookie=browser.cookie, csrf=csrf)
            response = await browser_now.ask(route.method, path, data=b"", headers=FORM)
            assert response.status == 403, f"{route.method} {route.path}"
            tried += 1
    assert tried > 100
    new = [event for event in await house.events() if event.id not in before]
    assert {event.kind for event in new} == {"auth.refused"}
    assert {event.actor.name for event in new} == {"root"}
    assert [route.path for route in (*ROUTES, *PAGES) if route.in_view] == [
        "/api/v1/auth/logout",
        "/sign-out",
        "/end-view",
    ]


async def test_the_notice_stands_on_every_page_and_ends_the_view(house: House) -> None:
    browser, client = await view(house)
    for address in ("/", "/miners", "/log", "/schedule", "/runbooks", "/keys", "/nowhere", "/settings"):
        page = read_page(await (await browser.get(address, headers={"Accept": "text/html"})).text())
        form = page.one("form", action="/end-view")
        assert "You see what Acme sees. Nothing can be changed here." in form.words, address
        assert not page.all("a", href="/people")
    assert (await browser.get("/people")).status == 403
    assert await end(browser) == f"/clients/{client.id}"
    assert (await browser.get("/settings")).status == 200
    page = read_page(await (await browser.get("/")).text())
    assert not page.all("form", action="/end-view")
    kinds = {"client.view_begun", "client.view_ended"}
    told = await house.events(*kinds)
    assert {event.kind for event in told} == kinds
    assert {(event.actor.name, event.client, event.params["slug"]) for event in told} == {
        ("root", "acme", "acme")
    }
    assert await end(browser) == "/"  # there is none any more
    assert len(await house.events("client.view_ended")) == 1


async def test_it_is_of_one_session_and_outlives_giving_the_password_again(house: House) -> None:
    browser, client = await view(house)
    other = house.browser()
    await other.sign_in("root")
    assert (await other.get("/settings")).status == 200
    # Neither signing in over it, nor the password, nor a page of another kind leads out of it.
    login = {"username": "root", "password": PASSWORD}
    assert (await browser.ask("POST", "/api/v1/auth/login", login)).status == 403
    assert (await browser.ask("POST", "/api/v1/auth/confirm", {"password": PASSWORD})).status == 403
    assert (await browser.ask("POST", f"/clients/{client.id}/view", data=b"", headers=FORM)).status == 403
    assert (await browser.get("/settings")).status == 403
    signed_out = await browser.ask("POST", "/sign-out", data=b"", headers=FORM)
    assert signed_out.status == 303
    assert urlsplit((await browser.get("/")).headers["Location"]).path == "/sign-in"
    assert len(await house.events("client.view_ended")) == 1


async def test_a_client_that_is_gone_is_seen_as_nobody(house: House) -> None:
    browser, client = await view(house)
    await house.storage.database.write(
        lambda connection: connection.exec_driver_sql(f"DELETE FROM clients WHERE id = '{client.id}'")
    )
    shown = await browser.get("/api/v1/containers")
    assert (await shown.json())["items"] == []
    assert "no longer there: nothing" in read_page(await (await browser.get("/")).text()).text
    assert (await browser.get("/settings")).status == 403
    assert await end(browser) == "/clients"


async def test_whoever_is_no_administrator_any_more_has_no_view(house: House) -> None:
    browser, _ = await view(house)
    user = await house.storage.people.users.by_name("root")
    assert user is not None
    await house.storage.database.write(
        lambda connection: connection.exec_driver_sql(
            f"UPDATE users SET role = 'accountant' WHERE id = '{user.id}'"
        )
    )
    assert (await browser.get("/api/v1/containers")).status == 401


@pytest.mark.parametrize("role", ["accountant", "client"])
async def test_only_an_administrator_takes_a_view(house: House, role: str) -> None:
    client = await house.client("borealis")
    browser = await house.signed_in("carl", role)  # type: ignore[arg-type]
    assert (await browser.ask("POST", f"/clients/{client.id}/view", data=b"", headers=FORM)).status == 403
    assert await end(browser) == "/"


async def test_a_token_has_no_view_and_no_client_no_name(house: House) -> None:
    client = await house.client("acme")
    user = await house.user("root")
    program = house.browser(token=await house.token(user))
    assert (await program.ask("POST", f"/clients/{client.id}/view", data=b"", headers=FORM)).status == 403
    browser = house.browser()
    await browser.sign_in("root")
    assert (await browser.ask("POST", "/clients/cli_0/view", data=b"", headers=FORM)).status == 404
