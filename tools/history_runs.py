"""The two runs over the past, each in a process of its own: the week in steps of five minutes, the last hours by the minute.

Both go through the same fleet. The week is made of the truth about each miner, the hours of readings by the drivers and
of the lines of the exporter and the controller; so they meet, and no series is written by both.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import structlog

from controller.metrics import CONTAINER as CONTROLLER_CONTAINER
from controller.metrics import MINER as CONTROLLER_MINER
from controller.metrics_page import MetricsPage
from exporter.device import nominal
from exporter.exposition import label
from exporter.fleet import Fleet, MinerState
from exporter.metrics import KNOWN, SAID
from exporter.render import Row
from miners.errors import HashyardError
from miners.inventory.fleet import Container, Inventory, Miner
from miners.inventory.secrets import target_of
from miners.model import Snapshot, Target
from simulator.errors import SimulatorError
from simulator.miner import SimulatedMiner
from tools.history_alerts import AlertsPast, read_rules
from tools.history_blocks import BlocksFailed
from tools.history_figures import Figures, Likeness, Subject, of_reading
from tools.history_fleet import STEP_S, build_past, read_inventory
from tools.history_hours import FIVE_MINUTES_S, HOUR_S, Ledger
from tools.history_joining import Counters
from tools.history_orders import ControllerPast, OrderBook, order_books, tell
from tools.history_pages import (
    BlockFiles,
    Span,
    as_scraped,
    records_text,
    stretches,
    target_labels,
    timed,
    with_labels,
)
from tools.history_present import first_values
from tools.history_reading import read_past
from tools.history_records import (
    Each,
    Records,
    Watched,
    fleet_records,
    minute_records,
    two_minute_records,
)
from tools.ready import end_with_parent

MARKER = "hashyard_simulated_history"
"""The series that is 1 over what was made here."""
MINUTE_S, STATIC_EVERY_S = 60, 240
WARM_UP_S, LEARN_AFTER_S, LEARN_EVERY_S, LEARN_TIMES = 10_800, 1_800, 90, 8
"""How long the fleet has run when the first sample is taken; when and how often a miner is asked until it is known."""

_CONTROLLER_NAMES = tuple(
    metric.name.encode()
    for metric in (*CONTROLLER_MINER, *CONTROLLER_CONTAINER)
    if metric.kind != "histogram"
)
_HISTOGRAMS = tuple(
    metric.name.encode() + suffix
    for metric in CONTROLLER_CONTAINER
    if metric.kind == "histogram"
    for suffix in (b"_bucket", b"_count", b"_sum")
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made. Unix seconds: the week begins at `begin`, the detail at `fine_from`, all ends with `until`.

    `controller`: HOST:PORT, the instance that the controller's series have. `rules`: the folder of the rule files.
    `prometheus`: the URL of the one whose counters the past's end in; None for none.
    """

    targets: str
    folder: str
    rules: str
    begin: int
    fine_from: int
    until: int
    blocks: tuple[Span, ...]
    seed: int
    controller: str
    prometheus: str | None = None

    @property
    def coarse_blocks(self) -> list[Span]:
        """Those of the week."""
        return [span for span in self.blocks if span.begin <= self.fine_from]

    @property
    def fine_blocks(self) -> list[Span]:
        """Those of the last hours."""
        return [span for span in self.blocks if span.begin > self.fine_from]

    @property
    def counter_blocks(self) -> list[Span]:
        """Those of the miners' counters, which are written last, when it is known where the present begins."""
        return [] if self.prometheus is None else stretches(self.fine_from + 1, self.until, "miners-counters")


class Past(msgspec.Struct):
    """The fleet as of the first sample, what its readings were like, and what it will be ordered."""

    inventory: Inventory
    miners: dict[tuple[str, str], SimulatedMiner]
    exporter: Fleet
    samples: dict[tuple[str, str], Figures]
    books: dict[tuple[str, str], OrderBook]

    def watched(self) -> Iterator[tuple[MinerState, Watched]]:
        """Yield every miner with what is to be remembered of it."""
        for state in self.exporter.miners():
            yield state, Watched(_subject(state))

    def ordered(self, key: tuple[str, str], figures: Figures, now: float) -> Figures:
        """Put what was ordered of a miner into its figures."""
        book = self.books.get(key)
        if book is not None:
            figures.order, figures.applied = book.at(now)
        return figures


def run_week(plan: Plan) -> int:
    """Write the week's blocks as text; return how many moments there were. Raises OSError."""
    return asyncio.run(_week(plan))


