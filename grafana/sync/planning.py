"""What is to be done in Grafana: a pure function of what there is and what is wished.

It plans what can be done now. What needs something that is not there yet (a person's organisation) comes with the next plan, made of
what there is then; when a plan is empty, Grafana is in line. Taking away comes before giving, so that whoever stops half way has
given nobody too much.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana.sync.facts import MAIN, TEAM_HOME, TEAM_NAME, Account, Facts, Organisation, login_of
from grafana.sync.organisation_planning import Organisations
from grafana.sync.steps import (
    ChangeAccount,
    CreateAccount,
    CreateTeam,
    DeleteAccount,
    JoinOrganisation,
    JoinTeam,
    LeaveOrganisation,
    LeaveTeam,
    SetRole,
    SetTeamHome,
    Step,
    TakeServerAdministration,
    Trouble,
)
from grafana.sync.wish import Person, Wish


@dataclass(frozen=True)
class Plan:
    """Steps in their order. `troubles` keep somebody from what is wished; `notes` are for somebody to know.

    `accounts`: Grafana's uid of each person's account, as far as there is one.
    """

    steps: Sequence[Step]
    troubles: Sequence[Trouble]
    notes: Sequence[str]
    accounts: Mapping[str, str]


def plan(facts: Facts, wish: Wish, dashboards: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Return what is to be done. `dashboards`: a client's, by uid, as the files have them."""
    organisations = Organisations(facts, wish, dashboards)
    people = _People(facts, wish, organisations)
    taking = [*people.taking(), *organisations.taking()]
    giving = [*people.mending(), *organisations.giving(), *people.giving(), *people.team()]
    return Plan(
        steps=[*taking, *giving],
        troubles=[*people.troubles, *organisations.troubles],
        notes=organisations.notes,
        accounts={person.id: account.uid for person, account in people.pairs},
    )


