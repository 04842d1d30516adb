"""The places of a page that change while it is looked at: what stands in each now, made by one formatter for page and stream.

A template writes a place by the macros of `live.html`, from the same LiveState that the stream compares and sends. The
browser only puts texts where they belong: it makes no sentence and formats no number.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from controller.api.route import Call

V = TypeVar("V")


class LiveState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands at each place, by the place's key, such as `c.konteiner-1.power`.

    `texts`: text content. `paths`: the `d` of an SVG path. `states`: a word that style sheets know, in `data-state`.
    `hidden`: whether the place is not shown. `ratios`: 0 to 1, the `value` of a progress bar. `links`: the `href` of a link,
    a path of ours.
    """

    texts: Mapping[str, str] = msgspec.field(default_factory=dict)
    paths: Mapping[str, str] = msgspec.field(default_factory=dict)
    states: Mapping[str, str] = msgspec.field(default_factory=dict)
    hidden: Mapping[str, bool] = msgspec.field(default_factory=dict)
    ratios: Mapping[str, float] = msgspec.field(default_factory=dict)
    links: Mapping[str, str] = msgspec.field(default_factory=dict)

    def __or__(self, other: "LiveState") -> "LiveState":
        """Return the places of both; where both have one, what `other` says."""
        return LiveState(
            texts={**self.texts, **other.texts},
            paths={**self.paths, **other.paths},
            states={**self.states, **other.states},
            hidden={**self.hidden, **other.hidden},
            ratios={**self.ratios, **other.ratios},
            links={**self.links, **other.links},
        )

    def since(self, before: "LiveState") -> "LiveState":
        """Return the places that say something else than before, and those that were not there."""
        return LiveState(
            texts=_changed(before.texts, self.texts),
            paths=_changed(before.paths, self.paths),
            states=_changed(before.states, self.states),
            hidden=_changed(before.hidden, self.hidden),
            ratios=_changed(before.ratios, self.ratios),
            links=_changed(before.links, self.links),
        )


LiveMaker: TypeAlias = Callable[[Call[Any, Any], str], Awaitable[LiveState]]
"""Makes the state of a page anew: handed the call and what stands behind the colon of its name (an id, or a query).

Raises Problem (not-found) when what the page shows is gone, or not the reader's to see any more.
"""


def _changed(before: Mapping[str, V], now: Mapping[str, V]) -> dict[str, V]:
    return {key: value for key, value in now.items() if before.get(key) != value}
