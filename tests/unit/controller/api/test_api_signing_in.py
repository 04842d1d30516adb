"""Signing in, from outside: sessions and their ends, tokens, lock-out, the password given again, other sites."""

import stat
from typing import Any

import pytest
from argon2 import PasswordHasher
from msgspec.structs import replace

from controller.api.first_administrator import make_first_administrator, reset_administrator
from controller.api.passwords import Passwords
from tests.unit.controller.api.conftest import PASSWORD, Browser, House, MakeHouse

ME = "/api/v1/me"


async def kind(response: Any) -> str:
    return str((await response.json())["type"]).removeprefix("/problems/")


async def test_a_session_begins_with_a_cookie_that_scripts_and_other_sites_do_not_get(house: House) -> None:
    await house.user("anna")
    browser = house.browser()
    response = await browser.sign_in("anna")
    assert response.status == 204
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("hashyard=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    me = await (await browser.get(ME)).json()
    assert (me["username"], me["role"]) == ("anna", "administrator")
    assert me["csrf_token"] == browser.csrf


async def test_behind_a_trusted_proxy_with_tls_the_cookie_is_bound_to_the_host(make_house: MakeHouse) -> None:
    house = await make_house(trusted_proxies=("127.0.0.1",))
    await house.user("anna")
    browser = house.browser(headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"})
    body = {"username": "anna", "password": PASSWORD}
    response = await browser.ask("POST", "/api/v1/auth/login", body)
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-hashyard=")
    assert "Secure" in cookie.split("; ")
    [event] = await house.events("auth.signed_in")
    assert event.address == "203.0.113.9"


async def test_forwarded_addresses_of_strangers_do_not_count(house: House) -> None:
    await house.user("anna")
    await house.browser(headers={"X-Forwarded-For": "203.0.113.9"}).sign_in("anna")
    [event] = await house.events("auth.signed_in")
    assert event.address == "127.0.0.1"


async def test_a_name_is_found_in_any_letter_case(house: House) -> None:
    await house.user("Ольга")
    assert (await house.browser().sign_in("ольга")).status == 204


async def test_wrong_name_wrong_password_and_inactive_are_told_alike(house: House) -> None:
    await house.user("anna")
    await house.user("gone", active=False)
    answers = []
    for username, password in (("anna", "not the password"), ("nobody", PASSWORD), ("gone", PASSWORD)):
        response = await house.browser().sign_in(username, password)
        body = await response.json()
        answers.append(
            (response.status, body["type"], body["detail"], "WWW-Authenticate" in response.headers)
        )
    assert len(set(answers)) == 1
    assert answers[0][0] == 401
    failures = await house.events("auth.failed")
    assert {event.actor.name for event in failures} == {"anna", "gone", "Hashyard"}


async def test_a_cookie_that_was_planted_is_not_taken_over(house: House) -> None:
    """Fixation: whoever plants a cookie before the sign-in must not be signed in after it."""
    await house.user("anna")
    planted = house.browser(cookie="planted-by-a-stranger")
    victim = house.browser(cookie="planted-by-a-stranger")
    response = await victim.sign_in("anna")
    assert response.status == 204
    assert victim.cookie != planted.cookie
    assert (await planted.get(ME)).status == 401


async def test_a_sign_in_over_a_session_ends_that_session(house: House) -> None:
    first = await house.signed_in("anna")
    second = house.browser(cookie=first.cookie)
    assert (await second.sign_in("anna")).status == 204
    response = await first.get(ME)
    assert (response.status, await kind(response)) == (401, "session-ended")
    assert (await second.get(ME)).status == 200


async def test_signing_out_ends_the_session_and_takes_the_cookie(house: House) -> None:
    browser = await house.signed_in()
    response = await browser.ask("POST", "/api/v1/auth/logout")
    assert response.status == 204
    assert "Max-Age=0" in response.headers["Set-Cookie"]
    assert (await browser.get(ME)).status == 401


async def test_an_idle_session_ends_and_a_used_one_lives_seven_days(house: House) -> None:
    idle, used = await house.signed_in("anna"), await house.signed_in("bert")
    for _ in range(13):
        house.deeds.pass_time(hours=11)
        assert (await used.get(ME)).status == 200
    assert await kind(await idle.get(ME)) == "session-ended"
    for _ in range(3):
        house.deeds.pass_time(hours=11)
        last = await used.get(ME)
    assert (last.status, await kind(last)) == (401, "session-ended")


async def test_changing_the_password_ends_other_sessions_and_renews_the_own_cookie(house: House) -> None:
    own = await house.signed_in("anna")
    other = house.browser()
    await other.sign_in("anna")
    bearer = await other_token(house)
    old = Browser(house.http, cookie=own.cookie)
    change = {"current": PASSWORD, "new": "thistle anchor moss ferry"}
    response = await own.ask("PUT", "/api/v1/me/password", change)
    assert response.status == 204
    assert (await other.get(ME)).status == 401
    assert (await old.get(ME)).status == 401
    assert (await house.browser(token=bearer).get(ME)).status == 401
    renewed = house.browser(cookie=response.cookies["hashyard"].value)
    assert (await renewed.get(ME)).status == 200
    assert (await house.browser().sign_in("anna")).status == 401
    assert (await house.browser().sign_in("anna", "thistle anchor moss ferry")).status == 204


async def other_token(house: House) -> str:
    response = await house.browser().ask(
        "POST", "/api/v1/auth/login?as=token", {"username": "anna", "password": PASSWORD}
    )
    assert response.status == 200
    return str((await response.json())["access_token"])


@pytest.mark.parametrize(
    ("change", "at", "code"),
    [
        ({"current": "wrong wrong wrong", "new": "thistle anchor moss ferry"}, "/current", "wrong"),
        ({"current": PASSWORD, "new": "passwordpassword"}, "/new", "common"),
        ({"current": PASSWORD, "new": "short"}, "/new", "length"),
        ({"current": PASSWORD, "new": "x" * 129}, "/new", "length"),
        ({"current": PASSWORD, "new": PASSWORD}, "/new", "same"),
    ],
)
async def test_a_password_that_cannot_be_taken_is_refused(
    house: House, change: dict[str, str], at: str, code: str
) -> None:
    browser = await house.signed_in()
    response = await browser.ask("PUT", "/api/v1/me/password", change)
    body = await response.json()
    assert response.status == 422
    assert [(mistake["at"], mistake["code"]) for mistake in body["errors"]] == [(at, code)]
    assert (await browser.get(ME)).status == 200


async def test_guessing_is_slowed_down_then_shut_for_that_name_from_that_address(
    make_house: MakeHouse,
) -> None:
    house = await make_house(trusted_proxies=("127.0.0.0/8",))
    await house.user("anna")
    guesser = house.browser(headers={"X-Forwarded-For": "203.0.113.9"})
    for _ in range(10):
        assert (await guesser.sign_in("anna", "a wrong password")).status == 401
    assert house.slept == [1.0, 2.0, 4.0, 8.0, 8.0]
    shut = await guesser.sign_in("anna")
    assert (shut.status, await kind(shut)) == (429, "too-many")
    assert int(shut.headers["Retry-After"]) == 900
    elsewhere = house.browser(headers={"X-Forwarded-For": "198.51.100.1"})
    assert (await elsewhere.sign_in("ANNA")).status == 204
    assert len(await house.events("auth.failed")) == 10
    assert len(await house.events("auth.shut_out")) == 1
    house.deeds.pass_time(minutes=15, seconds=1)
    assert (await guesser.sign_in("anna")).status == 204


async def test_many_names_from_one_address_shut_that_address_for_all_names(make_house: MakeHouse) -> None:
    house = await make_house(trusted_proxies=("127.0.0.0/8",))
    await house.user("anna")
    for number in range(30):
        guesser = house.browser(headers={"X-Forwarded-For": f"2001:db8::{number:x}"})
        assert (await guesser.sign_in(f"name{number}", "a wrong password")).status == 401
    assert (await house.browser(headers={"X-Forwarded-For": "2001:db8::ffff"}).sign_in("anna")).status == 429
    assert (await house.browser(headers={"X-Forwarded-For": "2001:db8:0:1::1"}).sign_in("anna")).status == 204


async def test_what_is_right_forgets_the_failures_before(house: House) -> None:
    await house.user("anna")
    for _ in range(4):
        for _ in range(4):
            await house.browser().sign_in("anna", "a wrong password")
        assert (await house.browser().sign_in("anna")).status == 204
    assert house.slept == []


async def test_the_password_is_hashed_again_when_the_costs_change(house: House) -> None:
    user = await house.user("anna")
    strong = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    await house.storage.people.users.set_password(user.id, await strong.hash(PASSWORD), change_needed=False)
    strong.close()
    before = await house.storage.people.users.password_hash(user.id)
    assert (await house.browser().sign_in("anna")).status == 204
    after = await house.storage.people.users.password_hash(user.id)
    assert before is not None
    assert after is not None
    assert "m=8" in after
    assert "m=8" not in before
    assert (await house.browser().sign_in("anna")).status == 204


async def test_a_token_in_place_of_a_cookie_ends_after_twelve_hours(house: House) -> None:
    await house.user("anna")
    response = await house.browser().ask(
        "POST", "/api/v1/auth/login?as=token", {"username": "anna", "password": PASSWORD}
    )
    body = await response.json()
    assert "Set-Cookie" not in response.headers
    assert body["token_type"] == "bearer"
    assert body["access_token"].startswith("hy_")
    assert len(body["access_token"]) == 46
    browser = house.browser(token=body["access_token"])
    assert (await browser.get(ME)).status == 200
    house.deeds.pass_time(hours=12)
    late = await browser.get(ME)
    assert (late.status, await kind(late)) == (401, "sign-in-needed")
    assert late.headers["WWW-Authenticate"].startswith("Bearer")


async def test_signing_out_revokes_the_token_of_a_sign_in_but_none_made_by_hand(house: House) -> None:
    user = await house.user("anna")
    bearer = house.browser(token=await other_token(house))
    assert (await bearer.ask("POST", "/api/v1/auth/logout")).status == 204
    assert (await bearer.get(ME)).status == 401
    by_hand = house.browser(token=await house.token(user))
    assert (await by_hand.ask("POST", "/api/v1/auth/logout")).status == 403
    assert (await by_hand.get(ME)).status == 200


async def test_a_cookie_and_a_token_at_once_are_refused(house: House) -> None:
    browser = await house.signed_in()
    browser.token = "hy_whatever"
    response = await browser.get(ME)
    assert (response.status, await kind(response)) == (400, "malformed")


@pytest.mark.parametrize("bearer", ["", "hy_", "hy_" + "A" * 43, "secret", "ключ"])
async def test_a_token_that_is_none_is_refused(house: House, bearer: str) -> None:
    response = await house.browser().get(ME, headers={"Authorization": f"Bearer {bearer}"})
    assert (response.status, await kind(response)) == (401, "sign-in-needed")


async def test_a_token_is_shown_once_used_and_revoked(house: House) -> None:
    browser = await house.signed_in()
    made = await browser.ask("POST", "/api/v1/me/tokens", {"name": "grafana", "scopes": ["read"]})
    body = await made.json()
    assert made.status == 201
    shown = await (await browser.get("/api/v1/me/tokens")).json()
    assert shown["total"] == 1
    assert body["token"] not in str(shown)
    by_token = house.browser(token=body["token"])
    me = await (await by_token.get(ME)).json()
    assert me["scopes"] == ["read"]
    assert me["csrf_token"] is None
    refused = await by_token.get("/api/v1/users")
    assert (refused.status, await kind(refused)) == (403, "not-allowed")
    assert (await browser.ask("DELETE", f"/api/v1/me/tokens/{body['id']}")).status == 204
    assert (await by_token.get(ME)).status == 401


async def test_a_token_makes_no_token_that_can_do_more_than_itself(house: House) -> None:
    user = await house.user("anna")
    narrow = house.browser(token=await house.token(user, "people", "read", containers=("container-1",)))
    wish = {"name": "more", "scopes": ["control", "read"], "containers": ["container-1", "container-2"]}
    response = await narrow.ask("POST", "/api/v1/me/tokens", wish)
    assert response.status == 422
    places = {mistake["at"] for mistake in (await response.json())["errors"]}
    assert places == {"/scopes/0", "/containers/1"}
    wish = {"name": "all containers", "scopes": ["read"]}
    response = await narrow.ask("POST", "/api/v1/me/tokens", wish)
    assert [mistake["at"] for mistake in (await response.json())["errors"]] == ["/containers"]
    house.deeds.pass_time(days=89)
    wish = {"name": "longer", "scopes": ["read"], "containers": ["container-1"], "expires_in_days": 365}
    response = await narrow.ask("POST", "/api/v1/me/tokens", wish)
    assert response.status == 201
    house.deeds.pass_time(days=1)
    longer = house.browser(token=(await response.json())["token"])
    assert (await longer.get(ME)).status == 401


async def test_a_token_loses_what_its_owner_loses(house: House) -> None:
    await house.signed_in("root")
    user = await house.user("anna")
    by_token = house.browser(token=await house.token(user))
    assert (await by_token.get("/api/v1/users")).status == 200
    kept = await house.storage.people.users.get(user.id)
    assert kept is not None
    await house.storage.people.users.update(replace(kept, role="accountant"))
    assert (await by_token.get("/api/v1/users")).status == 403
    await house.storage.people.users.update(replace(kept, active=False))
    assert (await by_token.get(ME)).status == 401


async def test_use_from_a_new_address_is_an_event_once(make_house: MakeHouse) -> None:
    house = await make_house(trusted_proxies=("127.0.0.1",))
    token = await house.token(await house.user("anna"))
    for address in ("203.0.113.9", "203.0.113.9", "198.51.100.1", "203.0.113.9"):
        await house.browser(token=token, headers={"X-Forwarded-For": address}).get(ME)
    events = await house.events("auth.token_from_new_address")
    assert [event.address for event in reversed(events)] == ["203.0.113.9", "198.51.100.1"]


async def test_changes_to_people_ask_for_the_password_again(house: House) -> None:
    browser = await house.signed_in()
    house.deeds.pass_time(minutes=15)
    wish = {"username": "bert", "role": "accountant"}
    response = await browser.ask("POST", "/api/v1/users", wish)
    assert (response.status, await kind(response)) == (403, "password-needed")
    wrong = await browser.ask("POST", "/api/v1/auth/confirm", {"password": "not the password"})
    assert (wrong.status, await kind(wrong)) == (422, "invalid")
    assert (await browser.ask("POST", "/api/v1/auth/confirm", {"password": PASSWORD})).status == 204
    assert (await browser.ask("POST", "/api/v1/users", wish)).status == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"X-CSRF-Token": "wrong"},
        {"X-CSRF-Token": ""},
    ],
    ids=str,
)
async def test_what_another_site_sends_is_refused_and_recorded(house: House, headers: dict[str, str]) -> None:
    browser = await house.signed_in()
    response = await browser.ask("POST", "/api/v1/auth/logout", headers=headers)
    assert (response.status, await kind(response)) == (403, "cross-site")
    assert (await browser.get(ME)).status == 200
    [event] = await house.events("auth.refused")
    assert event.params["type"] == "cross-site"
    assert event.params["path"] == "/api/v1/auth/logout"


