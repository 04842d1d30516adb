"""What holds when in a container, drawn: a strip of a day or of several, its hour scale, its words, and rows for a table. Pure.

Profiles are greys of four densities, by what power they ask for, each with its letter in the piece; overrides are hatched
over them. A strip is as long as the time that it shows, so a day on which the clock is put forward has 23 hours here too.
All places are shares of the width in percent, so that the letters keep their size whatever the width.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date

from controller.api.timeline_routes import ClockShift, ContainerTimeline, TimePiece
from controller.pages.formats import plain
from controller.pages.language import Words
from controller.schedule import day_begin, day_length_s, moment

HEIGHT: Final = 24
"""Of the pieces, in pixels."""

_SCALE: Final = 10_000
"""Width of the picture that the mark of now is drawn in."""

_LEAST_FOR_LETTER: Final = {False: 2.8, True: 1.4}
"""The narrowest piece that has room for its letter, in percent: of one day, of several (whose strip is wider)."""

_HOURS: Final = range(0, 24, 3)

_LEAST_BETWEEN_HOURS: Final = 10.0
"""How far apart the texts of two hours stand, in percent: on a phone they would touch where an hour is left out."""


class DrawnPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece: where it stands (percent of the width), how dense it is, and what it says when pointed at."""

    x: str
    middle: str
    width: str
    density: str
    letter: str
    override: bool
    title: str


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A mark of the scale. `anchor`: how its text stands to it, as SVG says it."""

    x: str
    text: str
    anchor: str = "middle"


class DrawnShift(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the clock: where, and what it does to the day."""

    x: str
    text: str


class TimelineRow(msgspec.Struct, frozen=True, kw_only=True):
    """A piece as a row of a table: by the clock on the wall, and as moments."""

    begin: datetime
    end: datetime
    begins: str
    ends: str
    lasts: str
    profile: str | None
    source: str
    override_id: str | None


class TimelinePicture(msgspec.Struct, frozen=True, kw_only=True):
    """A strip. `said`: the text alternative. `now_path`: the line of now, "" when now is not in it. `zone`: in words."""

    pieces: tuple[DrawnPiece, ...]
    ticks: tuple[Tick, ...]
    shifts: tuple[DrawnShift, ...]
    rows: tuple[TimelineRow, ...]
    now_path: str
    said: str
    zone: str
    several_days: bool


class LegendEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A profile of the legend."""

    name: str
    letter: str
    density: str
    target_percent: float


def timeline_picture(
    timeline: ContainerTimeline, *, targets: Mapping[str, float], words: Words, now: datetime | None
) -> TimelinePicture:
    """Return the strip of a container. `targets`: percent of nominal power, by profile. `now` None: is not marked."""
    several = len(timeline.day_lengths_s) > 1
    pen = _Pen(timeline, words)
    rows = tuple(_row(piece, pen, words) for piece in timeline.pieces)
    return TimelinePicture(
        pieces=tuple(
            _drawn(piece, row, pen, targets) for piece, row in zip(timeline.pieces, rows, strict=True)
        ),
        ticks=tuple(pen.days() if several else pen.hours()),
        shifts=tuple(
            DrawnShift(x=pen.x(shift.at), text=shift_words(shift, timeline.time_zone, words))
            for shift in timeline.clock_changes
        ),
        rows=rows,
        now_path=now_path(timeline, now),
        said=_said(rows, pen, words, several_days=several),
        zone=words.formats.zone_words(timeline.from_, pen.zone),
        several_days=several,
    )


def now_path(timeline: ContainerTimeline, now: datetime | None) -> str:
    """Return the line of now in a picture that is 10,000 wide, "" when now does not lie in it."""
    if now is None or not timeline.from_ <= now < timeline.to:
        return ""
    share = (now - timeline.from_) / (timeline.to - timeline.from_)
    return f"M{round(share * _SCALE)} 0V{HEIGHT}"


def density_of(target_percent: float | None) -> str:
    """Return how dense the grey of a profile is: 0 asleep, 1 below nominal, 2 nominal, 3 above; "none" without a profile."""
    if target_percent is None:
        return "none"
    if target_percent <= 0:
        return "0"
    return "1" if target_percent < 90 else "2" if target_percent <= 105 else "3"


def letter_of(profile: str) -> str:
    """Return the letter that stands for a profile: its first letter or digit, as a capital."""
    return next((character.upper()[:1] for character in profile if character.isalnum()), "?")


def legend(names: Iterable[str | None], targets: Mapping[str, float]) -> list[LegendEntry]:
    """Return the profiles that occur, the strongest first."""
    known = {name for name in names if name is not None and name in targets}
    used = sorted(known, key=lambda name: (-targets[name], name))
    return [
        LegendEntry(
            name=name,
            letter=letter_of(name),
            density=density_of(targets[name]),
            target_percent=targets[name],
        )
        for name in used
    ]


def shift_words(shift: ClockShift, zone: str, words: Words) -> str:
    """Return what a change of the clock does: 29 Mar 2026 lasts 23 h: 02:00–03:00 does not exist."""
    there = ZoneInfo(zone)
    after = shift.at.astimezone(there).replace(tzinfo=None)
    begin, end = sorted((after, after - timedelta(seconds=shift.shift_s)))
    hours = day_length_s(zone, begin.date()) / 3600
    said = {
        "day": words.formats.day(begin.date()),
        "length": words.formats.of(hours, "h", 0 if hours == int(hours) else 1),
        "begin": f"{begin:%H:%M}",
        "end": f"{end:%H:%M}",
    }
    if shift.shift_s > 0:
        return words.gettext("%(day)s lasts %(length)s: %(begin)s–%(end)s does not exist", **said)
    return words.gettext("%(day)s lasts %(length)s: %(begin)s–%(end)s comes twice", **said)


def wall_time(
    at: datetime, zone: ZoneInfo, words: Words, *, dated: bool = False, ending: bool = False
) -> str:
    """Return what the wall's clock shows at a moment; which time, in an hour that comes twice; 24:00 for the end of a day."""
    local = at.astimezone(zone)
    shown, day = f"{local:%H:%M}", local.date()
    if ending and shown == "00:00" and not local.fold:
        shown, day = "24:00", day - timedelta(days=1)
    if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
        if local.fold:
            shown = words.gettext("%(time)s the second time", time=shown)
        else:
            shown = words.gettext("%(time)s the first time", time=shown)
    return f"{_weekday(day, words)}, {shown}" if dated else shown


