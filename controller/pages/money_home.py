"""What accountant and client see first: this month and the last in sums, what is missing or waits for somebody, and plain words.

Pure but for what gathers it at the end. Sums that are not there yet are said to be on their way: no page waits for them.
"""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import Any

import msgspec

from controller.accounting.gaps import missing_seconds
from controller.accounting.model import Closing, Report, ReportWish
from controller.accounting.own_wish import sees_costs
from controller.api.route import Call
from controller.pages.language import Words
from controller.pages.money_words import month_name
from controller.pages.report_data import closings_of, report_soon, today_of
from controller.pages.report_page import Asked, inside, last_of_month, month_before
from controller.pages.report_rows import ShownRow, shown_row, shown_rows
from controller.pages.zones import reading_zone


class MonthSums(msgspec.Struct, frozen=True, kw_only=True):
    """A month in sums. `total` None: still being added up. `rows`: a line a client, or a container. `made`: when.

    `to_close`: where the month is closed, None where it cannot be now; `closed`: its closing.
    """

    month: str
    name: str
    path: str
    total: ShownRow | None
    rows: Sequence[ShownRow] = ()
    missing: str = ""
    made: str = ""
    to_close: str | None = None
    closed: Closing | None = None


class OfficeHome(msgspec.Struct, frozen=True, kw_only=True):
    """The accountant's. `meters`: containers whose meter is to be read, by name. `late`: sums are on their way."""

    months: Sequence[MonthSums]
    meters: Sequence[str]

    @property
    def late(self) -> bool:
        """Return whether a month is not added up yet."""
        return any(month.total is None for month in self.months)


class OwnContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container of a client's: today and this month, None where they are still being added up, or nothing is known."""

    id: str
    name: str
    today: ShownRow | None
    month: ShownRow | None


class OwnHome(msgspec.Struct, frozen=True, kw_only=True):
    """The client's. `today`: the sum of today, None where nothing is known of it. `late`: sums are on their way."""

    name: str
    path: str
    today: ShownRow | None
    month: MonthSums
    containers: Sequence[OwnContainer]
    costs: bool
    late: bool


def month_wish(month: str, **more: Any) -> ReportWish:
    """Return the wish for a whole month."""
    begins = date.fromisoformat(f"{month}-01")
    return ReportWish(begins=begins, ends=last_of_month(begins), **more)


def month_sums(
    month: str,
    report: Report | None,
    words: Words,
    zone: tzinfo,
    *,
    closed: Closing | None = None,
    over: bool = False,
    now: datetime | None = None,
) -> MonthSums:
    """Return a month in sums. `over`: it lies behind, so it can be closed. `now`: when it is shown."""
    wish = month_wish(month, by="client") if report is None else report.wish
    wanted = Asked(wish=wish, month=month)
    common: dict[str, Any] = {
        "month": month,
        "name": month_name(month, words),
        "path": wanted.address(),
        "closed": closed,
        "to_close": f"/close-month?month={month}" if over and closed is None else None,
    }
    if report is None:
        return MonthSums(total=None, **common)
    insides = [inside(wanted, row, ("container", "day", "miner")) for row in report.rows]
    return MonthSums(
        total=shown_row(report.total, words, zone),
        rows=shown_rows(report, report.rows, insides, words, zone),
        missing=missing_words(report, words),
        made=words.formats.moment(report.made_at, now or report.made_at, zone),
        **common,
    )


def missing_words(report: Report, words: Words) -> str:
    """Return how much of a report's time is missing, and in how many places; "" where nothing is."""
    if not report.gaps:
        return ""
    missing_s = sum(map(missing_seconds, report.gaps))
    return words.ngettext(
        "%(num)s time without readings, %(time)s in all",
        "%(num)s times without readings, %(time)s in all",
        len(report.gaps),
        time=words.formats.duration(missing_s),
    )


async def office_home(call: Call[Any, Any], words: Words, within_s: float) -> OfficeHome:
    """Return the accountant's first page: this month so far and the last, by client.

    `within_s`: how long is waited for each sum.
    """
    zone, today = reading_zone(call), today_of(call)
    now = f"{today:%Y-%m}"
    closings = {one.month: one for one in await closings_of(call)}
    months = [
        month_sums(
            month,
            await report_soon(call, month_wish(month, by="client"), within_s),
            words,
            zone,
            closed=closings.get(month),
            over=month < now,
            now=call.now,
        )
        for month in (now, month_before(now))
    ]
    return OfficeHome(months=months, meters=await meters_to_read(call))


async def own_home(call: Call[Any, Any], words: Words, within_s: float) -> OwnHome:
    """Return the client's first page: his containers, today and this month. `within_s`: how long is waited for each sum."""
    zone, today = reading_zone(call), today_of(call)
    month = f"{today:%Y-%m}"
    of_month = await report_soon(call, month_wish(month), within_s)
    of_today = await report_soon(call, ReportWish(begins=today, ends=today), within_s)
    sums = month_sums(month, of_month, words, zone, now=call.now)
    by_id = {
        name: {} if report is None else {row.key: shown_row(row, words, zone) for row in report.rows}
        for name, report in (("month", of_month), ("today", of_today))
    }
    return OwnHome(
        name="" if call.person.client is None else call.person.client.name,
        path=sums.path,
        today=None if of_today is None or not of_today.rows else shown_row(of_today.total, words, zone),
        month=sums,
        containers=[
            OwnContainer(
                id=one.id,
                name=one.name,
                today=by_id["today"].get(one.id),
                month=by_id["month"].get(one.id),
            )
            for one in call.containers()
        ],
        costs=sees_costs(call),
        late=of_month is None or of_today is None,
    )


async def meters_to_read(call: Call[Any, Any]) -> list[str]:
    """Return the names of containers with a meter of which no reading is of this month yet."""
    today, zone = today_of(call), reading_zone(call)
    newest: dict[str, date] = {}
    for reading in await call.storage.meter_readings.find():
        if reading.withdrawn_at is None:
            day = reading.at.astimezone(zone).date()
            newest[reading.container] = max(day, newest.get(reading.container, day))
    return [
        one.name for one in call.containers() if one.id in newest and newest[one.id] < today.replace(day=1)
    ]
