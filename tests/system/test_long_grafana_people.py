"""The controller brings a real Grafana in line: a client sees his own through the gateway and nothing else, whatever he asks.

Simulator, exporter, Prometheus and controller run beside it. People sign in with passwords that the test gives them in Grafana,
or sign on through the controller.
"""

import http.cookiejar
import json
import os
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stack import grafana_sign_on
from tests.system import grafana_stage as stage
from tests.system.pages_yard import PASSWORD
from tests.system.stack import HASHYARD, Answer, Program, Stack, ask, until
from tests.unit.grafana.sync.conversation import RECORDING, talk
from tools import around, welcome

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

FLEET = """
networks: [127.N.0.0/16]
containers:
- name: Acme One
  client: acme
  miners: [{name: a1, address: 127.N.1.1, manufacturer: AntMiner, model: S19}]
- name: Borealis One
  client: borealis
  miners: [{name: b1, address: 127.N.2.1, manufacturer: AntMiner, model: S19}]
"""
PEOPLE = (
    ("olga", "accountant", None),
    ("carl", "client", "Acme"),
    ("dora", "client", "Borealis"),
)
NOT_HIS = (
    "/api/org/users",
    "/api/users",
    "/api/users/search",
    "/api/orgs",
    "/api/orgs/1",
    "/api/admin/settings",
    "/api/admin/stats",
    "/api/teams/search",
    "/api/serviceaccounts/search",
    "/api/dashboards/uid/hashyard-fleet",
    "/api/dashboards/uid/hashyard-energy",
    "/api/datasources/uid/another",
    "/api/datasources/proxy/uid/another/api/v1/query?query=up",
    "/api/datasources/uid/another/resources/api/v1/labels",
)
ELSEWHERE = (
    "/api/org",
    "/api/org/users",
    "/api/datasources",
    "/api/datasources/uid/prometheus",
    "/api/dashboards/uid/hashyard-fleet",
    "/api/dashboards/uid/hashyard-client",
    "/api/datasources/proxy/uid/prometheus/api/v1/query?query=container_miners",
    "/api/datasources/uid/prometheus/resources/api/v1/query?query=container_miners",
)
"""What is another's where a header names his organisation."""


