"""The confirming page put together: of what a deed is about, its plan, and the form as it was filled in. Pure.

`shown` is all of it; the rest says for each kind what is so now, which choices there are, and why a button is not there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from markupsafe import Markup, escape

from controller.deeds import Plan
from controller.desire import end_of
from controller.model import Ends, Override
from controller.pages.deed_doing import Look
from controller.pages.deed_links import Kind
from controller.pages.deed_page import (
    Choices,
    DeedShown,
    Notice,
    Wrong,
    lines_of,
    refused_beforehand,
    seen_of,
    skipped_groups,
    to_type,
    warnings_of,
)
from controller.pages.deed_stopping import can_be_done, lines_of_operation, number_of
from controller.pages.deed_until import WHICH, moments_of, suggested_until, which_of, written
from controller.pages.deed_words import button, heading, keep, set_apart, spot, title
from controller.pages.event_words import actor_words
from controller.pages.formats import isolated, plain, wall
from controller.pages.language import Words
from controller.pages.page_paths import operation_path
from controller.pages.zones import zone_of

WITHOUT_REASON: Final[frozenset[Kind]] = frozenset(("end-override", "stop", "stop-undo", "retry", "poll"))
"""What is done without a reason: it ends what somebody gave one for, goes on with it, or only reads."""


_NO_PLAN_NEEDED: Final[frozenset[Kind]] = frozenset(("release", "change-override"))
"""What is done though no miner would change: it settles what may be sent, and until when."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What is so around a deed. `changes`: the next changes of the schedules, None where one has none.

    `large`: the name or the number has to be typed. `profiles`: (name, percent of nominal power) to choose from. `undo`: what
    the end of the override would do that is undone.
    """

    words: Words
    now: datetime
    changes: Sequence[datetime] | None = None
    large: bool = False
    profiles: Sequence[tuple[str, float]] = ()
    doubts: Sequence[str] = ()
    exporter_away: bool = False
    running: str | None = None
    undo: Plan | None = None


def shown(
    found: Look,
    plan: Plan | None,
    around: Surroundings,
    *,
    key: str,
    ends: Ends,
    notices: Sequence[Notice] = (),
    wrong: Sequence[Wrong] = (),
) -> DeedShown:
    """Return the page. `key`: a new one against a second time. `notices`: what came of sending it before."""
    words, kind = around.words, found.kind
    number = _number(found, plan)
    choosing = kind.name == "profile" and plan is None
    said = _button(words, found, plan, number)
    return DeedShown(
        kind=kind.name,
        title=title(words, kind.name, found.name, found.miners),
        heading=heading(words, kind.name, found.name, found.miners),
        lines=tuple(_lines(around, found, plan)),
        told=tuple(_told(around, found)),
        skipped=tuple(skipped_groups(words, plan.skipped))
        if plan is not None and (kind.name in _NO_PLAN_NEEDED or not _all_observed(plan))
        else (),
        notices=(*notices, *_notices(around, found, plan)),
        choices=None if choosing else _choices(around, found, plan, ends),
        emergency=kind.name == "curtail",
        reason=kind.name not in WITHOUT_REASON and not choosing,
        typing=_typing(words, found, to_type(kind, plan)) if around.large and plan is not None else None,
        profiles=tuple(_profiles(around)) if choosing else (),
        button=words.gettext("Show what would happen") if choosing else said,
        keep=keep(words, kind.name),
        danger=kind.final or kind.name in ("curtail", "sleep"),
        hidden=tuple(_hidden(found, plan, key, choosing=choosing)),
        wrong=tuple(wrong),
    )


def zone_for(found: Look) -> ZoneInfo:
    """Return the zone in which times are typed and told: that of the containers, the first one's where they differ."""
    return zone_of(found.containers[0].timezone) if found.containers else ZoneInfo("UTC")


def _number(found: Look, plan: Plan | None) -> int:
    if plan is not None:
        return plan.miners.will_change
    return found.miners if found.operation is None else number_of(found)


def _button(words: Words, found: Look, plan: Plan | None, number: int) -> str | None:
    kind = found.kind
    if found.override is not None and found.override.ended_at is not None:
        return None
    if kind.name in _NO_PLAN_NEEDED and plan is not None:
        return _ending_button(words, found, plan)
    if plan is not None and (refused_beforehand(plan) or _all_observed(plan) or _observed(found)):
        return None
    if found.operation is not None and not can_be_done(found):
        return None
    if kind.name == "release" and not found.holds:
        return None
    if plan is not None and not plan.miners.will_change:
        if kind.name == "end-override":
            return words.gettext("End the override")
        return words.gettext("Put the order in force") if kind.lasting else None
    if kind.name == "stop" and not number:
        return words.gettext("Stop")
    if kind.name == "stop-undo" and not number:
        return words.gettext("Stop and undo")
    return button(words, kind.name, number)


