"""What pages make of a container's miners, made again only when something about one of them has changed.

Ten thousand miners are looked at by every page and every stream. The controller gives the same views as long as nothing
has changed, so what is made of them is kept beside them.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from controller.deeds import Deeds, MinerView
from miners.inventory.fleet import Container

T = TypeVar("T")


class MadeOfViews(Generic[T]):
    """What one function makes of a container and its views, by the running controller and the container's id."""

    def __init__(self, made: Callable[[Container, Sequence[MinerView]], T]) -> None:
        """`made`: pure; of the same views it makes the same."""
        self._made = made
        self._kept: WeakKeyDictionary[Deeds, dict[str, tuple[Sequence[MinerView], T]]] = WeakKeyDictionary()

    def of(self, deeds: Deeds, container: Container) -> T:
        """Return what is made of a container as it is now."""
        views = deeds.views(container.id)
        kept = self._kept.setdefault(deeds, {})
        found = kept.get(container.id)
        if found is None or found[0] is not views:
            if len(kept) > 2 * len(deeds.inventory.containers):
                kept.clear()  # most of it is of containers that are there no more
            found = kept[container.id] = views, self._made(container, views)
        return found[1]
