"""Which miners a request means: whole containers, miners, or all that pass a filter, resolved here and now."""

from typing import Annotated, Any

import msgspec

from controller.api.miner_filters import MinersFilter, chosen
from controller.api.problems import Mistake, Problem, invalid
from controller.api.route import Call
from controller.deeds import Choice
from controller.wording import worded

MOST_MINERS = 10_000

Ids = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MOST_MINERS)]


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly one of: ids of containers, ids of miners (≤ 10,000), or a filter as that of GET /miners."""

    containers: Ids | None = None
    miners: Ids | None = None
    filter: MinersFilter | None = None


def choice_of(call: Call[Any, Any], target: Target, at: str = "/target") -> Choice:
    """Return which miners are meant. Raises Problem: every id that is not there, or a filter that finds nothing."""
    given = [name for name in ("containers", "miners", "filter") if getattr(target, name) is not None]
    if len(given) != 1:
        said = "give one of containers, miners and filter" + (f", not {' and '.join(given)}" if given else "")
        raise invalid(Mistake(at, "choice", said))
    if target.containers is not None:
        seen = {container.id for container in call.containers()}
        missing = [
            Mistake(f"{at}/containers/{place}", "not-found", worded("there is no such container"))
            for place, one in enumerate(target.containers)
            if one not in seen
        ]
        if missing:
            raise Problem("not-found", missing[0].detail, missing)
        return Choice(containers=tuple(dict.fromkeys(target.containers)))
    if target.miners is not None:
        missing = [
            Mistake(f"{at}/miners/{place}", "not-found", worded("there is no such miner"))
            for place, one in enumerate(target.miners)
            if (view := call.deeds.view(one)) is None or not call.person.may_see(view.container)
        ]
        if missing:
            raise Problem("not-found", missing[0].detail, missing)
        return Choice(miners=tuple(dict.fromkeys(target.miners)))
    found = chosen(call, target.filter or MinersFilter())
    if not found:
        raise invalid(Mistake(f"{at}/filter", "empty", worded("no miner passes this filter")))
    if len(found) > MOST_MINERS:
        raise invalid(
            Mistake(
                f"{at}/filter",
                "range",
                worded(
                    "%(count)s miners pass; at most %(most_miners)s may be meant",
                    count=len(found),
                    most_miners=MOST_MINERS,
                ),
            )
        )
    return Choice(miners=tuple(view.id for view in found))
