"""Bringing Grafana in line with a wish: read, plan, do, and again until nothing is left to do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import grafana
from grafana.sync.facts import Facts
from grafana.sync.planning import Plan, plan
from grafana.sync.report_links import with_reports
from grafana.sync.site import GrafanaFault, Site
from grafana.sync.steps import Step, Trouble
from grafana.sync.wish import Access, Memory, Outcome, Token, TokenDesk, Wish

MOST_ROUNDS: Final = 6
"""An organisation is made in one, furnished in the next, named and peopled beside that; the last finds nothing to do."""

MOST_SILENCES: Final = 3
"""So many steps in a row without any answer, and the rest is left for the next time."""

FOLDER: Final = Path(grafana.__file__).parent / "json" / "client"


def client_dashboards(pages: str | None = None, folder: Path = FOLDER) -> dict[str, Mapping[str, Any]]:
    """Return the dashboards of a client's organisation by uid, as the files have them, and with links to the controller's `pages`."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        model = json.loads(path.read_text(encoding="utf-8"))
        found[str(model["uid"])] = model if pages is None else with_reports(model, pages)
    return found


def bring_in_line(
    access: Access, wish: Wish, desk: TokenDesk, ended: Callable[[], bool] = lambda: False
) -> Outcome:
    """Do what it takes, and say what was done; a second time does nothing. Blocks; raises nothing that Grafana does.

    `ended`: asked before each question to Grafana; once it says so, it gives up.
    """
    counted = _CountedDesk(desk, wish)
    dashboards = client_dashboards(wish.pages)
    with Site(access, dashboards, counted, ended) as site:
        return _Bringing(site, wish, dashboards, counted).run()


class _CountedDesk:
    """The desk, and which tokens there are now."""

    def __init__(self, desk: TokenDesk, wish: Wish) -> None:
        self._desk, self._now = desk, wish.now
        self.live = {client.id: list(client.tokens) for client in wish.clients}
        self.ours = {client: list(tokens) for client, tokens in wish.memory.tokens.items()}

    def make(self, client_id: str) -> tuple[str, str]:
        made, text = self._desk.make(client_id)
        self.live.setdefault(client_id, []).append(Token(made, self._now))
        self.ours.setdefault(client_id, []).append(made)
        return made, text

    def revoke(self, client_id: str, token_id: str) -> None:
        self._desk.revoke(client_id, token_id)
        self.live[client_id] = [token for token in self.live.get(client_id, ()) if token.id != token_id]
        self.ours[client_id] = [token for token in self.ours.get(client_id, ()) if token != token_id]

    def kept(self) -> dict[str, list[str]]:
        """Return which of the tokens that were made from here there are still."""
        live = {client: {token.id for token in tokens} for client, tokens in self.live.items()}
        there = {
            client: [token for token in tokens if client not in live or token in live[client]]
            for client, tokens in self.ours.items()
        }
        return {client: tokens for client, tokens in there.items() if tokens}


class _Bringing:
    """One time of bringing Grafana in line."""

    def __init__(
        self, site: Site, wish: Wish, dashboards: Mapping[str, Mapping[str, Any]], desk: _CountedDesk
    ) -> None:
        self._site, self._wish, self._dashboards, self._desk = site, wish, dashboards, desk
        self._tried: set[Step] = set()
        self._done: list[str] = []
        self._failed: list[Trouble] = []
        self._silent = self._shut_out = False

    def run(self) -> Outcome:
        try:
            facts, last = self._planned()
        except GrafanaFault as fault:
            return Outcome(memory=self._wish.memory, away=str(fault), shut_out=fault.shut_out)
        for _ in range(MOST_ROUNDS):
            left = [step for step in last.steps if step not in self._tried]
            if not left:
                break
            if not self._do(left):
                break
            try:
                facts, last = self._planned()
            except GrafanaFault as fault:
                self._hinder(fault)
                self._failed.append(Trouble("", f"what was done could not be looked at: {fault}"))
                break
        return self._outcome(facts, last)

    def _planned(self) -> tuple[Facts, Plan]:
        clients = [replace(one, tokens=self._desk.live.get(one.id, ())) for one in self._wish.clients]
        memory = replace(self._wish.memory, tokens=self._desk.kept())
        facts = self._site.read()
        return facts, plan(facts, replace(self._wish, clients=clients, memory=memory), self._dashboards)

    def _do(self, left: list[Step]) -> bool:
        """Do each step by itself; return whether Grafana still answers, and still lets the account in."""
        silences = 0
        for number, step in enumerate(left):
            self._tried.add(step)
            try:
                self._site.do(step)
            except (GrafanaFault, RuntimeError) as fault:
                self._failed.append(Trouble(step.of, f"not done: {step.words}: {fault}"))
                silences = silences + 1 if isinstance(fault, GrafanaFault) and fault.away else 0
                self._hinder(fault)
                if silences == MOST_SILENCES or self._shut_out:
                    rest = left[number + 1 :]
                    self._failed += [Trouble(one.of, f"not tried: {one.words}") for one in rest]
                    return False
            else:
                silences = 0
                self._done.append(step.words)
        return True

    def _hinder(self, fault: Exception) -> None:
        """Remember what will be otherwise when it is tried again soon."""
        if isinstance(fault, GrafanaFault):
            self._silent |= fault.away
            self._shut_out |= fault.shut_out

    def _outcome(self, facts: Facts, last: Plan) -> Outcome:
        troubles = [*self._failed, *last.troubles]
        why: dict[str, str] = {}
        for one in troubles:
            why.setdefault(one.of, one.words)
        there = {account.uid for account in facts.accounts}
        earlier = {id_: uid for id_, uid in self._wish.memory.people.items() if uid in there}
        clients = {client.id for client in self._wish.clients}
        people = {
            one.id: why.get(one.id, "" if one.id in last.accounts else "there is no account yet")
            for one in self._wish.people
            if one.part != "client" or one.client in clients
        }
        return Outcome(
            memory=Memory(people={**earlier, **last.accounts}, tokens=self._desk.kept()),
            done=self._done,
            failed=[one.words for one in troubles],
            notes=last.notes,
            silent=self._silent,
            shut_out=self._shut_out,
            people=people,
            clients={id_: why.get(id_, "") for id_ in clients},
        )
