"""What is wished of Grafana, in plain data, and what came of it.

A person's id and a client's id never change and are never given to another: they are what things in Grafana are marked with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias

Part: TypeAlias = Literal["administrator", "accountant", "client"]

TOKEN_AGE = timedelta(days=90)
"""After so long a token of the gateway gives place to another."""


@dataclass(frozen=True)
class Person:
    """Somebody who is to have access. `address`: the e-mail address by which single sign-on finds him; `client`: an id."""

    id: str
    name: str
    address: str
    part: Part
    client: str | None = None


@dataclass(frozen=True)
class Token:
    """A token of the gateway, without the token."""

    id: str
    created_at: datetime


@dataclass(frozen=True)
class Client:
    """A customer who is to have an organisation. `tokens`: those of his that the gateway takes now."""

    id: str
    slug: str
    name: str
    tokens: Sequence[Token] = ()


@dataclass(frozen=True)
class Memory:
    """What was made earlier, beside the marks in Grafana itself.

    `people`: Grafana's own uid of each person's account; `tokens`: ids of the gateway's tokens made for a client.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """All that is wished. `gateway`: the URL at which Grafana's server reaches the query gateway.

    `pages`: the URL at which people reach the controller, without a slash at its end; None: not known.
    """

    now: datetime
    gateway: str
    people: Sequence[Person] = ()
    clients: Sequence[Client] = ()
    memory: Memory = Memory()
    pages: str | None = None


@dataclass(frozen=True)
class Access:
    """Where Grafana's API is and how to be let in: an account that may administrate the server. Prints without the password."""

    url: str
    user: str
    password: str = field(repr=False)


class TokenDesk(Protocol):
    """Makes and revokes the gateway's tokens. Called in a thread; raises RuntimeError with words where it cannot."""

    def make(self, client_id: str) -> tuple[str, str]:
        """Make a token for a client; return its id and the token itself."""

    def revoke(self, client_id: str, token_id: str) -> None:
        """Revoke a token; one that is gone is revoked."""


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    `away`: why Grafana could not be read at all, "" where it could. `silent`: it could, and then did not answer; `shut_out`: it
    does not let the account in. `done`, `failed`, `notes`: a line each; notes are what
    nobody asked to be changed and somebody should know. `people`, `clients`: by id, "" for in line, else why not. `memory`: to be
    handed in the next time.
    """

    memory: Memory
    away: str = ""
    silent: bool = False
    shut_out: bool = False
    done: Sequence[str] = ()
    failed: Sequence[str] = ()
    notes: Sequence[str] = ()
    people: Mapping[str, str] = field(default_factory=dict)
    clients: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_line(self) -> bool:
        """Whether everything is as it was wished."""
        return not self.away and not self.failed