async def test_a_session_without_its_token_changes_nothing_and_a_bearer_needs_none(house: House) -> None:
    browser = await house.signed_in()
    without = house.browser(cookie=browser.cookie)
    assert (await without.ask("POST", "/api/v1/auth/logout")).status == 403
    other = await house.signed_in("bert")
    foreign = house.browser(cookie=browser.cookie, csrf=other.csrf)
    assert (await foreign.ask("POST", "/api/v1/auth/logout")).status == 403
    bearer = house.browser(token=await other_token(house))
    assert (await bearer.ask("POST", "/api/v1/auth/logout")).status == 204


async def test_the_sign_in_of_another_site_is_refused(house: House) -> None:
    await house.user("anna")
    response = await house.browser().sign_in("anna", headers={"Origin": "https://evil.example"})
    assert response.status == 403


async def test_our_own_page_may(house: House) -> None:
    browser = await house.signed_in()
    ours = str(house.http._base_url).rstrip("/")
    headers = {"Origin": ours, "Sec-Fetch-Site": "same-origin"}
    assert (await browser.ask("POST", "/api/v1/auth/logout", headers=headers)).status == 204


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("10.1.7.4:8000", 200),
        ("[::1]:8000", 200),
        ("hashyard.example.org", 200),
        ("HASHYARD.example.org.:443", 200),
        ("evil.example", 421),
        ("user@localhost", 400),
        ("localhost/x", 400),
    ],
)
async def test_only_our_own_host_names_are_answered(make_house: MakeHouse, host: str, status: int) -> None:
    house = await make_house(public_url="https://hashyard.example.org")
    response = await house.browser().get("/-/healthy", headers={"Host": host})
    assert response.status == status


