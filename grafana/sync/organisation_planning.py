"""What is to be done about clients' organisations: the organisation itself, its data source with a token, dashboards, home."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grafana.sync.facts import CLIENT_HOME, MAIN, SOURCE, TOKEN_KEY, VERSION_KEY, Facts, Organisation, Source
from grafana.sync.steps import (
    CreateOrganisation,
    CreateSource,
    DeleteOrganisation,
    EnterOrganisation,
    GiveToken,
    NameOrganisation,
    PutDashboard,
    RevokeToken,
    SetHome,
    Step,
    Trouble,
)
from grafana.sync.wish import TOKEN_AGE, Client, Wish

MOST_TOKENS = 2
"""Of a client, as the gateway allows: the one in use, and the one that takes its place."""

LONGEST_NAME = 100


def source_body(gateway: str) -> dict[str, Any]:
    """Return the data source as it is wished, in the words of Grafana's API, without token and version."""
    return {
        "name": "Prometheus",
        "uid": SOURCE,
        "type": "prometheus",
        "access": "proxy",
        "url": gateway,
        "isDefault": True,
        "jsonData": {
            "httpMethod": "POST",
            "timeInterval": "30s",
            "queryTimeout": "30s",
            "prometheusType": "Prometheus",
            "manageAlerts": False,
            "httpHeaderName1": "Authorization",
        },
    }


def same_dashboard(there: Mapping[str, Any], wished: Mapping[str, Any]) -> bool:
    """Return whether a dashboard is as its file has it; its number and version are Grafana's own."""
    own = ("id", "version", "uid")
    return {key: value for key, value in there.items() if key not in own} == {
        key: value for key, value in wished.items() if key not in own
    }


