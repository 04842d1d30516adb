"""What the confirming page shows, and how what was typed there is read: pure, made of a Plan and a form.

A page is shown for a deed that nobody has done yet. So all that it says is of the future, and the figures are those of the
plan whose fingerprint goes with the form. Whoever is to type a name or a number is found out here, and what has changed
between two plans is put into words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

import msgspec
from markupsafe import Markup

from controller.deeds import OVER_LIMIT, MinerView, Plan, Skipped
from controller.model import Ends
from controller.pages.deed_links import DeedKind
from controller.pages.deed_words import becomes, skipped_words
from controller.pages.formats import isolated, plain
from controller.pages.language import Words
from controller.powers import nominal_w
from miners.inventory.fleet import Container
from miners.model import Snapshot

LARGE: Final = 0.25
"""A deed that moves more than this share of the fleet's power, or restarts more than this share of its miners, is typed."""

MOST_REASON: Final = 500
_FOR_GOOD: Final = frozenset(("observe", "inactive", "unsupported"))
"""Why miners are left out that no order reaches later either."""

Field: TypeAlias = Literal["reason", "until", "ends", "typed", "profile", ""]


class DeedForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the address of a deed or its form says: to what, and how.

    `miners`: ids with blanks between them, as the confirming page keeps them. `state`: outcomes to try again. `until`: in the
    container's zone; `twice`: which of both, where the clock shows that time twice. `sent`: it is to be done, with `key` against a second time; `plan`, `seen`, `etag`: what was looked at.
    `typed`: the name or the number that large deeds ask for. `back`: where to go afterwards. `part`: without the frame.
    """

    container: tuple[str, ...] = ()
    miner: tuple[str, ...] = ()
    miners: str = ""
    filter: str | None = None
    override: str = ""
    operation: str = ""
    profile: str = ""
    state: tuple[str, ...] = ()
    ends: str = ""
    until: str = ""
    twice: str = ""
    reason: str = ""
    emergency: str = ""
    back: str = "/"
    part: str = ""
    sent: str = ""
    key: str = ""
    plan: str = ""
    seen: str = ""
    etag: str = ""
    typed: str = ""

    @property
    def miner_ids(self) -> tuple[str, ...]:
        """The miners that were named one by one, each once."""
        return tuple(dict.fromkeys((*self.miner, *self.miners.split())))


class Wrong(msgspec.Struct, frozen=True):
    """A field that cannot be used, and why, in the reader's language."""

    field: Field
    text: str


class SkippedGroup(msgspec.Struct, frozen=True):
    """Miners that are left out for one reason. `kinds`: (how many, model and firmware). `advice`: what to do about it."""

    text: str
    kinds: tuple[tuple[int, str], ...]
    advice: tuple[str, ...]


class Notice(msgspec.Struct, frozen=True):
    """Something to know before saying yes. `alarm`: it would be refused. `lines`: more of it. `link`: (path, words)."""

    text: str
    alarm: bool = False
    lines: tuple[str, ...] = ()
    link: tuple[str, str] | None = None


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """The ends that are offered.

    `next_change`: when the schedule changes next, None where it never does; `each`: not at the same time in all
    containers. `then`: the profile after it. `until`: what stands in the field for a time, in the zone that `zone` names;
    `twice`: (value, words, chosen) of both moments, where the clock shows that time twice.
    """

    chosen: Ends
    next_change: str | None
    each: bool
    then: str | None
    until: str
    zone: str
    twice: tuple[tuple[str, str, bool], ...] = ()


