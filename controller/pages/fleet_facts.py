"""What the page of the fleet knows of a container's miners: worked out again only when something about them has changed."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from controller.api.attention import Need, needs_of
from controller.api.figures import Sums, sums_of
from controller.deeds import Deeds, MinerView
from controller.pages.container_page import Told, told_of
from controller.pages.fleet_page import Silence, broken_of, silence_of
from controller.pages.grid import GridPicture, picture_of
from controller.pages.made_of_views import MadeOfViews
from miners.inventory.fleet import Container

WIDTH: Final = 264
"""Pixels of a card in which its miners are drawn."""

SMALLEST_CELL: Final = 8
LARGEST_CELL: Final = 18


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is made of a container's views, and of which."""

    views: Sequence[MinerView]
    told: Told
    picture: GridPicture
    needs: Mapping[Need, int]
    broken: int
    silence: Silence | None


def facts_of(deeds: Deeds, container: Container) -> Facts:
    """Return what is known of a container's miners now."""
    return _FACTS.of(deeds, container)


def fleet_told(facts: Sequence[Facts]) -> Told:
    """Return the figures of all containers: of now where any is read now, else the last that there are of each."""
    # A container without miners to be read is never old: it says nothing of the others.
    read = [one for one in facts if any(view.miner.active for view in one.views)]
    current = any(one.told.current for one in read) or not read
    sums = Sums()
    for one in facts:
        sums.add(one.told.sums if one.told.current is current else sums_of(one.views))
    taken = [one.told.at for one in facts if one.told.at is not None]
    return Told(figures=sums.figures(), sums=sums, inlets=None, at=max(taken, default=None), current=current)


def _cell(container: Container, miners: int) -> int:
    """Return the pixels from one miner to the next, so that the picture is as wide as a card."""
    columns = container.columns or max((miner.column or 0 for miner in container.miners), default=0)
    columns = columns or min(20, miners) or 1
    return max(SMALLEST_CELL, min(LARGEST_CELL, WIDTH // columns))


def _facts(container: Container, views: Sequence[MinerView]) -> Facts:
    return Facts(
        views=views,
        told=told_of(views),
        picture=picture_of(container, views, cell=_cell(container, len(views))),
        needs=needs_of(views),
        broken=broken_of(views),
        silence=silence_of(views),
    )


_FACTS: Final = MadeOfViews(_facts)
