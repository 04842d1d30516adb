"""Following one exporter: what has changed every few seconds, and how that goes."""

import structlog

from controller.exporter_client import Exporter, ExporterAway, ExporterClient, decoded
from controller.exporter_work import ExporterWork
from controller.readings import Readings
from controller.wording import text_of, worded
from miners.clock import Clock

AWAY_AFTER_S = 10.0
"""A question that fails is asked again; so long after the first that did, the exporter counts as away."""

_log = structlog.get_logger(__name__)


class Follower:
    """Keeps the readings as fresh as one exporter has them.

    `since`: when the present state (answering or not) began, `reason`: why it does not answer, None if it does;
    `newest_at`: when the newest of its readings was taken; times on our clock. `clock_ahead_s`: how far its clock is before
    ours, by its latest answer, which was some while on its way; `work`: how it keeps up. None for what is not known now.
    """

    def __init__(self, number: int, client: ExporterClient, readings: Readings, clock: Clock) -> None:
        """Nothing is asked yet. `number`: which of the client's exporters it is."""
        self.number = number
        self._client = client
        self._readings = readings
        self._clock = clock
        self._cursor: str | None = None
        self.since = clock.now()
        self.reason: str | None = worded("it has not been asked yet")
        self.newest_at: float | None = None
        self.clock_ahead_s: float | None = None
        self.work: ExporterWork | None = None
        self._said: bool | None = None

    @property
    def exporter(self) -> Exporter:
        """The exporter that is followed."""
        return self._client.exporters[self.number]

    @property
    def away(self) -> bool:
        """Whether the exporter has not answered for some time. The clock may have been set back: then at once."""
        return self.reason is not None and not 0 <= self._clock.now() - self.since < AWAY_AFTER_S

    async def catch_up(self) -> None:
        """Ask for all that is new, and note how that went."""
        reason = None
        try:
            while await self._turn_page():
                pass
        except ExporterAway as error:
            reason = text_of(error)
        if (reason is None) != (self.reason is None):
            self.since = self._clock.now()
        self.reason = reason
        answers = reason is None
        if not answers:
            self.clock_ahead_s = self.work = None
        if answers != self._said:
            self._said = answers
            if answers:
                _log.info("the exporter answers", exporter=self.exporter.url)
            else:
                _log.warning("the exporter is away", exporter=self.exporter.url, reason=reason)

    async def look_at_work(self) -> None:
        """Ask how it keeps up, as long as it answers at all: that it says nothing of it is no reason to go on without it."""
        found = None
        if self.reason is None:
            try:
                found = await self.exporter.work()
            except ExporterAway as error:
                _log.debug("the exporter does not tell how it keeps up", reason=text_of(error))
        self.work = found if self.reason is None else None

    async def _turn_page(self) -> bool:
        """Take over one page; return whether there may be another."""
        page = await self.exporter.fleet(self._cursor)
        # The exporter's clock may be another than ours: what counts is how old a reading was when it answered.
        now = self._clock.now()
        offset = now - page.as_of.timestamp()
        self.clock_ahead_s = -offset
        async for readings in decoded(page):
            taken = [(reading, min(reading.taken_at.timestamp() + offset, now)) for reading in readings]
            self._readings.take(taken, self.number)
            for reading in readings:
                self._client.own(reading.container, self.number)
            newest_at = max((at for _, at in taken), default=now)
            if taken and (self.newest_at is None or not newest_at <= self.newest_at <= now):
                self.newest_at = newest_at
        self._cursor = page.cursor
        return page.full
