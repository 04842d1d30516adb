"""A chart of history, made on the server: paths with their gaps, round labels on both axes, and every figure in words.

Pure: series in, a picture out. Where a series has no value its path ends and begins anew behind, so that no line is ever
drawn over what was not read. The drawing is as wide as its place and has one height; what moves over it in the browser
(the cursor) finds its texts ready-written.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Final, TypeAlias

import msgspec

from controller.api.stats_routes import Metric, Series, Stats
from controller.pages.chart_axes import Label, round_numbers, round_times
from controller.pages.formats import wall
from controller.pages.language import Words
from controller.pages.measures import Measure, line_words, measure
from controller.pages.state_words import state_words

WIDTH: Final = 1000
HEIGHT: Final = 160
"""Of the drawing's own units; a chart is stretched in width alone."""

_MARGIN: Final = 4
_LANE: Final = 20
"""The height of a state's line, where each state has one."""

_ROWS: Final = 48
"""The rows of a chart's table at most: every so many points."""

Points: TypeAlias = Sequence[tuple[int, float | None]]


class ChartLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `look`: the class of its style. `name`: "" where it is the only one. `last`: its newest value in words.

    A value that is older than the newest of all lines is dated there. `low`, `mean`, `high`: over the whole time, None for a line of states, which has none.
    """

    name: str
    look: str
    path: str
    last: str
    low: str | None = None
    mean: str | None = None
    high: str | None = None


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """For the script: where each moment stands, in percent of the width, and what to say of it."""

    x: Sequence[float]
    texts: Sequence[str]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart as its template writes it.

    `unit`: of the axis, "" where states stand on it. `about`: which part of all it shows, such as an algorithm; "" for all. `up`: labels at heights of the drawing (0 at the
    top, HEIGHT at the bottom); `across`: labels in percent of the width. `last_at`: when the newest value was, None: there
    is no value. `lanes`: each line is a state with a height of its own. `rows`: (moment, a value of each line) for those who read them, newest first.
    """

    title: str
    unit: str
    about: str
    description: str
    lines: Sequence[ChartLine]
    up: Sequence[Label]
    across: Sequence[Label]
    last_at: datetime | None
    lanes: bool
    cursor: Cursor
    rows: Sequence[tuple[str, Sequence[str]]]

    @property
    def empty(self) -> bool:
        """Whether there was no value in all the time."""
        return self.last_at is None


def charts(
    stats: Stats, metric: Metric, words: Words, zone: tzinfo, now: datetime, *, one: bool
) -> list[Chart]:
    """Return the charts of a metric: one, but for hash rates one for each algorithm, which nothing adds or compares.

    `one`: the series are of a single miner. `zone`: of the times on the axis. Series without any value are left out.
    """
    known = [series for series in stats.series if any(value is not None for _, value in series.points)]
    if metric == "power" and len(known) > 1:
        first = known[0]
        known = [Series(metric=first.metric, unit=first.unit, labels={}, points=together(known)), *known]
    if metric == "hashrate" and len(known) > 1:
        return [_Drawing(stats, [series], metric, words, zone, now, one=one).chart() for series in known]
    return [_Drawing(stats, known, metric, words, zone, now, one=one).chart()]


def sparkline(points: Points, width: float, height: float) -> str:
    """Return the path of a small line over points at even times, from nought (or the least, below it) to the largest value.

    What is not known is left open. "" where nothing is known.
    """
    known = [value for _, value in points if value is not None]
    if not known:
        return ""
    low, high = min(0.0, *known), max(0.0, *known)
    span = (high - low) or 1.0
    last = max(1, len(points) - 1)
    placed = [
        (at * width / last, None if value is None else 1 + (height - 2) * (1 - (value - low) / span))
        for at, (_, value) in enumerate(points)
    ]
    return line_path(placed)


def together(series: Sequence[Series]) -> list[tuple[int, float | None]]:
    """Return the sum of series at each moment: of those that have a value then, None where none has."""
    sums: dict[int, float | None] = {}
    for each in series:
        for at, value in each.points:
            before = sums.get(at)
            sums[at] = before if value is None else value + (before or 0.0)
    return sorted(sums.items())


