"""Why miners need a look, how many do, and by which filter just these are listed: the same for the API and the pages. Pure.

What is lost is told of readings of now only, and of no miner that somebody has under his hands. A fault that a miner
reports while it mines is counted where nothing else says what it is.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from controller.api.boards import lost_boards, misses_chips
from controller.deeds import MinerView
from miners.model import PollFailure, Snapshot

Need: TypeAlias = Literal[
    "fault", "unreachable", "boards", "chips", "faults", "mismatched", "hot", "stale", "service"
]

HOT_C: Final = 85.0
"""Chips above this need a look."""

_OF_NOW: Final = "stale=false&active=true"
_UNTOUCHED: Final = f"{_OF_NOW}&service=false"

NEEDS: Final[Mapping[Need, str]] = {
    "fault": "state=fault",
    "unreachable": "state=unreachable",
    "boards": f"lost_boards=true&{_UNTOUCHED}",
    "chips": f"missing_chips=true&{_UNTOUCHED}",
    "faults": f"faults=true&state=mining&lost_boards=false&missing_chips=false&{_UNTOUCHED}",
    "mismatched": "matches=false&active=true",
    "hot": f"hotter_than_c={HOT_C:.0f}&{_OF_NOW}",
    "stale": "stale=true&active=true",
    "service": "service=true",
}
"""The worst first, each with the filter of miners that lists them."""


def needs_of(views: Sequence[MinerView]) -> dict[Need, int]:
    """Return how many miners need a look, by why. A miner can need it for several reasons."""
    found: dict[Need, int] = dict.fromkeys(NEEDS, 0)
    for view in views:
        for need in reasons_of(view):
            found[need] += 1
    return found


def reasons_of(view: MinerView) -> list[Need]:
    """Return why a miner needs a look."""
    served = view.service is not None
    found: list[Need] = ["service"] if served else []
    if not view.miner.active:
        return found
    if view.matches is False:
        found.append("mismatched")
    if view.stale:
        found.append("stale")
    reading = view.reading
    if isinstance(reading, PollFailure):
        found.append("unreachable")
    elif isinstance(reading, Snapshot):
        if reading.state == "fault":
            found.append("fault")
        if not view.stale:
            found += _of_now(reading, served=served)
    return found


def needs_hands(view: MinerView) -> bool:
    """Return whether something is wrong with the miner itself, rather than with what is known or wanted of it."""
    return not _HANDS.isdisjoint(reasons_of(view))


_HANDS: Final[frozenset[Need]] = frozenset({"fault", "unreachable", "boards", "chips", "faults", "hot"})


def _of_now(reading: Snapshot, *, served: bool) -> list[Need]:
    found: list[Need] = ["hot"] if (reading.temperatures_c.chip_max or 0.0) > HOT_C else []
    if served:
        return found
    if lost_boards(reading):
        found.append("boards")
    if misses_chips(reading):
        found.append("chips")
    if reading.faults and reading.state == "mining" and "boards" not in found and "chips" not in found:
        found.append("faults")
    return found
