"""What the page of a container says in words and figures, made of the API's answer and of what is known of its miners. Pure.

Figures are of now; while no reading is, the last ones are shown as what they are: `figures_then` are of then.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from controller.api.control_shapes import ShownOverride
from controller.api.figures import SHA256, Sums, figures_of, state_of, sums_of
from controller.api.shapes import MINER_STATES, Container, Figures, MinerState, Rate
from controller.deeds import MinerView
from controller.model import OPEN_STATES, Operation
from controller.pages.event_words import actor_words
from controller.pages.formats import NBSP, isolated, plain
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.trouble import NEEDS, Clock, Need, is_words, need_of
from miners.model import Snapshot


class Needy(msgspec.Struct, frozen=True, kw_only=True):
    """A miner that needs hands. `place`: A6, where the inventory gives it one."""

    view: MinerView
    state: MinerState
    need: Need
    place: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the page's figures are of, and what they are made of. `at`: of when they are, None: nothing was read; `current`: that is now."""

    figures: Figures
    sums: Sums
    inlets: tuple[float, float] | None
    at: datetime | None
    current: bool


def told_of(views: Sequence[MinerView]) -> Told:
    """Return the figures of a container: of now, or, while no reading is of now, of the last readings that there are."""
    active = [view for view in views if view.miner.active]
    current = any(not view.stale for view in active)
    shown = views if current else [msgspec.structs.replace(view, stale=False) for view in views]
    read = [
        view.reading
        for view in shown
        if isinstance(view.reading, Snapshot) and not view.stale and view.miner.active
    ]
    sums = sums_of(shown)
    inlets = [reading.temperatures_c.inlet for reading in read if reading.temperatures_c.inlet is not None]
    taken = [view.reading.taken_at for view in active if view.reading is not None]
    return Told(
        figures=sums.figures(),
        sums=sums,
        inlets=(min(inlets), max(inlets)) if inlets else None,
        at=max(taken, default=None),
        current=current or not active,
    )


def needy_of(views: Sequence[MinerView], places: Mapping[str, str]) -> list[Needy]:
    """Return the miners that need hands, the most urgent first. `places`: of each miner by id, as people call them."""
    away = all(view.stale for view in views if view.miner.active)
    found = [
        Needy(view=view, state=state_of(view), need=need, place=places.get(view.id, ""))
        for view in views
        if (need := need_of(view, away=away)) is not None
    ]
    return sorted(
        found, key=lambda one: (NEEDS.index(one.need), one.view.miner.row or 0, one.view.miner.column or 0)
    )


def place_name(row: int, column: int) -> str:
    """Return what a place is called, from 1: A6; behind Z comes AA."""
    return f"{row_name(row)}{column}"