def line_path(points: Sequence[tuple[float, float | None]], *, steps: bool = False) -> str:
    """Return the path through points; it ends before one without a height and begins anew behind. A lone point is a dot."""
    parts: list[str] = []
    pen = False
    for at, (x, y) in enumerate(points):
        if y is None:
            pen = False
            continue
        if not pen:
            alone = at + 1 == len(points) or points[at + 1][1] is None
            parts.append(f"M{x:.1f} {y:.1f}" + ("h0" if alone else ""))
        else:
            parts.append(f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}")
        pen = True
    return "".join(parts)


class _Drawing:
    """What the parts of one chart are made from."""

    def __init__(
        self,
        stats: Stats,
        series: Sequence[Series],
        metric: Metric,
        words: Words,
        zone: tzinfo,
        now: datetime,
        *,
        one: bool,
    ) -> None:
        self.stats, self.series, self.metric = stats, series, metric
        self.words, self.zone, self.now = words, zone, now
        self.begin, self.end = stats.from_.timestamp(), stats.to.timestamp()
        self.lanes = metric == "state" and one
        known = [value for each in series for _, value in each.points if value is not None]
        self.measure = measure(metric, max(known, default=0.0), words)
        self.low, self.high = _range(known, self.measure)
        self._days: dict[int, str] = {}

    def chart(self) -> Chart:
        """Return the chart."""
        series = self._held() if self.lanes else list(self.series)
        times = sorted({at for each in series for at, _ in each.points})
        values = [dict(each.points) for each in series]
        last = max((at for each in values for at, value in each.items() if value is not None), default=None)
        lines = [self._line(at, each, len(series), last) for at, each in enumerate(series)]
        moments = {at: self._clock(at) for at in times}
        told = {at: [self._told(each.get(at)) for each in values] for at in times}
        every = max(1, math.ceil(len(times) / _ROWS))
        texts = [self._sentence(moments[at], told[at], lines) for at in times]
        about = self.series[0].labels.get("algorithm", "") if self.metric == "hashrate" and series else ""
        return Chart(
            title=self.measure.title,
            unit="" if self.lanes else self.measure.unit,
            about=about,
            description=self._description(lines),
            lines=lines,
            up=self._lane_labels(series) if self.lanes else self._labels_up(),
            across=round_times(self.stats.from_, self.stats.to, self.zone, self.words, now=self._ends_now()),
            last_at=None if last is None else datetime.fromtimestamp(last, self.zone),
            lanes=self.lanes,
            cursor=Cursor(x=[round(self._across(at) / WIDTH * 100, 2) for at in times], texts=texts),
            rows=[(moments[at], told[at]) for at in times[::-every]],
        )

    def _held(self) -> list[Series]:
        """Return the states that the miner was ever in, in their usual order."""
        order = list(state_words(self.words))
        found = [each for each in self.series if any(value for _, value in each.points)]
        return sorted(
            found,
            key=lambda each: order.index(state) if (state := each.labels.get("state", "")) in order else 99,
        )

    def _line(self, at: int, series: Series, of: int, last: int | None) -> ChartLine:
        name = line_words(self.words, series.labels) if of > 1 or self.lanes else ""
        look = (
            f"state-{series.labels['state']}"
            if series.labels.get("state") in state_words(self.words)
            else f"line-{at % 4 + 1}"
        )
        values = [value for _, value in series.points if value is not None]
        read_at, newest = next(
            ((read_at, value) for read_at, value in reversed(series.points) if value is not None),
            (None, None),
        )
        if self.lanes:
            return ChartLine(name=name, look=look, path=self._lane(at, series, of), last=self._told(newest))
        text = self.measure.text
        told = "" if newest is None else text(newest)
        if read_at is not None and read_at != last:
            told = self.words.gettext("%(value)s at %(time)s", value=told, time=self._clock(read_at))
        return ChartLine(
            name=name or (self.words.gettext("together") if of > 1 else ""),
            look=look,
            path=line_path(
                [(self._across(at), self._up(value)) for at, value in series.points], steps=self.measure.steps
            ),
            last=told,
            low=text(min(values)) if values else None,
            mean=text(math.fsum(values) / len(values)) if values else None,
            high=text(max(values)) if values else None,
        )

    def _across(self, at: float) -> float:
        span = self.end - self.begin
        return min(max((at - self.begin) / span, 0.0), 1.0) * WIDTH if span > 0 else 0.0

    def _up(self, value: float | None) -> float | None:
        if value is None:
            return None
        share = (value / self.measure.size - self.low) / (self.high - self.low)
        return _MARGIN + (HEIGHT - 2 * _MARGIN) * (1 - min(max(share, 0.0), 1.0))

    def _labels_up(self) -> list[Label]:
        if not self.series:
            return []
        numbers, digits = round_numbers(self.low, self.high)
        written = self.words.formats.number
        return [
            Label(self._up(number * self.measure.size) or 0.0, written(number, digits)) for number in numbers
        ]

    def _lane(self, at: int, series: Series, of: int) -> str:
        """Return the pieces of time in which a state held, at its own height."""
        y = _lane_height(at, of)
        return "".join(
            f"M{self._across(begin):.1f} {y:.1f}H{self._across(end):.1f}"
            for begin, end in _runs(series.points, self.stats.step_s)
        )

    def _lane_labels(self, series: Sequence[Series]) -> list[Label]:
        return [
            Label(_lane_height(at, len(series)), line_words(self.words, each.labels))
            for at, each in enumerate(series)
        ]

    def _told(self, value: float | None) -> str:
        if value is None:
            return "–"
        if self.lanes:
            return self.words.gettext("yes") if value else self.words.gettext("no")
        return self.measure.text(value)

    def _sentence(self, moment: str, told: Sequence[str], lines: Sequence[ChartLine]) -> str:
        """Return what the cursor says: the moment, and the value of each line with its name."""
        if all(text == "–" for text in told):
            return f"{moment} · {self.words.gettext('no reading')}"
        if self.lanes:
            held = [
                line.name for line, text in zip(lines, told, strict=True) if text == self.words.gettext("yes")
            ]
            return f"{moment} · {', '.join(held) or '–'}"
        named = [f"{line.name} {text}".strip() for line, text in zip(lines, told, strict=True)]
        return " · ".join((moment, *named))

    def _description(self, lines: Sequence[ChartLine]) -> str:
        gettext = self.words.gettext
        if not lines:
            return gettext("No readings in this period.")
        if self.lanes:
            return gettext("States in this time: %(states)s.", states=", ".join(line.name for line in lines))
        said = [
            gettext(
                "Lowest %(low)s, mean %(mean)s, highest %(high)s, last %(last)s.",
                low=line.low,
                mean=line.mean,
                high=line.high,
                last=line.last,
            )
            for line in lines
        ]
        return " ".join(
            gettext("%(line)s: %(figures)s", line=line.name, figures=text) if line.name else text
            for line, text in zip(lines, said, strict=True)
        )

    def _clock(self, at: int) -> str:
        """Return a moment. Of one day the date is written once: Babel takes its time."""
        local = datetime.fromtimestamp(at, self.zone)
        key = local.date().toordinal()
        if key not in self._days:
            noon = local.replace(hour=12, minute=34, second=0)
            self._days[key] = (
                self.words.formats.clock(noon, self.now, self.zone).replace("%", "%%").replace("12:34", "%s")
            )
        return self._days[key] % wall(local)

    def _ends_now(self) -> bool:
        return abs(self.now.timestamp() - self.end) <= 2 * self.stats.step_s


def _range(known: Sequence[float], measured: Measure) -> tuple[float, float]:
    """Return where the axis begins and ends, in its units."""
    if not known:
        return 0.0, measured.least
    low, high = min(known) / measured.size, max(known) / measured.size
    if measured.from_zero:
        low, high = min(low, 0.0), max(high * 1.05, 0.0)
    lacking = max(measured.least, max(abs(low), abs(high)) * 1e-6) - (high - low)
    if lacking > 0:
        return (low, high + lacking) if measured.from_zero else (low - lacking / 2, high + lacking / 2)
    return low, high


def _lane_height(at: int, of: int) -> float:
    between = min(2 * _LANE, HEIGHT / max(of, 1))
    return round(HEIGHT - (of - at - 0.5) * between, 1)


def _runs(points: Points, step_s: float) -> Iterator[tuple[float, float]]:
    """Return from when to when a state held, a step behind its last point."""
    begin: int | None = None
    last = 0
    for at, value in points:
        if value:
            begin = at if begin is None else begin
            last = at
        elif begin is not None:
            yield begin, last + step_s
            begin = None
    if begin is not None:
        yield begin, last + step_s
