"""What Grafana itself asks: tokens for a code, and whose they are; every refusal, and what ends them."""

import base64
import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from structlog.testing import capture_logs

from controller.sign_on.provider import DISCOVERY, KEYS, TOKEN, USERINFO
from tests.unit.controller.api.conftest import PASSWORD, MakeHouse
from tests.unit.controller.sign_on.conftest import (
    BASIC,
    CALLBACK,
    ISSUER,
    SECRET,
    Grafana,
    basic,
    make_grafana,
)
from tests.unit.controller.sign_on.test_sign_on_authorize import end

POST_SECRET = {"client_id": "grafana", "client_secret": SECRET}


async def test_a_code_gives_tokens_that_say_who_signed_on(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in("anna", email="anna@yard.example", name="Anna P.")
    user = await grafana.house.storage.people.users.by_name("anna")
    assert user is not None
    signed_in_at = int(grafana.house.deeds.now.timestamp())
    grafana.house.deeds.pass_time(seconds=90)
    response = await grafana.exchange(await grafana.code(browser))
    assert response.status == 200
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")
    given = await response.json()
    assert set(given) == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 300)
    assert given["scope"] == "openid profile email"

    published = await (await grafana.house.http.get(KEYS)).json()
    token = jwt.decode(given["id_token"], KeySet.import_key_set(published), algorithms=["RS256"])
    now = int(grafana.house.deeds.now.timestamp())
    half = hashlib.sha256(given["access_token"].encode()).digest()[:16]
    assert token.claims == {
        "iss": ISSUER,
        "sub": user.id,
        "aud": "grafana",
        "iat": now,
        "exp": now + 300,
        "auth_time": signed_in_at,
        "nonce": "n-0S6_WzA2Mj",
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
    }

    for method in ("GET", "POST"):
        response = await grafana.whose(given["access_token"], method)
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert await response.json() == {
            "sub": user.id,
            "preferred_username": "anna",
            "name": "Anna P.",
            "email": "anna@yard.example",
            "email_verified": True,
        }