def row_name(row: int) -> str:
    """Return the letters of a row, from 1."""
    letters = ""
    while row > 0:
        row, rest = divmod(row - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def figure_texts(told: Told, words: Words, clock: Clock) -> Mapping[str, str]:
    """Return the texts of the figures, by what each is."""
    figures, formats = told.figures, words.formats
    dash = "–"
    texts = {
        "rate": _rate(main_rate(told)[0], told, words),
        "rate.note": _rate_note(told, words),
        "power": dash if figures.power_w is None else formats.power(figures.power_w),
        "power.note": _power_note(figures, words),
        "efficiency": dash
        if figures.efficiency_j_per_th is None
        else formats.of(figures.efficiency_j_per_th, "J/TH", 1),
        "inlet": _range(told.inlets, words),
        "chip": dash if figures.chip_max_c is None else f"≤{NBSP}{formats.of(figures.chip_max_c, '°C')}",
        "as-of": "" if told.at is None else words.gettext("Figures are of %(time)s.", time=clock(told.at)),
        "apart": formats.whole(figures.mismatched),
        "of": words.ngettext("of %(num)s miner", "of %(num)s miners", figures.miners.total),
    }
    for state in MINER_STATES:
        texts[f"count.{state}"] = formats.whole(getattr(figures.miners, state))
    return texts


def main_rate(told: Told) -> tuple[Rate | None, Sequence[Rate]]:
    """Return the algorithm that most of the container is for, SHA-256 before others, and the others: they are never added."""
    ordered = sorted(
        told.figures.hashrate, key=lambda rate: (rate.algorithm != SHA256, -(rate.nominal_hs or rate.hs))
    )
    return (ordered[0], ordered[1:]) if ordered else (None, ())


def _rate(rate: Rate | None, told: Told, words: Words) -> str:
    """Return a hash rate; a dash for one that is only nominal: no miner reports what is summed up to nought."""
    return "–" if rate is None or rate.algorithm not in told.sums.rates else words.formats.hash_rate(rate.hs)


def _rate_note(told: Told, words: Words) -> str:
    main, others = main_rate(told)
    if main is None:
        return words.gettext("not reported")
    formats = words.formats
    if main.algorithm not in told.sums.rates:
        note = words.gettext("not reported")
    elif main.nominal_hs:
        note = words.gettext(
            "%(share)s of %(nominal)s",
            share=formats.percent(main.hs / main.nominal_hs),
            nominal=formats.hash_rate(main.nominal_hs),
        )
    else:
        note = words.gettext("nominal not known")
    named = [f"{_rate(rate, told, words)} {isolated(plain(rate.algorithm))}" for rate in others]
    return " · ".join(
        [*((isolated(plain(main.algorithm)),) if main.algorithm != SHA256 or others else ()), note, *named]
    )


def _power_note(figures: Figures, words: Words) -> str:
    if figures.power_w is None:
        return words.gettext("not reported")
    ratio = figures.power_measured_ratio
    notes = []
    if ratio is not None:
        notes.append(words.gettext("%(share)s measured", share=words.formats.percent(ratio, 0)))
    if figures.power_unknown:
        notes.append(
            words.ngettext("not known of %(num)s miner", "not known of %(num)s miners", figures.power_unknown)
        )
    return " · ".join(notes)


def _range(values: tuple[float, float] | None, words: Words) -> str:
    if values is None:
        return "–"
    low, high = round(values[0]), round(values[1])
    upper = words.formats.of(high, "°C")
    return upper if low == high else f"{words.formats.whole(low)}–{upper}"


def now_words(
    container: Container, override: ShownOverride | None, until: datetime | None, words: Words, clock: Clock
) -> str:
    """Return what runs: since when, by whose order, until when. `until`: the end of the override in this container."""
    profile = container.profile
    if profile.name is None:
        return words.gettext("nothing is ordered")
    named = {"profile": plain(profile.name)}
    if container.control == "observe":
        return words.gettext("%(profile)s would run here", **named)
    if override is not None:
        return _override_words(override, until, named["profile"], words, clock)
    if profile.since is None:
        return words.gettext("%(profile)s, by the schedule", **named)
    return words.gettext("%(profile)s since %(time)s, by the schedule", time=clock(profile.since), **named)


def _override_words(
    override: ShownOverride, until: datetime | None, profile: str, words: Words, clock: Clock
) -> str:
    values = {
        "profile": profile,
        "time": clock(override.starts_at),
        "who": actor_words(override.created_by, words),
    }
    if override.reason:
        values["reason"] = plain(override.reason)
        if until is None:
            return words.gettext(
                "%(profile)s since %(time)s, ordered by %(who)s until somebody ends it: %(reason)s", **values
            )
        return words.gettext(
            "%(profile)s since %(time)s, ordered by %(who)s until %(until)s: %(reason)s",
            until=clock(until),
            **values,
        )
    del values["who"]
    if until is None:
        return words.gettext("%(profile)s since %(time)s, ordered until somebody ends it", **values)
    return words.gettext("%(profile)s since %(time)s, ordered until %(until)s", until=clock(until), **values)


def next_words(container: Container, override: ShownOverride | None, words: Words, clock: Clock) -> str:
    """Return what comes next by the schedule; "" where nothing changes."""
    if container.next is None:
        return ""
    values = {"profile": plain(container.next.profile), "time": clock(container.next.at)}
    if override is not None:
        return words.gettext("The schedule changes to %(profile)s at %(time)s", **values)
    return words.gettext("Then %(profile)s at %(time)s", **values)


def hands_words(number: int, words: Words) -> str:
    """Return how many need hands."""
    if number == 0:
        return words.gettext("No miner needs hands.")
    return words.ngettext("%(num)s miner needs hands", "%(num)s miners need hands", number)


def operation_words(operation: Operation, words: Words) -> str:
    """Return how far an operation is."""
    return words.gettext("%(done)s of %(total)s miners done", done=done_of(operation), total=operation.total)


def operation_ratio(operation: Operation) -> float:
    """Return how far an operation is, 0 to 1."""
    return done_of(operation) / operation.total if operation.total else 0.0


def done_of(operation: Operation) -> int:
    """Return of how many miners it is settled what became of them."""
    return operation.total - sum(operation.counts.get(state, 0) for state in OPEN_STATES)


def chosen_words(views: Sequence[MinerView], words: Words) -> str:
    """Return how many miners are chosen and what they draw now: 14 miners, 45.2 kW."""
    figures = figures_of(views)
    if not views:
        return words.gettext("No miner chosen")
    if figures.power_w is None:
        return words.ngettext("%(num)s miner, power not known", "%(num)s miners, power not known", len(views))
    power = words.formats.power(figures.power_w)
    lacking = (
        sum(1 for view in views if not isinstance(view.reading, Snapshot) or view.stale)
        + figures.power_unknown
    )
    if lacking:
        return words.ngettext(
            "%(num)s miner, %(power)s, not known of %(lacking)s",
            "%(num)s miners, %(power)s, not known of %(lacking)s",
            len(views),
            power=power,
            lacking=lacking,
        )
    return words.ngettext("%(num)s miner, %(power)s", "%(num)s miners, %(power)s", len(views), power=power)


def cell_states(views: Sequence[MinerView], words: Words, clock: Clock) -> LiveState:
    """Return the places of the map's cells: what each miner is, in words and as one the style sheet knows."""
    texts, states = {}, {}
    for view in views:
        texts[f"m.{view.id}.is"] = is_words(view, words, clock)
        states[f"m.{view.id}.is"] = f"{state_of(view)} apart" if view.matches is False else state_of(view)
    return LiveState(texts=texts, states=states)


def miners_link(container_id: str, **filters: str) -> str:
    """Return the page of miners with those of a container that pass filters."""
    return f"/miners?{urlencode({'container': container_id, **filters})}"
