"""People by form: found, added by role, changed, let in anew, disabled, taken away; their sessions and tokens ended."""

from typing import Any

import pytest

from controller.model import GrafanaLink, User
from tests.unit.controller.api.conftest import PASSWORD, Browser, House, MakeHouse
from tests.unit.controller.pages.reading_pages import Element, read_page

CHOSEN = "otter copper violin marsh"
HOSTILE = "\u202e<script>alert(1)</script> \u200d' \" & {{ 7*7 }} %s"


async def page_of(browser: Browser, path: str, status: int = 200) -> Element:
    response = await browser.get(path)
    text = await response.text()
    assert response.status == status, text[:500]
    assert "<script>alert" not in text
    return read_page(text)


async def post(browser: Browser, path: str, **fields: str) -> Any:
    """Send a form as a browser without scripts does."""
    return await browser.ask("POST", path, data={"csrf": browser.csrf or "", **fields})


async def found(house: House, name: str) -> User:
    user = await house.storage.people.users.by_name(name)
    assert user is not None
    return user


def fields(page: Element, action: str) -> dict[str, str]:
    """Return what a browser would send of a form as it stands there."""
    form = page.one("form", action=action)
    sent = {}
    for one in form.all("input"):
        kind = one.attributes.get("type", "text")
        if "disabled" in one.attributes:
            continue
        if kind not in ("radio", "checkbox") or "checked" in one.attributes:
            sent[one.attributes["name"]] = one.attributes.get("value", "")
    for one in form.all("select"):
        chosen = [option for option in one.all("option") if "selected" in option.attributes]
        sent[one.attributes["name"]] = (chosen or one.all("option"))[0].attributes["value"]
    return sent


async def test_people_are_listed_with_what_they_have_open_and_found(house: House) -> None:
    admin = await house.signed_in("root")
    await house.signed_in("nina", "client", name="Нина <b>")
    olga = await house.user("olga", "accountant", password_change_needed=True, active=False)
    failed = GrafanaLink(owner_id=olga.id, state="failed", detail=HOSTILE, at=house.deeds.now)
    await house.storage.people.grafana.put([failed])
    page = await page_of(admin, "/people")
    rows = {
        one.one("a").attributes["href"]: one.words for one in page.one("ul", class_="people-list").all("li")
    }
    assert len(rows) == 3
    row = rows[f"/people/{olga.id}"]
    for word in ("accountant", "disabled", "first password", "Grafana failed", "never signed in"):
        assert word in row
    assert "1 session · 0 tokens" in rows[f"/people/{(await found(house, 'root')).id}"]
    assert "client · Acme" in rows[f"/people/{(await found(house, 'nina')).id}"]
    page = await page_of(admin, "/people?q=olga")
    assert "1 person found" in page.text
    assert page.one("input", id="q").attributes["value"] == "olga"
    assert "Nobody is called so." in (await page_of(admin, "/people?q=%3Cscript%3Ealert")).text
    assert (await admin.get("/people?cursor=x")).status == 400


@pytest.mark.parametrize("grafana", [None, "https://yard.example/grafana/"])
async def test_nobody_is_said_not_to_be_in_a_grafana_that_there_is_not(
    make_house: MakeHouse, grafana: str | None
) -> None:
    house = await make_house(grafana_url=grafana)
    await house.user("root")
    browser = house.browser()
    await browser.sign_in("root")
    shown = (await page_of(browser, "/people")).text
    assert ("not in Grafana yet" in shown) is (grafana is not None)


async def test_the_list_goes_on(house: House) -> None:
    admin = await house.signed_in("root")
    for number in range(120):
        user = User(
            id=f"usr_{number:04}", username=f"u{number}", role="accountant", created_at=house.deeds.now
        )
        await house.storage.people.users.add(user, "x")
    first = await page_of(admin, "/people")
    [more] = [one for one in first.all("a") if one.words == "More"]
    second = await page_of(admin, more.attributes["href"])
    links = [
        {one.attributes["href"] for one in page.one("ul", class_="people-list").all("a")}
        for page in (first, second)
    ]
    assert [len(one) for one in links] == [100, 21]
    assert not links[0] & links[1]


