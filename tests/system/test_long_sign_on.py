"""Signing on to a real Grafana, in a browser: with the controller's password, into one's own organisation, and no further.

The people are made in Grafana as the sync makes them: through its API, each in an organisation of his own.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from stack import grafana_sign_on
from tests.system import grafana_stage as stage
from tests.system.pages_yard import PASSWORD
from tests.system.stack import HASHYARD, Answer, Program, Stack, ask, until
from tools import around

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

FLEET = "networks: [127.N.0.0/16]\ncontainers:\n- {name: Container 1, client: volga, miners: []}\n"
CLARA, NORA = "clara", "nora"
ELSEWHERE = (
    "/api/org",
    "/api/org/users",
    "/api/datasources",
    "/api/dashboards/uid/hashyard-fleet",
    "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up",
    "/api/datasources/uid/prometheus/resources/api/v1/query?query=up",
)
"""What is somebody else's where a header names his organisation."""
EXPECTED_OF_GRAFANA = (
    "The SAML catalog used for this login",  # it says so of every sign-on, though none comes by SAML
    "UID:hashyard-fleet",  # the first page of the main organisation, which the others have not
    "user token not found",  # a browser that has signed out shows its cookie once more
    "signup is not allowed for module",  # what is to happen to whom it does not know
)
NOTHING = ((200, []), (403, []))
VOLGA, STEPPE = "Volga", "Steppe"


