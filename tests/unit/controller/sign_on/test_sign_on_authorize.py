"""Where Grafana sends people: who gets a code, who has to do something first, and that nobody is led anywhere else."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import ClientResponse
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from controller.model import User
from controller.sign_on.asking import read_asked
from controller.sign_on.provider import AUTHORIZE, FOR_PROGRAMS, TOKEN
from controller.sign_on.refusals import Unanswerable
from tests.unit.controller.api.conftest import PASSWORD, House, MakeHouse
from tests.unit.controller.pages.reading_pages import read_page
from tests.unit.controller.sign_on.conftest import (
    CALLBACK,
    GRAFANA,
    ISSUER,
    Grafana,
    led_back,
    led_to,
    make_grafana,
)


async def test_who_is_signed_in_is_led_back_with_a_code(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in("anna", "accountant")
    answer = led_back(await browser.get(grafana.asking(state="a b/&=%")))
    assert set(answer) == {"code", "state", "iss"}
    assert answer["state"] == "a b/&=%"
    assert answer["iss"] == ISSUER
    assert len(answer["code"]) == 43
    [event] = await grafana.house.events("auth.signed_on")
    assert (event.actor.name, event.address, event.params) == ("anna", "127.0.0.1", {"program": "grafana"})
    assert answer["code"] not in repr(event)


async def test_without_a_state_none_is_given_back(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in()
    for state in (None, ""):
        assert set(led_back(await browser.get(grafana.asking(state=state)))) == {"code", "iss"}


async def test_who_is_nobody_signs_in_by_the_form_and_comes_back(grafana: Grafana) -> None:
    await grafana.house.user("anna")
    browser = grafana.house.browser()
    asked = grafana.asking()
    page, back_to = led_to(await browser.get(asked))
    assert (page, back_to) == ("/sign-in", asked)
    response = await browser.get(f"/sign-in?{urlencode({'next': back_to})}")
    assert f"form-action 'self' {GRAFANA};" in response.headers["Content-Security-Policy"]
    form = read_page(await response.text()).one("form", action="/sign-in")
    fields = {one.attributes["name"]: one.attributes.get("value", "") for one in form.all("input")}
    cookie = response.cookies["hashyard-sign-in"].value
    signed_in = await browser.ask(
        "POST",
        "/sign-in",
        data=fields | {"username": "anna", "password": PASSWORD},
        headers={"Cookie": f"hashyard-sign-in={cookie}"},
    )
    assert signed_in.status == 303
    browser.cookie = signed_in.cookies["hashyard"].value
    assert "code" in led_back(await browser.get(signed_in.headers["Location"]))


async def test_a_password_that_must_be_changed_is_changed_first(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in("anna", password_change_needed=True)
    asked = grafana.asking()
    assert led_to(await browser.get(asked)) == ("/password", asked)
    new = "three other words and one"
    changed = await browser.ask("PUT", "/api/v1/me/password", {"current": PASSWORD, "new": new})
    assert changed.status == 204
    browser.cookie = changed.cookies["hashyard"].value
    assert "code" in led_back(await browser.get(asked))


@pytest.mark.parametrize("changed", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "600"}])
async def test_the_password_is_given_again_where_grafana_wants_that(
    grafana: Grafana, changed: dict[str, str]
) -> None:
    browser = await grafana.house.signed_in()
    asked = grafana.asking(**changed)
    assert "code" in led_back(await browser.get(asked)), "it was given just now"
    grafana.house.deeds.pass_time(seconds=601)
    assert led_to(await browser.get(asked)) == ("/confirm-password", asked)
    response = await browser.ask("POST", "/api/v1/auth/confirm", {"password": PASSWORD})
    assert response.status == 204
    assert "code" in led_back(await browser.get(asked))


async def test_where_nothing_may_be_asked_grafana_is_told_what_would_have_been(grafana: Grafana) -> None:
    asked = grafana.asking(prompt="none", max_age="60")
    nobody = grafana.house.browser()
    assert led_back(await nobody.get(asked))["error"] == "login_required"
    fresh = await grafana.house.signed_in("boris", password_change_needed=True)
    assert led_back(await fresh.get(asked))["error"] == "interaction_required"
    browser = await grafana.house.signed_in("anna")
    assert "code" in led_back(await browser.get(asked))
    grafana.house.deeds.pass_time(seconds=60)
    assert led_back(await browser.get(asked))["error"] == "login_required"


async def test_a_token_signs_nobody_on(grafana: Grafana) -> None:
    user = await grafana.house.user("anna")
    browser = grafana.house.browser(token=await grafana.house.token(user))
    response = await browser.get(grafana.asking())
    assert response.status == 403
    assert "Location" not in response.headers
    assert await grafana.house.events("auth.signed_on") == []


async def test_who_sees_what_a_client_sees_ends_that_first(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in("anna")
    client = await grafana.house.client("acme")
    [session] = await grafana.house.storage.access.sessions.of_user((await whom(grafana.house, "anna")).id)
    await grafana.house.storage.access.sessions.view(session.id, client.id)
    response = await browser.get(grafana.asking())
    assert response.status == 403
    assert "Location" not in response.headers


async def whom(house: House, username: str) -> User:
    user = await house.storage.people.users.by_name(username)
    assert user is not None
    return user


@pytest.mark.parametrize("ended", ["disabled", "signed out", "idle"])
async def test_who_is_no_longer_signed_in_gets_no_code(grafana: Grafana, ended: str) -> None:
    browser = await grafana.house.signed_in("anna")
    await grafana.house.user("boris")
    await end(grafana.house, "anna", ended)
    page, _ = led_to(await browser.get(grafana.asking()))
    assert page == "/sign-in"


async def end(house: House, username: str, how: str) -> None:
    user = await whom(house, username)
    if how == "disabled":
        boss = await house.signed_in(f"boss of {username}")
        body = {"active": False}
        path = f"/api/v1/users/{user.id}"
        etag = (await boss.get(path)).headers["ETag"]
        assert (await boss.ask("PATCH", path, body, headers={"If-Match": etag})).status == 200
    elif how == "signed out":
        await house.signing_in.end_all(user.id, tokens=True)
    else:
        house.deeds.pass_time(seconds=12 * 3600)


REFUSED = [
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": None}, "invalid_request"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"response_mode": "form_post"}, "invalid_request"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "profile email"}, "invalid_scope"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "+" * 43}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"nonce": "x" * 513}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "nothing"}, "invalid_request"),
    ({"prompt": "consent"}, "consent_required"),
    ({"prompt": "select_account"}, "account_selection_required"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"request": "e30."}, "request_not_supported"),
    ({"request_uri": "https://elsewhere.example/"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
]


@pytest.mark.parametrize(("changed", "code"), REFUSED, ids=str)
async def test_what_grafana_asks_wrongly_it_is_told(
    grafana: Grafana, changed: dict[str, str | None], code: str
) -> None:
    """Nobody has to sign in for that: an error is the same for all."""
    answer = led_back(await grafana.house.browser().get(grafana.asking(**changed)))
    assert answer["error"] == code
    assert answer["error_description"].isascii()
    assert not set(answer["error_description"]) & set('"\\')
    assert (answer["state"], answer["iss"]) == ("as it came / & = ", ISSUER)
    assert "code" not in answer


@pytest.mark.parametrize("name", ["scope", "response_type", "code_challenge", "nonce", "unheard_of"])
async def test_a_parameter_that_is_given_twice_is_refused(grafana: Grafana, name: str) -> None:
    asked = f"{grafana.asking()}&{name}=a&{name}=a"
    assert led_back(await grafana.house.browser().get(asked))["error"] == "invalid_request"


UNANSWERABLE: list[dict[str, str | None]] = [
    {"client_id": None},
    {"client_id": ""},
    {"client_id": "Grafana"},
    {"client_id": "another"},
    {"redirect_uri": None},
    {"redirect_uri": ""},
    {"redirect_uri": CALLBACK + "/"},
    {"redirect_uri": CALLBACK + "?x=1"},
    {"redirect_uri": CALLBACK + "#"},
    {"redirect_uri": CALLBACK + "/../../evil"},
    {"redirect_uri": CALLBACK.upper()},
    {"redirect_uri": CALLBACK.replace("http:", "https:")},
    {"redirect_uri": CALLBACK.replace("grafana.example", "grafana.example.evil.example")},
    {"redirect_uri": CALLBACK.replace("grafana.example", "grafana.example@evil.example")},
    {"redirect_uri": CALLBACK.replace("//", "//x@")},
    {"redirect_uri": CALLBACK.replace(":3000", "")},
    {"redirect_uri": CALLBACK.replace("login", "l%6fgin")},
    {"redirect_uri": "//grafana.example:3000/login/generic_oauth"},
    {"redirect_uri": "/login/generic_oauth"},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": "javascript:alert(1)"},
    {"redirect_uri": CALLBACK + "\r\nSet-Cookie: x=1"},
    {"state": "x" * 513},
    {"state": "a\r\nSet-Cookie: x=1"},
    {"state": "ü"},
]


@pytest.mark.parametrize("changed", UNANSWERABLE, ids=str)
async def test_who_is_not_known_to_be_grafana_is_led_nowhere(
    grafana: Grafana, changed: dict[str, str | None]
) -> None:
    for browser in (grafana.house.browser(), await grafana.house.signed_in()):
        response = await browser.get(grafana.asking(**changed))
        assert response.status == 400
        assert "Location" not in response.headers
        assert response.content_type == "text/html"
        for one in read_page(await response.text()).all():
            assert all(
                value == GRAFANA or value.startswith(("/", "#"))
                for name, value in one.attributes.items()
                if name in {"href", "src", "action", "content"} and ("/" in value or ":" in value)
            ), one.attributes
    assert await grafana.house.events("auth.signed_on") == []


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state"])
async def test_neither_are_those_who_give_that_twice(grafana: Grafana, name: str) -> None:
    browser = await grafana.house.signed_in()
    value = {"client_id": "grafana", "redirect_uri": CALLBACK, "state": "x"}[name]
    response = await browser.get(f"{grafana.asking()}&{urlencode({name: value})}")
    assert response.status == 400
    assert "Location" not in response.headers


PIECES = st.sampled_from(
    ["http://", "https://", "//", "grafana.example", ":3000", "/login/generic_oauth", "/", "@", "evil.example", "%2f",
     "..", "\\", "?", "#", "&", "\t", "\0", ".", " ", "localhost", ":", "ｇrafana.example"]
)  # fmt: skip
ADDRESSES = st.one_of(
    st.text(),
    st.lists(PIECES, max_size=8).map("".join),
    st.builds(
        lambda at, new: CALLBACK[:at] + new + CALLBACK[at:], st.integers(0, len(CALLBACK)), PIECES | st.text()
    ),
    st.builds(lambda at: CALLBACK[:at] + CALLBACK[at + 1 :], st.integers(0, len(CALLBACK) - 1)),
)


@given(st.lists(ADDRESSES, max_size=3))
def test_no_address_but_grafanas_own_is_ever_taken(addresses: list[str]) -> None:
    asked = MultiDict[str]({"client_id": "grafana"})
    for address in addresses:
        asked.add("redirect_uri", address)
    try:
        read_asked(asked, CALLBACK)
    except Unanswerable:
        assert addresses != [CALLBACK]
    else:
        assert addresses == [CALLBACK]


NAMES = ["response_type", "response_mode", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt",
         "max_age", "request", "claims", "x"]  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(NAMES), st.text(max_size=20) | st.sampled_from(["code", "S256", "openid", "none"])
    )
)
def test_whatever_else_is_asked_is_read_or_refused(asked: dict[str, str]) -> None:
    given = MultiDict({"client_id": "grafana", "redirect_uri": CALLBACK, **asked})
    try:
        found = read_asked(given, CALLBACK)
    except Unanswerable:
        assert not asked["state"].isascii() or not asked["state"].isprintable()
    else:
        assert found.state == (asked.get("state") or None)
        assert found.refused is not None, "there is no challenge of 43 characters in it"


async def test_what_is_too_long_to_come_back_to_is_told_to_grafana(grafana: Grafana) -> None:
    asked = f"{grafana.asking()}&x={'y' * 2000}"
    assert led_back(await grafana.house.browser().get(asked))["error"] == "invalid_request"


async def test_a_circle_between_grafana_and_here_ends(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in()
    answers: list[ClientResponse] = [await browser.get(grafana.asking()) for _ in range(21)]
    assert [answer.status for answer in answers] == [303] * 20 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert len(await grafana.house.events("auth.signed_on")) == 20
    other = await grafana.house.signed_in("boris")
    assert "code" in led_back(await other.get(grafana.asking()))


async def test_who_signs_out_is_told_that_grafana_goes_on(make_house: MakeHouse, tmp_path: Path) -> None:
    """Where people sign on to it; a query that a stranger wrote leads nowhere else."""
    grafana = await make_grafana(make_house, tmp_path, grafana_client_secret_file=tmp_path / "secret")
    browser = await grafana.house.signed_in()
    response = await browser.ask("POST", "/sign-out", data={"csrf": browser.csrf})
    assert (response.status, response.headers["Location"]) == (303, "/sign-in?signed_out=1")
    browser.cookie = None
    for path in (response.headers["Location"], "/sign-in?signed_out=//evil.example"):
        page = read_page(await (await browser.get(path)).text())
        assert "You are signed out here. Grafana has a session of its own" in page.text
        [link] = page.all("a", href=f"{GRAFANA}/logout")
        assert link.words == "Sign out of Grafana"
    assert "You are signed out here" not in await (await browser.get("/sign-in")).text()


async def test_nothing_is_there_where_no_grafana_is_named(house: House) -> None:
    browser = await house.signed_in()
    for path in (AUTHORIZE, *FOR_PROGRAMS):
        more: dict[str, Any] = {"data": {"grant_type": "authorization_code"}} if path == TOKEN else {}
        response = await browser.ask("POST" if path == TOKEN else "GET", path, **more)
        assert response.status == 404, path


async def test_forms_lead_to_grafana_on_the_way_there_alone(grafana: Grafana, house: House) -> None:
    browser = await grafana.house.signed_in()
    for path in ("/password", "/confirm-password"):
        policy = (await browser.get(path)).headers["Content-Security-Policy"]
        assert f"form-action 'self' {GRAFANA};" in policy
    for path in ("/", "/me", "/settings", AUTHORIZE):
        assert "form-action 'self';" in (await browser.get(path)).headers["Content-Security-Policy"]
    without = (await house.browser().get("/sign-in")).headers["Content-Security-Policy"]
    assert "form-action 'self';" in without


async def test_browsers_come_under_our_name_and_grafana_under_any(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in()
    stranger = {"Host": "controller:8000"}
    assert (await browser.get(grafana.asking(), headers=stranger)).status == 421
    code = await grafana.code(browser)
    assert (await grafana.exchange(code, headers=stranger)).status == 200


async def test_behind_a_proxy_the_secure_cookie_counts(make_house: MakeHouse, tmp_path: Path) -> None:
    grafana = await make_grafana(
        make_house, tmp_path, trusted_proxies=("127.0.0.1",), public_url="https://yard.example"
    )
    await grafana.house.user("anna")
    browser = grafana.house.browser(
        headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.9.8.7", "Host": "yard.example"}
    )
    body = {"username": "anna", "password": PASSWORD}
    response = await browser.ask("POST", "/api/v1/auth/login", body)
    secret = response.cookies["__Host-hashyard"].value
    led = await browser.get(grafana.asking(), headers={"Cookie": f"__Host-hashyard={secret}"})
    assert "code" in led_back(led)
    plain = await browser.get(grafana.asking(), headers={"Cookie": f"hashyard={secret}"})
    assert led_to(plain)[0] == "/sign-in"
    [event] = await grafana.house.events("auth.signed_on")
    assert event.address == "10.9.8.7"
