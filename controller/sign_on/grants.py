"""Codes and access tokens: who was signed on, kept in memory for a minute and for five, by their SHA-256 alone.

A restart forgets them, and Grafana's people are then led here once more. A code is good for one try by the program that
it was made for; a second try takes back what the first has given (RFC 6749 4.1.2, 10.5).
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from controller.api.person import Person
from controller.api.signing_in import sum_of
from controller.sign_on.refusals import Refused

CODE_FOR: Final = timedelta(seconds=60)
ACCESS_FOR: Final = timedelta(minutes=5)
MOST: Final = 10_000
"""Codes, and access tokens, that are kept at once; then the oldest leave."""

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A person was signed on. `person`: with the session that he did it in. `confirmed_at`: when he gave his password."""

    person: Person
    confirmed_at: datetime
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str = field(repr=False)
    nonce: str | None = field(default=None, repr=False)


class Replayed(Exception):
    """A code came a second time. `grant`: whose it was."""

    def __init__(self, grant: Grant) -> None:
        super().__init__("a code came a second time")
        self.grant = grant


@dataclass
class _Code:
    grant: Grant
    made_at: datetime
    used: bool = False
    access: str | None = None


class Grants:
    """The codes and access tokens that are good now."""

    def __init__(self, now: Callable[[], datetime], mint: Callable[[Grant], str]) -> None:
        """`now`: the controller's clock. `mint`: makes an access token, another one each time."""
        self._now = now
        self._mint = mint
        self._codes: OrderedDict[str, _Code] = OrderedDict()
        self._access: OrderedDict[str, tuple[Grant, datetime]] = OrderedDict()

    def issue(self, grant: Grant) -> str:
        """Return a code, good for 60 s and one try."""
        self._tidy()
        code = secrets.token_urlsafe(32)
        self._codes[sum_of(code)] = _Code(grant, self._now())
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str, client_id: str) -> tuple[str, Grant]:
        """Return an access token for a code, and whose it is. The code is spent, whatever comes of it.

        Raises Refused (invalid_grant); Replayed for a code that was spent before: what it gave is taken back.
        """
        self._tidy()
        kept = self._codes.get(sum_of(code))
        if kept is None or self._now() - kept.made_at >= CODE_FOR + ACCESS_FOR:
            raise Refused("invalid_grant", "the code is unknown or has lapsed")
        if kept.used:
            if kept.access is not None:
                self._access.pop(kept.access, None)
            raise Replayed(kept.grant)
        kept.used = True
        if self._now() - kept.made_at >= CODE_FOR:
            raise Refused("invalid_grant", "the code is unknown or has lapsed")
        grant = kept.grant
        if client_id != grant.client_id or redirect_uri != grant.redirect_uri:
            raise Refused("invalid_grant", "the code was given for another redirect_uri")
        if not _VERIFIER.fullmatch(verifier) or not _is_of(grant.challenge, verifier):
            raise Refused("invalid_grant", "the code_verifier is not the one of the code_challenge")
        token = self._mint(grant)
        kept.access = sum_of(token)
        self._access[kept.access] = (grant, self._now())
        return token, grant

    def of(self, token: str) -> Grant | None:
        """Return whose access token this is, None for one that is unknown, has lapsed or was taken back."""
        self._tidy()
        found = self._access.get(sum_of(token))
        return None if found is None or self._now() - found[1] >= ACCESS_FOR else found[0]

    def revoke(self, token: str) -> None:
        """Take an access token back; nothing where there is none."""
        self._access.pop(sum_of(token), None)

    def _tidy(self) -> None:
        """Forget what has lapsed, and the oldest of more than are kept."""
        now = self._now()
        while self._codes and (
            len(self._codes) > MOST or now - next(iter(self._codes.values())).made_at >= CODE_FOR + ACCESS_FOR
        ):
            self._codes.popitem(last=False)
        while self._access and (
            len(self._access) > MOST or now - next(iter(self._access.values()))[1] >= ACCESS_FOR
        ):
            self._access.popitem(last=False)


def _is_of(challenge: str, verifier: str) -> bool:
    """Return whether a challenge was made of this verifier (RFC 7636 4.6)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())