async def test_a_refusal_for_want_of_a_role_is_recorded(house: House) -> None:
    browser = await house.signed_in("carl", "accountant")
    assert (await browser.get("/api/v1/users")).status == 403
    [event] = await house.events("auth.refused")
    assert (event.actor.name, event.params["path"], event.outcome) == ("carl", "/api/v1/users", "refused")


async def test_a_stranger_does_not_fill_the_record_with_refusals(house: House) -> None:
    for _ in range(30):
        response = await house.browser().sign_in("x", headers={"Origin": "https://evil.example"})
        assert response.status == 403
    assert len(await house.events("auth.refused")) == 10


async def test_the_first_administrator_has_a_password_that_only_the_owner_reads(house: House) -> None:
    file = await make_first_administrator(
        house.storage, house.settings.data, house.passwords, house.deeds.now
    )
    assert file == house.settings.data / "initial-admin-password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = file.read_text().strip()
    browser = house.browser()
    assert (await browser.sign_in("admin", password)).status == 204
    me = await (await browser.get(ME)).json()
    assert me["password_change_needed"] is True
    refused = await browser.ask("POST", "/api/v1/me/tokens", {"name": "x", "scopes": ["read"]})
    assert (refused.status, await kind(refused)) == (403, "not-allowed")
    change = {"current": password, "new": "thistle anchor moss ferry"}
    changed = await browser.ask("PUT", "/api/v1/me/password", change)
    assert changed.status == 204
    assert not file.exists()
    browser.cookie, browser.csrf = changed.cookies["hashyard"].value, changed.headers["X-CSRF-Token"]
    assert (await (await browser.get(ME)).json())["password_change_needed"] is False
    assert (await browser.ask("POST", "/api/v1/me/tokens", {"name": "x", "scopes": ["read"]})).status == 201
    again = await make_first_administrator(
        house.storage, house.settings.data, house.passwords, house.deeds.now
    )
    assert again is None
    assert not file.exists()


async def test_a_lost_password_is_reset_on_the_machine(house: House) -> None:
    data, now = house.settings.data, house.deeds.now
    await make_first_administrator(house.storage, data, house.passwords, now)
    old = house.browser()
    await old.sign_in("admin", (data / "initial-admin-password").read_text().strip())
    user = await house.storage.people.users.by_name("admin")
    assert user is not None
    token = house.browser(token=await house.token(user))
    file = await reset_administrator(house.storage, data, house.passwords, now)
    assert (await old.get(ME)).status == 401
    assert (await token.get(ME)).status == 401
    assert (await house.browser().sign_in("admin", file.read_text().strip())).status == 204


async def test_a_reset_gives_an_administrator_who_lost_his_rights_all_of_them(house: House) -> None:
    await house.user("admin", "accountant", active=False)
    file = await reset_administrator(house.storage, house.settings.data, house.passwords, house.deeds.now)
    browser = house.browser()
    assert (await browser.sign_in("admin", file.read_text().strip())).status == 204
    assert (await browser.get("/api/v1/users")).status == 200
