"""Interlocks and doubts: when nothing is written, or power is not raised, and the one line that says why and what to do.

All pure: they look at what is known and return a reason, or None; about the clock that is `clock_watch.py`'s to say. What
stops what:

| reason | stops | ends by itself |
|---|---|---|
| hold | every writing, in a container or everywhere | no: a person releases it |
| service | every writing to the miner | no: a person ends the mark |
| identity | every writing to the miner | when the one last seen there answers again |
| vanished | every writing | when the miners are back in the inventory |
| clock | every writing | when the clock has gone steadily for a while, or is synchronised again |
| inventory | every writing | when the files are right |
| limit of container, feed | the plan that would exceed it | with a plan that fits |
| heat | raising power in the container, or of the one miner | when it has cooled down |
| stale | raising power in the container, or of the one miner | when it is read again |

Lowering power is never stopped by heat, staleness or a limit: it is what mends them.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from controller.model import Hold, MinerRecord, ServiceMark
from controller.readings import STALE_INTERVALS
from controller.wording import Wording, figure, worded, worded_many
from miners.inventory.fleet import Container, Feed
from miners.inventory.heat import temperature_limits_c
from miners.inventory.nodes import shortened
from miners.model import Identity, PollFailure, Reading, Snapshot
from miners.models import find_model

HOT_SHARE: Final = 0.1
"""A container overheats when more than this share of the miners that answer are too hot (as ContainerOverheating does)."""
VANISHED_SHARE: Final = 0.1
_HEAT: Final = re.compile(
    r"over[ _-]?(temp|heat)|temperature (is )?(too )?high|too[ _-]hot(?! before)", re.IGNORECASE
)
"""How a fault says that a miner is too hot; that a sensor of heat has failed is another matter."""


class Drawn(msgspec.Struct, frozen=True):
    """What some miners draw, or would: watts of those that are known, and how many are not."""

    watts: float = 0.0
    unknown: int = 0


def together(powers: Iterable[float | None]) -> Drawn:
    """Return what miners draw together; None: not known."""
    watts, unknown = 0.0, 0
    for power in powers:
        if power is None:
            unknown += 1
        else:
            watts += power
    return Drawn(watts, unknown)


def over_container_limit(container: Container, after: Drawn, now: Drawn | None = None) -> str | None:
    """Return why a container must not come to draw `after`. `now`: what it draws; a plan that lowers it is never stopped."""
    return _over(
        worded("the container %(container)s", container=shortened(container.name)),
        container.power_limit_w,
        after,
        now,
    )


def over_feed_limit(feed: Feed | None, after: Drawn, now: Drawn | None = None) -> str | None:
    """Return why all containers of a feed together must not come to draw `after`; a feed that is not described has no limit."""
    if feed is None:
        return None
    return _over(worded("the feed %(feed)s", feed=shortened(feed.name)), feed.power_limit_w, after, now)


def raise_refused(container: Container, readings: Sequence[Reading | None], at: datetime) -> str | None:
    """Return why power must not be raised anywhere in a container: it overheats, or too little of it is known.

    `readings`: the last of each active miner, None for one that was never read.
    """
    fresh = [
        reading for reading in readings if isinstance(reading, Snapshot) and _is_fresh(reading, container, at)
    ]
    silent = len(readings) - len(fresh)
    name = shortened(container.name)
    if readings and silent > container.alerts.down_max_ratio * len(readings):
        return worded(
            "%(silent)s of %(count)s miners of %(name)s have no reading of the last %(longest_s)s s, so power is not raised there: look at its network and the exporter",
            silent=silent,
            count=len(readings),
            name=name,
            longest_s=figure(STALE_INTERVALS * container.interval_s, "g"),
        )
    hot = [reason for reason in (too_hot(container, reading) for reading in fresh) if reason is not None]
    if len(hot) > HOT_SHARE * len(fresh):
        return worded(
            "%(count)s of %(fresh)s miners of %(name)s are too hot (%(hot)s), so power is not raised there: look at fans, pump and louvres",
            count=len(hot),
            fresh=len(fresh),
            name=name,
            hot=hot[0],
        )
    return None


def raise_refused_for(container: Container, reading: Reading | None, at: datetime) -> str | None:
    """Return why the power of one miner must not be raised: it is too hot itself, or its reading is stale or none."""
    if reading is None:
        return worded(
            "it was never read, so its power is not raised: look at its address and its power supply"
        )
    if isinstance(reading, PollFailure):
        return worded(
            "it does not answer (%(reason)s), so its power is not raised: it is tried again when it does",
            reason=reading.reason,
        )
    if not _is_fresh(reading, container, at):
        age = (at - reading.taken_at).total_seconds()
        return worded(
            "its reading is %(age)s s old, so its power is not raised: look at the exporter",
            age=figure(age, ".0f"),
        )
    hot = too_hot(container, reading)
    return (
        worded("%(hot)s, so its power is not raised: look at its fans and the air around it", hot=hot)
        if hot
        else None
    )


def too_hot(container: Container, snapshot: Snapshot) -> str | None:
    """Return by which sensor or fault a miner is too hot: at or over a limit of the container or its model, or by its own word."""
    facts = find_model(snapshot.identity.manufacturer, snapshot.identity.model)
    for sensor, limit in temperature_limits_c(container, facts).items():
        degrees = getattr(snapshot.temperatures_c, sensor)
        if degrees is not None and degrees >= limit:
            return worded(
                "%(sensor)s of %(miner)s is at %(degrees)s °C, the limit is %(limit)s °C",
                sensor=sensor,
                miner=shortened(snapshot.miner),
                degrees=figure(degrees, "g"),
                limit=figure(limit, "g"),
            )
    for fault in snapshot.faults:
        if _HEAT.search(f"{fault.code} {fault.text or ''}"):
            return worded(
                "%(miner)s reports %(fault)s",
                miner=shortened(snapshot.miner),
                fault=shortened(fault.text or fault.code),
            )
    return None


def identity_changed(record: MinerRecord | None, address: str, identity: Identity) -> str | None:
    """Return why a miner may not be the one that it is taken for: its MAC or serial is not the one last seen by that name.

    What either does not tell is not compared.
    """
    if record is None:
        return None
    for what, before, now in (("MAC", record.mac, identity.mac), ("serial", record.serial, identity.serial)):
        if before and now and _bare(before) != _bare(now):
            return worded(
                "%(address)s answers with the %(what)s %(now)s, last seen there was %(before)s: correct its address in the inventory, or, after an exchange, mark it as in service and end the mark",
                address=address,
                what=what,
                now=shortened(now),
                before=shortened(before),
            )
    return None


def vanished(before: Collection[str], after: Collection[str]) -> str | None:
    """Return why an inventory is not trusted: more than a tenth of the miners (ids) are gone from it."""
    gone = len(set(before) - set(after))
    if gone <= VANISHED_SHARE * len(before):
        return None
    return worded(
        "%(gone)s of %(count)s miners are gone from the inventory at once, more than a tenth, so nothing is written: put them back, or, if it is meant, set a hold on everything and release it",
        gone=gone,
        count=len(before),
    )


def inventory_refused(mistakes: Sequence[str]) -> str | None:
    """Return why the inventory in use is not trusted: the files as they are now have mistakes."""
    if not mistakes:
        return None
    first = shortened(mistakes[0], 300)
    if len(mistakes) == 1:
        return worded(
            "the inventory was refused, so nothing is written until it is right: %(mistake)s", mistake=first
        )
    return worded(
        "the inventory was refused, so nothing is written until it is right: %(mistake)s (and %(more)s more)",
        mistake=first,
        more=len(mistakes) - 1,
    )


def held(holds: Iterable[Hold], container_id: str) -> str | None:
    """Return by whose hold nothing is written in a container."""
    for hold in holds:
        if hold.container is None or hold.container == container_id:
            who, why = hold.created_by.name, shortened(hold.reason)
            if hold.container is None:
                return worded(
                    "%(who)s has stopped all writing everywhere (%(why)s): release the hold to go on",
                    who=who,
                    why=why,
                )
            return worded(
                "%(who)s has stopped all writing in %(container)s (%(why)s): release the hold to go on",
                who=who,
                container=hold.container,
                why=why,
            )
    return None


def in_service(mark: ServiceMark | None) -> str | None:
    """Return by whose mark nothing is written to a miner."""
    if mark is None:
        return None
    return worded(
        "%(who)s has it in service (%(why)s): end the mark to go on",
        who=mark.created_by.name,
        why=shortened(mark.reason),
    )


def _over(what: str, limit_w: float | None, after: Drawn, now: Drawn | None) -> str | None:
    if limit_w is None or (now is not None and after.watts <= now.watts and after.unknown <= now.unknown):
        return None
    if after.watts > limit_w:
        return worded(
            "%(what)s would draw %(power)s, over its limit of %(limit)s: choose a lower profile, or fewer miners",
            what=what,
            power=_kilowatts(after.watts),
            limit=_kilowatts(limit_w),
        )
    if after.unknown:
        return worded_many(
            "%(what)s has a limit of %(limit)s, and the power of %(num)s miner there is not known: write `nominal_power_w` for them into the inventory",
            "%(what)s has a limit of %(limit)s, and the power of %(num)s miners there is not known: write `nominal_power_w` for them into the inventory",
            after.unknown,
            what=what,
            limit=_kilowatts(limit_w),
        )
    return None


def _is_fresh(snapshot: Snapshot, container: Container, at: datetime) -> bool:
    return at - snapshot.taken_at <= timedelta(seconds=STALE_INTERVALS * container.interval_s)


def _kilowatts(watts: float) -> Wording:
    return worded("%(power)s kW", power=figure(watts / 1000, ",.1f"))


def _bare(text: str) -> str:
    """Return a MAC or serial as it is compared: makes write the same one with and without colons, in any case."""
    return "".join(letter for letter in text.lower() if letter.isalnum())
