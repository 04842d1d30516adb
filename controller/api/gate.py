"""What a request may not be: for another host, sent by another site, from behind a proxy that nobody trusts.

Pure questions to headers and addresses, so that a proxy or a browser can be played in tests. Facts of the headers:
Fetch Metadata (W3C), RFC 6454 (Origin), RFC 9110 7.2 (Host).
"""

import base64
import binascii
import hmac
import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias
from urllib.parse import urlsplit

from multidict import MultiMapping

from controller.api.problems import Mistake, Problem
from controller.settings import Settings, is_loopback
from controller.wording import worded

Network: TypeAlias = IPv4Network | IPv6Network

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
CSRF_HEADER = "X-CSRF-Token"
SESSION_COOKIE = "hashyard"
SECURE_SESSION_COOKIE = "__Host-hashyard"
"""Over TLS: the prefix has browsers refuse it from a subdomain, and without Secure and Path=/ (RFC 6265bis 4.1.3)."""


class Gate:
    """The questions, with what the settings say."""

    def __init__(self, settings: Settings) -> None:
        """Take names and proxies from the settings, which have been checked."""
        public = urlsplit(settings.public_url or "").hostname
        self._names = {name.lower() for name in (settings.host, public) if name}
        self._proxies = tuple(ipaddress.ip_network(text) for text in settings.trusted_proxies)
        self._tls = settings.tls

    def caller(self, peer: str | None, headers: Mapping[str, str]) -> str:
        """Return the address that asks: the last in X-Forwarded-For that no trusted proxy of ours has written."""
        address = peer or "local"
        forwarded = _listed(headers, "X-Forwarded-For")
        while forwarded and self._is_proxy(address):
            given = _address(forwarded.pop())
            if given is None:
                break
            address = str(given)
        return address

    def secure(self, peer: str | None, headers: Mapping[str, str]) -> bool:
        """Return whether the browser speaks TLS: with us, or with a trusted proxy that says so."""
        if self._tls:
            return True
        return self._is_proxy(peer or "") and [
            part.lower() for part in _listed(headers, "X-Forwarded-Proto")[-1:]
        ] == ["https"]

    def check_host(self, host: str) -> None:
        """Raise Problem for a Host that is not ours: a stranger's name that leads here (DNS rebinding).

        An address in the Host header is no name that anybody could turn, so every address is fine.
        """
        name = _host(host)
        if not name:
            raise Problem(
                "malformed",
                worded("the Host header is not a host"),
                [Mistake("Host", "invalid", worded("no host"))],
            )
        if name in self._names or is_loopback(name) or _address(name) is not None:
            return
        raise Problem(
            "wrong-host",
            worded("the controller does not answer to this name; --public-url gives it another one"),
        )

    def check_site(self, host: str, headers: Mapping[str, str]) -> None:
        """Raise Problem for what a page of another site makes a browser send."""
        site = headers.get("Sec-Fetch-Site")
        origin = headers.get("Origin")
        foreign = origin is not None and not _same_origin(origin, host)
        if (site is not None and site not in ("none", "same-origin")) or foreign:
            raise Problem("cross-site", worded("requests that another site sends are refused"))

    def _is_proxy(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in network for network in self._proxies)


def masked(token: str) -> str:
    """Return a token as a page carries it: another text each time, so that the size of a compressed page tells nothing."""
    plain = token.encode()
    pad = secrets.token_bytes(len(plain))
    return base64.urlsafe_b64encode(pad + _crossed(pad, plain)).rstrip(b"=").decode()


def is_csrf(given: str | None, expected: str) -> bool:
    """Return whether a request carries the session's token, as it is or as a page carries it."""
    if given is None:
        return False
    plain, wanted = given.encode(errors="replace"), expected.encode()
    return hmac.compare_digest(plain, wanted) or hmac.compare_digest(_unmasked(plain), wanted)


def _unmasked(text: bytes) -> bytes:
    """Return the token of a page; nothing where the text is none."""
    try:
        raw = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
    half = len(raw) // 2
    return _crossed(raw[:half], raw[half:]) if len(raw) == 2 * half else b""


def _crossed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def check_csrf(given: str | None, expected: str) -> None:
    """Raise Problem unless the request carries the session's token."""
    if not is_csrf(given, expected):
        detail = worded(
            "send the session's token in %(csrf_header)s; GET /api/v1/me gives it", csrf_header=CSRF_HEADER
        )
        raise Problem(
            "cross-site", detail, [Mistake(CSRF_HEADER, "missing" if given is None else "wrong", detail)]
        )


def session_cookie(*, secure: bool) -> str:
    """Return the name of the session's cookie."""
    return SECURE_SESSION_COOKIE if secure else SESSION_COOKIE


def set_cookie(secret: str, *, secure: bool, max_age_s: float) -> str:
    """Return the Set-Cookie header of a session; an empty secret with age 0 takes it away."""
    parts = [
        f"{session_cookie(secure=secure)}={secret}",
        "Path=/",
        f"Max-Age={max_age_s:.0f}",
        "HttpOnly",
        "SameSite=Lax",
    ]
    return "; ".join([*parts, "Secure"] if secure else parts)


def bearer_of(authorization: Sequence[str]) -> str | None:
    """Return the bearer token of the Authorization headers; None if they hold none, "" for an empty one."""
    for header in authorization:
        scheme, _, given = header.strip().partition(" ")
        if scheme.lower() == "bearer":
            return given.strip()
    return None


def network_of(address: str) -> str:
    """Return what counts as one caller: an IPv4 address, or the /64 of an IPv6 one, which one household has whole."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(IPv6Network((int(found) >> 64 << 64, 64)))
    return address


def _listed(headers: Mapping[str, str], name: str) -> list[str]:
    """Return what stands in a header, with commas or as several lines of it: some proxies add a line of their own."""
    lines = headers.getall(name, []) if isinstance(headers, MultiMapping) else [headers.get(name, "")]
    return [part.strip() for line in lines for part in line.split(",") if part.strip()]


def _same_origin(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False


def _host(text: str) -> str:
    """Return the host of a Host header without its port, in lower case."""
    try:
        parts = urlsplit(f"//{text}")
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return ""
        return (parts.hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
