"""What the page of the fleet says: sums, what needs attention, and a card a container. Pure: made of the API's answers.

Figures are of now; where no reading of a container is, its last ones are shown as what they are, dimmed and dated. Sums leave
out what is not of now and say so.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from controller.api.attention import HOT_C, NEEDS, Need, needs_hands
from controller.api.control_shapes import ShownOverride
from controller.api.figures import SHA256
from controller.api.shapes import MINER_STATES, Container, Counts, Figures, Rate
from controller.deeds import MinerView
from controller.model import Operation
from controller.pages.container_page import Told, figure_texts, main_rate, operation_words
from controller.pages.formats import plain
from controller.pages.grid import GridPicture, counted, grid_places, grid_words
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.trouble import Clock
from miners.model import PollFailure

Sort: TypeAlias = Literal["need", "name", "power", "rate"]
SORTS: Final[tuple[Sort, ...]] = ("need", "name", "power", "rate")

SILENT_RATIO: Final = 0.25
SILENT_LEAST: Final = 3
"""A container is named when so large a share of its miners, and so many, do not answer."""


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Many miners of a container do not answer. `since`: the first of them."""

    miners: int
    since: datetime | None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A container as its card shows it. `broken`: its miners that need hands; `override`: the one in force, with its end there."""

    container: Container
    told: Told
    picture: GridPicture
    needs: Mapping[Need, int]
    broken: int
    silence: Silence | None
    operation: Operation | None
    override: ShownOverride | None
    until: datetime | None
    clock: Clock

    @property
    def id(self) -> str:
        """The container's id."""
        return self.container.id


def broken_of(views: Sequence[MinerView]) -> int:
    """Return how many miners need hands, each counted once."""
    return sum(1 for view in views if needs_hands(view))


def silence_of(views: Sequence[MinerView]) -> Silence | None:
    """Return that many miners of a container do not answer, None where they are few."""
    active = [view for view in views if view.miner.active]
    silent = [view for view in active if isinstance(view.reading, PollFailure)]
    if len(silent) < SILENT_LEAST or len(silent) < SILENT_RATIO * len(active):
        return None
    since = [view.failing_since for view in silent if view.failing_since is not None]
    return Silence(miners=len(silent), since=min(since, default=None))


def sorted_cards(cards: Sequence[Card], by: Sort) -> list[Card]:
    """Return the cards in an order: what needs attention first, by name, or the largest first; equal ones by name."""
    return sorted(cards, key=lambda card: (_ORDERS[by](card), natural(card.container.name)))


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key by which Container 2 stands before Container 10."""
    parts = re.findall(r"\d+|\D+", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _need(card: Card) -> tuple[float, ...]:
    counts = card.told.figures.miners
    total = counts.total or 1
    return (
        -card.broken / total,
        -counts.fault / total,
        -card.told.figures.mismatched / total,
    )


def _largest(of: Callable[[Figures], float | None]) -> Callable[[Card], Any]:
    def key(card: Card) -> tuple[bool, float]:
        value = of(card.told.figures)
        return value is None, -(value or 0.0)

    return key


def _fastest(card: Card) -> tuple[bool, bool, str, float]:
    """Algorithms are never compared with each other: what is for SHA-256 stands first, what reports no rate last."""
    main = main_rate(card.told)[0]
    if main is None or main.algorithm not in card.told.sums.rates:
        return True, True, "", 0.0
    return False, main.algorithm != SHA256, main.algorithm, -main.hs


_ORDERS: Final[Mapping[Sort, Callable[[Card], Any]]] = {
    "need": _need,
    "name": lambda _: 0,
    "power": _largest(lambda figures: figures.power_w),
    "rate": _fastest,
}


def plan_words(card: Card, words: Words) -> str:
    """Return what runs in a container and what comes: normal → underclock 12:00; curtail until 18:00 (override)."""
    profile, coming = card.container.profile, card.container.next
    if profile.name is None:
        return words.gettext("nothing is ordered")
    named = plain(profile.name)
    if card.override is not None and card.container.control != "observe":
        if card.until is None:
            return words.gettext("%(profile)s without end (override)", profile=named)
        return words.gettext(
            "%(profile)s until %(time)s (override)", profile=named, time=card.clock(card.until)
        )
    if coming is None or coming.profile == profile.name:
        return (
            words.gettext("would run %(profile)s", profile=named)
            if card.container.control == "observe"
            else named
        )
    values = {"profile": named, "next": plain(coming.profile), "time": card.clock(coming.at)}
    if card.container.control == "observe":
        return words.gettext("would run %(profile)s → %(next)s %(time)s", **values)
    return words.gettext("%(profile)s → %(next)s %(time)s", **values)


def card_state(card: Card, words: Words) -> LiveState:
    """Return the places of a card."""
    begin = f"c.{card.id}"
    told, figures = card.told, card.told.figures
    texts = {f"{begin}.{name}": text for name, text in figure_texts(told, words, card.clock).items()}
    texts[f"{begin}.plan"] = plan_words(card, words)
    texts[f"{begin}.share"] = _share(told, words)
    texts[f"{begin}.running"] = "" if card.operation is None else _running(card.operation, words)
    hidden = {
        f"{begin}.running": card.operation is None,
        f"{begin}.held": not card.container.held,
        f"{begin}.as-of": told.current,
        f"{begin}.silent": card.silence is None,
    }
    for state in MINER_STATES:
        hidden[f"{begin}.count.{state}"] = not getattr(figures.miners, state)
    texts[f"{begin}.silent"] = _silent(card, words)
    states = {f"{begin}.fresh": "now" if told.current else "old"}
    return LiveState(texts=texts, hidden=hidden, states=states) | grid_places(card.id, card.picture, words)


def totals_state(told: Told, cards: Sequence[Card], words: Words, clock: Clock) -> LiveState:
    """Return the places of the sums over all containers that one sees."""
    figures = told.figures
    texts = {f"f.{name}": text for name, text in figure_texts(told, words, clock).items()}
    hidden = {"f.as-of": told.current}
    for rate in figures.hashrate:
        known = rate.algorithm in told.sums.rates
        texts[f"f.rate.{rate.algorithm}"] = words.formats.hash_rate(rate.hs) if known else "–"
        texts[f"f.rate.{rate.algorithm}.note"] = (
            _nominal(rate, words) if known else words.gettext("not reported")
        )
    texts["f.miners"] = words.ngettext("%(num)s miner", "%(num)s miners", figures.miners.total)
    states = {"f.fresh": "now" if told.current else "old"}
    for state in MINER_STATES:
        number = getattr(figures.miners, state)
        texts[f"f.state.{state}"] = counted(state, number, words)
        states[f"f.state.{state}"] = "some" if number else "none"
    texts["f.said"] = grid_words(_by_state(figures.miners), words)
    left_out = sum(not card.told.current for card in cards) if told.current else 0
    texts["f.left-out"] = words.ngettext(
        "Sums leave out %(num)s container that is not read now.",
        "Sums leave out %(num)s containers that are not read now.",
        left_out,
    )
    hidden["f.left-out"] = not left_out
    return LiveState(texts=texts, states=states, hidden=hidden)


def needs_state(told: Told, cards: Sequence[Card], words: Words) -> LiveState:
    """Return the places of what needs attention by counts. `told`: of all; while nothing is of now, no miner's age is news."""
    texts, hidden = {}, {}
    for need in NEEDS:
        number = sum(card.needs[need] for card in cards)
        texts[f"f.need.{need}"] = _NEEDED[need](words, number)
        hidden[f"f.need.{need}"] = not number or (need == "stale" and not told.current)
    return LiveState(texts=texts, hidden=hidden, states={"f.needs": "now" if told.current else "old"})


