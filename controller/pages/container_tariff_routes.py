"""The form of which tariff a container has, from which day on: one row a change, checked and saved without scripts."""

import re
from datetime import date
from typing import Any, Final

import msgspec
from aiohttp import web
from multidict import MultiDict

from controller.api.conditions import check_if_match
from controller.api.forms import FORM, fields_of
from controller.api.managing import require_managed
from controller.api.problems import Problem
from controller.api.route import OFFICE, Answer, Call, NoQuery, Route
from controller.api.tariff_changes import (
    ContainerTariffOrder,
    FromDay,
    etag_of_container_tariff,
    seen_tariffs,
    set_container_tariff,
)
from controller.pages.formats import sentence
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.page_paths import container_path
from controller.pages.page_route import led
from controller.pages.schedule_form import Found
from controller.pages.tariff_page_routes import PATH
from controller.pages.week_hours import day_of
from controller.wording import worded
from miners.inventory.fleet import Container

_ROWS: Final = re.compile(r"c-(\d{1,3})-(from|tariff)")


class HeldForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form. `first`: the tariff from the beginning, "" for none; `rows`: (day, tariff) as typed."""

    first: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    etag: str = ""


async def get_held(call: Call[None, NoQuery]) -> Answer:
    """Answer the form. Raises Problem: not-found, read-only with file and line."""
    container = _open(call)
    form = HeldForm(
        first=container.tariff or "",
        rows=tuple((one.from_date, one.tariff or "") for one in container.tariff_changes),
        etag=etag_of_container_tariff(container),
    )
    return _answer(call, container, form)


async def post_held(call: Call[bytes, NoQuery]) -> Answer | web.Response:
    """Save which tariff a container has from which days on."""
    words, container = words_of(call), _open(call)
    form = read_held(fields_of(call.body))
    found = held_mistakes(form, words)
    if found:
        return _answer(call, container, form, found)
    order = ContainerTariffOrder(
        tariff=form.first or None,
        changes=tuple(FromDay(from_=date.fromisoformat(day), tariff=name or None) for day, name in form.rows),
    )
    try:
        check_if_match(form.etag or None, etag_of_container_tariff(container))
        await set_container_tariff(call, container, order)
    except Problem as problem:
        if problem.kind not in ("invalid", "closed", "changed-meanwhile"):
            raise
        form = msgspec.structs.replace(form, etag=etag_of_container_tariff(container))
        said = sentence(words.told(problem.detail))
        return _answer(call, container, form, [("", said)], status=problem.status)
    return led(PATH)


def read_held(fields: MultiDict[str]) -> HeldForm:
    """Return what was sent; rows without a day are left out."""
    rows: dict[int, dict[str, str]] = {}
    for name, value in fields.items():
        found = _ROWS.fullmatch(name)
        if found is not None:
            rows.setdefault(int(found[1]), {})[found[2]] = value[:200].strip()
    typed = [(row.get("from", ""), row.get("tariff", "")) for _, row in sorted(rows.items())]
    return HeldForm(
        first=fields.get("first", "")[:200].strip(),
        rows=tuple(row for row in typed if row[0]),
        etag=fields.get("etag", "")[:200],
    )


def held_mistakes(form: HeldForm, words: Words) -> Found:
    """Return what is wrong with the days, each at its row."""
    found: Found = []
    before = ""
    for place, (text, _) in enumerate(form.rows):
        at, day = f"c-{place}-from", day_of(text)
        if day is None:
            found.append((at, words.gettext("Give a date such as 2026-12-31")))
            continue
        if before and text == before:
            found.append((at, words.gettext("%(day)s is given already", day=words.formats.day(day))))
        elif text < before:
            found.append(
                (at, words.gettext("%(day)s lies before the change above it", day=words.formats.day(day)))
            )
        before = max(before, text)
    return found


def _open(call: Call[Any, Any]) -> Container:
    container = call.container(call.path["id"])
    said = container.said_at.get("tariff")
    if said is not None:
        require_managed(call, said, worded("the tariff of %(container)s", container=container.name))
    return container


def _answer(
    call: Call[Any, Any],
    container: Container,
    form: HeldForm,
    found: Found | None = None,
    *,
    status: int | None = None,
) -> Answer:
    words = words_of(call)
    return page(
        call,
        "container_tariff",
        status=status or (422 if found else None),
        section=PATH,
        crumbs=[(PATH, words.gettext("Tariffs"))],
        container=container,
        action=f"{container_path(container.id)}/tariff",
        form=form,
        rows=[*form.rows, ("", "")],
        tariffs=[("", words.gettext("no tariff")), *((name, name) for name in seen_tariffs(call))],
        found=found or [],
        errors=dict(reversed(found or [])),
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/containers/{id}/tariff",
        roles=OFFICE,
        scopes=("reports",),
        summary="The form of which tariff a container has from which day on",
        handler=get_held,
        reply_media=HTML,
        page=True,
    ),
    Route(
        method="POST",
        path="/containers/{id}/tariff",
        roles=OFFICE,
        scopes=("reports",),
        body=bytes,
        body_media=(FORM,),
        summary="Save which tariff a container has from which day on",
        handler=post_held,
        reply_media=HTML,
        page=True,
    ),
)
