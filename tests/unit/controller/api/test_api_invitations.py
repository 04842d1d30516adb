"""Invitations, from outside: a link that is good once and for a week, and whose token is written nowhere else."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from controller.api.first_administrator import reset_administrator
from controller.model import GrafanaLink, User
from tests.unit.controller.api.conftest import PASSWORD, Browser, House, MakeHouse
from tests.unit.controller.pages.reading_pages import Element, read_page

USERS = "/api/v1/users"
CHOSEN = "otter copper violin marsh"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def invited(admin: Browser, **more: Any) -> tuple[str, dict[str, Any]]:
    """Return the path of a new user's link, and what was answered."""
    made = await admin.ask("POST", USERS, {"username": "olga", "role": "accountant", "invite": True, **more})
    assert made.status == 201, await made.text()
    body = await made.json()
    return "/" + body["link"].split("/", 3)[3], body


async def choose(browser: Browser, path: str, new: str = CHOSEN, again: str | None = None) -> Any:
    return await browser.ask("POST", path, data={"new": new, "new_again": new if again is None else again})


async def page_of(response: Any) -> Element:
    return read_page(await response.text())


async def test_the_link_sets_the_password_once_and_signs_nobody_in(house: House) -> None:
    admin = await house.signed_in("root")
    path, body = await invited(admin)
    assert (body["password"], body["password_change_needed"]) == (None, False)
    olga = house.browser()
    assert (await olga.sign_in("olga", "")).status >= 400
    for _ in range(2):  # looking changes nothing
        shown = await olga.get(path)
        assert (shown.status, shown.headers["Referrer-Policy"]) == (200, "strict-origin")
        assert shown.headers["Cache-Control"] == "no-store"
        assert not shown.cookies
        assert "olga" in (await page_of(shown)).text
    led = await choose(olga, path)
    assert (led.status, led.headers["Location"], led.headers["Referrer-Policy"]) == (
        303,
        "/invitation",
        "strict-origin",
    )
    assert not led.cookies
    assert "Your password is set" in (await page_of(await olga.get("/invitation"))).text
    assert (await olga.sign_in("olga", CHOSEN)).status == 204
    for again in (await house.browser().get(path), await choose(house.browser(), path, "another " + CHOSEN)):
        assert again.status == 410
        assert "This invitation was used" in (await page_of(again)).text
    assert (await house.browser().sign_in("olga", CHOSEN)).status == 204
    [event] = await house.events("user.invitation_accepted")
    assert (event.actor.name, event.category) == ("olga", "people")


async def test_a_link_lapses_after_a_week_and_says_so(house: House) -> None:
    admin = await house.signed_in("root")
    path, body = await invited(admin)
    assert (await (await admin.get(f"{USERS}/{body['id']}")).json())["invited_until"] == body[
        "link_expires_at"
    ]
    house.deeds.pass_time(days=7)
    for response in (await house.browser().get(path), await choose(house.browser(), path)):
        assert response.status == 410
        page = await page_of(response)
        assert "This invitation was good until" in page.text
        assert "Ask whoever invited you for a new one." in page.text
    assert (await house.browser().sign_in("olga", CHOSEN)).status == 401


async def test_a_new_invitation_ends_the_one_before_the_password_and_the_sessions(house: House) -> None:
    admin = await house.signed_in("root")
    carl = await house.signed_in("carl", "accountant")
    user = await found(house, "carl")
    first, second = [
        await (await admin.ask("POST", f"{USERS}/{user.id}/invitation")).json() for _ in range(2)
    ]
    assert (await carl.get("/api/v1/me")).status == 401
    assert (await house.browser().sign_in("carl", PASSWORD)).status == 401
    paths = ["/" + one["link"].split("/", 3)[3] for one in (first, second)]
    assert (await house.browser().get(paths[0])).status == 404
    assert (await choose(house.browser(), paths[1])).status == 303
    assert (await house.browser().sign_in("carl", CHOSEN)).status == 204


async def test_an_invitation_is_withdrawn_once(house: House) -> None:
    admin = await house.signed_in("root")
    path, body = await invited(admin)
    end = f"{USERS}/{body['id']}/invitation"
    assert (await admin.ask("DELETE", end)).status == 204
    assert (await admin.ask("DELETE", end)).status == 404
    gone = await house.browser().get(path)
    assert gone.status == 404
    assert "withdrawn" in (await page_of(gone)).text
    assert (await choose(house.browser(), path)).status == 404


