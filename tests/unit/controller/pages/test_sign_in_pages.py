"""Signing in and out by form: the way back, one error for all causes, being shut out, and forged forms."""

import io
from typing import Any

import pytest
from aiohttp import ClientResponse

from controller.pages.sign_in_routes import own_path
from tests.unit.controller.api.conftest import PASSWORD, Browser, House, MakeHouse
from tests.unit.controller.pages.reading_pages import Element, read_page


class Person:
    """A browser that keeps cookies, and fills in the form that it was shown."""

    def __init__(self, house: House, **headers: str) -> None:
        self.house, self.headers, self.cookies = house, headers, dict[str, str]()
        self.page = Element("", {})

    async def ask(self, method: str, path: str, **more: Any) -> ClientResponse:
        headers = dict(self.headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = await self.house.http.request(
            method, path, headers=headers | more.pop("headers", {}), allow_redirects=False, **more
        )
        for name, cookie in response.cookies.items():
            self.cookies[name] = cookie.value
        text = await response.text()
        if response.content_type == "text/html":
            self.page = read_page(text)
        return response

    async def sign_in(
        self, username: str = "anna", password: str = PASSWORD, **changed: str
    ) -> ClientResponse:
        form = self.page.one("form", action="/sign-in")
        fields = {field.attributes["name"]: field.attributes.get("value", "") for field in form.all("input")}
        return await self.ask(
            "POST", "/sign-in", data=fields | {"username": username, "password": password} | changed
        )


@pytest.fixture
async def person(house: House) -> Person:
    await house.user("anna")
    found = Person(house)
    assert (await found.ask("GET", "/sign-in")).status == 200
    return found


async def test_whoever_signs_in_gets_back_to_the_page_that_he_asked_for(house: House) -> None:
    await house.user("anna")
    person = Person(house)
    led = await person.ask("GET", "/miners/by-name?container=Container%201&miner=a%2B1")
    assert led.status == 303
    assert (await person.ask("GET", led.headers["Location"])).status == 200
    response = await person.sign_in()
    assert response.status == 303
    assert response.headers["Location"] == "/miners/by-name?container=Container%201&miner=a%2B1"
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(response.headers["Set-Cookie"].split("; "))
    assert (await person.ask("GET", "/")).status == 200
    assert person.page.all("option")
    [event] = await house.events("auth.signed_in")
    assert (event.actor.name, event.address) == ("anna", "127.0.0.1")


async def test_who_is_signed_in_is_led_on(person: Person) -> None:
    await person.sign_in()
    response = await person.ask("GET", "/sign-in?next=/runbooks")
    assert (response.status, response.headers["Location"]) == (303, "/runbooks")


async def test_signing_out_ends_the_session(person: Person) -> None:
    await person.sign_in()
    cookie = person.cookies["hashyard"]
    await person.ask("GET", "/")
    csrf = person.page.all("input", name="csrf")[0].attributes["value"]
    response = await person.ask("POST", "/sign-out", data={"csrf": csrf})
    assert (response.status, response.headers["Location"]) == (303, "/sign-in")
    assert person.cookies["hashyard"] == ""
    person.cookies["hashyard"] = cookie
    response = await person.ask("GET", "/")
    assert (response.status, response.headers["Location"]) == (303, "/sign-in")
    await person.ask("GET", "/sign-in")
    assert "Your session has ended" in person.page.text


@pytest.mark.parametrize("csrf", [None, "", "x", "ÿ"])
async def test_nobody_else_signs_a_person_out(person: Person, csrf: str | None) -> None:
    await person.sign_in()
    fields = {"x": "1"} if csrf is None else {"csrf": csrf}
    response = await person.ask("POST", "/sign-out", data=fields)
    assert response.status == 403
    assert "another site" in person.page.one("h1").words
    assert (await person.ask("GET", "/")).status == 200


async def test_every_cause_is_told_alike_and_the_name_stays(house: House) -> None:
    await house.user("anna")
    await house.user("ivan", active=False)
    person = Person(house)
    await person.ask("GET", "/sign-in?next=/runbooks")
    told = set()
    for username, password in (
        ("anna", "wrong"),
        ("nobody", PASSWORD),
        ("ivan", PASSWORD),
        ("", PASSWORD),
        ("anna", ""),
        ("anna", "x" * 129),
        ("<b>x</b>\u202e", "x"),
    ):
        response = await person.sign_in(username, password)
        assert response.status == 401
        assert "WWW-Authenticate" in response.headers
        told.add(person.page.one("p", id="wrong").words)
        assert person.page.one("input", name="username").attributes["value"] == username
        assert "value" not in person.page.one("input", name="password").attributes
        assert person.page.one("title").words.startswith("Error:")
    assert told == {"Name or password is not right."}
    response = await person.sign_in()
    assert (response.status, response.headers["Location"]) == (303, "/runbooks")


async def test_who_guesses_is_shut_out_and_told_how_long(house: House, person: Person) -> None:
    for _ in range(10):
        assert (await person.sign_in(password="wrong")).status == 401
    response = await person.sign_in()
    assert response.status == 429
    assert response.headers["Retry-After"] == "900"
    assert person.page.one("p", id="wrong").words == "Too many tries. Try again at 12:15 UTC, in 15 min."
    house.deeds.pass_time(minutes=15)
    assert (await person.sign_in()).status == 303


async def test_a_form_that_another_site_made_signs_nobody_in(house: House, person: Person) -> None:
    token = person.page.one("input", name="token").attributes["value"]
    fields = {"username": "anna", "password": PASSWORD, "token": token, "next": "/"}
    stranger = Person(house)
    for cookies, given in (
        ({}, fields),
        ({"hashyard-sign-in": "x" * 43}, fields),
        (person.cookies, fields | {"token": ""}),
        (person.cookies, fields | {"token": "ÿ" * 43}),
        (person.cookies, fields | {"token": person.cookies["hashyard-sign-in"]}),
    ):
        stranger.cookies = dict(cookies)
        response = await stranger.ask("POST", "/sign-in", data=given)
        assert response.status == 403
        assert "hashyard" not in response.cookies
        assert stranger.page.all("a", href="/sign-in")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        response = await person.ask("POST", "/sign-in", data=fields, headers=headers)
        assert response.status == 403
    assert await house.events("auth.signed_in") == []
    assert len(await house.events("auth.refused")) == 7


async def test_forms_in_two_tabs_can_both_be_sent(person: Person) -> None:
    first = person.page
    await person.ask("GET", "/sign-in")
    person.page = first
    assert (await person.sign_in()).status == 303


async def test_over_tls_the_cookies_are_bound_to_the_host(make_house: MakeHouse) -> None:
    house = await make_house(trusted_proxies=("127.0.0.1",))
    await house.user("anna")
    person = Person(house, **{"X-Forwarded-Proto": "https"})
    shown = await person.ask("GET", "/sign-in")
    assert shown.headers["Set-Cookie"].startswith("__Host-hashyard-sign-in=")
    assert "Secure" in shown.headers["Set-Cookie"].split("; ")
    signed_in = await person.sign_in()
    assert signed_in.headers["Set-Cookie"].startswith("__Host-hashyard=")


async def test_the_first_start_says_where_the_password_is(house: House) -> None:
    person = Person(house)
    await person.ask("GET", "/sign-in")
    assert "initial-admin-password" not in person.page.text
    (house.settings.data / "initial-admin-password").write_text("secret-of-the-first-day")
    await person.ask("GET", "/sign-in")
    assert "initial-admin-password" in person.page.text
    assert "secret-of-the-first-day" not in person.page.text


async def test_the_first_password_is_warned_of_on_every_page(house: House) -> None:
    browser = await house.signed_in("admin", password_change_needed=True)
    other = await house.signed_in("anna")
    for path in ("/", "/runbooks", "/miners/x"):
        assert "first password is still in use" in await (await browser.get(path)).text()
        assert "first password" not in await (await other.get(path)).text()


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"username=a&username=b&password=c&token=d", "application/x-www-form-urlencoded", 400),
        (b"username=%00&password=c&token=d", "application/x-www-form-urlencoded", 400),
        (b"username=%ff&password=c&token=d", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % at for at in range(101)), "application/x-www-form-urlencoded", 400),
        (b"username=a&password=c&token=d&admin=1", "application/x-www-form-urlencoded", 400),
        (b'{"username": "a"}', "application/json", 415),
        (b"a" * (1 << 20) + b"a", "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_is_no_such_form_is_refused_with_a_page(
    house: House, body: bytes, media: str, status: int
) -> None:
    sent = io.BytesIO(body)
    response = await house.browser().ask("POST", "/sign-in", data=sent, headers={"Content-Type": media})
    assert (response.status, response.content_type) == (status, "text/html")
    read_page(await response.text())


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "//[",
        "evil",
        "",
        "/" + "x" * 3000,
    ],
)
def test_the_way_back_leads_to_no_other_site(text: str) -> None:
    assert own_path(text) == "/"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/miners/x?a=1&b=%D0%9A", "/miners/x?a=1&b=%D0%9A"),
        ("/Контейнер", "/%D0%9A%D0%BE%D0%BD%D1%82%D0%B5%D0%B9%D0%BD%D0%B5%D1%80"),
        ('/x"<>', "/x%22%3C%3E"),
        ("/@evil.example", "/@evil.example"),
    ],
)
def test_the_way_back_keeps_paths_of_ours(text: str, path: str) -> None:
    assert own_path(text) == path


async def test_a_way_back_to_another_site_is_not_taken(house: House) -> None:
    await house.user("anna")
    person = Person(house)
    await person.ask("GET", "/sign-in?next=//evil.example/x")
    assert (await person.sign_in()).headers["Location"] == "/"
    other = Person(house)
    await other.ask("GET", "/sign-in")
    assert (await other.sign_in(next="https://evil.example")).headers["Location"] == "/"


async def test_programs_use_pages_by_token_as_well(house: House) -> None:
    browser: Browser = house.browser(token=await house.token(await house.user("anna"), "read"))
    response = await browser.get("/")
    assert response.status == 200
    assert not read_page(await response.text()).all("form", action="/sign-out")