@dataclass
class House:
    stack: Stack
    controller: Program
    grafana: stage.Grafana
    token: Path
    cookie: str = ""
    csrf: str = ""

    def api(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        sent = {"Cookie": f"hashyard={self.cookie}", "X-CSRF-Token": self.csrf, **headers}
        return ask(f"{self.controller.url}/api/v1{path}", method=method, body=body, headers=sent)

    def sync(self) -> subprocess.CompletedProcess[str]:
        command = [*HASHYARD, "grafana", "sync", "--env-file", os.devnull, "--url", self.controller.url]
        command += ["--token-file", str(self.token)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def accounts(self) -> dict[str, dict[str, Any]]:
        found = self.grafana.as_administrator("/api/users?perpage=1000").json()
        return {one["name"]: one for one in found}

    def signed(self, name: str) -> dict[str, str]:
        """Give an account a password that this test knows; return the header that signs in with it."""
        account = self.accounts()[name]
        path = f"/api/admin/users/{account['id']}/password"
        assert self.grafana.as_administrator(path, "PUT", {"password": PASSWORD}).status == 200
        return {"Authorization": "Basic " + b64encode(f"{account['login']}:{PASSWORD}".encode()).decode()}

    def as_person(
        self,
        headers: dict[str, str],
        path: str,
        method: str = "GET",
        body: Any = None,
        org: int | None = None,
    ) -> Answer:
        elsewhere = {} if org is None else {"X-Grafana-Org-Id": str(org)}
        return ask(f"{self.grafana.url}{path}", method=method, body=body, headers={**headers, **elsewhere})

    def organisations(self) -> dict[str, int]:
        return {one["name"]: one["id"] for one in self.grafana.as_administrator("/api/orgs").json()}


@pytest.fixture
def house(tmp_path: Path, prometheus: Path) -> Iterator[House]:
    installed = stage.find_grafana()
    with Stack(tmp_path) as stack:
        targets = stack.write_targets(FLEET)
        stack.start_simulator(targets)
        exporter = stack.start_exporter(targets)
        history = stack.start_prometheus(prometheus, exporter)
        where, own = f"127.{stack.network}.255.2:8000", f"http://127.{stack.network}.255.6:3000"
        secret = tmp_path / "grafana" / "grafana" / around.CLIENT_SECRET
        grafana = stage.Grafana(
            stack,
            prometheus,
            installed,
            history.url.removeprefix("http://"),
            GF_AUTH_ANONYMOUS_ENABLED="false",
            GF_SERVER_ROOT_URL=own,
            **grafana_sign_on.settings(f"http://{where}", f"http://{where}", f"$__file{{{secret}}}"),
        )
        command = [*HASHYARD, "controller", "--env-file", os.devnull, "--targets", str(targets)]
        command += ["--data", str(tmp_path / "data"), "--listen", where, "--prometheus", history.url]
        command += ["--grafana", own, "--grafana-client-secret-file", str(secret)]
        command += ["--grafana-api", own, "--grafana-password-file"]
        command += [str(tmp_path / "grafana" / "grafana" / welcome.GRAFANA_PASSWORD)]
        controller = stack.start_program("controller", command, where)
        controller.wait_ready("/-/ready")
        found = House(stack, controller, grafana, tmp_path / "token")
        first = (tmp_path / "data" / "initial-admin-password").read_text(encoding="utf-8").strip()
        sign_in(found, first)
        assert found.api("/me/password", "PUT", {"current": first, "new": PASSWORD}).status == 204
        sign_in(found, PASSWORD)
        made = found.api("/me/tokens", "POST", {"name": "sync", "scopes": ["people", "read"]})
        assert made.status == 201, made
        found.token.write_text(made.json()["token"], encoding="utf-8")
        yield found


def sign_in(house: House, password: str) -> None:
    body = {"username": "admin", "password": password}
    answer = ask(f"{house.controller.url}/api/v1/auth/login", method="POST", body=body)
    assert answer.status == 204, answer
    house.cookie = answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
    house.csrf = answer.headers["X-CSRF-Token"]


def make_people(house: House) -> dict[str, str]:
    """Make clients and people at the controller; return the people's ids."""
    clients: dict[str, str] = {}
    for one in house.api("/clients").json()["items"]:
        clients[one["slug"]] = one["id"]
    ids = {}
    for name, role, client in PEOPLE:
        body: dict[str, Any] = {"username": name, "role": role, "name": name.title()}
        if client is not None:
            if client.lower() not in clients:
                made = house.api("/clients", "POST", {"name": client})
                assert made.status == 201, made
                clients[client.lower()] = made.json()["id"]
            body["client_id"] = clients[client.lower()]
        made = house.api("/users", "POST", body)
        assert made.status == 201, made
        ids[name] = made.json()["id"]
    return ids


class Visitor:
    """A browser without pages: it keeps cookies and follows where it is led, from Grafana to the controller and back."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )

    def ask(self, url: str, body: Any = None, method: str | None = None, **headers: str) -> tuple[int, str]:
        """Return the status where it ends up, and the text there."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        try:
            with self._opener.open(
                urllib.request.Request(url, data=data, method=method, headers=headers), timeout=60
            ) as answer:
                self.csrf = answer.headers.get("X-CSRF-Token") or ""
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def enter(self, username: str, first: str) -> None:
        """Sign in at the controller, with a password of his own in place of the first one."""
        api = f"{self._house.controller.url}/api/v1"
        assert self.ask(f"{api}/auth/login", {"username": username, "password": first})[0] == 204
        changed = {"current": first, "new": PASSWORD}
        assert self.ask(f"{api}/me/password", changed, "PUT", **{"X-CSRF-Token": self.csrf})[0] == 204

    def sign_on(self) -> tuple[int, str]:
        return self.ask(f"{self._house.grafana.url}/login/generic_oauth")

    def me(self) -> dict[str, Any] | None:
        """Return who Grafana says this is, None where it says nobody."""
        status, said = self.ask(f"{self._house.grafana.url}/api/user")
        assert status in {200, 401}, said
        return dict(json.loads(said)) if status == 200 else None


def change(house: House, id_: str, **body: Any) -> None:
    path = f"/users/{id_}"
    answer = house.api(path, "PATCH", body, **{"If-Match": house.api(path).headers["ETag"] or ""})
    assert answer.status == 200, answer


def test_a_session_ends_with_the_account_and_an_old_address_opens_nothing(house: House) -> None:
    people = {}
    for name, client in (("carl", "acme"), ("dora", "borealis")):
        of = next(one["id"] for one in house.api("/clients").json()["items"] if one["slug"] == client)
        body = {"username": name, "role": "client", "client_id": of, "email": f"{name}@yard.example"}
        made = house.api("/users", "POST", body)
        assert made.status == 201, made
        people[name] = made.json()
    carl, dora = Visitor(house), Visitor(house)
    carl.enter("carl", people["carl"]["password"])
    dora.enter("dora", people["dora"]["password"])
    until(lambda: set(people) <= set(house.accounts()) or None, "both are in Grafana, by themselves")

    def in_grafana(one: Visitor) -> dict[str, Any] | None:
        one.sign_on()
        return one.me()

    his = until(lambda: in_grafana(carl), "he is vouched for, and in")
    assert his["login"] == people["carl"]["id"].lower()
    assert his["orgId"] == house.organisations()["acme"]

    # While Grafana cannot follow, she is given his address: she must not land in his account, and is told to wait.
    house.grafana.program.end()
    change(house, people["carl"]["id"], email="carl@elsewhere.example")
    change(house, people["dora"]["id"], email="carl@yard.example")
    house.grafana.start()
    status, page = dora.sign_on()
    if status == 403:
        assert "in Grafana yet" in page
    else:
        assert dora.me() is not None, "it has followed meanwhile"
    hers = until(lambda: in_grafana(dora), "Grafana has followed", patience_s=150)
    assert (hers["login"], hers["email"]) == (people["dora"]["id"].lower(), "carl@yard.example")
    assert hers["orgId"] == house.organisations()["borealis"]

    # Disabled at the controller: the session that she has open in Grafana ends shortly after, by itself.
    assert dora.me() is not None
    change(house, people["dora"]["id"], active=False)
    until(lambda: dora.me() is None or None, "her session in Grafana has ended")
    assert people["dora"]["id"].lower() not in {one["login"] for one in house.accounts().values()}
    dora.sign_on()
    assert dora.me() is None


def asked(expression: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    query = {"refId": "A", "datasource": source, "expr": expression, "instant": True, "intervalMs": 60000}
    return {"queries": [query], "from": "now-1h", "to": "now"}


def test_people_clients_and_nothing_beyond(house: House) -> None:
    ids = make_people(house)
    first = house.sync()
    assert (first.returncode, first.stderr) == (0, ""), first
    second = house.sync()
    assert (second.returncode, second.stdout) == (0, "Grafana is in line; nothing was to be done.\n"), second
    organisations = house.organisations()
    assert len(organisations) == 3
    own = next(number for name, number in organisations.items() if name.lower() == "acme")
    other = next(number for name, number in organisations.items() if name.lower() == "borealis")

    carl = house.signed("Carl")
    assert (
        house.as_person(carl, "/api/dashboards/home").json()["redirectUri"].startswith("/d/hashyard-client/")
    )
    assert house.as_person(carl, "/api/user").json()["orgId"] == own

    def his_figures() -> str | None:
        told = house.as_person(carl, "/api/ds/query", "POST", asked("container_miners")).body.decode()
        return told if "Acme One" in told else None

    assert "Borealis" not in until(his_figures, "a client's figures through the gateway")
    values = "/api/datasources/uid/prometheus/resources/api/v1/label/container/values"
    assert house.as_person(carl, values).json()["data"] == ["Acme One"]
    for expression in ("up", 'container_miners{client="borealis"}', 'container_miners or {__name__=~".+"}'):
        told = house.as_person(carl, "/api/ds/query", "POST", asked(expression)).body.decode()
        assert "Borealis" not in told
        assert "borealis" not in told.replace(expression.replace('"', '\\"'), "")
    for path in NOT_HIS:
        answer = house.as_person(carl, path)
        assert answer.status >= 400, (path, answer)
        assert b"Borealis" not in answer.body
    for number in (1, other):
        for path in ELSEWHERE:
            answer = house.as_person(carl, path, org=number)
            assert answer.status in {401, 403, 404}, (path, number, answer)
        told = house.as_person(carl, "/api/ds/query", "POST", asked("container_miners"), org=number)
        assert told.status in {401, 403}, told
        assert house.as_person(carl, "/api/search", org=number).json() in ([], {}), "nothing to find"
        assert house.as_person(carl, f"/api/user/using/{number}", "POST").status in {401, 403}
    assert [one["uid"] for one in house.as_person(carl, "/api/search?type=dash-db").json()] == [
        "hashyard-client"
    ]
    may = house.as_person(carl, "/api/access-control/user/permissions").json()
    assert "datasources:explore" not in may
    shown = house.as_person(carl, "/api/dashboards/uid/hashyard-client").json()
    assert not shown["meta"]["canEdit"]
    saved = {"dashboard": shown["dashboard"], "overwrite": True}
    assert house.as_person(carl, "/api/dashboards/db", "POST", saved).status == 403
    source = house.as_person(carl, "/api/datasources/uid/prometheus")
    assert b"hg_" not in source.body

    olga = house.signed("Olga")
    home = house.as_person(olga, "/api/dashboards/home").json()
    assert home["redirectUri"].startswith("/d/hashyard-energy/")
    energy = house.as_person(olga, "/api/dashboards/uid/hashyard-energy").json()
    assert not energy["meta"]["canEdit"]
    assert not energy["meta"]["canSave"]
    new = {"dashboard": {"title": "Mine", "panels": []}}
    assert house.as_person(olga, "/api/dashboards/db", "POST", new).status == 403
    assert house.as_person(olga, "/api/datasources/uid/prometheus", "DELETE").status == 403

    assert house.api(f"/users/{ids['carl']}", "DELETE").status == 204
    until(lambda: "Carl" not in house.accounts() or None, "by itself, shortly after")
    assert house.as_person(carl, "/api/user").status == 401
    status = {part["name"]: part["state"] for part in house.api("/status").json()["parts"]}
    assert status["grafana"] == "ok"


def test_the_recorded_conversation_is_still_what_grafana_says(tmp_path: Path, prometheus: Path) -> None:
    installed = stage.find_grafana()
    with Stack(tmp_path) as stack:
        (tmp_path / "none").mkdir()
        grafana = stage.Grafana(
            stack,
            prometheus,
            installed,
            "127.0.0.1:9",
            GF_PATHS_PROVISIONING=str(tmp_path / "none"),
        )
        password = tmp_path / "grafana" / "grafana" / welcome.GRAFANA_PASSWORD
        said = talk(grafana.url, password.read_text(encoding="utf-8").strip())
    recorded = json.loads(RECORDING.read_text(encoding="utf-8"))
    for was, now in zip(recorded, said, strict=True):
        assert (now["call"], now["status"], now["message"]) == (was["call"], was["status"], was["message"])
        assert now["shape"] == was["shape"], now["call"]