def run_hours(plan: Plan) -> int:
    """Write the last hours' blocks as text; return how many moments there were. Raises OSError."""
    return asyncio.run(_hours(plan))


async def _week(plan: Plan) -> int:
    past = await prepare(plan, plan.begin)
    watched = [
        (_key(state), one, Likeness(past.miners[_key(state)], past.samples[_key(state)]))
        for state, one in past.watched()
    ]
    ledger, alerts = Ledger(past.inventory), AlertsPast(read_rules(Path(plan.rules)))
    files = BlockFiles(Path(plan.folder), plan.coarse_blocks)
    moments = range(plan.begin, plan.fine_from + 1, FIVE_MINUTES_S)
    for now in moments:
        each: list[tuple[Watched, Figures]] = []
        for key, one, likeness in watched:
            figures = past.ordered(key, likeness.at(now), now)
            one.remember(figures, now, HOUR_S)
            each.append((one, figures))
        ledger.take(each, now, FIVE_MINUTES_S)
        records = {
            name: series for name, series in _minute(each, now).items() if not name.startswith("miner:")
        }
        file = files.at(now)
        file.write(records_text(records, now))
        file.write(_every_five_minutes(ledger, alerts, each, now, plan.fine_from))
    files.close()
    return len(moments)


def _every_five_minutes(ledger: Ledger, alerts: AlertsPast, each: Each, now: int, until: int) -> bytes:
    """Return the lines that both runs write every five minutes: energy, the hour's sums, alerts, the mark."""
    records: Records = dict(ledger.five_minutes(each, now))
    if now % HOUR_S == 0:
        records |= ledger.hour(each, now)
    lines = [
        f"ALERTS{{{labels}}} 1 {at:.0f}\n"
        for labels, at in alerts.at(each, now, FIVE_MINUTES_S)
        if at <= until
    ]
    return records_text(records, now) + "".join([f"{MARKER} 1 {now}\n", *lines]).encode("latin-1")


def _minute(each: Each, now: float) -> Records:
    minute, two = minute_records(each, now), two_minute_records(each, now)
    return {**minute, **two, **fleet_records(minute, two)}


async def _hours(plan: Plan) -> int:
    past = await prepare(plan, plan.fine_from)
    watched = list(past.watched())
    controller, page = ControllerPast(past.inventory, past.books, plan.fine_from), MetricsPage()
    ledger, alerts = Ledger(past.inventory), AlertsPast(read_rules(Path(plan.rules)))
    files = BlockFiles(Path(plan.folder), plan.fine_blocks)
    static = StaticLines()
    counters = None if plan.prometheus is None else Counters()
    two: Records = {}
    moments = range(plan.fine_from, plan.until + 1, MINUTE_S)
    for now in moments:
        each = []
        for state, one in watched:
            key = _key(state)
            known = state.known
            figures = past.ordered(key, await _read(past, state, now), now)
            if state.known is not known:
                one.know(_subject(state))  # a device may report more than it did before
            one.remember(_with_meter(figures, state), now, HOUR_S)
            each.append((one, figures))
        records = minute_records(each, now)
        if not two or now % (2 * MINUTE_S) == 0:
            two = two_minute_records(each, now)
            records |= two
        records |= fleet_records(records, two)
        if now == plan.fine_from:
            continue  # the week has it: here its counters begin
        ledger.take(each, now, MINUTE_S)
        file = files.at(now)
        file.write(_exporter_lines(past.exporter, static, counters, now))
        file.write(await _controller_lines(controller, page, plan.controller, now))
        file.write(records_text(records, now))
        if now % FIVE_MINUTES_S == 0:
            file.write(_every_five_minutes(ledger, alerts, each, now, plan.until))
    files.close()
    if counters is not None and plan.prometheus is not None:
        counters.join(first_values(plan.prometheus, len(watched)))
        counters.write(Path(plan.folder), plan.counter_blocks)
    return len(moments)


def _with_meter(figures: Figures, state: MinerState) -> Figures:
    """Put the exporter's own counters beside the miner's."""
    meter = state.meter
    own = {"measured": meter.measured_j, "estimated": meter.estimated_j, "observed": meter.observed_s}
    figures.counters = {**figures.counters, **own}
    return figures


