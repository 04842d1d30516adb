"""The live places that every page's frame has: how old what is shown is, and each notice.

`s.fresh` is `live` while readings come, `old` when the newest of them is too old to be of now, `none` where there is
nothing to read. A notice of a kind stands at `s.KIND`, its link at `s.KIND.go`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from controller.api.route import Call
from controller.deeds import MinerView
from controller.pages.formats import wall
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.made_of_views import MadeOfViews
from controller.pages.notices import KINDS, notices_of
from controller.pages.zones import reading_zone
from miners.inventory.fleet import Container


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """How a container's miners are read: whether any is to be, whether a reading is of now, and when the newest was taken."""

    watched: bool
    fresh: bool
    newest: datetime | None


def _read(_container: Container, views: Sequence[MinerView]) -> Read:
    active = [view for view in views if view.miner.active]
    return Read(
        watched=bool(active),
        fresh=any(not view.stale for view in active),
        newest=max((view.reading.taken_at for view in active if view.reading is not None), default=None),
    )


_READS: Final = MadeOfViews(_read)


def frame_state(call: Call[Any, Any], words: Words) -> LiveState:
    """Return the places of the frame for whoever asks; none for who is not signed in."""
    return _freshness(call, words) | _notices(call, words) if call.asker is not None else LiveState()


def _freshness(call: Call[Any, Any], words: Words) -> LiveState:
    """Return the time of the newest reading of what one may see, and its age where that is no longer of now."""
    reads = [_READS.of(call.deeds, container) for container in call.containers()]
    watched, fresh = any(one.watched for one in reads), any(one.fresh for one in reads)
    newest = max((one.newest for one in reads if one.newest is not None), default=None)
    at = age = ""
    if newest is not None:
        zone = reading_zone(call)
        local = newest.astimezone(zone)
        today = local.date() == call.now.astimezone(zone).date()
        at = wall(local, "%H:%M:%S") if today else words.formats.clock(newest, call.now, zone)
        if zone.key == "UTC":
            at = f"{at} UTC"
        if not fresh:
            age = words.gettext(
                "%(time)s old", time=words.formats.duration((call.now - newest).total_seconds())
            )
    elif watched:
        age = words.gettext("nothing read yet")
    state = "none" if not watched else "live" if fresh else "old"
    return LiveState(
        texts={"s.at": at, "s.age": age},
        states={"s.fresh": state},
        hidden={"s.age": not age, "s.changed": True},
    )


def _notices(call: Call[Any, Any], words: Words) -> LiveState:
    found = {notice.kind: notice for notice in notices_of(call, words)}
    texts, states, hidden, links = {}, {}, {}, {}
    for kind in KINDS:
        notice = found.get(kind)
        path, told = (notice.link if notice is not None else None) or ("/", "")
        texts[f"s.{kind}"] = notice.text if notice is not None else ""
        texts[f"s.{kind}.go"] = told
        links[f"s.{kind}.go"] = path
        hidden[f"s.{kind}"] = notice is None
        hidden[f"s.{kind}.go"] = not told
        states[f"s.{kind}"] = "alarm" if notice is not None and notice.alarm else "plain"
    return LiveState(texts=texts, states=states, hidden=hidden, links=links)
