"""The page that closes a month: what that does for good, what is missing, and only then the deed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, get_args

import msgspec
from aiohttp import web

from controller.accounting.closing import is_lacking, is_over
from controller.accounting.model import Basis, Report
from controller.accounting.own_wish import own_report
from controller.api.forms import FORM, decode_form
from controller.api.problems import Problem
from controller.api.report_routes import NewClosing, post_closing
from controller.api.route import OFFICE, Answer, Call, Route
from controller.pages.formats import sentence
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.money_home import month_wish
from controller.pages.money_words import amounts, month_name, signed_percent, verdict_words
from controller.pages.page_route import led
from controller.pages.report_data import closing_of, closings_of
from controller.pages.report_page import PATH
from controller.pages.report_page_routes import clocks_of, metered_words
from controller.pages.report_rows import NONE, missing_words, shown_gaps, shown_row
from controller.pages.schedule_form import Found
from controller.pages.zones import reading_zone
from controller.storage.faults import Taken
from controller.wording import worded

_PATTERN: Final = "^20[0-9]{2}-(0[1-9]|1[0-2])$"
Month = Annotated[str, msgspec.Meta(pattern=_PATTERN)]


class CloseQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which month."""

    month: Month


class CloseForm(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided. `incomplete`: yes, though hours are missing."""

    month: Month
    basis: Basis = "readings"
    incomplete: str = ""


async def get_close(call: Call[None, CloseQuery]) -> Answer:
    """Say what closing a month does, and what is missing."""
    _all_of_them(call)
    return await _asked(call, CloseForm(month=call.query.month))


async def post_close(call: Call[Any, Any]) -> Answer | web.Response:
    """Close a month, and lead to what is kept of it."""
    _all_of_them(call)
    words, form = words_of(call), decode_form(call.body, CloseForm)
    try:
        closing = await post_closing(replace(call, body=_ordered(form)))
    except Problem as problem:
        if problem.kind == "in-use":
            return await _asked(
                call, form, [("incomplete", sentence(words.told(problem.detail)))], status=409
            )
        if problem.kind != "invalid":
            raise
        return await _asked(call, form, status=409)
    except Taken:
        return await _asked(call, form, status=409)
    return led(f"{PATH}/{closing.number}")


def _ordered(form: CloseForm) -> NewClosing:
    return NewClosing(month=form.month, basis=form.basis, incomplete=form.incomplete == "yes")


async def _asked(
    call: Call[Any, Any], form: CloseForm, found: Found | None = None, *, status: int | None = None
) -> Answer:
    words, zone = words_of(call), reading_zone(call)
    month = form.month
    closed = await closing_of(call, month)
    reports: dict[Basis, Report] = {
        basis: await own_report(call, month_wish(month, basis=basis)) for basis in get_args(Basis)
    }
    report = reports[form.basis]
    impossible = ""
    if closed is not None:
        impossible = words.gettext(
            "%(month)s is closed already, as report %(number)s.",
            month=month_name(month, words),
            number=str(closed.number),
        )
    elif not await is_over(call.storage, call.deeds.inventory, month, call.now):
        impossible = words.gettext("%(month)s is not over yet.", month=month_name(month, words))
    numbers = [one.number for one in await closings_of(call)]
    return page(
        call,
        "close_month",
        status=status,
        section=PATH,
        crumbs=[(PATH, words.gettext("Reports"))],
        month=month,
        name=month_name(month, words),
        number=max(numbers, default=0) + 1,
        impossible=impossible,
        basis=form.basis,
        bases=_bases(reports, words),
        metered=metered_words(report, words),
        incomplete=form.incomplete == "yes",
        unbooked=is_lacking(report),
        total=shown_row(report.total, words, zone),
        warnings=warnings_of(report, words),
        gaps=shown_gaps(report.gaps, words, zone, clocks_of(call)),
        gaps_in_all=len(report.gaps),
        found=found or [],
        errors=dict(reversed(found or [])),
    )


def _bases(reports: Mapping[Basis, Report], words: Words) -> list[tuple[Basis, str]]:
    """Return what a bill can rest on, with what it comes to."""
    named: dict[Basis, str] = {
        "readings": words.gettext("the sum of readings"),
        "meter": words.gettext("the meter, where there is one"),
    }
    return [
        (basis, f"{named[basis]}: {amounts(one.total.cost, words) or NONE}") for basis, one in reports.items()
    ]


def warnings_of(report: Report, words: Words) -> list[str]:
    """Return what speaks against closing a month now, or should be known before."""
    formats, total, found = words.formats, report.total, []
    if not report.rows:
        found.append(words.gettext("No readings in this period."))
    if total.not_booked_s > 0:
        found.append(words.gettext("%(time)s not booked yet", time=formats.duration(total.not_booked_s)))
    missing = missing_words(total, words)
    if missing:
        found.append(" ".join(missing))
    if total.unpriced_kwh > 0:
        found.append(
            words.gettext(
                "%(energy)s has no tariff: it stays without a cost.",
                energy=formats.energy(total.unpriced_kwh),
            )
        )
    return [
        *found,
        *(
            words.gettext(
                "The meter of %(container)s is %(variance)s apart: %(verdict)s.",
                container=row.name,
                variance=signed_percent(row.meter.variance_ratio, words),
                verdict=verdict_words(words)[row.meter.verdict],
            )
            for row in report.rows
            if row.meter is not None and row.meter.verdict != "agrees"
        ),
    ]


def _all_of_them(call: Call[Any, Any]) -> None:
    """Raise Problem (not-allowed) for a token that is for some containers: a month is closed for all."""
    if call.person.narrow:
        raise Problem("not-allowed", worded("a month is closed for all containers, this token is for some"))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/close-month",
        roles=OFFICE,
        scopes=("reports",),
        query=CloseQuery,
        summary="What closing a month does, and what is missing",
        handler=get_close,
        reply_media=HTML,
        page=True,
    ),
    Route(
        method="POST",
        path="/close-month",
        roles=OFFICE,
        scopes=("reports",),
        body=bytes,
        body_media=(FORM,),
        summary="Close a month for good",
        handler=post_close,
        reply_media=HTML,
        page=True,
        everywhere=True,
    ),
)