async def test_first_the_role_then_only_what_it_needs(house: House) -> None:
    admin = await house.signed_in("root")
    await house.client("acme")
    page = await page_of(admin, "/people/new")
    assert [one.attributes["value"] for one in page.all("input", type="radio")] == [
        "client",
        "accountant",
        "administrator",
    ]
    assert page.one("form", action="/people/new").attributes["method"] == "get"
    assert not page.all("input", id="username")
    assert (await page_of(admin, "/people/new?role=client")).all("select", id="client")
    assert not (await page_of(admin, "/people/new?role=accountant")).all("select", id="client")
    assert (await page_of(admin, "/people/new?role=emperor")).all("input", type="radio")


async def test_a_person_is_added_and_his_link_is_shown_once(house: House) -> None:
    admin, other = await house.signed_in("root"), await house.signed_in("boris")
    page = await page_of(admin, "/people/new?role=accountant")
    sent = fields(page, "/people/new") | {"username": "olga", "name": HOSTILE}
    led = await post(admin, "/people/new", **sent)
    assert led.status == 303, await led.text()
    user, where = await found(house, "olga"), led.headers["Location"]
    assert where == f"/people/{user.id}?done=made"
    assert user.name == HOSTILE
    assert not (await page_of(other, where)).all("input", id="made-secret")
    page = await page_of(admin, where)
    link = page.one("input", id="made-secret").attributes["value"]
    assert page.all("button", **{"data-copies": "made-secret"})
    assert link not in (await (await admin.get(where)).text())
    path = "/" + link.split("/", 3)[3]
    chosen = await house.browser().ask("POST", path, data={"new": CHOSEN, "new_again": CHOSEN})
    assert chosen.status == 303
    assert (await house.browser().sign_in("olga", CHOSEN)).status == 204


async def test_a_person_is_added_with_a_one_time_password_and_a_client_of_his_name(house: House) -> None:
    admin = await house.signed_in("root")
    wish = {"role": "client", "client": "new", "username": "nina", "name": "Nina Ltd", "let_in": "password"}
    led = await post(admin, "/people/new", **wish)
    user = await found(house, "nina")
    client = await house.storage.people.clients.get(user.client_id or "")
    assert client is not None
    assert client.slug == "nina-ltd"
    password = (
        (await page_of(admin, led.headers["Location"])).one("input", id="made-secret").attributes["value"]
    )
    assert (await house.browser().sign_in("nina", password)).status == 204