class _Pen:
    """Where a moment stands in a strip, and the marks of its scale."""

    def __init__(self, timeline: ContainerTimeline, words: Words) -> None:
        self.timeline, self.words = timeline, words
        self.zone = ZoneInfo(timeline.time_zone)
        self.first = timeline.from_.astimezone(self.zone).date()
        self.several = len(timeline.day_lengths_s) > 1
        self._length = (timeline.to - timeline.from_).total_seconds()
        if self._length <= 0:  # a day that was left out begins with the one after it
            self.first -= timedelta(days=1)

    def share(self, at: datetime) -> float:
        """Return where a moment stands, in percent of the width; a strip of no length has everything at its end."""
        if self._length <= 0:
            return 100.0
        return min(100.0, max(0.0, (at - self.timeline.from_).total_seconds() / self._length * 100))

    def x(self, at: datetime) -> str:
        return percent(self.share(at))

    def hours(self) -> Iterable[Tick]:
        """Return the hours of a day, where the wall's clock shows them first, and the day's end."""
        before = -100.0
        for hour in _HOURS:
            share = self.share(moment(self.timeline.time_zone, datetime.combine(self.first, time(hour))))
            if share - before >= _LEAST_BETWEEN_HOURS and 100 - share >= _LEAST_BETWEEN_HOURS:
                before = share
                yield Tick(x=percent(share), text=f"{hour:02}", anchor="middle" if share else "start")
        yield Tick(x="100%", text="24", anchor="end")

    def days(self) -> Iterable[Tick]:
        """Return the days, each where it begins."""
        for number in range(len(self.timeline.day_lengths_s)):
            day = self.first + timedelta(days=number)
            x = self.x(day_begin(self.timeline.time_zone, day))
            if x != "100%":
                yield Tick(x=x, text=_weekday(day, self.words), anchor="start")

    def middle(self, begin: datetime, end: datetime) -> str:
        return percent((self.share(begin) + self.share(end)) / 2)

    def width(self, begin: datetime, end: datetime) -> float:
        return self.share(end) - self.share(begin)


def percent(share: float) -> str:
    """Return a place in a strip as SVG takes it."""
    return f"{share:.3f}".rstrip("0").rstrip(".") + "%"


def _drawn(piece: TimePiece, row: TimelineRow, pen: _Pen, targets: Mapping[str, float]) -> DrawnPiece:
    width = pen.width(piece.from_, piece.to)
    letter = letter_of(piece.profile) if piece.profile is not None else ""
    return DrawnPiece(
        x=pen.x(piece.from_),
        middle=pen.middle(piece.from_, piece.to),
        width=percent(width),
        density=density_of(None if piece.profile is None else targets.get(piece.profile)),
        letter=letter if width >= _LEAST_FOR_LETTER[pen.several] else "",
        override=piece.source == "override",
        title=_piece_words(row, pen.words),
    )


def _row(piece: TimePiece, pen: _Pen, words: Words) -> TimelineRow:
    return TimelineRow(
        begin=piece.from_,
        end=piece.to,
        begins=wall_time(piece.from_, pen.zone, words, dated=pen.several),
        ends=wall_time(piece.to, pen.zone, words, dated=pen.several, ending=True),
        lasts=words.formats.duration((piece.to - piece.from_).total_seconds()),
        profile=piece.profile,
        source=piece.source,
        override_id=piece.override_id,
    )


def _piece_words(row: TimelineRow, words: Words) -> str:
    said = {"begin": row.begins, "end": row.ends}
    if row.profile is None:
        return words.gettext("%(begin)s–%(end)s nothing is ordered", **said)
    said["profile"] = plain(row.profile)
    if row.source == "override":
        return words.gettext("%(begin)s–%(end)s %(profile)s, by an override", **said)
    return words.gettext("%(begin)s–%(end)s %(profile)s", **said)


def _said(rows: Sequence[TimelineRow], pen: _Pen, words: Words, *, several_days: bool) -> str:
    if not rows:
        return words.gettext("%(day)s does not exist here", day=words.formats.day(pen.first))
    if several_days:
        return words.ngettext(
            "%(num)s day from %(day)s, its hours in the table",
            "%(num)s days from %(day)s, their hours in the table",
            len(pen.timeline.day_lengths_s),
            day=words.formats.day(pen.first),
        )
    pieces = "; ".join(_piece_words(row, words) for row in rows)
    return words.gettext("%(day)s: %(pieces)s", day=words.formats.day(pen.first), pieces=pieces)


def _weekday(day: date, words: Words) -> str:
    return str(format_date(day, "EEE d", locale=words.formats.locale))
