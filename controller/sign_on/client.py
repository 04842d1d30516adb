"""The one program that people may sign on to: Grafana, where its answers go, and how it shows that it is itself.

Facts: RFC 6749 2.3.1 (client password) and 3.1.2 (redirection), and Grafana's `auth.generic_oauth`, whose redirection is
its root URL with `/login/generic_oauth` behind it.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus, urlsplit

from multidict import MultiMapping

from controller.sign_on.refusals import Refused

CLIENT_ID: Final = "grafana"
CALLBACK: Final = "/login/generic_oauth"


@dataclass(frozen=True)
class RelyingParty:
    """Grafana, as the settings name it. `redirect_uri`: the only place to which anybody is led back."""

    redirect_uri: str
    secret: str = field(repr=False)

    @classmethod
    def at(cls, grafana_url: str, secret: str) -> "RelyingParty":
        """Return the Grafana that people reach at this URL, with or without a slash at its end."""
        return cls(grafana_url.rstrip("/") + CALLBACK, secret)

    @property
    def origin(self) -> str:
        """Return scheme, host and port of Grafana, as a browser compares them."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"

    def is_shown(self, client_id: str, secret: str) -> bool:
        """Return whether these are its id and secret; both are compared in constant time."""
        name = hmac.compare_digest(client_id.encode(errors="replace"), CLIENT_ID.encode())
        return hmac.compare_digest(secret.encode(errors="replace"), self.secret.encode()) and name


def shown_in(authorization: Sequence[str], form: MultiMapping[str]) -> tuple[str, str]:
    """Return the id and the secret that a request shows, in the header (Basic) or in the form, but not in both.

    Raises Refused: invalid_client where there is none or it cannot be read, invalid_request for both at once.
    """
    in_form = form.getall("client_secret", [])
    if not authorization:
        named = form.getall("client_id", [])
        if len(named) != 1 or len(in_form) != 1:
            raise Refused("invalid_client", "send client_id and client_secret, once each")
        return named[0], in_form[0]
    if in_form or len(authorization) > 1:
        raise Refused("invalid_request", "show the client's secret in one way only")
    client_id, secret = _basic(authorization[0])
    if form.get("client_id", client_id) != client_id:
        raise Refused("invalid_request", "client_id is another in the form than in the header")
    return client_id, secret


def _basic(header: str) -> tuple[str, str]:
    """Return what a Basic header says; both halves are form-encoded within it (RFC 6749 2.3.1)."""
    scheme, _, coded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise Refused("invalid_client", "the client shows itself by Basic, or in the form")
    try:
        text = base64.b64decode(coded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused("invalid_client", "the Authorization header is no Basic one") from None
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise Refused("invalid_client", "the Authorization header is no Basic one")
    return unquote_plus(client_id), unquote_plus(secret)
