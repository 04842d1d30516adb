"""Bringing Grafana in line, against the stand-in: what is made, what is taken away, what is left alone, and what half a way leaves."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grafana.sync.bringing import bring_in_line, client_dashboards
from grafana.sync.facts import login_of
from grafana.sync.wish import Access, Client, Memory, Outcome, Person, Token, Wish
from tests.unit.grafana.sync import grafana_stand_in as stand_in
from tests.unit.grafana.sync.grafana_stand_in import MAIN, ME, Grafana

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GATEWAY = "http://127.0.0.1:9/gateway"
ACME, BOREALIS = "cli_01ARZ3NDEKTSV4RRFFQ69G5FA1", "cli_01ARZ3NDEKTSV4RRFFQ69G5FA2"
SECRET = "hg_secret"


def person(number: str, name: str, part: Any, client: str | None = None, address: str = "") -> Person:
    id_ = f"usr_01ARZ3NDEKTSV4RRFFQ69G5FA{number}"
    return Person(id_, name, address or f"{id_.lower()}@hashyard.invalid", part, client)


ANNA = person("A", "Anna", "administrator", address="anna@example.org")
BERT = person("B", "Bert", "accountant")
CARL = person("C", "Carl", "client", ACME)
DORA = person("D", "Dora", "client", BOREALIS)
EVERYBODY = (ANNA, BERT, CARL, DORA)


@dataclass
class House:
    """A Grafana, and what the controller would know: people, clients, their tokens, and the memory of the last time."""

    grafana: Grafana
    people: tuple[Person, ...] = EVERYBODY
    clients: tuple[Client, ...] = (Client(ACME, "acme", "Acme"), Client(BOREALIS, "borealis", "Borealis"))
    tokens: dict[str, dict[str, Token]] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    now: datetime = NOW
    password: str = stand_in.PASSWORD
    made: int = 0
    refuses: str = ""
    pages: str | None = "https://control.example"

    def make(self, client_id: str) -> tuple[str, str]:
        if self.refuses:
            raise RuntimeError(self.refuses)
        kept = self.tokens.setdefault(client_id, {})
        assert len(kept) < 2, "the gateway takes no third token"
        self.made += 1
        id_ = f"gwt_{self.made}"
        kept[id_] = Token(id_, self.now)
        return id_, f"{SECRET}_{self.made}"

    def revoke(self, client_id: str, token_id: str) -> None:
        self.tokens.get(client_id, {}).pop(token_id, None)

    def bring(self) -> Outcome:
        clients = [
            replace(client, tokens=tuple(self.tokens.get(client.id, {}).values())) for client in self.clients
        ]
        wish = Wish(self.now, GATEWAY, self.people, clients, self.memory, self.pages)
        self.grafana.asked.clear()
        outcome = bring_in_line(Access(self.grafana.url, "admin", self.password), wish, self)
        self.memory = outcome.memory
        return outcome

    def account(self, one: Person) -> dict[str, Any]:
        found = self.grafana.state.account(login_of(one.id))
        assert found is not None, one
        return found

    def places(self, one: Person) -> dict[str, str]:
        id_ = self.account(one)["id"]
        return {
            place["name"]: place["roles"][id_]
            for place in self.grafana.state.organisations.values()
            if id_ in place["roles"]
        }

    def source(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.grafana.state.named(name)["sources"]["prometheus"]
        return found


@pytest.fixture
def house() -> Iterator[House]:
    with stand_in.serving() as grafana:
        # The main organisation is provisioned with its dashboards.
        grafana.state.organisations[MAIN]["dashboards"]["hashyard-energy"] = {
            "id": 1,
            "version": 1,
            "title": "E",
        }
        yield House(grafana)


@pytest.fixture
def settled(house: House) -> House:
    assert house.bring().in_line
    return house


def test_everybody_is_where_he_belongs_and_nowhere_else(settled: House) -> None:
    assert settled.places(ANNA) == {"Main Org.": "Admin"}
    assert settled.places(BERT) == {"Main Org.": "Viewer"}
    assert settled.places(CARL) == {"Acme": "Viewer"}
    assert settled.places(DORA) == {"Borealis": "Viewer"}
    assert settled.account(ANNA)["email"] == "anna@example.org"
    [team] = settled.grafana.state.teams.values()
    assert team["members"] == {settled.account(BERT)["id"]}
    assert team["home"] == "hashyard-energy"


def test_a_clients_organisation_has_its_source_dashboards_and_home(settled: House) -> None:
    acme = settled.grafana.state.named("Acme")
    assert acme["home"] == "hashyard-client"
    assert set(acme["dashboards"]) == set(client_dashboards())
    assert list(acme["sources"]) == ["prometheus"]
    source = settled.source("Acme")
    assert source["url"] == GATEWAY
    assert source["jsonData"]["httpMethod"] == "POST"
    [token] = settled.tokens[ACME]
    assert source["jsonData"]["hashyardToken"] == token
    assert source["secrets"] == {"httpHeaderValue1": f"Bearer {SECRET}_{token.removeprefix('gwt_')}"}
    assert settled.source("Borealis")["secrets"] != source["secrets"]


def test_a_clients_dashboard_leads_to_his_reports_where_the_pages_are(settled: House) -> None:
    def shown() -> dict[str, Any]:
        found: dict[str, Any] = settled.grafana.state.named("Acme")["dashboards"]["hashyard-client"]
        return found

    month = "https://control.example/reports?month=${__to:date:YYYY-MM}&by=day"
    assert [(one["title"], one["url"]) for one in shown()["links"]] == [("My reports", month)]
    of_cells = [
        link["url"]
        for panel in shown()["panels"]
        for override in panel.get("fieldConfig", {}).get("overrides", ())
        for one in override["properties"]
        if one["id"] == "links"
        for link in one["value"]
    ]
    assert f"{month}&container=${{__data.fields.container:percentencode}}" in of_cells
    settled.pages = "https://other.example/$x"
    [done] = [line for line in settled.bring().done if line.startswith("Acme")]
    assert "hashyard-client" in done
    assert shown()["links"][0]["url"].startswith("https://other.example/%24x/reports?")
    assert settled.bring().done == []
    settled.pages = None
    settled.bring()
    assert "reports" not in str(shown()), "the files have no address of the controller"


def test_a_second_time_changes_nothing(settled: House) -> None:
    outcome = settled.bring()
    assert outcome.in_line
    assert not outcome.done
    assert settled.grafana.changes == []
    assert set(outcome.people.values()) == set(outcome.clients.values()) == {""}


def test_nor_without_memory_since_what_was_made_bears_marks(settled: House) -> None:
    settled.memory = Memory()
    assert settled.bring().in_line
    assert settled.grafana.changes == []


def test_who_is_removed_is_gone_and_so_is_a_clients_organisation(settled: House) -> None:
    settled.people, settled.clients = (ANNA, DORA), settled.clients[1:]
    outcome = settled.bring()
    assert outcome.in_line
    for gone in (BERT, CARL):
        assert settled.grafana.state.account(login_of(gone.id)) is None
    assert [one["name"] for one in settled.grafana.state.organisations.values()] == ["Main Org.", "Borealis"]
    assert not settled.tokens[ACME]
    assert settled.bring().done == []


def test_a_client_that_is_gone_takes_his_people_along(settled: House) -> None:
    settled.clients = settled.clients[1:]
    outcome = settled.bring()
    assert outcome.in_line
    assert settled.grafana.state.account(login_of(CARL.id)) is None
    assert CARL.id not in outcome.people


def test_another_part_is_another_place(settled: House) -> None:
    settled.people = (ANNA, replace(BERT, part="client", client=ACME), replace(CARL, client=BOREALIS), DORA)
    assert settled.bring().in_line
    assert settled.places(BERT) == {"Acme": "Viewer"}
    assert settled.places(CARL) == {"Borealis": "Viewer"}
    settled.people = (replace(ANNA, part="accountant"), replace(BERT, part="administrator"), CARL, DORA)
    assert settled.bring().in_line
    assert settled.places(ANNA) == {"Main Org.": "Viewer"}
    assert settled.places(BERT) == {"Main Org.": "Admin"}
    [team] = settled.grafana.state.teams.values()
    assert team["members"] == {settled.account(ANNA)["id"]}


def test_taking_comes_before_giving(settled: House) -> None:
    settled.people = (ANNA, BERT, replace(CARL, client=BOREALIS), DORA)
    assert settled.bring().in_line
    id_ = settled.account(CARL)["id"]
    changes = settled.grafana.changes
    left = next(at for at, one in enumerate(changes) if one.startswith("DELETE") and one.endswith(f"/{id_}"))
    joined = next(
        at for at, one in enumerate(changes) if one.startswith("POST /orgs/") and one.endswith("users")
    )
    assert left < joined


def test_rights_that_a_hand_gave_one_of_ours_are_taken_back(settled: House) -> None:
    id_ = settled.account(CARL)["id"]
    settled.grafana.state.named("Acme")["roles"][id_] = "Admin"
    settled.grafana.state.organisations[MAIN]["roles"][id_] = "Viewer"
    settled.account(CARL)["isAdmin"] = True
    assert settled.bring().in_line
    assert settled.places(CARL) == {"Acme": "Viewer"}
    assert not settled.account(CARL)["isAdmin"]


def test_what_was_made_by_hand_stays_as_it_is(house: House) -> None:
    state = house.grafana.state
    hand = state.add_organisation("Workshop")
    state.add_account("olga", "olga@example.org", hand)
    state.add_account("eve", "eve@example.org", MAIN, isAdmin=True)
    state.organisations[hand]["sources"]["mine"] = {"name": "Mine"}
    before = repr([state.organisations[hand], state.account("olga"), state.account("eve")])
    assert house.bring().in_line
    house.people, house.clients = (), ()
    assert house.bring().in_line
    assert repr([state.organisations[hand], state.account("olga"), state.account("eve")]) == before


def test_an_organisation_with_things_made_by_hand_outlives_its_client_without_a_token(settled: House) -> None:
    state = settled.grafana.state
    acme = state.named("Acme")
    state.add_account("olga", "olga@example.org", acme["id"])
    settled.clients = settled.clients[1:]
    outcome = settled.bring()
    assert outcome.in_line
    assert any("olga" in note and "it stays" in note for note in outcome.notes)
    assert state.account("olga") is not None
    assert state.account(login_of(CARL.id)) is None
    assert not settled.tokens[ACME]


def test_a_name_that_a_hand_has_taken_gets_the_slug(house: House) -> None:
    house.grafana.state.add_organisation("Acme")
    assert house.bring().in_line
    assert house.places(CARL) == {"Acme (acme)": "Viewer"}
    assert house.bring().done == []


def test_an_address_that_a_hand_has_taken_is_named_and_nobody_is_put_there(house: House) -> None:
    house.grafana.state.add_account("boss", "anna@example.org")
    outcome = house.bring()
    assert not outcome.in_line
    assert "boss" in outcome.people[ANNA.id]
    assert "made by hand" in outcome.people[ANNA.id]
    assert house.grafana.state.account(login_of(ANNA.id)) is None
    assert outcome.people[CARL.id] == ""


@pytest.mark.parametrize("external", [False, True])
def test_two_who_swap_their_addresses_have_each_their_own(settled: House, external: bool) -> None:
    one, other = replace(CARL, address="c@example.org"), replace(DORA, address="d@example.org")
    settled.people = (one, other)
    assert settled.bring().in_line
    if external:
        for who in (one, other):
            settled.account(who)["authLabels"] = ["Generic OAuth"]
    settled.people = (replace(one, address="d@example.org"), replace(other, address="c@example.org"))
    assert settled.bring().in_line
    assert settled.account(CARL)["email"] == "d@example.org"
    assert settled.account(DORA)["email"] == "c@example.org"
    assert settled.places(CARL) == {"Acme": "Viewer"}
    assert settled.bring().done == []


def test_who_has_renamed_himself_is_found_again(settled: House) -> None:
    account = settled.account(CARL)
    account.update(login="carl-the-great", email="anna2@example.org", name="C")
    assert settled.bring().in_line
    again = settled.account(CARL)
    assert (again["id"], again["email"], again["name"]) == (account["id"], CARL.address, "Carl")


def test_a_name_that_changes_is_changed(settled: House) -> None:
    settled.people = (replace(ANNA, name="Anna B"), BERT, CARL, DORA)
    settled.clients = (replace(settled.clients[0], name="Acme Mining"), settled.clients[1])
    assert settled.bring().in_line
    assert settled.account(ANNA)["name"] == "Anna B"
    assert settled.places(CARL) == {"Acme Mining": "Viewer"}


def test_a_token_of_ninety_days_gives_place(settled: House) -> None:
    [old] = settled.tokens[ACME]
    settled.now = NOW + timedelta(days=90)
    [done, _] = settled.bring().done
    assert "90 days" in done
    [new] = settled.tokens[ACME]
    assert new != old
    assert settled.source("Acme")["jsonData"]["hashyardToken"] == new
    settled.now += timedelta(days=89)
    assert settled.bring().done == []


@pytest.mark.parametrize(
    "changed",
    [{"version": 3}, {"version": 1}, {"secrets": {}}, {"url": "http://prometheus:9090", "version": 3}],
)
def test_a_source_that_somebody_changed_gets_a_new_token(settled: House, changed: dict[str, Any]) -> None:
    [old] = settled.tokens[ACME]
    settled.source("Acme").update(changed)
    assert len(settled.bring().done) == 1
    [new] = settled.tokens[ACME]
    assert new != old
    assert settled.source("Acme")["url"] == GATEWAY
    assert settled.bring().done == []


def test_a_token_that_was_revoked_gives_place(settled: House) -> None:
    settled.tokens[ACME].clear()
    assert settled.bring().in_line
    [new] = settled.tokens[ACME]
    assert settled.source("Acme")["jsonData"]["hashyardToken"] == new


def test_tokens_made_by_hand_are_not_revoked(house: House) -> None:
    for name in ("gwt_hand_1", "gwt_hand_2"):
        house.tokens.setdefault(ACME, {})[name] = Token(name, NOW)
    outcome = house.bring()
    assert "made by hand" in outcome.clients[ACME]
    assert set(house.tokens[ACME]) == {"gwt_hand_1", "gwt_hand_2"}
    house.revoke(ACME, "gwt_hand_1")
    assert house.bring().in_line
    assert "gwt_hand_2" in house.tokens[ACME]


def test_a_dashboard_that_was_changed_or_lost_is_put_back(settled: House) -> None:
    acme = settled.grafana.state.named("Acme")
    acme["dashboards"]["hashyard-client"]["title"] = "Mine"
    acme["dashboards"]["own"] = {"id": 99, "version": 1, "title": "By hand"}
    assert settled.bring().in_line
    assert acme["dashboards"]["hashyard-client"]["title"] == "My machines"
    assert "own" in acme["dashboards"]


def test_a_refused_password_is_said_and_changes_nothing(house: House) -> None:
    house.password = "wrong password"
    outcome = house.bring()
    assert "--grafana-password-file" in outcome.away
    assert "wrong password" not in repr(outcome)
    assert house.grafana.changes == []


def test_a_grafana_that_is_away_is_said() -> None:
    with stand_in.serving() as grafana:
        house = House(grafana)
        kept = house.memory = Memory(people={"usr_1": "u9"})
    outcome = house.bring()
    assert "does not answer" in outcome.away
    assert outcome.memory == kept
    assert outcome.people == {}


def test_what_fails_fails_alone(house: House) -> None:
    house.grafana.broken = lambda method, path: 500 if (method, path) == ("POST", "/datasources") else None
    outcome = house.bring()
    assert not outcome.in_line
    assert "data source made" in outcome.clients[ACME]
    assert house.places(CARL) == {"Acme": "Viewer"}
    house.grafana.broken = lambda *_: None
    assert house.bring().in_line
    assert house.source("Acme")["secrets"]


@pytest.mark.parametrize("half_way", range(1, 24, 2))
def test_whatever_is_left_half_way_is_finished_the_next_time(house: House, half_way: int) -> None:
    """Grafana goes away after so many changes; then it comes back, and nothing is there twice."""
    count = 0

    def broken(method: str, _path: str) -> int | None:
        nonlocal count
        count += method != "GET"
        return 599 if count > half_way else None

    house.grafana.broken = broken
    first = house.bring()
    house.grafana.broken = lambda *_: None
    second = house.bring()
    assert second.in_line, second.failed
    state = house.grafana.state
    assert sorted(one["name"] for one in state.organisations.values()) == ["Acme", "Borealis", "Main Org."]
    assert len(state.accounts) == 1 + len(EVERYBODY)
    assert all(len(tokens) == 1 for tokens in house.tokens.values())
    assert house.bring().done == []
    assert first.away == ""
    assert first.silent == (not first.in_line), "the controller tries again soon, and not in an hour"
    assert not second.silent
    assert SECRET not in repr((first, second))


def test_a_put_that_may_have_been_done_leaves_no_token_behind(settled: House) -> None:
    """The data source took the token, and the answer was lost."""
    settled.now += timedelta(days=91)
    real = settled.grafana.answer

    def lost(method: str, path: str, *rest: Any) -> Any:
        told = real(method, path, *rest)
        if method == "PUT" and path.startswith("/datasources"):
            raise stand_in.Refused(599, "")
        return told

    settled.grafana.answer = lost  # type: ignore[method-assign]
    assert not settled.bring().in_line
    settled.grafana.answer = real  # type: ignore[method-assign]
    assert settled.bring().in_line
    for client, name in ((ACME, "Acme"), (BOREALIS, "Borealis")):
        [token] = settled.tokens[client]
        assert settled.source(name)["jsonData"]["hashyardToken"] == token


def test_a_token_that_cannot_be_made_is_said(house: House) -> None:
    house.refuses = "the database is away"
    outcome = house.bring()
    assert "the database is away" in outcome.clients[ACME]
    assert outcome.people[CARL.id] == ""


def test_an_account_that_has_not_made_the_organisation_enters_it_first(settled: House) -> None:
    settled.grafana.state.named("Acme")["roles"].pop(ME)
    outcome = settled.bring()
    assert outcome.in_line
    assert settled.grafana.state.named("Acme")["roles"][ME] == "Admin"


def test_the_accountants_team_of_somebody_else_is_left_alone(house: House) -> None:
    house.grafana.state.teams[7] = {
        "id": 7,
        "name": "Accountants",
        "email": "",
        "members": set(),
        "home": None,
    }
    outcome = house.bring()
    assert any("team Accountants" in line for line in outcome.failed)
    assert house.grafana.state.teams[7]["members"] == set()
    assert outcome.people[BERT.id] == ""


def test_a_disabled_account_is_said_and_not_enabled(settled: House) -> None:
    settled.account(CARL)["isDisabled"] = True
    outcome = settled.bring()
    assert "disabled in Grafana" in outcome.people[CARL.id]
    assert settled.account(CARL)["isDisabled"]


def test_another_program_at_that_address_is_said(house: House) -> None:
    house.grafana.answer = lambda *_: {"hello": "world"}  # type: ignore[method-assign]
    assert "is not Grafana's API" in house.bring().away


def test_once_the_program_ends_nothing_more_is_asked(house: House) -> None:
    wish = Wish(NOW, GATEWAY, EVERYBODY)
    outcome = bring_in_line(Access(house.grafana.url, "admin", stand_in.PASSWORD), wish, house, lambda: True)
    assert "the program ends" in outcome.away
    assert house.grafana.asked == []


def test_an_access_prints_without_its_password() -> None:
    assert "hunter" not in repr(Access("http://127.0.0.1", "admin", "hunter"))
