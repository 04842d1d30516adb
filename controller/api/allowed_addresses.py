"""Which addresses a request may name: those in the inventory's `networks`, as addresses, so that no name can lead elsewhere.

Whoever may change miners could otherwise have the controller ask, and send credentials to, whatever it can reach.
"""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from controller.wording import worded

_NAT64: Final = IPv6Network("64:ff9b::/96")
_KINDS: Final = (
    ("is_loopback", worded("this machine itself")),
    ("is_link_local", worded("a link-local address")),
    ("is_multicast", worded("a multicast address")),
    ("is_unspecified", worded("no address of a single host")),
    ("is_reserved", worded("a reserved address")),
)
"""Kinds of addresses that a network which merely holds them among others does not open."""


def refused_address(text: str, networks: Sequence[str]) -> str | None:
    """Return why an address may not be named (one line, with the remedy), None if it may.

    `networks`: as the inventory lists them. A special address needs a listed network that is wholly of its kind.
    """
    if not networks:
        return worded(
            "no address may be named through the API yet: write `networks:` into the hand-written inventory, such as `networks: [10.1.0.0/16]`"
        )
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return worded("give an IP address: a name could lead out of the inventory's networks")
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return worded("give the address without its interface")
        if address.ipv4_mapped is not None:
            return worded(
                "write it as the IPv4 address that it is: %(ipv4_mapped)s", ipv4_mapped=address.ipv4_mapped
            )
        if (inner := _carried(address)) is not None:
            return worded(
                "it leads to the IPv4 address %(inner)s by way of a gateway: write that", inner=inner
            )
    holding = [network for network in map(ipaddress.ip_network, networks) if address in network]
    if not holding:
        return worded(
            "%(address)s is in none of the inventory's networks: %(names)s",
            address=address,
            names=", ".join(networks),
        )
    for kind, words in _KINDS:
        if _is(address, kind) and not any(_is(network, kind) for network in holding):
            return worded(
                "%(address)s is %(words)s, which no network of the inventory names by itself",
                address=address,
                words=words,
            )
    return None


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an address stands for: 6to4 (RFC 3056), Teredo (RFC 4380) or NAT64 (RFC 6052)."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour or (address.teredo[1] if address.teredo is not None else None)


def _is(what: IPv4Address | IPv6Address | IPv4Network | IPv6Network, kind: str) -> bool:
    found: bool = getattr(what, kind)
    return found