async def test_without_a_nonce_there_is_none_and_scopes_say_what_is_told(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in("anna")
    response = await grafana.exchange(await grafana.code(browser, nonce=None, scope="openid something"))
    given = await response.json()
    assert given["scope"] == "openid"
    payload = given["id_token"].split(".")[1]
    assert "nonce" not in json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert set(await (await grafana.whose(given["access_token"])).json()) == {"sub"}


async def test_the_secret_may_come_in_the_form(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in()
    assert (await grafana.exchange(await grafana.code(browser), auth=None, **POST_SECRET)).status == 200


STRANGERS: list[dict[str, Any]] = [
    {"auth": None},
    {"auth": None, "client_id": "grafana"},
    {"auth": None, "client_secret": SECRET},
    {"auth": None, "client_id": "grafana", "client_secret": ""},
    {"auth": None, "client_id": "grafana", "client_secret": SECRET + " "},
    {"auth": None, "client_id": "grafana", "client_secret": "ü"},
    {"auth": None, "client_id": "Grafana", "client_secret": SECRET},
    {"auth": "grafana:wrong"},
    {"auth": BASIC.replace("grafana", "another")},
    {"auth": None, "headers": {"Authorization": "Basic"}},
    {"auth": None, "headers": {"Authorization": "Basic ====="}},
    {"auth": None, "headers": basic(b"grafana")},
    {"auth": None, "headers": basic(b"grafana:\xff")},
    {"auth": None, "headers": {"Authorization": f"Digest {SECRET}"}},
]


@pytest.mark.parametrize("shown", STRANGERS, ids=str)
async def test_who_does_not_show_the_secret_gets_nothing(grafana: Grafana, shown: dict[str, Any]) -> None:
    """And the code is not spent by it."""
    code = await grafana.code(await grafana.house.signed_in())
    response = await grafana.exchange(code, **shown)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert (await response.json())["error"] == "invalid_client"
    [event] = await grafana.house.events("auth.sign_on_refused")
    assert (event.outcome, event.address) == ("refused", "127.0.0.1")
    assert (await grafana.exchange(code)).status == 200


@pytest.mark.parametrize(
    "shown",
    [{"client_secret": SECRET}, POST_SECRET, {"client_id": "another"}],
    ids=["secret twice", "both twice", "another client"],
)
async def test_the_secret_is_shown_in_one_way(grafana: Grafana, shown: dict[str, str]) -> None:
    code = await grafana.code(await grafana.house.signed_in())
    response = await grafana.exchange(code, **shown)
    assert (response.status, (await response.json())["error"]) == (400, "invalid_request")


FAULTS: list[tuple[dict[str, str | None], str]] = [
    ({"grant_type": None}, "invalid_request"),
    ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ({"code": None}, "invalid_request"),
    ({"code": ""}, "invalid_request"),
    ({"code": "x"}, "invalid_grant"),
    ({"code": "ü\0"}, "invalid_grant"),
    ({"redirect_uri": None}, "invalid_request"),
]


@pytest.mark.parametrize(("changed", "error"), FAULTS, ids=str)
async def test_what_is_asked_wrongly_is_told_and_spends_no_code(
    grafana: Grafana, changed: dict[str, str | None], error: str
) -> None:
    code = await grafana.code(await grafana.house.signed_in())
    response = await grafana.exchange(**{"code": code, **changed})  # type: ignore[arg-type]
    assert (response.status, (await response.json())["error"]) == (400, error)
    assert response.headers["Cache-Control"] == "no-store"
    assert (await grafana.exchange(code)).status == 200


BINDING: list[dict[str, str | None]] = [
    {"redirect_uri": CALLBACK + "/"},
    {"redirect_uri": "https://evil.example/"},
    {"code_verifier": None},
    {"code_verifier": ""},
    {"code_verifier": "x" * 43},
    {"code_verifier": "x" * 129},
]


@pytest.mark.parametrize("changed", BINDING, ids=str)
async def test_a_code_that_is_tried_with_anything_else_is_spent(
    grafana: Grafana, changed: dict[str, str | None]
) -> None:
    code = await grafana.code(await grafana.house.signed_in())
    for given in (changed, {}):
        response = await grafana.exchange(code, **given)
        assert (response.status, (await response.json())["error"]) == (400, "invalid_grant")


async def test_a_challenge_is_not_its_own_verifier(grafana: Grafana) -> None:
    digest = hashlib.sha256(grafana.verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    code = await grafana.code(await grafana.house.signed_in())
    assert (await grafana.exchange(code, code_verifier=challenge)).status == 400


@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "code_verifier"])
async def test_a_field_that_is_given_twice_is_refused(grafana: Grafana, name: str) -> None:
    form = [(name, "x"), (name, "x"), *POST_SECRET.items()]
    response = await grafana.house.http.post(TOKEN, data=form)
    assert (response.status, (await response.json())["error"]) == (400, "invalid_request")


async def test_a_body_that_is_no_form_is_refused(grafana: Grafana) -> None:
    post = grafana.house.http.post
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await post(TOKEN, data=b"x=%ff", headers=form)
    assert (response.status, (await response.json())["error"]) == (400, "invalid_request")
    assert (await post(TOKEN, json={"grant_type": "authorization_code"})).status == 415
    assert (await post(TOKEN, data=BytesIO(b"x=" + b"y" * 1024 * 1024), headers=form)).status == 413


async def test_a_code_lives_60_seconds(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in()
    first, second = await grafana.code(browser), await grafana.code(browser)
    grafana.house.deeds.pass_time(seconds=59)
    assert (await grafana.exchange(first)).status == 200
    grafana.house.deeds.pass_time(seconds=1)
    assert (await grafana.exchange(second)).status == 400


async def test_a_code_that_comes_twice_takes_back_what_it_gave(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in("anna")
    code = await grafana.code(browser)
    token = (await (await grafana.exchange(code)).json())["access_token"]
    other = await grafana.access(browser)
    assert (await grafana.whose(token)).status == 200
    grafana.house.deeds.pass_time(seconds=120)
    response = await grafana.exchange(code)
    assert (response.status, (await response.json())["error"]) == (400, "invalid_grant")
    assert (await grafana.whose(token)).status == 401
    assert (await grafana.whose(other)).status == 200, "another sign-on stays"
    [event] = await grafana.house.events("auth.sign_on_replayed")
    assert event.params["username"] == "anna"


async def test_an_access_token_lives_five_minutes(grafana: Grafana) -> None:
    token = await grafana.access(await grafana.house.signed_in())
    grafana.house.deeds.pass_time(seconds=299)
    assert (await grafana.whose(token)).status == 200
    grafana.house.deeds.pass_time(seconds=1)
    assert (await grafana.whose(token)).status == 401


@pytest.mark.parametrize("ended", ["disabled", "signed out"])
async def test_who_is_disabled_or_signed_out_everywhere_is_out_at_once(grafana: Grafana, ended: str) -> None:
    browser = await grafana.house.signed_in("anna", "accountant")
    token, code = await grafana.access(browser), await grafana.code(browser)
    await end(grafana.house, "anna", ended)
    response = await grafana.whose(token)
    assert response.status == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    response = await grafana.exchange(code)
    assert (response.status, (await response.json())["error"]) == (400, "invalid_grant")


async def test_signing_out_and_a_new_password_end_it_too(grafana: Grafana) -> None:
    anna, boris = await grafana.house.signed_in("anna"), await grafana.house.signed_in("boris")
    of_anna, of_boris = await grafana.access(anna), await grafana.access(boris)
    assert (await anna.ask("POST", "/api/v1/auth/logout")).status == 204
    body = {"current": PASSWORD, "new": "three other words and one"}
    assert (await boris.ask("PUT", "/api/v1/me/password", body)).status == 204
    assert (await grafana.whose(of_anna)).status == 401
    assert (await grafana.whose(of_boris)).status == 401


async def test_what_is_no_access_token_opens_nothing(grafana: Grafana) -> None:
    user = await grafana.house.user("anna")
    token = await grafana.house.token(user)
    for given in (token, "x", SECRET.encode().hex(), ""):
        assert (await grafana.whose(given)).status == 401
    response = await grafana.house.http.get(USERINFO)
    assert (response.status, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="hashyard"')


async def test_an_access_token_opens_nothing_else_and_does_not_come_in_an_address(grafana: Grafana) -> None:
    token = await grafana.access(await grafana.house.signed_in())
    assert (await grafana.house.browser(token=token).get("/api/v1/me")).status == 401
    response = await grafana.house.http.get(f"{USERINFO}?access_token={token}")
    assert response.status == 400
    response = await grafana.house.http.post(USERINFO, data={"access_token": token})
    assert response.status == 401


async def test_guessing_the_secret_is_shut_out_where_it_comes_from(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    grafana = await make_grafana(make_house, tmp_path, trusted_proxies=("127.0.0.1",))
    code = await grafana.code(await grafana.house.signed_in())
    wrong = "grafana:wrong"
    here, there = {"X-Forwarded-For": "10.0.0.1"}, {"X-Forwarded-For": "10.0.0.2"}
    found = [(await grafana.exchange(code, auth=wrong, headers=here)).status for _ in range(11)]
    assert found == [401] * 10 + [429]
    response = await grafana.exchange(code, headers=here)
    assert response.status == 429
    assert int(response.headers["Retry-After"]) > 0
    assert len(await grafana.house.events("auth.sign_on_refused")) == 10
    assert (await grafana.exchange(code, headers=there)).status == 200


async def test_guessing_access_tokens_is_slowed_down(grafana: Grafana) -> None:
    token = await grafana.access(await grafana.house.signed_in())
    found = [(await grafana.whose(f"x{number}")).status for number in range(61)]
    assert found == [401] * 60 + [429]
    assert (await grafana.whose(token)).status == 200


async def test_no_secret_stands_in_the_record_or_the_log(grafana: Grafana) -> None:
    browser = await grafana.house.signed_in("anna")
    with capture_logs() as logs:
        code = await grafana.code(browser)
        given = await (await grafana.exchange(code)).json()
        await grafana.exchange(code)
        await grafana.exchange(code, auth="grafana:a wrong one")
        await grafana.exchange("x", grant_type="password")
    said = repr(logs) + repr(await grafana.house.events())
    assert len(logs) >= 2
    for secret in (code, SECRET, "a wrong one", grafana.verifier, given["access_token"], given["id_token"]):
        assert secret not in said
    assert SECRET not in repr(grafana.sign_on.client)


async def test_the_document_names_what_is_there(grafana: Grafana) -> None:
    response = await grafana.house.http.get(DISCOVERY)
    told = await response.json()
    assert (response.status, told["issuer"]) == (200, ISSUER)
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["grant_types_supported"] == ["authorization_code"]
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        path = told[name].removeprefix(ISSUER)
        status = (await grafana.house.http.get(path, allow_redirects=False)).status
        assert status == {"authorization_endpoint": 400, "token_endpoint": 405, "userinfo_endpoint": 401}.get(
            name, 200
        )


async def test_only_administrators_change_the_address_that_is_vouched_for(grafana: Grafana) -> None:
    boss = await grafana.house.signed_in("boss", email="boss@yard.example")
    for role in ("client", "accountant", "administrator"):
        username = f"user-{role}"
        browser = await grafana.house.signed_in(username, role)  # type: ignore[arg-type]
        etag = (await browser.get("/api/v1/me")).headers["ETag"]
        body = {"email": "boss@yard.example"}
        response = await browser.ask("PATCH", "/api/v1/me", body, headers={"If-Match": etag})
        assert response.status in {400, 422}
        user = await grafana.house.storage.people.users.by_name(username)
        assert user is not None
        assert user.email is None
        path = f"/api/v1/users/{user.id}"
        etag = (await boss.get(path)).headers["ETag"]
        if role != "administrator":
            response = await browser.ask("PATCH", path, body, headers={"If-Match": etag})
            assert response.status == 403
        for taken in ("boss@yard.example", "BOSS@Yard.Example"):
            response = await boss.ask("PATCH", path, {"email": taken}, headers={"If-Match": etag})
            assert response.status == 409, "it is the address of another"
        told = await (await grafana.whose(await grafana.access(browser))).json()
        assert told["email"] == f"{user.id}@hashyard.invalid".lower()
