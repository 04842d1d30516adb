"""What the controller says of a person who signs on, and the signed token that says it.

The e-mail is how Grafana finds the person that `hashyard grafana sync` has made there, so whoever makes people in Grafana
asks `vouched_email` too. Facts: OpenID Connect Core 2 (ID token), 3.1.3.6 (at_hash), 5.1 (claims).
"""

import base64
import hashlib
import secrets
from datetime import datetime
from typing import Any, Final

from joserfc import jwt

from controller.model import User
from controller.sign_on.grants import ACCESS_FOR, Grant
from controller.sign_on.keys import ALGORITHM, SigningKey

NO_MAIL: Final = "hashyard.invalid"
"""A domain that nobody can ever have (RFC 2606): of the addresses of those who have none."""

_GRAFANAS_OWN: Final = "admin@localhost"
"""What a Grafana gives its first administrator where nobody says another."""

ID_TOKEN_FOR_S: Final = 300


def vouched_email(user: User) -> str:
    """Return the address that the controller vouches for: unique, and changed by administrators alone.

    An account's own address in the domain of those who have none does not count: it would be another person's, or that of
    Grafana's emergency administrator.
    """
    own = (user.email or "").strip()
    if own and own.rpartition("@")[2].lower().rstrip(".") != NO_MAIL and own.lower() != _GRAFANAS_OWN:
        return own
    return f"{user.id}@{NO_MAIL}".lower()


def claims_of(user: User, scopes: tuple[str, ...]) -> dict[str, Any]:
    """Return what is said of a person at the userinfo endpoint. No role: what somebody may in Grafana, the sync decides."""
    claims: dict[str, Any] = {"sub": user.id}
    if "profile" in scopes:
        claims |= {"preferred_username": user.username, "name": user.name or user.username}
    if "email" in scopes:
        claims |= {"email": vouched_email(user), "email_verified": True}
    return claims


def id_token(grant: Grant, access_token: str, issuer: str, key: SigningKey, now: datetime) -> str:
    """Return the signed ID token. It says who signed on where and when, and nothing else of him."""
    at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": grant.person.user.id,
        "aud": grant.client_id,
        "iat": at,
        "exp": at + ID_TOKEN_FOR_S,
        "auth_time": int(grant.confirmed_at.timestamp()),
        "at_hash": _half_sum(access_token),
    }
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    return _signed(claims, key, "JWT")


def access_token(grant: Grant, issuer: str, key: SigningKey, now: datetime) -> str:
    """Return an access token, in the form of RFC 9068; it is good as long as `Grants` knows it.

    Grafana writes one that is no JWT into its log, as a warning: so it is one.
    """
    at = int(now.timestamp())
    claims = {
        "iss": issuer,
        "sub": grant.person.user.id,
        "aud": f"{issuer}/sign-on/userinfo",
        "client_id": grant.client_id,
        "iat": at,
        "exp": at + int(ACCESS_FOR.total_seconds()),
        "jti": secrets.token_urlsafe(32),
    }
    return _signed(claims, key, "at+jwt")


def _signed(claims: dict[str, Any], key: SigningKey, kind: str) -> str:
    header = {"alg": ALGORITHM, "kid": key.name, "typ": kind}
    return jwt.encode(header, claims, key.key, algorithms=[ALGORITHM])


def _half_sum(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