@dataclass
class House:
    """A controller and a Grafana beside it, with people in both; `nora` is not known to Grafana."""

    stack: Stack
    controller: Program
    grafana: stage.Grafana
    cookie: str
    csrf: str

    def api(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """Ask the controller as the administrator."""
        sent = {"Cookie": f"hashyard={self.cookie}", "X-CSRF-Token": self.csrf, **headers}
        return ask(f"{self.controller.url}/api/v1{path}", method=method, body=body, headers=sent)

    def person(self, username: str, role: str) -> dict[str, Any]:
        """Make somebody at the controller, with a first password; return the account."""
        body = {"username": username, "role": role, "name": username.title()}
        made = self.api("/users", "POST", body)
        assert made.status == 201, made
        found: dict[str, Any] = made.json()
        return found

    def organisation(self, name: str) -> int:
        """Make an organisation in Grafana; return its number."""
        made = self.grafana.as_administrator("/api/orgs", "POST", {"name": name})
        assert made.status == 200, made
        number: int = made.json()["orgId"]
        return number

    def known(self, user: dict[str, Any], organisation: int) -> int:
        """Make a person in Grafana as the sync does; return his number."""
        body = {
            "login": user["id"].lower(),
            "name": user["name"],
            "email": f"{user['id']}@hashyard.invalid".lower(),
            "password": os.urandom(24).hex(),
            "OrgId": organisation,
        }
        made = self.grafana.as_administrator("/api/admin/users", "POST", body)
        assert made.status == 200, made
        number: int = made.json()["id"]
        return number

    def organisations_of(self, number: int) -> set[str]:
        """Return the organisations in which Grafana has a person."""
        found = self.grafana.as_administrator(f"/api/users/{number}/orgs").json()
        return {one["name"] for one in found}


def secret_of(house: House) -> str:
    file = house.stack.folder / "grafana" / "grafana" / around.CLIENT_SECRET
    return file.read_text(encoding="utf-8").strip()


def first_password(user: dict[str, Any]) -> str:
    found: str = user["password"]
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    stage.find_grafana()
    with stage.browser() as opened:
        yield opened


@pytest.fixture
def house(tmp_path: Path, prometheus: Path) -> Iterator[House]:
    installed = stage.find_grafana()
    with Stack(tmp_path) as stack:
        where = f"127.{stack.network}.255.2:8000"
        own = f"http://127.{stack.network}.255.6:3000"
        secret = tmp_path / "grafana" / "grafana" / around.CLIENT_SECRET
        settings = grafana_sign_on.settings(
            f"http://{where}", f"http://{where}", f"$__file{{{secret}}}", auto_login=False
        )
        grafana = stage.Grafana(
            stack,
            prometheus,
            installed,
            f"127.{stack.network}.255.3:9090",
            **settings,
            GF_AUTH_ANONYMOUS_ENABLED="false",
            GF_SERVER_ROOT_URL=own,
        )
        targets = stack.write_targets(FLEET)
        command = [*HASHYARD, "controller", "--env-file", os.devnull, "--targets", str(targets)]
        command += ["--data", str(tmp_path / "data"), "--listen", where, "--grafana", own]
        command += ["--grafana-client-secret-file", str(secret)]
        controller = stack.start_program("controller", command, where)
        controller.wait_ready("/-/ready")
        first = (tmp_path / "data" / "initial-admin-password").read_text(encoding="utf-8").strip()
        cookie, csrf = signed_in(controller.url, "admin", first)
        found = House(stack, controller, grafana, cookie, csrf)
        changed = found.api("/me/password", "PUT", {"current": first, "new": PASSWORD})
        assert changed.status == 204, changed
        found.cookie, found.csrf = signed_in(controller.url, "admin", PASSWORD)
        yield found


def signed_in(controller: str, username: str, password: str) -> tuple[str, str]:
    body = {"username": username, "password": password}
    answer = ask(f"{controller}/api/v1/auth/login", method="POST", body=body)
    assert answer.status == 204, answer
    cookie = answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
    return cookie, answer.headers["X-CSRF-Token"]


def signs_in(page: Page, username: str, password: str) -> None:
    """Fill in the controller's form."""
    page.get_by_label("Name").fill(username)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()


def changes_password(page: Page, old: str) -> None:
    page.locator("input[name=current]").fill(old)
    page.locator("input[name=new]").fill(PASSWORD)
    page.locator("input[name=new_again]").fill(PASSWORD)
    page.locator("form[action='/password'] button.primary").click()


def goes_to_grafana(page: Page, grafana: str) -> None:
    page.goto(f"{grafana}/login")
    page.get_by_role("link", name="Sign in with Hashyard").click()


def asked_within(context: BrowserContext, url: str, method: str = "GET", **more: Any) -> tuple[int, Any]:
    """Ask Grafana's API with the browser's session."""
    answer = context.request.fetch(url, method=method, **more)
    try:
        return answer.status, answer.json()
    except json.JSONDecodeError:
        return answer.status, answer.text()


def test_people_sign_on_with_one_password_into_their_own_organisation(house: House, browser: Browser) -> None:
    clara = house.person(CLARA, "client")
    nora = house.person(NORA, "client")
    volga, steppe = house.organisation(VOLGA), house.organisation(STEPPE)
    number = house.known(clara, volga)
    grafana = house.grafana.url
    context = browser.new_context()
    page = context.new_page()
    blocked: list[str] = []
    page.on("console", lambda said: blocked.append(said.text) if "Content Security" in said.text else None)

    # The first time: from Grafana's form to the controller's, a password of one's own, and back.
    goes_to_grafana(page, grafana)
    page.wait_for_url(f"{house.controller.url}/sign-in**")
    signs_in(page, CLARA, first_password(clara))
    page.wait_for_url(f"{house.controller.url}/password**")
    changes_password(page, first_password(clara))
    page.wait_for_url(f"{grafana}/**")
    expect(page.locator("body")).to_contain_text("Home")
    assert blocked == []
    status, me = asked_within(context, f"{grafana}/api/user")
    assert (status, me["login"], me["email"]) == (
        200,
        clara["id"].lower(),
        f"{clara['id']}@hashyard.invalid".lower(),
    )
    assert (me["orgId"], me["isGrafanaAdmin"], me["isExternal"]) == (volga, False, True)
    assert house.organisations_of(number) == {VOLGA}
    status, of_her = asked_within(context, f"{grafana}/api/user/orgs")
    assert [one["name"] for one in of_her] == [VOLGA]

    # Nothing of anybody else's: not by an address, not by a header, not by changing over.
    assert asked_within(context, f"{grafana}/api/user/using/{steppe}", "POST")[0] in {401, 403}
    assert asked_within(context, f"{grafana}/api/user/using/1", "POST")[0] in {401, 403}
    assert house.grafana.as_administrator("/api/search?type=dash-db").json(), "there is something to be found"
    for other in (1, steppe):
        of_another = {"X-Grafana-Org-Id": str(other)}
        assert asked_within(context, f"{grafana}/api/search", headers=of_another) in NOTHING
        for path in ELSEWHERE:
            status, found = asked_within(context, grafana + path, headers=of_another)
            assert status in {401, 403}, (path, status, found)
    assert asked_within(context, f"{grafana}/api/users")[0] == 403
    assert asked_within(context, f"{grafana}/api/orgs")[0] == 403

    # Whoever Grafana does not know is refused by it, and put nowhere.
    other = browser.new_context()
    page = other.new_page()
    goes_to_grafana(page, grafana)
    signs_in(page, NORA, first_password(nora))
    changes_password(page, first_password(nora))
    page.wait_for_url(f"{grafana}/login**")
    assert asked_within(other, f"{grafana}/api/user")[0] == 401
    logins = {one["login"] for one in house.grafana.as_administrator("/api/users").json()}
    assert logins == {"admin", clara["id"].lower()}

    # A second time nothing is typed: she is signed in here.
    assert asked_within(context, f"{grafana}/logout")[0] == 200
    assert asked_within(context, f"{grafana}/api/user")[0] == 401
    page = context.new_page()
    goes_to_grafana(page, grafana)
    page.wait_for_url(f"{grafana}/**")
    until(lambda: asked_within(context, f"{grafana}/api/user")[0] == 200, "she is in again")

    # Disabled at the controller: she can come no more.
    path = f"/users/{clara['id']}"
    etag = house.api(path).headers["ETag"]
    assert house.api(path, "PATCH", {"active": False}, **{"If-Match": etag}).status == 200
    assert asked_within(context, f"{grafana}/logout")[0] == 200
    page = context.new_page()
    goes_to_grafana(page, grafana)
    page.wait_for_url(f"{house.controller.url}/sign-in**")
    signs_in(page, CLARA, PASSWORD)
    expect(page.locator("#wrong")).to_be_visible()
    assert asked_within(context, f"{grafana}/api/user")[0] == 401

    kinds = [event["kind"] for event in house.api("/events?limit=500").json()["items"]]
    assert kinds.count("auth.signed_on") == 3
    assert "auth.sign_on_refused" not in kinds
    complaints = [
        line
        for line in stage.complaints_of(house.grafana.said)
        if not any(expected in line for expected in EXPECTED_OF_GRAFANA)
    ]
    assert complaints == []
    assert "eyJ" not in house.grafana.said, "no token stands in its log"
    assert secret_of(house) not in house.grafana.said + house.controller.said