class StaticLines:
    """Leaves out what is as it was before, but for every fourth minute: a sample is looked back for five."""

    def __init__(self) -> None:
        """Begin with nothing written."""
        self._written: dict[tuple[str, str], tuple[Row, Row]] = {}

    def of(self, state: MinerState, row: Row, now: int) -> bytes:
        """Return the lines of one miner, whose chunks are `row`, that are to be written now."""
        key = _key(state)
        seldom = row[: len(KNOWN)], row[len(KNOWN) : len(KNOWN) + len(SAID)]
        before = self._written.get(key)
        self._written[key] = seldom
        parts = [row[len(KNOWN) + len(SAID) :]]
        always = before is None or now % STATIC_EVERY_S == 0
        parts += [part for place, part in enumerate(seldom) if always or (before and part != before[place])]
        return b"".join([b"".join(part) for part in parts])


async def prepare(plan: Plan, first: float, *, step_s: float = STEP_S) -> Past:
    """Build the fleet some hours before `first`, read every miner once, and tell it what it will be ordered.

    `step_s`: how finely the bodies are followed.
    """
    inventory = read_inventory(Path(plan.targets))
    begin = first - WARM_UP_S
    past = Past(
        inventory, build_past(inventory, begin, plan.until, plan.seed, step_s=step_s), Fleet(), {}, {}
    )
    await past.exporter.apply(inventory, inventory.containers, _target, _restore)
    for turn in range(LEARN_TIMES):
        now = begin + LEARN_AFTER_S + turn * LEARN_EVERY_S
        for state in past.exporter.miners():
            key = _key(state)
            if turn == 0 or not past.samples[key].up:
                past.samples[key] = await _read(past, state, now)
    known = list(past.exporter.miners())
    past.books = order_books(
        inventory,
        {_key(state): nominal(state.container, state.miner, state.device).power_w for state in known},
        {_key(state): state.memory.driver for state in known},
        past.miners,
        plan.begin,
        plan.until,
    )
    for key, book in past.books.items():
        tell(past.miners[key], book, past.miners[key].physics.now)
    return past


async def _read(past: Past, state: MinerState, now: float) -> Figures:
    reading = await read_past(past.miners[_key(state)], state.target, state.memory, now)
    past.exporter.take(state, reading, now)
    return of_reading(reading if isinstance(reading, Snapshot) else None, state.last_seen)


def _exporter_lines(fleet: Fleet, static: StaticLines, counters: Counters | None, now: int) -> bytes:
    pages = []
    for container in fleet.containers.values():
        added = target_labels(container.container)
        name = label(container.container.name)
        pages.append(with_labels(b"".join(container.current_row(now)), added))
        pages.append(f'up{{{added}container="{name}"}} 1\n'.encode("latin-1"))
        for state in container.miners.values():
            row = state.row if counters is None else counters.without(state.row, now)
            pages.append(static.of(state, row, now))
    return timed(b"".join(pages), now)


async def _controller_lines(controller: ControllerPast, page: MetricsPage, instance: str, now: int) -> bytes:
    added = f'instance="{instance}",job="hashyard-controller"'
    pieces = [piece async for piece in page.pieces(controller.figures(now), openmetrics=False)]
    lines = [line for line in b"".join(pieces).splitlines(keepends=True) if _is_kept(line)]
    up = f"up{{{added}}} 1\n".encode()
    return timed(with_labels(b"".join(lines), f"{added},") + up, now)


def _is_kept(line: bytes) -> bool:
    """Return whether a line of the controller's page is about a miner or a container, and no comment."""
    name = line.partition(b"{")[0]
    return name in _CONTROLLER_NAMES or name in _HISTOGRAMS


def _subject(state: MinerState) -> Subject:
    return Subject(state.container, state.miner, nominal(state.container, state.miner, state.device))


def _key(state: MinerState) -> tuple[str, str]:
    return state.container.name, state.miner.name


def _target(container: Container, miner: Miner) -> Target:
    return target_of(container, miner, None)


def _restore(state: MinerState) -> None:
    """Give a miner's lines the labels that Prometheus would add, before the first of them is made."""
    state.labels = as_scraped(state.labels, state.container)


def quieten() -> None:
    """Leave out of the log what simulated miners make the drivers say: for programs, which have nothing else to log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def main(arguments: list[str]) -> int:
    """Do the run that is named, by a plan in JSON; exit 1 and one line where it cannot be done."""
    name, text = arguments
    end_with_parent(signal.SIGKILL)
    quieten()
    try:
        {"week": run_week, "hours": run_hours}[name](msgspec.json.decode(text, type=Plan))
    except SimulatorError as error:
        print("; ".join(error.mistakes))
        return 1
    except (BlocksFailed, HashyardError, ValueError) as error:
        print(" ".join(str(error).split()))
        return 1
    except OSError as error:
        print(f"{error.filename or 'the disk'}: {error.strerror}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