async def test_a_new_password_and_being_disabled_end_an_invitation(house: House) -> None:
    admin = await house.signed_in("root")
    path, body = await invited(admin)
    assert (await admin.ask("POST", f"{USERS}/{body['id']}/password")).status == 200
    assert (await house.browser().get(path)).status == 404
    again = await (await admin.ask("POST", f"{USERS}/{body['id']}/invitation")).json()
    path = "/" + again["link"].split("/", 3)[3]
    etag = (await admin.get(f"{USERS}/{body['id']}")).headers["ETag"]
    off = await admin.ask("PATCH", f"{USERS}/{body['id']}", {"active": False}, headers={"If-Match": etag})
    assert off.status == 200
    assert (await house.browser().get(path)).status == 404
    refused = await admin.ask("POST", f"{USERS}/{body['id']}/invitation")
    assert refused.status == 422
    assert "enable" in (await refused.json())["detail"]


async def test_a_reset_of_the_administrator_ends_a_link_to_his_account(house: House) -> None:
    """Else whoever invited him, and has the link, could take the account from who reset it on the machine."""
    other = await house.signed_in("root")
    path, _ = await invited(other, username="admin", role="administrator")
    file = await reset_administrator(house.storage, house.settings.data, house.passwords, house.deeds.now)
    assert (await choose(house.browser(), path)).status == 404
    assert (await house.browser().sign_in("admin", file.read_text().strip())).status == 204


async def test_nobody_invites_himself_out_of_his_account(house: House) -> None:
    admin = await house.signed_in("root")
    user = await found(house, "root")
    assert (await admin.ask("POST", f"{USERS}/{user.id}/invitation")).status == 422
    assert (await house.browser().sign_in("root", PASSWORD)).status == 204


async def test_what_is_wrong_with_a_chosen_password_is_said_and_the_link_stays(house: House) -> None:
    path, _ = await invited(await house.signed_in("root"))
    browser = house.browser()
    for new, again, field in (
        ("short", None, "new"),
        ("x" * 129, None, "new"),
        ("passwordpassword", None, "new"),
        (CHOSEN, CHOSEN + "s", "new_again"),
    ):
        response = await choose(browser, path, new, again)
        assert response.status == 422
        page = await page_of(response)
        assert page.one("title").words.startswith("Error:")
        told = page.one("p", id=f"{field}-error").words
        assert page.one("div", id="mistakes").one("a", href=f"#{field}").words == told
        assert all(not one.attributes.get("value") for one in page.all("input", type="password"))
    assert (await choose(browser, path)).status == 303


@pytest.mark.parametrize("what", ["password", "invitation"])
async def test_a_link_that_is_used_while_an_administrator_lets_somebody_in_anew_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whoever has an old link and uses it right behind the new password does not have the last word."""
    admin = await house.signed_in("root")
    path, body = await invited(admin)
    users = house.storage.people.users
    set_password, statuses = users.set_password, []

    async def and_then(*given: Any, **more: Any) -> None:
        await set_password(*given, **more)
        statuses.append((await choose(house.browser(), path)).status)

    monkeypatch.setattr(users, "set_password", and_then)
    assert (await admin.ask("POST", f"{USERS}/{body['id']}/{what}")).status == 200
    assert statuses == [404]
    assert (await house.browser().sign_in("olga", CHOSEN)).status == 401


async def test_of_several_who_use_a_link_at_once_one_has_it(house: House) -> None:
    path, _ = await invited(await house.signed_in("root"))
    tries = [f"{CHOSEN} {number}" for number in range(4)]
    answers = await asyncio.gather(*(choose(house.browser(), path, one) for one in tries))
    assert sorted(one.status for one in answers) == [303, 410, 410, 410]
    right = [(await house.browser().sign_in("olga", one)).status == 204 for one in tries]
    assert right == [one.status == 303 for one in answers]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["x", "%00", "x" * 3000, "..%2f..", "%F0%9F%98%80", "<script>"])
async def test_links_that_never_were_are_answered_alike(house: House, method: str, token: str) -> None:
    more: dict[str, Any] = {} if method == "GET" else {"data": {"new": CHOSEN, "new_again": CHOSEN}}
    response = await house.browser().ask(method, f"/invitation/{token}", **more)
    assert response.status == 404
    assert "<script>" not in await response.text()


async def test_the_token_is_written_nowhere(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in the database or its log, an event, an error, the address of another page, nor on any output."""
    admin = await house.signed_in("root")
    path, _ = await invited(admin)
    token = path.rpartition("/")[2]
    assert len(token) >= 43
    browser = house.browser()
    seen = [
        await browser.get(path),
        await choose(browser, path, "short"),
        await choose(browser, path),
        await choose(browser, path),
        await browser.ask("POST", path, data=b"\xff", headers=FORM),
        await browser.ask("POST", path, data={"new": CHOSEN}, headers={"Origin": "https://evil.example"}),
        await browser.ask("DELETE", path),
    ]
    for response in seen:
        assert token not in str(response.headers)
        page = read_page(await response.text()) if response.content_type == "text/html" else None
        if page is not None:
            links = [one.attributes.get("href", "") for one in page.all("a")]
            assert not [one for one in links if token in one and "next=" in one]
    assert token not in json.dumps([msgspec.to_builtins(one) for one in await house.events()])
    written = b"".join(one.read_bytes() for one in house.settings.data.iterdir() if one.is_file())
    assert token.encode() not in written
    told = capfd.readouterr()
    assert token not in told.out + told.err