@pytest.mark.parametrize(
    ("wish", "wrong"),
    [
        ({"role": "accountant", "username": " "}, "username"),
        ({"role": "accountant", "username": "x" * 65}, "username"),
        ({"role": "accountant", "username": "ROOT"}, "username"),
        ({"role": "accountant", "username": "olga", "email": "nowhere"}, "email"),
        ({"role": "accountant", "username": "olga", "name": "x" * 101}, "name"),
        ({"role": "accountant", "username": "olga", "language": "xx"}, "language"),
        ({"role": "client", "username": "olga"}, "client"),
        ({"role": "client", "username": "olga", "client": "cli_0"}, "client"),
        ({"role": "emperor", "username": "olga"}, "role"),
        ({"username": "olga"}, "role"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    house: House, wish: dict[str, str], wrong: str
) -> None:
    admin = await house.signed_in("root")
    response = await post(admin, "/people/new", **wish)
    assert response.status in (409, 422)
    page = read_page(await response.text())
    assert page.one("title").words.startswith("Error:")
    told = page.one("p", id=f"{wrong}-error").words
    assert page.one("div", id="mistakes").one("a", href=f"#{wrong}").words == told
    assert page.all(id=wrong)
    for name in ("username", "email", "name"):
        if wish.get(name) and page.all("input", id=name):
            assert page.one("input", id=name).attributes["value"] == wish[name]
    assert await house.storage.people.users.by_name("olga") is None


async def test_somebody_is_changed_and_what_was_read_meanwhile_is_not_lost(house: House) -> None:
    admin, carl = await house.signed_in("root"), await house.signed_in("carl", "accountant")
    user, acme = await found(house, "carl"), await house.client("acme")
    path = f"/people/{user.id}"
    sent = fields(await page_of(admin, path), path)
    led = await post(admin, path, **(sent | {"name": "Carl C.", "role": "client", "client": acme.id}))
    assert (led.status, led.headers["Location"]) == (303, f"{path}?done=saved")
    changed = await found(house, "carl")
    assert (changed.name, changed.role, changed.client_id) == ("Carl C.", "client", acme.id)
    assert (await carl.get("/api/v1/me")).status == 401
    late = await post(admin, path, **(sent | {"name": "Late"}))
    assert late.status == 412
    page = read_page(await late.text())
    assert page.one("input", id="name").attributes["value"] == "Late"
    assert "meanwhile" in page.one("div", id="mistakes").words
    again = await post(admin, path, **fields(page, path))
    assert again.status == 303
    assert (await found(house, "carl")).name == "Late"
    # An accountant has no client, whatever the field below still says.
    sent = fields(await page_of(admin, path), path) | {"role": "accountant", "client": acme.id}
    assert (await post(admin, path, **sent)).status == 303
    assert (await found(house, "carl")).client_id is None


async def test_a_person_is_disabled_with_all_that_is_open_and_enabled_again(house: House) -> None:
    admin, carl = await house.signed_in("root"), await house.signed_in("carl", "accountant")
    user = await found(house, "carl")
    token = house.browser(token=await house.token(user))
    led = await post(admin, f"/people/{user.id}/disable")
    assert led.headers["Location"] == f"/people/{user.id}?done=disabled"
    assert [(await one.get("/api/v1/me")).status for one in (carl, token)] == [401, 401]
    assert (await house.browser().sign_in("carl")).status == 401
    page = await page_of(admin, led.headers["Location"])
    assert not page.all("form", action=f"/people/{user.id}/invitation")
    assert (await post(admin, f"/people/{user.id}/enable")).status == 303
    assert (await house.browser().sign_in("carl")).status == 204


async def test_a_new_password_and_a_new_link_are_shown_once(house: House) -> None:
    admin, carl = await house.signed_in("root"), await house.signed_in("carl", "accountant")
    path = f"/people/{(await found(house, 'carl')).id}"
    led = await post(admin, f"{path}/password")
    secret = (
        (await page_of(admin, led.headers["Location"])).one("input", id="made-secret").attributes["value"]
    )
    assert (await carl.get("/api/v1/me")).status == 401
    assert (await house.browser().sign_in("carl", PASSWORD)).status == 401
    assert (await house.browser().sign_in("carl", secret)).status == 204
    assert "It was shown once" in (await page_of(admin, led.headers["Location"])).text
    led = await post(admin, f"{path}/invitation")
    page = await page_of(admin, led.headers["Location"])
    link = page.one("input", id="made-secret").attributes["value"]
    assert page.all("form", action=f"{path}/invitation/withdraw")
    assert (await post(admin, f"{path}/invitation/withdraw")).status == 303
    assert (await house.browser().get("/" + link.split("/", 3)[3])).status == 404
    assert (await post(admin, f"{path}/invitation/withdraw")).status == 404


async def test_sessions_and_tokens_of_somebody_are_ended_one_by_one_and_all(house: House) -> None:
    admin = await house.signed_in("root")
    carls = [await house.signed_in("carl", "accountant"), house.browser(), house.browser()]
    for one in carls[1:]:
        await one.sign_in("carl")
    user = await found(house, "carl")
    programs = [house.browser(token=await house.token(user)) for _ in range(3)]
    path = f"/people/{user.id}"
    for kind, browsers, word in (("sessions", carls, "end"), ("tokens", programs, "revoke")):
        page = await page_of(admin, path)
        actions = [one.attributes["action"] for one in page.all("form")]
        single = [one for one in actions if one.startswith(f"{path}/{kind}/") and one.count("/") == 5]
        assert len(single) == 3
        assert (await post(admin, single[0])).status == 303
        assert (await post(admin, single[0])).status == 404
        assert sorted([(await one.get("/api/v1/me")).status for one in browsers]) == [200, 200, 401]
        assert (await post(admin, f"{path}/{kind}/{word}")).status == 303
        assert {(await one.get("/api/v1/me")).status for one in browsers} == {401}
    stranger = await house.signed_in("dora", "accountant")
    assert (await post(admin, single[1].replace(user.id, (await found(house, "dora")).id))).status == 404
    assert (await stranger.get("/api/v1/me")).status == 200


async def test_removing_says_what_ends_and_ends_it(house: House) -> None:
    admin, carl = await house.signed_in("root"), await house.signed_in("carl", "accountant")
    user = await found(house, "carl")
    await house.token(user)
    path = f"/people/{user.id}"
    page = await page_of(admin, f"{path}/remove")
    assert [one.words for one in page.one("div", class_="would").all("li")] == ["1 session", "1 token"]
    assert (await carl.get("/api/v1/me")).status == 200
    led = await post(admin, f"{path}/remove")
    assert (led.status, led.headers["Location"]) == (303, "/people?done=removed")
    assert "Removed." in (await page_of(admin, led.headers["Location"])).text
    assert (await carl.get("/api/v1/me")).status == 401
    await page_of(admin, path, 404)
    assert (await post(admin, f"{path}/remove")).status == 404


async def test_the_last_administrator_stays_and_is_told_why(house: House) -> None:
    admin = await house.signed_in("root")
    user = await found(house, "root")
    path = f"/people/{user.id}"
    sent = fields(await page_of(admin, path), path) | {"role": "accountant"}
    for response in (await post(admin, path, **sent), await post(admin, f"{path}/remove")):
        assert response.status == 409
        told = read_page(await response.text()).one("div", id="mistakes").words
        assert "last active administrator" in told
    for deed in ("disable", "password", "invitation"):
        response = await post(admin, f"{path}/{deed}")
        assert response.status == 409
        assert "your own account" in read_page(await response.text()).one("div", id="mistakes").words
    assert (await found(house, "root")).role == "administrator"
    assert (await house.browser().sign_in("root")).status == 204


async def test_the_password_is_asked_for_again_and_nothing_typed_is_lost(house: House) -> None:
    admin = await house.signed_in("root")
    house.deeds.pass_time(minutes=16)
    wish = {"role": "accountant", "username": "olga", "name": "Ольга", "let_in": "password"}
    asked = await post(admin, "/people/new", **wish)
    assert asked.status == 403
    page = read_page(await asked.text())
    sent = fields(page, "/people/new") | {"password_again": PASSWORD}
    assert {name: sent[name] for name in wish} == wish
    led = await admin.ask("POST", "/people/new", data=sent)
    assert led.status == 303
    assert (await found(house, "olga")).name == "Ольга"


async def test_a_hostile_person_harms_no_page(house: House) -> None:
    admin = await house.signed_in("root")
    user = await house.user(HOSTILE, "accountant", name=HOSTILE, email='"><img@x')
    await house.signing_in.issue_token(user, HOSTILE, ("read",), house.deeds.now, containers=(HOSTILE,))
    agent = house.browser(headers={"User-Agent": "<script>alert(2)</script>"})
    await agent.sign_in(HOSTILE)
    for path in ("/people", f"/people/{user.id}", f"/people/{user.id}/remove", "/people?q=%7B%7B"):
        page = await page_of(admin, path)
        assert "{{ 7*7 }}" in page.one("main").text
        assert not page.all("img")
