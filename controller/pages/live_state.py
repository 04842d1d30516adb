"""The places of a page that change while it is looked at: what stands in each now, made by one formatter for page and stream.

A template writes a place by the macros of `live.html`, from the same LiveState that the stream compares and sends. The
browser only puts texts where they belong: it makes no sentence and formats no number.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from controller.api.route import Call


class LiveState(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at each place, by the place's key, such as `c.konteiner-1.power`.

    `texts`: text content. `paths`: the `d` of an SVG path. `states`: a word that style sheets know, in `data-state`.
    `hidden`: whether the place is not shown. `ratios`: 0 to 1, the `value` of a progress bar.
    """

    texts: Mapping[str, str] = msgspec.field(default_factory=dict)
    paths: Mapping[str, str] = msgspec.field(default_factory=dict)
    states: Mapping[str, str] = msgspec.field(default_factory=dict)
    hidden: Mapping[str, bool] = msgspec.field(default_factory=dict)
    ratios: Mapping[str, float] = msgspec.field(default_factory=dict)

    def __or__(self, other: "LiveState") -> "LiveState":
        """Return the places of both."""
        return LiveState(
            texts={**self.texts, **other.texts},
            paths={**self.paths, **other.paths},
            states={**self.states, **other.states},
            hidden={**self.hidden, **other.hidden},
            ratios={**self.ratios, **other.ratios},
        )


LiveMaker: TypeAlias = Callable[[Call[Any, Any], str], Awaitable[LiveState]]
"""Makes the state of a page anew: handed the call and what stands behind the colon of its name (an id, or a query)."""
