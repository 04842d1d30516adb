"""The meters of containers beside the books: which readings lie in a period, and what the miners' sum is between them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final, get_args

import msgspec
from sqlalchemy import Connection

from controller.accounting.meters import Counted, check_of, counted, metered_joules, verdict
from controller.accounting.model import MeterCheck, Reading, Verdict
from controller.storage.ledger_numbers import seconds
from controller.storage.ledger_reading import pieces_between
from controller.storage.meter_readings import readings_of

_VERDICTS: Final[Sequence[Verdict]] = get_args(Verdict)
"""From the best to the worst."""
NEAR: Final = timedelta(hours=1)
"""How far from a period's ends its first and last reading may be for the meter to count as read for the whole of it."""


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """A container whose meter may be looked at. `begins`, `ends`: the period; `first`, `last`: its days in the books."""

    id: str
    number: int
    begins: datetime
    ends: datetime
    first: int
    last: int


def meter_checks(
    connection: Connection,
    containers: Iterable[Metered],
    clients: Mapping[int, str | None],
    wanted: Sequence[str] | None,
    as_of: datetime | None,
) -> tuple[dict[str, MeterCheck], dict[int, Fraction]]:
    """Return the meter beside the sum by container (id), and meter by sum, exactly, by its number.

    There is none where a part of the time between the readings is not booked, or was not the wanted clients' (slugs; None:
    whoever's). `clients`: by the number of terms. `as_of`: what was entered or withdrawn later is not looked at.
    """
    checks, factors = {}, {}
    containers = list(containers)
    readings: dict[str, list[Reading]] = {}
    for reading in readings_of(connection, [one.id for one in containers]):
        standing = _as_of(reading, as_of)
        if standing is not None:
            readings.setdefault(reading.container, []).append(standing)
    for container in containers:
        within = [
            one for one in readings.get(container.id, ()) if container.begins <= one.at <= container.ends
        ]
        spans = counted(within)
        if not spans:
            continue
        pieces = pieces_between(connection, container.number, container.first, container.last)
        joules = _sum_over(spans, pieces, clients, wanted)
        if joules is None:
            continue
        checks[container.id] = check_of(spans, joules, whole=_is_whole(spans, container))
        if joules:
            factors[container.number] = metered_joules(spans) / joules
    return checks, factors


def together(checks: Sequence[MeterCheck], *, whole: bool) -> MeterCheck | None:
    """Return several containers' meters as one beside their sum, None where there is none.

    Its verdict is the worst of theirs and its own: what one has too much may hide what another has too little.
    """
    if not checks:
        return None
    kwh, sum_kwh = sum(one.kwh for one in checks), sum(one.sum_kwh for one in checks)
    variance = (sum_kwh - kwh) / kwh if kwh else float(bool(sum_kwh))
    return MeterCheck(
        begins=min(one.begins for one in checks),
        ends=max(one.ends for one in checks),
        kwh=round(kwh, 3),
        sum_kwh=round(sum_kwh, 3),
        variance_ratio=round(variance, 6),
        verdict=max(verdict(Fraction(variance)), *(one.verdict for one in checks), key=_VERDICTS.index),
        whole=whole and all(one.whole for one in checks),
    )


def _as_of(reading: Reading, moment: datetime | None) -> Reading | None:
    if moment is None:
        return reading if reading.withdrawn_at is None else None
    if reading.entered_at > moment or (reading.withdrawn_at is not None and reading.withdrawn_at <= moment):
        return None
    return msgspec.structs.replace(reading, withdrawn_at=None)


def _sum_over(
    spans: Sequence[Counted],
    pieces: Sequence[tuple[int, int, int, int]],
    clients: Mapping[int, str | None],
    wanted: Sequence[str] | None,
) -> Fraction | None:
    """Return the joules of these spans exactly, an hour that they cut by its seconds. None: not all booked, or not all his."""
    joules = Fraction(0)
    for span in spans:
        begins, ends = seconds(span.begins), seconds(span.ends)
        booked = 0
        for piece_begins, piece_ends, terms, used in pieces:
            first, last = max(begins, piece_begins), min(ends, piece_ends)
            if first >= last:
                continue
            if wanted is not None and clients[terms] not in wanted:
                return None
            booked += last - first
            joules += Fraction(used * (last - first), piece_ends - piece_begins)
        if booked != ends - begins:
            return None
    return joules


def _is_whole(spans: Sequence[Counted], container: Metered) -> bool:
    follow = all(earlier.ends == later.begins for earlier, later in pairwise(spans))
    return follow and spans[0].begins - container.begins <= NEAR and container.ends - spans[-1].ends <= NEAR
