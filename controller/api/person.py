"""Who is asking: a user in a role, by a session or a token, and what he may do and see."""

from dataclasses import dataclass, field

from controller.model import SCOPES, Actor, Client, Role, Scope, Token, User, WebSession
from controller.storage.access import Shown
from miners.inventory.fleet import Container

ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    "administrator": frozenset(SCOPES),
    "accountant": frozenset(("read", "reports", "people")),
    "client": frozenset(("read", "reports", "people")),
}
"""What a role can pass on to a token. `people` is one's own account for all but administrators: the roles of a route decide."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user who has shown who he is. One of `session`, `token` and `password_hash` is set; `client` for the role client.

    An administrator who has taken a client's view is here in the role client, with that client: `viewing`. `client` is None
    where that one is gone; then nothing is his to see.
    `csrf`: what the session's unsafe requests must carry in X-CSRF-Token. `sha256`: of the cookie or token; `password_hash`
    of who has given name and password with the request itself.
    """

    user: User
    session: WebSession | None = None
    token: Token | None = None
    client: Client | None = None
    csrf: str | None = field(default=None, repr=False)
    sha256: str = field(default="", repr=False)
    password_hash: str | None = field(default=None, repr=False)

    @property
    def role(self) -> Role:
        """Return the role."""
        return self.user.role

    @property
    def shown(self) -> Shown:
        """Return by what he has shown who he is: his session's cookie, his token, or his password."""
        if self.password_hash is not None:
            return Shown(password_hash=self.password_hash)
        return Shown(session=self.sha256) if self.session is not None else Shown(token=self.sha256)

    @property
    def viewing(self) -> bool:
        """Return whether he has taken a client's view: then he changes nothing until he ends it."""
        return self.session is not None and self.session.viewed_client_id is not None

    @property
    def scopes(self) -> frozenset[Scope]:
        """Return what he can do: what the role can, and of that only what the token carries."""
        scopes = ROLE_SCOPES[self.user.role]
        return scopes if self.token is None else scopes & frozenset(self.token.scopes)

    @property
    def actor(self) -> Actor:
        """Return who it was, for the record."""
        if self.token is not None:
            return Actor("token", self.user.username, self.user.id, self.token.id)
        return Actor("user", self.user.username, self.user.id)

    @property
    def narrow(self) -> bool:
        """Return whether he asks by a token that is for some containers only."""
        return self.token is not None and bool(self.token.containers)

    @property
    def sees_all(self) -> bool:
        """Return whether he sees every container."""
        return self.user.role != "client" and not self.narrow

    def may_see(self, container: Container) -> bool:
        """Return whether the container is his to see."""
        if self.token is not None and self.token.containers and container.id not in self.token.containers:
            return False
        if self.user.role != "client":
            return True
        return self.client is not None and container.client == self.client.slug

    def lacks(self, *scopes: Scope) -> list[Scope]:
        """Return which of these scopes he does not have, in their order."""
        return [scope for scope in scopes if scope not in self.scopes]
