"""How the parts of Hashyard itself are, as the page of its health shows them: a line a part, worst words and all.

Every part says how it is, since when, and why in its own words. What nobody has asked yet is not known, which is not well.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from controller.api.route import Call
from controller.api.status_routes import Status, get_status
from controller.exporter_work import ExporterWork
from controller.grafana_sync import GrafanaSeen, GrafanaSync
from controller.history import History
from controller.jobs import WorkSeen
from controller.live import ExporterSeen
from controller.pages.formats import plain
from controller.pages.frame import words_of
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.zones import reading_zone
from controller.process import Process
from controller.settings import Settings, is_loopback

State: TypeAlias = Literal["ok", "stale", "away", "failed", "unknown", "none"]

LATE_TIMES: Final = 3.0
"""Periodic work that was not done for so many of its intervals is late."""
LITTLE_ROOM: Final = 1 << 30
"""Bytes on the disk below which it is said to be nearly full."""
CLOCKS_APART_S: Final = 2.0
"""Clocks of two machines that differ less are the same: an answer is on its way for a while."""
LATE_S: Final = 1.0
"""Polls that begin less late than this are in time, as the exporter counts them."""
MOST_DOUBTS: Final = 8
MOST_MISTAKES: Final = 20
"""As many lines of each are shown; of more, how many."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One part, in the reader's language. `key`: of its live places. `notes`: what else is to be known of it."""

    key: str
    name: str
    state: State
    since: str = ""
    reason: str = ""
    notes: Sequence[str] = ()


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All parts. `mistakes`: of an inventory that is refused; `doubts`: why nothing is written now."""

    lines: Sequence[Line]
    mistakes: Sequence[str]
    doubts: Sequence[str]
    version: str


def state_words(words: Words, state: State) -> str:
    """Return the word for how a part is."""
    return {
        "ok": words.pgettext("part", "well"),
        "stale": words.pgettext("part", "late"),
        "away": words.pgettext("part", "no answer"),
        "failed": words.pgettext("part", "wrong"),
        "unknown": words.pgettext("part", "not known"),
        "none": words.pgettext("part", "not set up"),
    }[state]


async def health_of(call: Call[Any, Any], words: Words) -> Health:
    """Return how everything is now, in a language."""
    status = await get_status(call)
    process, telling = call.service(Process), _Telling(call, words)
    lines = [
        *_exporters(process.exporters(), telling),
        *_parts(status, telling),
        _prometheus(call.service(History), telling),
        _grafana(call.services.get(GrafanaSync), call.settings, telling),
        *_work(process.work(), telling),
        await _disk(process, words),
        _encryption(call.settings, words),
    ]
    return Health(
        lines=lines,
        mistakes=[words.told(line) for line in status.mistakes],
        doubts=[words.told(line) for line in status.doubts],
        version=status.version,
    )


async def live_health(call: Call[Any, Any], _of: str) -> LiveState:
    """Return the places of the page of health."""
    words = words_of(call)
    return health_state(await health_of(call, words), words)


def health_state(health: Health, words: Words) -> LiveState:
    """Return the places of the page: state, since and reason of each part."""
    texts, states, hidden = {}, {}, {}
    for line in health.lines:
        place = f"h.{line.key}"
        states[place] = line.state
        texts[f"{place}.state"] = state_words(words, line.state)
        texts[f"{place}.since"] = line.since
        texts[f"{place}.reason"] = line.reason
        texts[f"{place}.notes"] = " · ".join(line.notes)
        hidden[f"{place}.reason"] = not line.reason
    _list(texts, hidden, "h.doubt", health.doubts, MOST_DOUBTS, words)
    _list(texts, hidden, "h.mistake", health.mistakes, MOST_MISTAKES, words)
    texts["h.mistakes"] = words.ngettext(
        "%(num)s mistake in the inventory", "%(num)s mistakes in the inventory", len(health.mistakes)
    )
    return LiveState(texts=texts, states=states, hidden=hidden)


def _list(
    texts: dict[str, str], hidden: dict[str, bool], name: str, lines: Sequence[str], most: int, words: Words
) -> None:
    """Give each line of a list its place `NAME.0`…, those that are to spare hidden, and say how many more there are."""
    for at in range(most):
        texts[f"{name}.{at}"] = plain(lines[at]) if at < len(lines) else ""
        hidden[f"{name}.{at}"] = at >= len(lines)
    more = max(0, len(lines) - most)
    texts[f"{name}.more"] = words.ngettext("and %(num)s more", "and %(num)s more", more)
    hidden[f"{name}.more"] = not more
    hidden[f"{name}s"] = not lines


class _Telling:
    """How times and ages are written for the reader of a call."""

    def __init__(self, call: Call[Any, Any], words: Words) -> None:
        self.words, self._now, self._zone = words, call.now, reading_zone(call)

    def since(self, moment: Any) -> str:
        """Return since when: "since 10:02 (4 min)"; nothing where that is not known."""
        if moment is None:
            return ""
        return self.words.gettext(
            "since %(time)s (%(age)s)",
            time=self.words.formats.clock(moment, self._now, self._zone),
            age=self.ago(moment),
        )

    def ago(self, moment: Any) -> str:
        """Return how long ago a moment was."""
        return self.words.formats.duration((self._now - moment).total_seconds())

    def seconds(self, moment: Any) -> float:
        """Return how many seconds ago a moment was."""
        return float((self._now - moment).total_seconds())

    def ahead(self, moment: Any) -> str:
        """Return how long it is until a moment."""
        return self.words.formats.duration((moment - self._now).total_seconds())


def _exporters(seen: Sequence[ExporterSeen], telling: _Telling) -> Iterator[Line]:
    words = telling.words
    if not seen:
        name, note = words.gettext("Exporter"), words.gettext("the controller reads every miner itself")
        yield Line(key="exporter", name=name, state="none", notes=[note])
    for number, exporter in enumerate(seen, 1):
        notes = [_without_secret(exporter.url)]
        if exporter.newest_at is not None:
            notes.append(words.gettext("newest reading %(age)s old", age=telling.ago(exporter.newest_at)))
        if exporter.work is not None:
            notes += _keeping_up(exporter.work, words)
        if exporter.clock_ahead_s is not None and abs(exporter.clock_ahead_s) >= CLOCKS_APART_S:
            notes.append(_clocks_apart(exporter.clock_ahead_s, words))
        yield Line(
            key=f"exporter-{number}",
            name=words.gettext("Exporter")
            if len(seen) == 1
            else words.gettext("Exporter %(number)s of %(total)s", number=number, total=len(seen)),
            state=exporter.state,
            since=telling.since(exporter.since),
            reason=words.told(exporter.reason or ""),
            notes=notes,
        )


def _keeping_up(work: ExporterWork, words: Words) -> Iterator[str]:
    """Yield what an exporter tells of its own work; nothing of what it does not tell."""
    formats = words.formats
    if work.sweep_s is not None and work.interval_s is not None:
        yield words.gettext(
            "the latest round took %(time)s of %(interval)s",
            time=formats.of(work.sweep_s, "s", 1),
            interval=formats.of(work.interval_s, "s"),
        )
    if work.lag_s is not None:
        yield (
            words.gettext("miners are read up to %(time)s late", time=formats.of(work.lag_s, "s", 1))
            if work.lag_s >= LATE_S
            else words.gettext("miners are read in time")
        )
    if work.waiting:
        yield words.ngettext(
            "%(num)s miner waits for its turn", "%(num)s miners wait for their turn", work.waiting
        )
    if work.backing_off:
        yield words.ngettext(
            "%(num)s silent miner is asked less often",
            "%(num)s silent miners are asked less often",
            work.backing_off,
        )


def _clocks_apart(ahead_s: float, words: Words) -> str:
    time = words.formats.duration(abs(ahead_s))
    if ahead_s > 0:
        return words.gettext("its clock is %(time)s ahead of the controller's", time=time)
    return words.gettext("its clock is %(time)s behind the controller's", time=time)


def _parts(status: Status, telling: _Telling) -> Iterator[Line]:
    words = telling.words
    names = {
        "inventory": words.gettext("Inventory"),
        "database": words.gettext("Database"),
        "clock": words.gettext("Clock"),
        "schedule": words.gettext("Looking at what should be"),
    }
    for part in status.parts:
        if part.name in names:
            state: Any = part.state
            told = words.told(part.reason or "")
            # What the database is stands where it is well as well.
            yield Line(
                key=part.name,
                name=names[part.name],
                state=state,
                since=_of_part(part.name, part.since, telling),
                reason="" if state == "ok" else told,
                notes=[told] if state == "ok" and told else (),
            )


def _of_part(name: str, moment: Any, telling: _Telling) -> str:
    if moment is None:
        return ""
    if name == "inventory":
        return telling.words.gettext("in use: the one of %(age)s ago", age=telling.ago(moment))
    return telling.words.gettext("last %(age)s ago", age=telling.ago(moment))


def _prometheus(history: History, telling: _Telling) -> Line:
    words = telling.words
    state: State = history.state or ("unknown" if history.configured else "none")
    notes = {
        "none": words.gettext("no history: --prometheus names none"),
        "unknown": words.gettext("not asked since the controller started"),
    }
    return Line(
        key="prometheus",
        name="Prometheus",
        state=state,
        since=telling.since(history.since),
        reason=words.told(history.reason or ""),
        notes=[notes[state]] if state in notes else (),
    )


def _grafana(sync: GrafanaSync | None, settings: Settings, telling: _Telling) -> Line:
    words = telling.words
    seen = GrafanaSeen(state="none") if sync is None else sync.seen
    notes = [
        words.gettext("no links to dashboards: --grafana names none")
        if settings.grafana_url is None
        else words.gettext("pages link to %(address)s", address=settings.grafana_url)
    ]
    if seen.state == "none":
        notes.append(words.gettext("nobody brings its people in line: --grafana-api names none"))
        state: State = "none" if settings.grafana_url is None else "unknown"
        return Line(key="grafana", name="Grafana", state=state, notes=notes)
    outcome = seen.outcome
    if outcome is not None and (faults := len(outcome.failed)) > 1:
        notes.append(words.ngettext("%(num)s fault in all", "%(num)s faults in all", faults))
    if outcome is not None and outcome.notes:
        notes.append(plain(outcome.notes[0]))
    return Line(
        key="grafana",
        name="Grafana",
        state=seen.state,
        since=words.gettext("not brought in line since the start")
        if seen.at is None
        else words.gettext("brought in line %(age)s ago", age=telling.ago(seen.at))
        if seen.state == "ok"
        else words.gettext("last tried %(age)s ago", age=telling.ago(seen.at)),
        reason=plain(seen.reason or ""),
        notes=notes,
    )


def work_names(words: Words) -> dict[str, str]:
    """Return what each periodic work is called, by the name under which it is registered."""
    return {
        "look at what should be": words.gettext("Waking who looks at what should be"),
        "keep assignments and inventory in line": words.gettext("Keeping assignments and inventory in line"),
        "keep the keys of sign-ons in time": words.gettext("Renewing the keys of sign-on"),
        "keep the books": words.gettext("Keeping the books"),
        "tidy the database": words.gettext("Tidying the database"),
    }


def _work(seen: Sequence[WorkSeen], telling: _Telling) -> Iterator[Line]:
    words = telling.words
    names = work_names(words)
    for number, work in enumerate(seen, 1):
        late = work.ended_at is not None and telling.seconds(work.ended_at) > LATE_TIMES * work.every_s
        state: State = (
            "unknown" if work.ended_at is None else "failed" if work.failed else "stale" if late else "ok"
        )
        notes = [words.gettext("every %(time)s", time=words.formats.duration(work.every_s))]
        if work.next_at is not None:
            notes.append(words.gettext("next in %(time)s", time=telling.ahead(work.next_at)))
        yield Line(
            key=f"work-{number}",
            name=names.get(work.name, work.name),
            state=state,
            since=words.gettext("not done since the start")
            if work.ended_at is None
            else words.gettext("last %(age)s ago", age=telling.ago(work.ended_at)),
            reason=words.told(work.reason)
            if work.reason is not None
            else words.gettext("it failed the last time; the controller's log says why")
            if work.failed
            else "",
            notes=notes,
        )


async def _disk(process: Process, words: Words) -> Line:
    room = await process.room()
    notes = []
    if room.database is not None:
        notes.append(words.gettext("the database takes %(size)s", size=_bytes(room.database, words)))
    if room.free is not None:
        notes.append(words.gettext("%(size)s are free", size=_bytes(room.free, words)))
    little = room.free is not None and room.free < LITTLE_ROOM
    return Line(
        key="disk",
        name=words.gettext("Disk"),
        state="unknown" if room.free is None else "failed" if little else "ok",
        reason=words.gettext(
            "it is nearly full: when it is, nothing can be recorded and so nothing is commanded"
        )
        if little
        else "",
        notes=notes,
    )


def _encryption(settings: Settings, words: Words) -> Line:
    name = words.gettext("Encryption")
    if settings.tls:
        return Line(key="tls", name=name, state="ok", notes=[words.gettext("the controller ends TLS itself")])
    if settings.trusted_proxies:
        note = words.gettext(
            "a proxy in front ends TLS: %(networks)s", networks=", ".join(settings.trusted_proxies)
        )
        return Line(key="tls", name=name, state="ok", notes=[note])
    if is_loopback(settings.host):
        note = words.gettext("none is needed: only this machine reaches the controller")
        return Line(key="tls", name=name, state="none", notes=[note])
    reason = words.gettext(
        "passwords and sessions can be read on the way: give --tls-cert and --tls-key, or put a proxy in front and name "
        "it in --trusted-proxy"
    )
    return Line(key="tls", name=name, state="failed", reason=reason)


def _bytes(number: int, words: Words) -> str:
    size, unit = next(
        (size, unit)
        for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
        if number >= size or size == 1
    )
    return words.formats.of(number / size, unit, 1 if size > 1e6 else 0)


def _without_secret(url: str) -> str:
    """Return scheme, host and port of an address: a path or a query may hold what is nobody's business."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
