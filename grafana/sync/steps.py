"""The single things that can be done in Grafana, one type each. Each stands for itself: where one fails, the others go on.

`of` is whose it is (a person's or a client's id, "" for nobody's), `words` the line that says that it was done.
Two steps that are equal are the same step.
"""

from dataclasses import dataclass

from grafana.sync.wish import Person


@dataclass(frozen=True)
class Step:
    """What all have. `shown`: how the person, client or account is called in a line."""

    of: str
    shown: str

    @property
    def words(self) -> str:
        """Return the line that says what was done."""
        raise NotImplementedError


@dataclass(frozen=True)
class LeaveOrganisation(Step):
    """Take an account out of an organisation in which it has no business."""

    account: int
    organisation: int
    named: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: taken out of the organisation {self.named}"


@dataclass(frozen=True)
class DeleteAccount(Step):
    """Delete an account that was made from here."""

    account: int
    why: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: account deleted, {self.why}"


@dataclass(frozen=True)
class DeleteOrganisation(Step):
    """Delete an organisation that was made from here, with all that is in it."""

    organisation: int

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: organisation deleted"


@dataclass(frozen=True)
class RevokeToken(Step):
    """Revoke a token of the gateway that was made from here and that no data source holds any more."""

    token: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: token {self.token} of the gateway revoked"


@dataclass(frozen=True)
class ChangeAccount(Step):
    """Give an account the login, name and address that it is to have."""

    account: int
    person: Person

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: account changed to {self.person.name}, {self.person.address}"


@dataclass(frozen=True)
class TakeServerAdministration(Step):
    """Take from an account the right to administrate the server of Grafana."""

    account: int

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: no administrator of the server any more"


@dataclass(frozen=True)
class CreateOrganisation(Step):
    """Make a client's organisation under the client's id, which marks it. Its name comes with the next step."""

    client: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: organisation made"


@dataclass(frozen=True)
class EnterOrganisation(Step):
    """Make the account that asks an administrator of an organisation, without which it can set up nothing there."""

    organisation: int
    account: int

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: the account that brings Grafana in line entered the organisation"


@dataclass(frozen=True)
class NameOrganisation(Step):
    """Put the mark into an organisation's address and give it its name."""

    organisation: int
    client: str
    name: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: organisation named {self.name}"


@dataclass(frozen=True)
class CreateSource(Step):
    """Make the data source, without a token: that comes with the next step."""

    organisation: int
    gateway: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: data source made"


@dataclass(frozen=True)
class GiveToken(Step):
    """Make a token, put it into the data source, and revoke those that were made from here before.

    `version`: the data source's now. `first`: tokens to revoke before, since the gateway takes no more than two;
    `then`: those to revoke once the new one is in.
    """

    organisation: int
    client: str
    gateway: str
    version: int
    first: tuple[str, ...]
    then: tuple[str, ...]
    why: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: new token of the gateway put into the data source, {self.why}"


@dataclass(frozen=True)
class PutDashboard(Step):
    """Put a dashboard into a client's organisation as the file has it. `there`: whether one of that uid stands there."""

    organisation: int
    uid: str
    there: bool

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: dashboard {self.uid} {'put back as it was' if self.there else 'put in'}"


@dataclass(frozen=True)
class SetHome(Step):
    """Make a dashboard the home of an organisation."""

    organisation: int
    uid: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: home set to {self.uid}"


@dataclass(frozen=True)
class CreateAccount(Step):
    """Make a person's account in one organisation, as a viewer. Nobody knows its password."""

    person: Person
    organisation: int
    named: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: account made in the organisation {self.named}"


@dataclass(frozen=True)
class JoinOrganisation(Step):
    """Put an account into an organisation."""

    account: int
    login: str
    organisation: int
    named: str
    role: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: put into the organisation {self.named} as {self.role}"


@dataclass(frozen=True)
class SetRole(Step):
    """Give an account another role in an organisation."""

    account: int
    organisation: int
    named: str
    role: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: role {self.role} in the organisation {self.named}"


@dataclass(frozen=True)
class CreateTeam(Step):
    """Make the accountants' team, whose home is theirs."""

    @property
    def words(self) -> str:
        """Say it."""
        return f"team {self.shown} made"


@dataclass(frozen=True)
class SetTeamHome(Step):
    """Make a dashboard the home of the team."""

    team: int
    uid: str

    @property
    def words(self) -> str:
        """Say it."""
        return f"team {self.shown}: home set to {self.uid}"


@dataclass(frozen=True)
class JoinTeam(Step):
    """Put an account into the team."""

    account: int
    team: int

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: put into the accountants' team"


@dataclass(frozen=True)
class LeaveTeam(Step):
    """Take an account out of the team."""

    account: int
    team: int

    @property
    def words(self) -> str:
        """Say it."""
        return f"{self.shown}: taken out of the accountants' team"


@dataclass(frozen=True)
class Trouble:
    """What stands in the way of the wish and is not to be changed from here."""

    of: str
    words: str
