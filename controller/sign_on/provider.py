"""The provider as the routes use it: whom it serves, its addresses, its keys, and what it has given out."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import urlencode

from controller.api.lockout import Lockout
from controller.api.rates import Rates
from controller.settings import Settings, read_client_secret
from controller.sign_on.asking import SCOPES, Asked
from controller.sign_on.claims import access_token
from controller.sign_on.client import RelyingParty
from controller.sign_on.grants import Grants
from controller.sign_on.keys import ALGORITHM, SigningKeys

DISCOVERY: Final = "/.well-known/openid-configuration"
AUTHORIZE: Final = "/sign-on/authorize"
TOKEN: Final = "/sign-on/token"  # noqa: S105  # a path, no token
USERINFO: Final = "/sign-on/userinfo"
KEYS: Final = "/sign-on/jwks"

FOR_PROGRAMS: Final = frozenset((DISCOVERY, TOKEN, USERINFO, KEYS))
"""What Grafana itself asks for, under whatever name its network has for the controller. No cookie opens any of them, so a
stranger's name that leads a browser here gains nothing."""

WITH_FORMS: Final = frozenset(("/sign-in", "/password", "/confirm-password"))
"""Pages whose forms stand on the way to Grafana: browsers hold a form's whole way against `form-action`, and it ends there."""

SIGN_ONS_A_MINUTE: Final = 20
UNKNOWN_A_MINUTE: Final = 60


class SignOn:
    """One provider, for one Grafana."""

    def __init__(
        self, issuer: str, client: RelyingParty, keys: SigningKeys, now: Callable[[], datetime]
    ) -> None:
        """`issuer`: the URL at which people reach the controller, without a slash at its end."""
        self.issuer = issuer
        self.client = client
        self.keys = keys
        self.grants = Grants(now, lambda grant: access_token(grant, issuer, keys.signing(now()), now()))
        self.lockout = Lockout(now)
        self.sign_ons = Rates(now, SIGN_ONS_A_MINUTE)
        self.strangers = Rates(now, UNKNOWN_A_MINUTE)

    @classmethod
    async def open(cls, settings: Settings, now: Callable[[], datetime]) -> Self | None:
        """Return the provider that the settings ask for, None where they ask for none. Raises ConfigurationError."""
        secret = read_client_secret(settings)
        if secret is None or settings.grafana_url is None or settings.address is None:
            return None
        keys = await SigningKeys.open(settings.data, now())
        return cls(settings.address, RelyingParty.at(settings.grafana_url, secret), keys, now)

    def document(self) -> dict[str, Any]:
        """Return the discovery document (OpenID Connect Discovery 3, RFC 8414 2)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + AUTHORIZE,
            "token_endpoint": self.issuer + TOKEN,
            "userinfo_endpoint": self.issuer + USERINFO,
            "jwks_uri": self.issuer + KEYS,
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash",
                "preferred_username", "name", "email", "email_verified",
            ],
            "prompt_values_supported": ["none", "login"],
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": True,
        }  # fmt: skip

    def back(self, asked: Asked, **answer: str) -> str:
        """Return Grafana's address with an answer in it, its state, and who says so (RFC 9207)."""
        given = {**answer, "iss": self.issuer}
        if asked.state is not None:
            given["state"] = asked.state
        return f"{self.client.redirect_uri}?{urlencode(given)}"