def _by_state(counts: Counts) -> Mapping[Any, int]:
    return {state: getattr(counts, state) for state in MINER_STATES}


def _nominal(rate: Rate, words: Words) -> str:
    if not rate.nominal_hs:
        return words.gettext("nominal not known")
    return words.gettext("%(share)s of nominal", share=words.formats.percent(rate.hs / rate.nominal_hs))


def _share(told: Told, words: Words) -> str:
    """Return the share of the nominal hash rate of the algorithm that the container is for."""
    main = main_rate(told)[0]
    if main is None or not main.nominal_hs or main.algorithm not in told.sums.rates:
        return "–"
    return words.formats.percent(main.hs / main.nominal_hs)


def _running(operation: Operation, words: Words) -> str:
    return words.gettext("running: %(how_far)s", how_far=operation_words(operation, words))


def _silent(card: Card, words: Words) -> str:
    silence = card.silence
    if silence is None:
        return ""
    name = plain(card.container.name)
    if silence.since is None:
        return words.ngettext(
            "%(container)s: %(num)s silent", "%(container)s: %(num)s silent", silence.miners, container=name
        )
    return words.ngettext(
        "%(container)s: %(num)s silent since %(time)s",
        "%(container)s: %(num)s silent since %(time)s",
        silence.miners,
        container=name,
        time=card.clock(silence.since),
    )


_NEEDED: Final[Mapping[Need, Callable[[Words, int], str]]] = {
    "fault": lambda words, n: counted("fault", n, words),
    "unreachable": lambda words, n: counted("unreachable", n, words),
    "boards": lambda words, n: words.ngettext("%(num)s with a lost board", "%(num)s with a lost board", n),
    "chips": lambda words, n: words.ngettext("%(num)s lacks chips", "%(num)s lack chips", n),
    "faults": lambda words, n: words.ngettext(
        "%(num)s mines but reports a fault", "%(num)s mine but report a fault", n
    ),
    "mismatched": lambda words, n: words.ngettext(
        "%(num)s not in its profile", "%(num)s not in their profile", n
    ),
    "hot": lambda words, n: words.ngettext(
        "%(num)s above %(limit)s", "%(num)s above %(limit)s", n, limit=words.formats.of(HOT_C, "°C")
    ),
    "stale": lambda words, n: words.ngettext("%(num)s not read lately", "%(num)s not read lately", n),
    "service": lambda words, n: words.ngettext("%(num)s in service", "%(num)s in service", n),
}


def ends_at(override: ShownOverride, container_id: str) -> datetime | None:
    """Return when an override ends in a container; None: when somebody ends it."""
    return override.until_by_container.get(container_id) or override.until


def sort_words(words: Words) -> Mapping[Sort, str]:
    """Return what each order is called."""
    return {
        "need": words.gettext("needs attention"),
        "name": words.pgettext("sort", "name"),
        "power": words.pgettext("sort", "power"),
        "rate": words.pgettext("sort", "hash rate"),
    }
