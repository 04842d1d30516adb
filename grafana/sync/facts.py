"""What there is in Grafana, as far as it matters here, and how what was made from here is told from what was made by hand.

An account is marked by its login, which is the person's id in small letters (Grafana keeps no others); an organisation by its address, which nothing else uses (and, until
it has one, by its name, which is the client's id); a data source by what stands in its jsonData; the team by its address.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MAIN: Final = 1
"""The organisation that Grafana makes itself, and that is provisioned: everybody's containers are seen there."""

SOURCE: Final = "prometheus"
"""The uid of the one data source, the same in every organisation, so that one dashboard serves all."""

TEAM_NAME: Final = "Accountants"
TEAM_ADDRESS: Final = "accountants@hashyard.invalid"
TEAM_HOME: Final = "hashyard-energy"
CLIENT_HOME: Final = "hashyard-client"

MADE_BY: Final = "Made by Hashyard"
"""First line of the address of an organisation that was made from here; the second is the client's id."""

TOKEN_KEY: Final = "hashyardToken"  # noqa: S105  # a name: which token the data source holds
VERSION_KEY: Final = "hashyardVersion"
"""Of jsonData: the version that the data source had when it was written from here. Whoever changes it changes that."""

_LOGIN: Final = re.compile(r"usr_[0-9a-z]{26}")
_CLIENT: Final = re.compile(r"cli_[0-9A-Za-z]{26}")


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in to Grafana. `external`: has signed in through a provider, who then owns name and address."""

    id: int
    uid: str
    login: str
    email: str
    name: str
    server_admin: bool = False
    disabled: bool = False
    external: bool = False

    @property
    def marked(self) -> bool:
        """Whether it was made from here, by its login."""
        return _LOGIN.fullmatch(self.login) is not None


@dataclass(frozen=True)
class Source:
    """A data source as Grafana tells it, without its secret."""

    uid: str
    name: str
    type: str = ""
    access: str = ""
    url: str = ""
    default: bool = False
    json_data: Mapping[str, Any] | None = None
    has_secret: bool = False
    version: int = 0

    @property
    def token(self) -> str | None:
        """The id of the token that it holds, None where that cannot be vouched for: somebody else has changed it since."""
        data = self.json_data or {}
        token = data.get(TOKEN_KEY)
        sealed = self.has_secret and data.get(VERSION_KEY) == self.version
        return token if sealed and isinstance(token, str) else None


@dataclass(frozen=True)
class Organisation:
    """An organisation. `roles`: by the id of each account in it. Of those that were not made from here nothing else is known.

    `marked`: whether its address says whose it is (else its name alone does). `entered`: whether the account that asks
    belongs to it, without which nothing in it can be read. `unread`: why it could not be read, where it could not.
    """

    id: int
    name: str
    client: str | None = None
    marked: bool = False
    roles: Mapping[int, str] | None = None
    entered: bool = True
    unread: str = ""
    sources: Sequence[Source] = ()
    dashboards: Mapping[str, Mapping[str, Any]] | None = None
    other_dashboards: Sequence[str] = ()
    home: str | None = None


@dataclass(frozen=True)
class Team:
    """The accountants' team of the main organisation. `members`: ids of accounts."""

    id: int
    members: frozenset[int] = frozenset()
    home: str | None = None


@dataclass(frozen=True)
class Facts:
    """All of it. `me`: the id of the account that asks. `team_taken`: somebody else's team has the name of ours."""

    me: int
    accounts: Sequence[Account]
    organisations: Sequence[Organisation]
    team: Team | None = None
    team_taken: bool = False

    def organisation(self, id_: int) -> Organisation | None:
        """Return one by its id."""
        return next((one for one in self.organisations if one.id == id_), None)


def login_of(person_id: str) -> str:
    """Return the login of a person's account."""
    return person_id.lower()


def client_of(name: str, address: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Return whose an organisation is (a client's id, None: not made from here), and whether its address says so."""
    second = str(address.get("address2") or "")
    if address.get("address1") == MADE_BY and _CLIENT.fullmatch(second):
        return second, True
    return (name, False) if _CLIENT.fullmatch(name) else (None, False)