async def test_the_link_begins_as_people_reach_the_pages(make_house: MakeHouse) -> None:
    house = await make_house(public_url="https://yard.example/")
    admin = await house.signed_in("root")
    _, body = await invited(admin)
    assert body["link"].startswith("https://yard.example/invitation/")


async def test_what_became_of_a_user_in_grafana_is_told(house: House) -> None:
    admin = await house.signed_in("root")
    user = await house.user("carl", "accountant")
    path = f"{USERS}/{user.id}"
    assert (await (await admin.get(path)).json())["grafana"] == "none"
    failed = GrafanaLink(owner_id=user.id, state="failed", detail="no answer", at=house.deeds.now)
    await house.storage.people.grafana.put([failed])
    shown = await (await admin.get(path)).json()
    assert (shown["grafana"], shown["grafana_detail"]) == ("failed", "no answer")
    listed = await (await admin.get(f"{USERS}?q=carl")).json()
    assert [one["grafana"] for one in listed["items"]] == ["failed"]


async def test_an_address_that_is_taken_leaves_no_client_behind(house: House) -> None:
    admin = await house.signed_in("root")
    await house.user("carl", "accountant", email="o@example.org")
    wish = {"username": "olga", "role": "client", "name": "Olga Ltd", "email": "O@example.org"}
    response = await admin.ask("POST", USERS, wish)
    assert (response.status, (await response.json())["errors"][0]["at"]) == (409, "/email")
    assert await house.storage.people.clients.by_slug("olga-ltd") is None


async def test_one_session_of_somebody_is_ended_and_the_others_stay(house: House) -> None:
    admin = await house.signed_in("root")
    carl, other = await house.signed_in("carl", "accountant"), house.browser()
    await other.sign_in("carl")
    user = await found(house, "carl")
    newest = (await (await admin.get(f"{USERS}/{user.id}/sessions")).json())["items"][0]["id"]
    path = f"{USERS}/{user.id}/sessions/{newest}"
    assert (await admin.ask("DELETE", path)).status == 204
    assert (await admin.ask("DELETE", path)).status == 404
    assert [(await one.get("/api/v1/me")).status for one in (carl, other)] == [200, 401]


@pytest.mark.parametrize("deed", ["remove", "disable", "demote"])
async def test_two_administrators_cannot_take_each_other_away_at_once(house: House, deed: str) -> None:
    browsers = {name: await house.signed_in(name) for name in ("anna", "bert")}
    users = {name: await found(house, name) for name in browsers}

    async def act(actor: str, on: str) -> int:
        path = f"{USERS}/{users[on].id}"
        if deed == "remove":
            return (await browsers[actor].ask("DELETE", path)).status
        change: dict[str, Any] = {"active": False} if deed == "disable" else {"role": "accountant"}
        headers = {"If-Match": (await browsers[actor].get(path)).headers["ETag"]}
        return (await browsers[actor].ask("PATCH", path, change, headers=headers)).status

    done = await asyncio.gather(act("anna", "bert"), act("bert", "anna"), return_exceptions=True)
    assert sum(1 for one in done if one in (200, 204)) == 1, done
    assert await house.storage.people.users.count_active_administrators() == 1


@pytest.mark.parametrize("role", ["client", "accountant"])
@pytest.mark.parametrize("path", ["/api/auth/register", "/api/auth/admin/create"])
async def test_only_an_administrator_registers_anybody(house: House, role: Any, path: str) -> None:
    order = {"username": "olga", "password": CHOSEN}
    for browser in (house.browser(), await house.signed_in("carl", role)):
        assert (await browser.ask("POST", path, order)).status in (401, 403)
    assert await house.storage.people.users.by_name("olga") is None


@pytest.mark.parametrize("role", ["administrator", "ADMINISTRATOR", "Admin", "root", "", "client\u200b"])
async def test_registering_makes_no_administrator(house: House, role: str) -> None:
    admin = await house.signed_in("root")
    order = {"username": "olga", "password": CHOSEN, "role": role}
    assert (await admin.ask("POST", "/api/auth/register", order)).status == 422
    assert await house.storage.people.users.by_name("olga") is None


async def found(house: House, name: str) -> User:
    user = await house.storage.people.users.by_name(name)
    assert user is not None
    return user