class _People:
    """The accounts that are ours, beside the people who are to have one."""

    def __init__(self, facts: Facts, wish: Wish, organisations: Organisations) -> None:
        self._facts, self._organisations = facts, organisations
        self.troubles: list[Trouble] = []
        self._clients = {client.id: client.name for client in wish.clients}
        self._wished = [one for one in wish.people if one.part != "client" or one.client in self._clients]
        remembered = {uid: id_ for id_, uid in wish.memory.people.items()}
        self._ours = [
            one for one in facts.accounts if one.id != facts.me and (one.marked or one.uid in remembered)
        ]
        by_login = {one.login: one for one in self._ours}
        by_person = {remembered[one.uid]: one for one in self._ours if one.uid in remembered}
        self.pairs: list[tuple[Person, Account]] = []
        for person in self._wished:
            account = by_login.get(login_of(person.id)) or by_person.get(person.id)
            if account is not None:
                self.pairs.append((person, account))
        self._account_of = {person.id: account for person, account in self.pairs}
        self._unnamed = self._to_be_made_anew()

    def taking(self) -> Iterator[Step]:
        """End the access of those who are to have none, and take everybody out of where he has no business."""
        kept = {account.id for _, account in self.pairs}
        for account in self._ours:
            if account.id not in kept:
                yield DeleteAccount("", _shown(account), account.id, "not to have access any more")
        for person, account in self.pairs:
            if account.id in self._unnamed:
                yield DeleteAccount(
                    person.id, person.name, account.id, "to be made anew under the address of now"
                )
                continue
            for organisation in self._facts.organisations:
                if account.id in (organisation.roles or {}) and organisation.id != self._place_of(person):
                    yield LeaveOrganisation(
                        person.id, person.name, account.id, organisation.id, self._named(organisation)
                    )
            if account.server_admin and person.part != "administrator":
                yield TakeServerAdministration(person.id, person.name, account.id)

    def mending(self) -> Iterator[Step]:
        """Bring login, name and address in line, of those who have never signed in through the provider."""
        for person, account in self.pairs:
            if account.id in self._unnamed:
                continue
            if account.disabled:
                self._trouble(
                    person, f"the account {account.login} is disabled in Grafana: enable it there, by hand"
                )
            wanted = (login_of(person.id), person.address, person.name)
            if account.external or wanted == (account.login, account.email, account.name):
                continue
            if not self._is_taken(person, account):
                yield ChangeAccount(person.id, person.name, account.id, person)

    def giving(self) -> Iterator[Step]:
        """Make the accounts that are not there, and put each where it belongs."""
        for person in self._wished:
            place = self._place_of(person)
            organisation = next((one for one in self._facts.organisations if one.id == place), None)
            if organisation is None:
                self._trouble(person, "there is no organisation for this account yet")
                continue
            account = self._account_of.get(person.id)
            if account is None:
                if not self._is_taken(person, None):
                    yield CreateAccount(
                        person.id, person.name, person, organisation.id, self._named(organisation)
                    )
                continue
            if account.id in self._unnamed:
                self._trouble(person, "the account is to be made anew")
                continue
            yield from _belonging(person, account, organisation, self._named(organisation))

    def team(self) -> Iterator[Step]:
        """Keep the accountants' team, which is there for its home."""
        team = self._facts.team
        wanted = {
            self._account_of[person.id].id: person
            for person in self._wished
            if person.part == "accountant" and person.id in self._account_of
        }
        if team is None:
            if not wanted:
                return
            if self._facts.team_taken:
                self.troubles.append(
                    Trouble(
                        "",
                        f"the main organisation has a team {TEAM_NAME} that was made by hand: give it another name, "
                        "so that the accountants' home can be set",
                    )
                )
                return
            yield CreateTeam("", TEAM_NAME)
            return
        if team.home != TEAM_HOME:
            yield SetTeamHome("", TEAM_NAME, team.id, TEAM_HOME)
        inside = (self._facts.organisation(MAIN) or Organisation(MAIN, "")).roles or {}
        for id_, person in wanted.items():
            if id_ not in team.members and id_ in inside and id_ not in self._unnamed:
                yield JoinTeam(person.id, person.name, id_, team.id)
        # Whoever is deleted, or leaves the main organisation, leaves its team by that.
        ours = {
            account.id: account
            for person, account in self.pairs
            if person.part != "client" and account.id in inside
        }
        for id_ in sorted(team.members - wanted.keys()):
            if id_ == self._facts.me or id_ in ours:
                shown = _shown(ours[id_]) if id_ in ours else "the account that brings Grafana in line"
                yield LeaveTeam("", shown, id_, team.id)

    def _place_of(self, person: Person) -> int | None:
        """Return the organisation of a person, None where it is not there yet."""
        if person.part != "client":
            return MAIN
        place = self._organisations.of_client(person.client or "")
        return None if place is None else place.id

    def _named(self, organisation: Organisation) -> str:
        """Return how an organisation is called in a line: one that was just made has its client's id for a name."""
        return self._clients.get(organisation.client or "", organisation.name)

    def _to_be_made_anew(self) -> set[int]:
        """Return the accounts that Grafana lets nobody rename: the provider owns them, or two would swap addresses."""
        found = set()
        owners = {account.id for account in self._ours}
        for person, account in self.pairs:
            # A provider's login is the provider's to say; found is he by the address.
            same_login = account.external or account.login == login_of(person.id)
            if same_login and account.email == person.address:
                continue
            holder = self._holder(person, account)
            if account.external or (holder is not None and holder.id in owners):
                found.add(account.id)
        return found

    def _holder(self, person: Person, own: Account | None) -> Account | None:
        """Return the other account that has a person's login or address, in either place: Grafana takes both for one."""
        names = {person.address, login_of(person.id)}
        return next(
            (
                one
                for one in self._facts.accounts
                if (own is None or one.id != own.id) and ({one.email, one.login} & names)
            ),
            None,
        )

    def _is_taken(self, person: Person, own: Account | None) -> bool:
        holder = self._holder(person, own)
        if holder is None:
            return False
        if any(holder.id == one.id for one in self._ours):
            why = f"the address {person.address} is still that of the account {holder.login}"
        else:
            why = (
                f"{person.address} is the address of the account {holder.login}, which was made by hand: change it there, "
                "or give the person another address"
            )
        self._trouble(person, why)
        return True

    def _trouble(self, person: Person, why: str) -> None:
        self.troubles.append(Trouble(person.id, f"{person.name}: {why}"))


def _belonging(person: Person, account: Account, organisation: Organisation, named: str) -> Iterator[Step]:
    wanted = "Admin" if person.part == "administrator" else "Viewer"
    role = (organisation.roles or {}).get(account.id)
    if role is None:
        yield JoinOrganisation(
            person.id, person.name, account.id, account.login, organisation.id, named, wanted
        )
    elif role != wanted:
        yield SetRole(person.id, person.name, account.id, organisation.id, named, wanted)


def _shown(account: Account) -> str:
    return account.name or account.login
