"""One's own account by form: the password, giving it once more, how the pages are liked, sessions and tokens."""

from controller.api.gate import is_csrf, masked
from tests.unit.controller.api.conftest import PASSWORD, Browser
from tests.unit.controller.api.managed_fleet import FleetHouse
from tests.unit.controller.pages.reading_pages import Element, read_page

NEW = "otter copper violin marsh"


async def page_of(browser: Browser, path: str = "/me") -> Element:
    response = await browser.get(path)
    assert response.status == 200
    return read_page(await response.text())


def form(page: Element, action: str) -> dict[str, str]:
    """Return the hidden fields of a form, without which it is nothing."""
    fields = page.one("form", action=action).all("input", type="hidden")
    return {field.attributes["name"]: field.attributes["value"] for field in fields}


async def test_a_password_is_changed_and_all_other_sessions_end(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    other = fleet.house.browser()
    await other.sign_in("anna")
    sent = form(await page_of(browser, "/password"), "/password")
    browser.csrf = None
    led = await browser.ask(
        "POST", "/password", data=sent | {"current": PASSWORD, "new": NEW, "new_again": NEW}
    )
    assert (led.status, led.headers["Location"]) == (303, "/me?done=password")
    assert (await other.get("/me")).headers["Location"].startswith("/sign-in")
    browser.cookie = led.cookies["hashyard"].value
    assert "The password is changed" in (await page_of(browser, "/me?done=password")).text
    assert (await fleet.house.browser().sign_in("anna", NEW)).status == 204


async def test_what_is_wrong_with_a_password_stands_at_its_field_and_no_password_is_filled_in(
    fleet: FleetHouse,
) -> None:
    browser = await fleet.browser()
    for given, field in (
        ({"current": "wrong", "new": NEW, "new_again": NEW}, "current"),
        ({"current": "", "new": NEW, "new_again": NEW}, "current"),
        ({"current": PASSWORD, "new": "short", "new_again": "short"}, "new"),
        ({"current": PASSWORD, "new": "x" * 129, "new_again": "x" * 129}, "new"),
        ({"current": PASSWORD, "new": "passwordpassword", "new_again": "passwordpassword"}, "new"),
        ({"current": PASSWORD, "new": PASSWORD, "new_again": PASSWORD}, "new"),
        ({"current": PASSWORD, "new": NEW, "new_again": NEW + "s"}, "new_again"),
    ):
        response = await browser.ask("POST", "/password", data=given | {"csrf": browser.csrf, "next": "/log"})
        assert response.status == 422
        page = read_page(await response.text())
        assert page.one("title").words.startswith("Error:")
        wrong = page.one("input", id=field)
        assert wrong.attributes["aria-invalid"] == "true"
        told = page.one("p", id=f"{field}-error").words
        assert page.one("div", id="mistakes").one("a", href=f"#{field}").words == told
        assert page.one("input", name="next").attributes["value"] == "/log"
        assert all(not one.attributes.get("value") for one in page.all("input", type="password"))


async def test_a_first_password_leads_to_another_and_can_be_put_off(fleet: FleetHouse) -> None:
    house = fleet.house
    await house.user("boris", password_change_needed=True)
    browser = house.browser()
    shown = await browser.get("/sign-in?next=/log")
    sent = form(read_page(await shown.text()), "/sign-in") | {"username": "boris", "password": PASSWORD}
    cookie = shown.cookies["hashyard-sign-in"].value
    led = await browser.ask("POST", "/sign-in", data=sent, headers={"Cookie": f"hashyard-sign-in={cookie}"})
    assert led.headers["Location"] == "/password?next=%2Flog"
    browser.cookie = led.cookies["hashyard"].value
    later = await page_of(browser, led.headers["Location"])
    assert later.all("a", href="/log")
    assert not (await page_of(browser)).all("form", action="/me/tokens")


async def test_whoever_has_to_give_his_password_again_loses_nothing(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    fleet.deeds.pass_time(minutes=16)
    wish = {
        "token_name": "<b>grafana</b>",
        "scopes": "read",
        "containers": "container-1",
        "expires_in_days": "30",
    }
    asked = await browser.ask("POST", "/me/tokens", data=wish | {"csrf": browser.csrf})
    assert asked.status == 403
    page = read_page(await asked.text())
    sent = form(page, "/me/tokens")
    assert {name: sent[name] for name in wish} == wish
    wrong = await browser.ask("POST", "/me/tokens", data=sent | {"password_again": "wrong"})
    assert wrong.status == 403
    page = read_page(await wrong.text())
    assert page.one("input", id="password_again").attributes["aria-invalid"] == "true"
    made = await browser.ask(
        "POST", "/me/tokens", data=form(page, "/me/tokens") | {"password_again": PASSWORD}
    )
    assert (made.status, made.headers["Location"]) == (303, "/me?done=made")
    token = (await page_of(browser, "/me?done=made")).one("input", id="made-token").attributes["value"]
    assert (await fleet.house.browser(token=token).get("/api/v1/containers/container-1")).status == 200
    assert token not in (await page_of(browser)).text
    assert len(await fleet.house.events("auth.confirmed")) == 1


async def test_the_password_is_given_ahead_on_a_page_of_its_own(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    fleet.deeds.pass_time(minutes=16)
    sent = form(await page_of(browser, "/confirm-password?next=/log"), "/confirm-password")
    wrong = await browser.ask("POST", "/confirm-password", data=sent | {"password_again": "wrong"})
    assert wrong.status == 422
    led = await browser.ask("POST", "/confirm-password", data=sent | {"password_again": PASSWORD})
    assert (led.status, led.headers["Location"]) == (303, "/log")
    wish = {"token_name": "x", "scopes": "read", "csrf": browser.csrf}
    assert (await browser.ask("POST", "/me/tokens", data=wish)).status == 303


async def test_a_token_that_is_no_good_is_told_at_its_fields(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    wish = {"token_name": "", "expires_in_days": "soon", "containers": "nowhere", "csrf": browser.csrf}
    response = await browser.ask("POST", "/me/tokens", data=wish)
    assert response.status == 422
    page = read_page(await response.text())
    for field in ("token_name", "scopes", "expires_in_days"):
        assert page.all("p", id=f"{field}-error"), field
    assert page.one("input", id="expires_in_days").attributes["value"] == "soon"
    assert await fleet.house.events("token.created") == []


async def test_sessions_are_named_by_their_device_and_ended(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) CriOS/120.0 Mobile Safari/604.1"
    phone = fleet.house.browser(headers={"User-Agent": agent})
    await phone.sign_in("anna")
    page = await page_of(browser)
    assert "Chrome on iPhone" in page.text
    [end] = [one for one in page.all("form") if one.attributes["action"].endswith("/end")]
    led = await browser.ask("POST", end.attributes["action"], data={"csrf": browser.csrf})
    assert led.headers["Location"] == "/me?done=session"
    assert (await phone.get("/me")).headers["Location"].startswith("/sign-in")
    stranger = await fleet.browser("boris")
    again = await stranger.ask("POST", end.attributes["action"], data={"csrf": stranger.csrf})
    assert again.status == 404


async def test_all_other_sessions_are_ended_at_once_and_this_one_stays(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    others = [fleet.house.browser() for _ in range(2)]
    assert not (await page_of(browser)).all("form", action="/me/sessions/end")
    for other in others:
        await other.sign_in("anna")
    stranger = await fleet.browser("boris")
    sent = form(await page_of(browser), "/me/sessions/end")
    led = await browser.ask("POST", "/me/sessions/end", data=sent)
    assert (led.status, led.headers["Location"]) == (303, "/me?done=sessions")
    assert "All your other sessions have ended." in (await page_of(browser, led.headers["Location"])).text
    for other in others:
        assert (await other.get("/me")).headers["Location"].startswith("/sign-in")
    assert (await stranger.get("/me")).status == 200
    [event] = await fleet.house.events("auth.sessions_revoked")
    assert event.params == {"sessions": 2}


async def test_a_new_token_is_shown_once_to_whom_it_was_made_for_and_a_reload_makes_none(
    fleet: FleetHouse,
) -> None:
    browser = await fleet.browser()
    other = fleet.house.browser()
    await other.sign_in("anna")
    wish = {"token_name": "grafana", "scopes": "read", "csrf": browser.csrf}
    led = await browser.ask("POST", "/me/tokens", data=wish)
    assert (led.status, led.headers["Location"]) == (303, "/me?done=made")
    # Another session of the same person is not shown it, nor does it take it away.
    assert not (await page_of(other, "/me?done=made")).all("input", id="made-token")
    shown = await page_of(browser, "/me?done=made")
    token = shown.one("input", id="made-token").attributes["value"]
    assert token.startswith("hy_")
    again = await browser.get("/me?done=made")
    text = await again.text()
    assert token not in text
    assert again.headers["Cache-Control"] == "no-store"
    assert "It was shown once" in text
    assert len(await fleet.house.events("token.created")) == 1


async def test_a_token_that_nobody_came_for_is_shown_to_nobody_later(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    wish = {"token_name": "grafana", "scopes": "read", "csrf": browser.csrf}
    await browser.ask("POST", "/me/tokens", data=wish)
    fleet.deeds.pass_time(minutes=3)
    assert not (await page_of(browser, "/me?done=made")).all("input", id="made-token")


async def test_how_the_pages_are_liked_is_kept_and_seen(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    looks = {"name": "Анна\u202e <i>", "language": "ru", "time_zone": "Asia/Tokyo", "density": "compact"}
    led = await browser.ask("POST", "/me", data=looks | {"csrf": browser.csrf})
    assert (led.status, led.headers["Location"]) == (303, "/me?done=saved")
    response = await browser.get("/me")
    text = await response.text()
    assert "<i>" not in text
    page = read_page(text)
    body = page.one("body").attributes
    assert body["data-density"] == "compact"
    assert "data-shortcuts" not in body
    assert page.one("html").attributes["lang"] == "ru"
    assert "Asia/Tokyo" in page.text
    wrong = await browser.ask("POST", "/me", data=looks | {"time_zone": "Mars/Olympus", "csrf": browser.csrf})
    assert wrong.status == 422
    page = read_page(await wrong.text())
    assert page.one("input", id="time_zone").attributes["value"] == "Mars/Olympus"
    assert page.all("p", id="time_zone-error")


async def test_the_token_of_a_page_is_another_text_each_time_and_good(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    shown = {form(await page_of(browser), "/me")["csrf"] for _ in range(3)}
    assert len(shown) == 3
    assert browser.csrf not in shown
    browser.csrf = None
    for token in shown:
        looks = {"name": "", "language": "en", "time_zone": "", "density": "compact", "csrf": token}
        assert (await browser.ask("POST", "/me", data=looks)).status == 303
    assert is_csrf(masked("secret"), "secret")
    for wrong in (masked("secrets"), masked("secret")[:-2], "", "ÿ", "A" * 43, None):
        assert not is_csrf(wrong, "secret")


async def test_keys_are_listed_and_say_whether_they_are_on(fleet: FleetHouse) -> None:
    page = await page_of(await fleet.browser(), "/keys")
    assert [key.words for key in page.all("kbd")][:2] == ["/", "?"]
    assert "can be switched off" in page.text


async def test_a_form_that_is_none_is_no_reason_to_fail_when_the_password_is_asked_for(
    fleet: FleetHouse,
) -> None:
    browser = await fleet.browser()
    fleet.deeds.pass_time(minutes=16)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = await browser.ask("POST", "/me/tokens", data=b"\xff\xfe", headers=headers)
    assert asked.status == 403
    page = read_page(await asked.text())
    assert page.all("input", id="password_again")
    assert page.all("form", action="/confirm-password")


async def test_who_tries_too_many_passwords_is_told_to_wait(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    wrong = {"current": "wrong", "new": NEW, "new_again": NEW, "csrf": browser.csrf}
    answers = [await browser.ask("POST", "/password", data=wrong) for _ in range(11)]
    assert [one.status for one in answers] == [422] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Too many tries" in read_page(await answers[-1].text()).one("div", id="mistakes").words
