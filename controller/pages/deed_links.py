"""The deeds that pages offer, by kind, and the address at which each is confirmed before it is done. Pure.

A page only puts links (`<a data-deed href="{{ deed_link(…) }}">`), or a form that sends the miners chosen by `POST` to
`/deeds/{kind}`: nothing is done by either, both show what would happen. What would happen is worked out there.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

import msgspec

Kind: TypeAlias = Literal[
    "curtail",
    "sleep",
    "wake",
    "profile",
    "end-override",
    "change-override",
    "reboot",
    "locate",
    "locate-off",
    "poll",
    "reapply",
    "hold",
    "release",
    "service",
    "end-service",
    "stop",
    "stop-undo",
    "retry",
]

Aim: TypeAlias = Literal["miners", "override", "operation", "place", "miner"]
"""What a deed is done to: chosen miners (containers, miners, a filter); an override; an operation; containers as wholes or
everything; one miner."""


class DeedKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of deed. `profile`: what it puts miners into, where that is settled; `command`: what it does instead.

    `lasting`: it is an intention, and has an end. `final`: what it does cannot be undone.
    """

    name: Kind
    aim: Aim
    profile: str | None = None
    command: Literal["reboot", "locate", "poll", "reapply"] | None = None
    lasting: bool = False
    final: bool = False


KINDS: Final[Mapping[str, DeedKind]] = {
    kind.name: kind
    for kind in (
        DeedKind(name="curtail", aim="miners", profile="curtail", lasting=True),
        DeedKind(name="sleep", aim="miners", profile="curtail", lasting=True),
        DeedKind(name="wake", aim="miners", profile="normal", lasting=True),
        DeedKind(name="profile", aim="miners", lasting=True),
        DeedKind(name="end-override", aim="override"),
        DeedKind(name="change-override", aim="override"),
        DeedKind(name="reboot", aim="miners", command="reboot", final=True),
        DeedKind(name="locate", aim="miners", command="locate"),
        DeedKind(name="locate-off", aim="miners", command="locate"),
        DeedKind(name="poll", aim="miners", command="poll"),
        DeedKind(name="reapply", aim="miners", command="reapply"),
        DeedKind(name="hold", aim="place"),
        DeedKind(name="release", aim="place"),
        DeedKind(name="service", aim="miner"),
        DeedKind(name="end-service", aim="miner"),
        DeedKind(name="stop", aim="operation"),
        DeedKind(name="stop-undo", aim="operation"),
        DeedKind(name="retry", aim="operation"),
    )
}


def deed_link(
    kind: Kind,
    *,
    containers: Sequence[str] = (),
    miners: Sequence[str] = (),
    filter: str | None = None,  # noqa: A002  # as the parameter in the address is named
    back: str | None = None,
    **more: str | None,
) -> str:
    """Return where a deed is confirmed.

    `containers`, `miners`: ids. `filter`: the query of /miners (`state=fault&model=M50`; empty: all miners), worked out
    when the deed is looked at. `back`: the path to come back to. `more`: `override`, `operation` (ids), `profile`,
    `until`, and whatever else the form has. Raises KeyError for a kind that there is none of.
    """
    given: list[tuple[str, str]] = [("container", one) for one in containers]
    given += [("miner", one) for one in miners]
    if filter is not None:
        given.append(("filter", filter))
    given += [(name, value) for name, value in more.items() if value is not None]
    if back is not None:
        given.append(("back", back))
    return f"/deeds/{KINDS[kind].name}" + (f"?{urlencode(given)}" if given else "")
