"""What every dashboard has: uid, tag, head, variables, annotations, and panels laid out row by row.

A dashboard is its sections in order of importance. A section's title is a question; the first has none, for its stats
answer the dashboard's own. Panels are placed left to right and wrap at 24 columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    Row,
    TimePicker,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana import annotations as marks
from grafana import links
from grafana import variables as chosen

COLUMNS = 24
TAG = "hashyard"
REFRESHES = ["1m", "5m", "15m"]

Panels = Sequence[Builder[models.Panel]]
Variables = Sequence[Builder[models.VariableModel]]


@dataclass(frozen=True)
class Section:
    """Panels under a question. A collapsed one is not asked for until it is opened."""

    title: str | None
    panels: Panels
    collapsed: bool = False


def dashboard(
    uid: str,
    title: str,
    question: str,
    *sections: Section,
    variables: Variables = (),
    annotations: Sequence[AnnotationQuery] = (),
    head: Sequence[DashboardLink] | None = None,
    span: str = "now-6h",
    refresh: str = "1m",
) -> Dashboard:
    """Make a dashboard; `question` is its description, `variables` those beside the data source and the controller.

    `head` are links in its head in place of the two dropdowns and the controller (an empty one for none: the client's).
    With `head` given there is no hidden variable `controller` and no annotation but those given.
    """
    ours = head is None
    of_one = any(made.name == "container" and not made.multi for made in (one.build() for one in variables))
    built = (
        Dashboard(title)
        .uid(uid)
        .description(question)
        .tags([TAG, links.CONTAINER_TAG if of_one else links.FLEET_TAG] if ours else [])
        .readonly()
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time(span, "now")
        .refresh(refresh)
        .timepicker(TimePicker().refresh_intervals(REFRESHES))
        .week_start("monday")
        .links(
            [*links.dropdowns(of_one_container=of_one), links.controller_head(of_one_container=of_one)]
            if head is None
            else list(head)
        )
        .variables([chosen.data_source(), *variables, *([chosen.controller()] if ours else [])])
        .annotations([*annotations, *([marks.simulated_history()] if ours else [])])
    )
    return _laid_out(built, sections)


def _laid_out(built: Dashboard, sections: Sequence[Section]) -> Dashboard:
    """Panels with their places and numbers, in reading order."""
    top, number = 0, 0
    for section in sections:
        row = None
        if section.title is not None:
            number += 1
            row = Row(section.title).id(number).collapsed(section.collapsed)
            row = row.grid_pos(models.GridPos(h=1, w=COLUMNS, x=0, y=top))
            top += 1
            if not section.collapsed:
                built = built.with_row(row)
        bottom = _placed(section.panels, top, number)
        number += len(section.panels)
        if section.collapsed and row is not None:
            for panel in section.panels:
                row = row.with_panel(panel)
            built = built.with_row(row)
        else:
            for panel in section.panels:
                built = built.with_panel(panel)
            top = bottom
    return built


def _placed(panels: Panels, top: int, number: int) -> int:
    """Give each panel its place from `top` on and the numbers after `number`; answer where the next row begins."""
    left, tallest = 0, 0
    for offset, panel in enumerate(panels, start=1):
        made = panel.build()
        size = made.grid_pos or models.GridPos()
        if left + size.w > COLUMNS:
            left, top, tallest = 0, top + tallest, 0
        made.grid_pos = models.GridPos(h=size.h, w=size.w, x=left, y=top)
        made.id_val = number + offset
        left, tallest = left + size.w, max(tallest, size.h)
    return top + tallest