def _ending_button(words: Words, found: Look, plan: Plan) -> str:
    """Return the button of what is done whether or not it changes a miner: it names those that it does."""
    changing = plan.miners.will_change
    if found.kind.name == "release" and changing:
        return words.ngettext(
            "Release the hold and command %(num)s miner",
            "Release the hold and command %(num)s miners",
            changing,
        )
    return button(words, found.kind.name, found.miners)


def _all_observed(plan: Plan) -> bool:
    return (
        bool(plan.skipped)
        and not plan.miners.already
        and {"observe"} == {one.reason for one in plan.skipped}
        and not plan.miners.will_change
    )


def _observed(found: Look) -> list[str]:
    """Return the names of containers that are only observed: nothing is ordered where such a one is named."""
    if found.kind.name == "poll" or found.target is None or not found.target.containers:
        return []
    return [isolated(plain(one.name)) for one in found.containers if one.control != "enforce"]


def _lines(around: Surroundings, found: Look, plan: Plan | None) -> list[str]:
    words, kind, miners = around.words, found.kind.name, found.miners
    if plan is not None:
        lines = lines_of(words, found.kind, plan, found.containers, found.profile or _one_for_all(plan))
        if kind == "change-override":
            return [_until_then(around, found, plan), *lines]
        if kind == "end-override" and not plan.miners.targeted:
            return [words.gettext("No miner follows it now.")]
        return lines
    match kind:
        case "profile":
            return [words.ngettext("%(num)s miner is meant.", "%(num)s miners are meant.", miners)]
        case "end-override":
            return [words.gettext("It has ended already.")]
        case "change-override":
            return [
                words.gettext("What the miners do now stays as it is; only until when, and why, is changed.")
            ]
        case "hold":
            return [
                words.ngettext(
                    "Nothing is sent to %(num)s miner until the hold is released.",
                    "Nothing is sent to %(num)s miners until the hold is released.",
                    miners,
                ),
                words.gettext(
                    "What is on its way finishes. Schedules and overrides go on counting, and are followed up after the release."
                ),
            ]
        case "release":
            if not found.holds:
                return [words.gettext("Nothing is held here.")]
            return [
                words.gettext("Commands go out again at once: miners that do not do what is wanted are told.")
            ]
        case "service":
            return [
                words.gettext(
                    "Nothing is written to it, and its alerts are off, until somebody ends the service."
                )
            ]
        case "end-service":
            return [
                words.gettext(
                    "It is commanded again at once, and its alerts are on. The device that stands there now is taken for the right one."
                )
            ]
        case _:
            return lines_of_operation(words, found, around.undo)


def _one_for_all(plan: Plan) -> str | None:
    """Return the profile that all who change are put into, None where there are several."""
    return next(iter(plan.becomes)) if len(plan.becomes) == 1 else plan.then_profile


def _until_then(around: Surroundings, found: Look, plan: Plan) -> str:
    """Return from when what follows is so: of containers in which it ends at different times, the first."""
    words = around.words
    time = words.formats.clock(plan.starts_at, around.now, zone_for(found))
    return words.gettext("It ends %(time)s. Of the miners as they are now, this would follow:", time=time)


def _told(around: Surroundings, found: Look) -> list[tuple[str, str]]:
    """Return what people have said of it before: (what it is, their words)."""
    words, zone = around.words, zone_for(found)

    def clock(moment: datetime) -> str:
        return words.formats.clock(moment, around.now, zone)

    told: list[tuple[str, str]] = []
    if found.override is not None:
        override = found.override
        told.append((words.gettext("Reason"), override.reason))
        told.append((words.gettext("By"), actor_words(override.created_by, words)))
        told.append((words.gettext("Until"), _end_told(words, override, clock)))
    if found.kind.name == "release":
        told += [
            (
                words.gettext("Held since"),
                f"{clock(hold.created_at)} · {actor_words(hold.created_by, words)}: {hold.reason}",
            )
            for hold in found.holds
        ]
    mark = None if found.view is None else found.view.service
    if mark is not None:
        told.append(
            (
                words.gettext("In service since"),
                f"{clock(mark.created_at)} · {actor_words(mark.created_by, words)}: {mark.reason}",
            )
        )
    if found.operation is not None and found.operation.reason:
        told.append((words.gettext("Reason"), found.operation.reason))
    return told


def _end_told(words: Words, override: Override, clock: Any) -> str:
    ends = {end_of(override, id_) for id_ in (*override.until_by_container, *override.containers)}
    known = [end for end in ends if end is not None] or ([override.until] if override.until else [])
    return clock(max(known)) if known else words.gettext("somebody ends it")


