"""What a deed would do, before it is done: how many miners, how many watts, who is skipped and why. Pure.

A plan is made from MinerViews and the step that each miner would get, so a page, the API and the deed itself count alike.
The fingerprint names the miners that are meant, and what those that would change would be brought to.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

import msgspec

from controller.deeds import MinerView, Plan, Planned, Skipped, Warned
from controller.model import MinerRecord, Step
from controller.powers import change_w, expected_w, nominal_w
from controller.wording import worded
from miners.inventory.fleet import Container
from miners.model import PollFailure, Snapshot

SkipReason: TypeAlias = Literal[
    "observe", "inactive", "unreachable", "unsupported", "service", "held", "doubt", "superseded"
]

SAME_MINERS: Final = 5
SAME_SHARE: Final = 0.02
"""A plan that differs from the preview by more than 5 miners, or by more than 2 %, is another plan: of few, by any."""

MINER_S: Final = 2.0
"""What one command takes with a miner that obeys at once: connecting, telling, reading back."""

_ADVICE: Final[Mapping[SkipReason, str]] = {
    "inactive": worded("write `active: true` at the miner"),
    "unreachable": worded("it is commanded when it answers, as long as the order stands"),
    "held": worded("release the hold"),
    "doubt": worded("see what is in doubt"),
    "superseded": worded("a newer override holds for it"),
}


class Would(msgspec.Struct, frozen=True, kw_only=True):
    """What a deed would do with one miner. `shows`: whether it is so already. `against`: why it is left out, if it is.

    `profile`: which it is put into, None where that is not what is done.
    """

    view: MinerView
    step: Step | None
    shows: bool | None = None
    against: SkipReason | None = None
    detail: str = ""
    power_changes: bool = True
    profile: str | None = None


def skip_reason(view: MinerView, *, held: bool, in_doubt: str | None) -> tuple[SkipReason, str] | None:
    """Return why a plan leaves a miner out whatever the order is, None if it does not."""
    if not view.miner.active:
        return "inactive", _ADVICE["inactive"]
    if view.container.control != "enforce":
        origin = view.container.origin
        place = f"{origin.file}:{origin.line}"
        return "observe", worded("write `control: enforce` at the container (%(place)s)", place=place)
    if view.service is not None:
        return "service", worded(
            "%(reason)s; end the service mark when the work is done", reason=view.service.reason
        )
    if held:
        return "held", _ADVICE["held"]
    if in_doubt is not None:
        return "doubt", in_doubt
    if view.reading is None or isinstance(view.reading, PollFailure) or view.stale:
        return "unreachable", _ADVICE["unreachable"]
    return None


def plan_of(
    wishes: Sequence[Would],
    *,
    starts_at: datetime,
    ends_at: datetime | None = None,
    then_profile: str | None = None,
    emergency: bool = False,
    over_s: float | None = None,
    warnings: Iterable[Warned] = (),
) -> tuple[Plan, frozenset[str]]:
    """Return the plan of a deed on these miners, and what it is made of (see `marks_of`)."""
    skipped: Counter[tuple[SkipReason, str | None, str | None, str]] = Counter()
    changing: list[Would] = []
    already = 0
    now_w = after_w = 0.0
    known = counted = 0
    for would in wishes:
        view = would.view
        if would.against is not None:
            skipped[would.against, *_kind(view), would.detail] += 1
        elif would.shows is True:
            already += 1
        else:
            changing.append(would)
        if would.against == "inactive":
            continue
        counted += 1
        snapshot = fresh_snapshot(view)
        now = None if snapshot is None else snapshot.power_w
        if now is None:
            continue
        known += 1
        after = now
        if (
            would.against is None
            and would.step is not None
            and would.power_changes
            and would.shows is not True
        ):
            expected = expected_w(would.step, nominal_w(view.miner, view.last_snapshot, view.record))
            after = now if expected is None else expected
        now_w += now
        after_w += after
    done_s = max(_longest(changing, emergency=emergency), over_s or 0.0) if changing else 0.0
    marks = marks_of(wishes)
    plan = Plan(
        fingerprint=fingerprint(marks),
        miners=Planned(
            targeted=len(wishes),
            will_change=len(changing),
            already=already,
            skipped=sum(skipped.values()),
        ),
        skipped=tuple(
            Skipped(reason=reason, miners=count, model=model, firmware=firmware, detail=detail)
            for (reason, model, firmware, detail), count in sorted(
                skipped.items(), key=lambda one: (one[0][0], -one[1], str(one[0][1:]))
            )
        ),
        power_now_w=now_w,
        power_after_w=after_w,
        power_change_w=after_w - now_w,
        power_known_ratio=known / counted if counted else 1.0,
        starts_at=starts_at,
        done_by_estimate=starts_at + timedelta(seconds=done_s) if changing else starts_at,
        ends_at=ends_at,
        then_profile=then_profile,
        becomes=dict(Counter(would.profile for would in changing if would.profile is not None).most_common()),
        warnings=tuple(warnings),
    )
    return plan, marks


def fresh_snapshot(view: MinerView) -> Snapshot | None:
    """Return what a miner shows now, None where it does not answer or the reading is too old."""
    return view.reading if isinstance(view.reading, Snapshot) and not view.stale else None


def marks_of(wishes: Iterable[Would]) -> frozenset[str]:
    """Return what tells one plan from another: who is meant, and of who would change, what would be done to each.

    Who is meant and would not change now is named alone: an order that lasts holds for it as well.
    """
    return frozenset(
        f"{would.view.id} {would.step.actions if would.step is not None else ''}"
        if would.against is None and would.shows is not True
        else would.view.id
        for would in wishes
    )


def fingerprint(marks: Iterable[str]) -> str:
    """Return the name of a plan: equal for equal plans."""
    return hashlib.sha256("\n".join(sorted(marks)).encode()).hexdigest()[:24]


def differs(before: AbstractSet[str], now: AbstractSet[str]) -> bool:
    """Return whether a plan is another than the one that a person saw: by more than 5 miners, or by more than 2 %.

    Looked at are those who would change, and all that are meant. Of fewer than fifty miners not one may differ: a button
    that says "4 miners" never does something to 3.
    """
    if _apart(*({mark for mark in marks if " " in mark} for marks in (before, now))):
        return True
    return _apart(*({mark.partition(" ")[0] for mark in marks} for marks in (before, now)))


def _apart(before: AbstractSet[str], now: AbstractSet[str]) -> bool:
    allowed = min(SAME_SHARE * max(len(before), len(now)), SAME_MINERS)
    return len({mark.partition(" ")[0] for mark in before ^ now}) > allowed


def _kind(view: MinerView) -> tuple[str | None, str | None]:
    """Return model and firmware, by which those who are left out are grouped."""
    snapshot = view.last_snapshot
    if snapshot is None:
        return view.miner.model, None
    return snapshot.identity.model or view.miner.model, snapshot.identity.firmware


def _longest(changing: Iterable[Would], *, emergency: bool) -> float:
    """Return how long the slowest container will take by its ramp, seconds."""
    by_container: dict[str, list[Would]] = {}
    for would in changing:
        by_container.setdefault(would.view.container.id, []).append(would)
    longest = 0.0
    for found in by_container.values():
        container = found[0].view.container
        steps = 0.0 if emergency else _ramp_steps(container, found)
        longest = max(longest, steps * container.ramp.every_s + MINER_S)
    return longest


def _ramp_steps(container: Container, changing: Sequence[Would]) -> float:
    """Return how many steps the ramp needs, the first of which costs no time."""
    ramp = container.ramp
    watts = 0.0
    for would in changing:
        if would.step is not None and would.power_changes:
            view = would.view
            record = view.record or MinerRecord(miner=view.id)
            watts += abs(change_w(would.step, view.miner, view.last_snapshot, record))
    return max(math.ceil(watts / ramp.step_w), math.ceil(len(changing) / ramp.batch)) - 1