class DeedShown(msgspec.Struct, frozen=True, kw_only=True):
    """The confirming page. `button` None: there is nothing that could be done. `typing`: what is to be typed, None: nothing.

    `profiles`: to choose from first, before there is a plan. `result`: it has been done, and this came of it.
    """

    kind: str
    title: str
    heading: Markup
    lines: tuple[str, ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    skipped: tuple[SkippedGroup, ...] = ()
    notices: tuple[Notice, ...] = ()
    choices: Choices | None = None
    emergency: bool = False
    reason: bool = True
    typing: Markup | None = None
    profiles: tuple[tuple[str, str], ...] = ()
    button: str | None = None
    keep: str = ""
    danger: bool = False
    hidden: tuple[tuple[str, str], ...] = ()
    wrong: tuple[Wrong, ...] = ()
    result: str | None = None

    def error(self, field: Field) -> str:
        """Return what is wrong with a field, an empty text if nothing is."""
        return next((one.text for one in self.wrong if one.field == field), "")


def lines_of(
    words: Words, kind: DeedKind, plan: Plan, containers: Iterable[Container], profile: str | None
) -> list[str]:
    """Return what would happen, in sentences. `containers`: whose miners are meant. `profile`: which they are put into."""
    miners = plan.miners
    if not miners.will_change:
        found = [
            words.gettext("No miner would change now."),
            words.gettext("The order holds all the same: whoever answers later is told then.")
            if kind.lasting and any(one.reason not in _FOR_GOOD for one in plan.skipped)
            else "",
        ]
    else:
        found = [
            becomes(words, kind.name, miners.will_change, miners.targeted, profile),
            *_apart_by_profile(words, plan, profile),
            _power(words, plan),
            words.gettext("This cannot be undone.") if kind.final else "",
            _duration(words, plan, containers),
        ]
    if miners.already:
        found.append(
            words.ngettext("%(num)s miner is so already.", "%(num)s miners are so already.", miners.already)
        )
    found.append(_known(words, kind, plan))
    return [one for one in found if one]


def _apart_by_profile(words: Words, plan: Plan, profile: str | None) -> list[str]:
    """Return how many go to which profile, where that is not one for all."""
    if profile or len(plan.becomes) < 2:
        return []
    return [
        words.ngettext(
            "%(num)s goes to the profile %(profile)s.",
            "%(num)s go to the profile %(profile)s.",
            number,
            profile=isolated(plain(name)),
        )
        for name, number in plan.becomes.items()
    ]


def _power(words: Words, plan: Plan) -> str:
    power = words.formats.power
    if abs(plan.power_change_w) < 1:
        return ""
    values = {
        "change": power(abs(plan.power_change_w)),
        "now": power(plan.power_now_w),
        "after": power(plan.power_after_w),
    }
    if plan.power_change_w < 0:
        return words.gettext("Power falls by about %(change)s, from %(now)s to %(after)s.", **values)
    return words.gettext("Power rises by about %(change)s, from %(now)s to %(after)s.", **values)


def _known(words: Words, kind: DeedKind, plan: Plan) -> str:
    """Return of how many miners the figures are, where not of all."""
    changes = kind.command is None and plan.miners.will_change
    if round(plan.power_known_ratio * 100) == 100 or not (changes or plan.power_change_w):
        return ""
    if not plan.power_known_ratio:
        return words.gettext(
            "What power these miners draw is not known, so neither is by how much it changes."
        )
    return words.gettext(
        "The power of %(share)s of the miners is known; the figures are of those.",
        share=words.formats.percent(plan.power_known_ratio, 0),
    )


def _duration(words: Words, plan: Plan, containers: Iterable[Container]) -> str:
    if plan.done_by_estimate is None:
        return ""
    time = words.formats.wait(max(1.0, (plan.done_by_estimate - plan.starts_at).total_seconds()))
    batch = max((container.ramp.batch for container in containers), default=0)
    if plan.miners.will_change <= batch or not batch:
        return words.gettext("Takes about %(time)s.", time=time)
    return words.ngettext(
        "Takes about %(time)s, at most %(num)s at a time in a container.",
        "Takes about %(time)s, at most %(num)s at a time in a container.",
        batch,
        time=time,
    )


def skipped_groups(words: Words, skipped: Sequence[Skipped]) -> list[SkippedGroup]:
    """Return who is left out, by reason, each with the models it is about and what to do."""
    by_reason: dict[str, list[Skipped]] = {}
    for one in skipped:
        by_reason.setdefault(one.reason, []).append(one)
    found = []
    for same in by_reason.values():
        kinds: Counter[str] = Counter()
        for one in same:
            kinds[" ".join(filter(None, (one.model, one.firmware)))] += one.miners
        advice = dict.fromkeys(words.told(one.detail) for one in same if one.detail)
        found.append(
            SkippedGroup(
                skipped_words(words, same[0], sum(kinds.values())),
                tuple((number, kind) for kind, number in kinds.most_common() if kind),
                tuple(advice),
            )
        )
    return found


def warnings_of(words: Words, plan: Plan) -> list[Notice]:
    """Return the warnings of a plan. That a deed has no end is said where its end is chosen."""
    return [
        Notice(
            words.gettext("This would be refused: it is more power than is allowed.")
            if one.code == OVER_LIMIT
            else words.formats.filters()["sentence"](words.told(one.detail)),
            alarm=one.code in (OVER_LIMIT, "in_doubt"),
            lines=(words.told(one.detail),) if one.code == OVER_LIMIT else (),
        )
        for one in plan.warnings
        if one.code != "no_end"
    ]


def refused_beforehand(plan: Plan) -> bool:
    """Return whether the deed would be refused as it is planned."""
    return any(one.code == OVER_LIMIT for one in plan.warnings)


# What has to be typed


def fleet_power_w(views: Iterable[MinerView]) -> float:
    """Return the power of the fleet: of each miner what it draws, or its nominal power where that is more, in W."""
    total = 0.0
    for view in views:
        if view.miner.active:
            now = view.reading.power_w if isinstance(view.reading, Snapshot) and not view.stale else None
            total += max(now or 0.0, nominal_w(view.miner, view.last_snapshot, view.record) or 0.0)
    return total


def reached(kind: DeedKind, plan: Plan) -> int:
    """Return how many miners a deed moves: those that change now and, where it is an order, those that it reaches later."""
    if kind.command is not None:
        return plan.miners.will_change
    later = sum(one.miners for one in plan.skipped if one.reason not in _FOR_GOOD)
    return plan.miners.will_change + later


def is_large(kind: DeedKind, plan: Plan, views: Sequence[MinerView]) -> bool:
    """Return whether a deed has to be typed: over a quarter of the fleet's power, or all of its miners.

    Miners whose power is not known, such as those that do not answer, count with their share of the miners.
    """
    moved = reached(kind, plan)
    if not moved or (kind.command is not None and not kind.final):
        return False
    active = sum(view.miner.active for view in views)
    if moved >= active or (kind.final and moved > LARGE * active):
        return True
    inactive = sum(one.miners for one in plan.skipped if one.reason == "inactive")
    unknown = min(moved, round((1 - plan.power_known_ratio) * (plan.miners.targeted - inactive)))
    known_w = fleet_power_w(views)
    share = abs(plan.power_change_w) / known_w if known_w else 0.0
    return share + unknown / active > LARGE


def to_type(kind: DeedKind, plan: Plan) -> int:
    """Return the number that stands for a large deed: of those that change now, else of those that it reaches later."""
    return plan.miners.will_change or reached(kind, plan)


def typed_right(typed: str, name: str | None, number: int) -> bool:
    """Return whether what was typed names the deed: the container's name, or the number of miners."""
    given = " ".join(plain(typed).split()).casefold()
    named = name is not None and given == " ".join(plain(name).split()).casefold()
    return bool(given) and (named or re.sub(r"[\s.,'’]", "", given) == str(number))


# What was looked at


def seen_of(plan: Plan) -> str:
    """Return the figures of a plan in one word, for the form."""
    miners = plan.miners
    return f"{miners.targeted}.{miners.will_change}.{miners.already}.{miners.skipped}"


def differences(words: Words, seen: str, plan: Plan) -> list[str]:
    """Return in which figures a plan differs from what was seen, in words."""
    before = [int(part) for part in seen.split(".") if part.isascii() and part.isdigit() and len(part) < 8]
    if len(before) != 4:
        return []
    miners = plan.miners
    found = []
    if miners.targeted != before[0]:
        found.append(
            words.ngettext(
                "%(num)s miner is meant now; it was %(before)s.",
                "%(num)s miners are meant now; it was %(before)s.",
                miners.targeted,
                before=before[0],
            )
        )
    if miners.will_change != before[1]:
        found.append(
            words.ngettext(
                "%(num)s miner would change now; it was %(before)s.",
                "%(num)s miners would change now; it was %(before)s.",
                miners.will_change,
                before=before[1],
            )
        )
    if miners.already != before[2]:
        found.append(
            words.ngettext(
                "%(num)s miner is so already; it was %(before)s.",
                "%(num)s miners are so already; it was %(before)s.",
                miners.already,
                before=before[2],
            )
        )
    if miners.skipped != before[3]:
        found.append(
            words.ngettext(
                "%(num)s miner is left out now; it was %(before)s.",
                "%(num)s miners are left out now; it was %(before)s.",
                miners.skipped,
                before=before[3],
            )
        )
    return found or [
        words.gettext("As many miners as before would change, but other ones, or to something else.")
    ]