def _notices(around: Surroundings, found: Look, plan: Plan | None) -> list[Notice]:
    words = around.words
    notices: list[Notice] = []
    if around.exporter_away:
        notices.append(
            Notice(words.gettext("The exporter does not answer, so nothing can be read now."), alarm=True)
            if found.kind.name == "poll"
            else Notice(words.gettext("The exporter does not answer. Commands work all the same."))
        )
    if plan is not None:
        if _all_observed(plan) and found.kind.name not in _NO_PLAN_NEEDED:
            notices.append(
                Notice(
                    words.gettext("Hashyard only observes these miners, so it sends them nothing."),
                    alarm=True,
                    lines=tuple(dict.fromkeys(words.told(one.detail) for one in plan.skipped)),
                )
            )
        elif names := _observed(found):
            text = words.gettext(
                "This would be refused: Hashyard only observes %(names)s. Choose the others alone.",
                names=", ".join(names),
            )
            notices.append(Notice(text, alarm=True))
        notices += warnings_of(words, plan)
        if found.kind.command not in (None, "poll"):
            notices += [Notice(words.told(doubt), alarm=True) for doubt in around.doubts]
    if around.running is not None:
        notices.append(
            Notice(
                words.gettext("An operation is running there already."),
                link=(operation_path(around.running), words.gettext("See how far it is")),
            )
        )
    return notices


def _choices(around: Surroundings, found: Look, plan: Plan | None, ends: Ends) -> Choices | None:
    if not found.kind.lasting and found.kind.name != "change-override":
        return None
    words, zone = around.words, zone_for(found)
    changes = list(around.changes or ())
    override = found.override
    until, twice = found.form.until, found.form.twice
    if not until and override is not None and override.ends == "at" and override.until is not None:
        until, twice = written(override.until, zone), which_of(override.until, zone)
    until = until or suggested_until(around.now, zone)
    return Choices(
        chosen=ends,
        next_change=words.formats.clock(changes[-1], around.now, zone) if changes else None,
        each=len(changes) > 1,
        then=None if plan is None or ends != "next_change" else plan.then_profile,
        until=until,
        zone=_zone_words(around, found),
        twice=tuple(
            (which, _of_both(words, moment, zone), which == twice)
            for which, moment in zip(WHICH, moments_of(until, around.now, zone), strict=False)
        )
        if len(moments_of(until, around.now, zone)) == 2
        else (),
    )


def _of_both(words: Words, moment: datetime, zone: ZoneInfo) -> str:
    """Return one of the two moments at which a clock shows the same time, by how far the clock is from UTC then."""
    local = moment.astimezone(zone)
    time = wall(local)
    if local.fold:
        return words.gettext("%(time)s, after the clock is put back", time=time)
    return words.gettext("%(time)s, before the clock is put back", time=time)


def _zone_words(around: Surroundings, found: Look) -> str:
    """Return in which zone times are typed; whose that is, where the containers are in several."""
    words, zone = around.words, zone_for(found)
    named = words.formats.zone_words(around.now, zone)
    if len({container.timezone for container in found.containers}) < 2:
        return named
    return words.gettext(
        "%(zone)s, by the clock of %(name)s: other containers are in other zones",
        zone=named,
        name=plain(found.containers[0].name),
    )


def _profiles(around: Surroundings) -> list[tuple[str, str]]:
    words = around.words
    return [
        (
            name,
            words.gettext("%(share)s of nominal power", share=words.formats.percent(percent / 100, 0))
            if percent
            else words.gettext("asleep"),
        )
        for name, percent in around.profiles
    ]


def _typing(words: Words, found: Look, number: int) -> Markup:
    if found.one_container and found.name is not None:
        return set_apart(
            words.gettext(
                "This is a large part of the fleet. Type its name, %(name)s, to go on", name=spot()
            ),
            found.name,
        )
    return escape(
        words.gettext(
            "This is a large part of the fleet. Type the number of miners, %(number)s, to go on",
            number=number,
        )
    )


def _hidden(found: Look, plan: Plan | None, key: str, *, choosing: bool) -> list[tuple[str, str]]:
    form = found.form
    fields = [("back", form.back)]
    fields += [("container", id_) for id_ in form.container]
    if form.filter is not None:
        fields.append(("filter", form.filter))
    elif form.miner_ids:
        fields.append(("miners", " ".join(form.miner_ids)))
    fields += [(name, getattr(form, name)) for name in ("override", "operation") if getattr(form, name)]
    fields += [("state", one) for one in form.state]
    if choosing:
        return fields
    if found.kind.name == "profile":
        fields.append(("profile", form.profile))
    fields += [("sent", "yes"), ("key", key)]
    if plan is not None:
        fields += [("plan", plan.fingerprint), ("seen", seen_of(plan))]
    elif found.kind.name == "retry":
        fields.append(("seen", str(found.miners)))
    if found.etag:
        fields.append(("etag", found.etag))
    return fields