class Organisations:
    """Clients' organisations as they are, beside what they are to be."""

    def __init__(self, facts: Facts, wish: Wish, dashboards: Mapping[str, Mapping[str, Any]]) -> None:
        """`dashboards`: a client's, by uid, as the files have them."""
        self._facts, self._wish, self._dashboards = facts, wish, dashboards
        self._ours: dict[str, Organisation] = {}
        self.troubles: list[Trouble] = []
        self.notes: list[str] = []
        self._doubled: set[int] = set()
        for one in sorted(facts.organisations, key=lambda one: (not one.marked, one.id)):
            if one.client is None or one.id == MAIN:
                continue
            if one.client in self._ours:
                self._doubled.add(one.id)
                self.notes.append(
                    f"organisation {one.name}: marked as a second one of the same client; it is left alone"
                )
            else:
                self._ours[one.client] = one

    def of_client(self, client_id: str) -> Organisation | None:
        """Return a client's organisation, None if there is none yet."""
        return self._ours.get(client_id)

    def taking(self) -> Iterator[Step]:
        """End organisations of clients that are gone, and tokens that nobody is to use any more."""
        wished = {client.id for client in self._wish.clients}
        for client_id, organisation in self._ours.items():
            if client_id not in wished:
                yield from self._leaving(organisation)
        tokens = {client_id: list(tokens) for client_id, tokens in self._wish.memory.tokens.items()}
        for client_id, organisation in self._ours.items():
            tokens.setdefault(client_id, []).extend(_named_tokens(organisation))
        for client_id, gone in tokens.items():
            if client_id not in wished:
                for token in dict.fromkeys(gone):
                    yield RevokeToken(client_id, client_id, token)

    def giving(self) -> Iterator[Step]:
        """Give each client's organisation what it lacks."""
        for client in self._wish.clients:
            organisation = self._ours.get(client.id)
            if organisation is None:
                yield CreateOrganisation(client.id, client.name, client.id)
                continue
            name = self._name_of(client, organisation)
            if not organisation.marked or organisation.name != name:
                yield NameOrganisation(client.id, client.name, organisation.id, client.id, name)
            if not organisation.entered:
                yield EnterOrganisation(client.id, client.name, organisation.id, self._facts.me)
                continue
            if organisation.unread:
                self._trouble(client, organisation.unread)
                continue
            yield from self._source(client, organisation)
            yield from self._pages(client, organisation)
            self._note(organisation)

    def _leaving(self, organisation: Organisation) -> Iterator[Step]:
        if not organisation.entered:
            yield EnterOrganisation("", organisation.name, organisation.id, self._facts.me)
            return
        if organisation.unread:
            self.troubles.append(Trouble("", f"organisation {organisation.name}: {organisation.unread}"))
            return
        theirs = [*self._strangers(organisation), *organisation.other_dashboards]
        theirs += [source.name for source in organisation.sources if source.uid != SOURCE]
        if theirs:
            self.notes.append(
                f"organisation {organisation.name}: its client is gone, and it stays, since {', '.join(theirs[:5])} in it "
                "was made by hand: delete it in Grafana"
            )
            return
        yield DeleteOrganisation("", organisation.name, organisation.id)

    def _strangers(self, organisation: Organisation) -> list[str]:
        """Return the logins of those in an organisation whom nobody put there from here."""
        remembered = set(self._wish.memory.people.values())
        return [
            account.login
            for account in self._facts.accounts
            if account.id in (organisation.roles or {})
            and account.id != self._facts.me
            and not account.marked
            and account.uid not in remembered
            and not account.server_admin
        ]

    def _note(self, organisation: Organisation) -> None:
        for source in organisation.sources:
            if source.uid != SOURCE:
                self.notes.append(
                    f"organisation {organisation.name}: the data source {source.name} was made by hand; whatever it answers, "
                    "the client can ask"
                )
        if strangers := self._strangers(organisation):
            self.notes.append(
                f"organisation {organisation.name}: {', '.join(strangers[:5])} was put there by hand"
            )

    def _name_of(self, client: Client, organisation: Organisation) -> str:
        """Return the client's name, with the slug behind it where another organisation has that name."""
        name = " ".join(client.name.split())[:LONGEST_NAME] or client.slug
        others = {one.name for one in self._facts.organisations if one.id != organisation.id}
        return f"{name} ({client.slug})" if name in others else name

    def _source(self, client: Client, organisation: Organisation) -> Iterator[Step]:
        source = next((one for one in organisation.sources if one.uid == SOURCE), None)
        if source is None:
            if any(one.name == source_body("")["name"] for one in organisation.sources):
                self._trouble(
                    client, "a data source named Prometheus was made by hand there: give it another name"
                )
                return
            yield CreateSource(client.id, client.name, organisation.id, self._wish.gateway)
            return
        live = {token.id: token for token in client.tokens}
        ours = [token for token in self._wish.memory.tokens.get(client.id, ()) if token in live]
        named = (source.json_data or {}).get(TOKEN_KEY)
        if isinstance(named, str) and named in live and named not in ours:
            ours.append(named)
        why = self._why_anew(source, live)
        if not why:
            for token in ours:
                if token != source.token:
                    yield RevokeToken(client.id, client.name, token)
            return
        first = _making_room(ours, named, len(live))
        if len(live) - len(first) >= MOST_TOKENS:
            self._trouble(
                client, "it has two tokens for the gateway that were made by hand: revoke one of them"
            )
            return
        then = tuple(token for token in ours if token not in first)
        yield GiveToken(
            client.id,
            client.name,
            organisation.id,
            client.id,
            self._wish.gateway,
            source.version,
            first,
            then,
            why,
        )

    def _why_anew(self, source: Source, live: Mapping[str, Any]) -> str:
        """Return why a data source wants a new token, "" if it does not."""
        if not source.has_secret:
            return "which had none"
        if source.token is None:
            return "which somebody had changed"
        if source.token not in live:
            return "whose token was revoked"
        if live[source.token].created_at + TOKEN_AGE <= self._wish.now:
            return f"whose token was {TOKEN_AGE.days} days old"
        wished = source_body(self._wish.gateway)
        data = {
            key: value
            for key, value in (source.json_data or {}).items()
            if key not in (TOKEN_KEY, VERSION_KEY)
        }
        there = (source.name, source.type, source.access, source.url, source.default, data)
        wanted = (
            wished["name"],
            wished["type"],
            wished["access"],
            wished["url"],
            wished["isDefault"],
            wished["jsonData"],
        )
        return "" if there == wanted else "whose settings were others"

    def _pages(self, client: Client, organisation: Organisation) -> Iterator[Step]:
        there = organisation.dashboards or {}
        for uid, wished in self._dashboards.items():
            if uid not in there or not same_dashboard(there[uid], wished):
                yield PutDashboard(client.id, client.name, organisation.id, uid, uid in there)
        if organisation.home != CLIENT_HOME and CLIENT_HOME in there:
            yield SetHome(client.id, client.name, organisation.id, CLIENT_HOME)

    def _trouble(self, client: Client, why: str) -> None:
        self.troubles.append(Trouble(client.id, f"{client.name}: {why}"))


def _making_room(ours: Sequence[str], named: object, live: int) -> tuple[str, ...]:
    """Return which of our tokens go before a new one is made: none in use as long as another will do."""
    unused_first = sorted(ours, key=lambda token: token == named)
    return tuple(unused_first[: max(0, live + 1 - MOST_TOKENS)])


def _named_tokens(organisation: Organisation) -> list[str]:
    """Return the tokens that the data source says it has."""
    named = [(source.json_data or {}).get(TOKEN_KEY) for source in organisation.sources]
    return [token for token in named if isinstance(token, str)]
