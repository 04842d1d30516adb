"""Panels: a number, a graph, bars, a timeline, a status history. Tables and maps are in `tables.py`, points in `scatters.py`.

Each takes a title, a description that says what is summed and what is left out, its queries and its unit, and answers a
builder of the kit, whose own methods go on from there. Widths are of 24 columns, heights of 38 px; the order in which
panels are given is the order in which a phone stacks them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    statetimeline,
    statushistory,
    timeseries,
)
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models import statetimeline as states
from grafana_foundation_sdk.models import statushistory as history
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    ValueMapping,
)

from grafana import colours
from grafana.queries import DATA_SOURCE, Query, letter

POINTS = 300
"""Most points of a graph's line: enough for a wide screen, and few enough to be quick."""

SPARKLINE_POINTS = 720
"""Points of a stat's sparkline: over a day its last one, which is the figure shown, is no more than two minutes old."""

LEAST_STEP = "1m"
"""Rules are evaluated every minute; a finer step would show the same values again."""

_CLOCK = Query("vector(0)", "clock")
"""A series with a point at every step. Joined to it by time, a series that has ended is seen to be empty now; by itself
its last point, however old, would be shown as the present."""

_BUT_THE_CLOCK = "/^(?!(clock|Time)$).*/"
_BY_TIME = DataTransformerConfig(id_val="joinByField", options={"byField": "Time", "mode": "outer"})

FIGURE_SIZE = 42
"""Height of a stat's one figure in px: the same for all, so that a row of them reads evenly. Several figures in a panel,
and words where a figure is missing, are left to fit themselves."""

NARROW_FIGURE_SIZE = 34
"""The same in a panel of less than a quarter of the page, where "Not known" would be wrapped."""

_WIDE = 6
_WHOLE = 24
_CELLS = 48
_SHORT_WORDS = 9
_WITHOUT_EMPTY = DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"pattern": ".*"}})
"""Takes every field, and so leaves out an answer without any: of that a timeline says that it has no time field, and not
what the panel says where there is nothing."""

_NO_MAXIMUM = 1e18
"""Stands until the query of the maximum answers: without it, percent would be of the number itself."""

Links = Sequence[DashboardLink]


def stat(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    width: int = 6,
    height: int = 4,
    decimals: int | None = None,
    thresholds: ThresholdsConfig | None = None,
    mappings: Sequence[ValueMapping] = (),
    colour: str | None = None,
    maximum: Query | None = None,
    no_value: str = "–",
    size: int | None = None,
    links: Links = (),
) -> stats.Panel:
    """Show a number, with its sparkline behind it where its query is over time.

    With `thresholds` (or mappings with colours) the background is coloured, but only by what is wrong: see
    `colours.low`, `colours.high`; such a number is asked for now alone and has no sparkline. Without, `colour` is the
    sparkline's. A query that gives several series gives several numbers, named by their legend. `maximum` is asked for
    as well and becomes the field's maximum, for thresholds in percent of it (`colours.percent_steps`). `size` in px is
    for words, which would else fill the panel. The figure is that of now: where a series has ended, there is none.
    """
    judged = thresholds is not None or bool(mappings)
    sparkline = not judged and any(query.kind == "range" for query in queries)
    panel = (
        stats.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(width)
        .height(height)
        .unit(unit)
        .no_value(no_value)
        .reduce_options(
            common.ReduceDataOptions()
            .calcs(["last"])
            .values(False)
            .fields(_BUT_THE_CLOCK if sparkline else "")
        )
        .graph_mode(models.BigValueGraphMode.AREA if sparkline else models.BigValueGraphMode.NONE)
        .color_mode(models.BigValueColorMode.BACKGROUND_SOLID if judged else models.BigValueColorMode.NONE)
        .text_mode(models.BigValueTextMode.AUTO)
        .justify_mode(models.BigValueJustifyMode.AUTO)
        .wide_layout(True)
        .orientation(models.VizOrientation.VERTICAL)
        .interval(LEAST_STEP)
        .max_data_points(SPARKLINE_POINTS)
    )
    if thresholds is not None:
        panel = panel.thresholds(thresholds).color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    elif colour is not None:
        panel = panel.color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour))
    if size is None and len(queries) == 1 and "{{" not in queries[0].legend and len(no_value) <= _SHORT_WORDS:
        size = FIGURE_SIZE if width >= _WIDE else NARROW_FIGURE_SIZE
    if size is not None:
        panel = panel.text(common.VizTextDisplayOptions().value_size(size))
    if judged:
        panel = panel.mappings([*mappings, *colours.absent(no_value, colours.PLAIN)])
    if decimals is not None:
        panel = panel.decimals(decimals)
    asked = [*queries, maximum] if maximum is not None else list(queries)
    for place, query in enumerate(asked):
        once = replace(query, kind="instant") if judged else query
        panel = panel.with_target(once.built(letter(place)))
    if maximum is not None:
        panel = (
            panel.min(0)
            .max(_NO_MAXIMUM)
            .with_transformation(_maximum_from(letter(len(queries)), maximum.legend))
        )
    if sparkline:
        panel = panel.with_target(_CLOCK.built("T")).with_transformation(_BY_TIME)
    if links:
        panel = panel.data_links(list(links))
    return panel


def _maximum_from(letter_of_query: str, legend: str) -> DataTransformerConfig:
    """Make the last value of a query the maximum of the other fields; Grafana finds it by its legend."""
    return DataTransformerConfig(
        id_val="configFromData",
        options={
            "configRefId": letter_of_query,
            "mappings": [{"fieldName": legend or "Value", "handlerKey": "max", "reducerId": "lastNotNull"}],
        },
    )


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    width: int = 12,
    height: int = 8,
    stacked: bool = False,
    share: bool = False,
    bars: bool = False,
    named: Mapping[str, str] | None = None,
    least: float | None = 0,
    most: float | None = None,
    decimals: int | None = None,
    interval: str = LEAST_STEP,
    points: int = POINTS,
    no_value: str = "Nothing was recorded in this time",
    links: Links = (),
) -> timeseries.Panel:
    """Draw lines (or bars) over time. A query's own look wins over the panel's; gaps stay gaps.

    `named` gives series their colours by legend (`colours.CLASSES`). `stacked` fills areas upon each other, `share` makes
    them 100 percent. `least` is where the axis begins, None to let it follow the values.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(width)
        .height(height)
        .unit(unit)
        .no_value(no_value)
        .interval(interval)
        .max_data_points(points)
        .draw_style(models.GraphDrawStyle.BARS if bars else models.GraphDrawStyle.LINE)
        .line_width(0 if stacked or bars else 1.5)
        .fill_opacity(75 if stacked or bars else 0)
        .gradient_mode(models.GraphGradientMode.NONE)
        .line_interpolation(models.LineInterpolation.LINEAR)
        .show_points(models.VisibilityMode.NEVER)
        .span_nulls(False)
        .axis_border_show(False)
        .axis_placement(models.AxisPlacement.AUTO)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(common.VizTooltipOptions().mode(models.TooltipDisplayMode.MULTI).sort(models.SortOrder.NONE))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .placement(models.LegendPlacement.BOTTOM)
            .display_mode(models.LegendDisplayMode.LIST)
            .calcs([])
        )
    )
    if stacked:
        mode = models.StackingMode.PERCENT if share else models.StackingMode.NORMAL
        panel = panel.stacking(common.StackingConfig().mode(mode).group("A"))
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    if decimals is not None:
        panel = panel.decimals(decimals)
    for name, colour in (named or {}).items():
        panel = panel.override_by_name(name, [_fixed(colour)])
    for place, query in enumerate(queries):
        panel = panel.with_target(query.built(letter(place)))
        if query.look is not None:
            panel = panel.override_by_query(letter(place), query.look.properties())
    if links:
        panel = panel.data_links(list(links))
    return panel


def _fixed(colour: str) -> DynamicConfigValue:
    return DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})


def bars(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    width: int = 12,
    height: int = 8,
    decimals: int | None = None,
    thresholds: ThresholdsConfig | None = None,
    colour: str | None = None,
    least: float | None = 0,
    most: float | None = None,
    no_value: str = "–",
    links: Links = (),
) -> bargauge.Panel:
    """Draw horizontal bars, one a series, for now: names on the left, the figure at the end."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(width)
        .height(height)
        .unit(unit)
        .no_value(no_value)
        .max_data_points(POINTS)
        .interval(LEAST_STEP)
        .orientation(models.VizOrientation.HORIZONTAL)
        .display_mode(models.BarGaugeDisplayMode.BASIC)
        .value_mode(models.BarGaugeValueMode.TEXT)
        .name_placement(models.BarGaugeNamePlacement.LEFT)
        .show_unfilled(True)
        .sizing(models.BarGaugeSizing.MANUAL)
        .min_viz_height(16)
        .max_viz_height(28)
        .min_viz_width(8)
        .reduce_options(common.ReduceDataOptions().calcs(["last"]).values(False).fields(""))
    )
    if thresholds is not None:
        panel = panel.thresholds(thresholds).color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        panel = panel.mappings(colours.absent(no_value, colours.GREY))  # what is not known is not judged
    elif colour is not None:
        panel = panel.color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour))
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    if decimals is not None:
        panel = panel.decimals(decimals)
    for place, query in enumerate(queries):
        panel = panel.with_target(query.built(letter(place)))
    if links:
        panel = panel.data_links(list(links))
    return panel


def timeline(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "none",
    height: int = 6,
    mappings: Sequence[ValueMapping] = (),
    own_mappings: Mapping[str, Sequence[ValueMapping]] | None = None,
    interval: str = LEAST_STEP,
    no_value: str = "Nothing was recorded in this time",
    links: Links = (),
) -> statetimeline.Panel:
    """Draw states over time, a row a series; a run of one value is one block. `own_mappings` are of one row, by its legend."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(_WHOLE)
        .height(height)
        .unit(unit)
        .no_value(no_value)
        .interval(interval)
        .max_data_points(POINTS)
        .merge_values(True)
        .show_value(models.VisibilityMode.AUTO)
        .align_value(models.TimelineValueAlignment.CENTER)
        .row_height(0.85)
        .fill_opacity(85)
        .line_width(0)
        .tooltip(
            common.VizTooltipOptions().mode(models.TooltipDisplayMode.SINGLE).sort(models.SortOrder.NONE)
        )
        .legend(common.VizLegendOptions().show_legend(False))
        # By thresholds, blocks would be merged and named by them, and the mappings not asked.
        .color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colours.GREY))
    )
    if mappings:
        panel = panel.mappings(list(mappings))
    for name, rows in (own_mappings or {}).items():
        panel = panel.override_by_name(name, [DynamicConfigValue(id_val="mappings", value=list(rows))])
    for place, query in enumerate(queries):
        panel = panel.with_target(query.built(letter(place)))
    if links:
        panel = panel.data_links(list(links))
    panel = panel.with_transformation(_WITHOUT_EMPTY)
    _on_one_page(panel.build().options)
    return panel


def status_history(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    thresholds: ThresholdsConfig,
    height: int = 8,
    decimals: int | None = None,
    interval: str = LEAST_STEP,
    links: Links = (),
) -> statushistory.Panel:
    """Draw a row a series, a cell a step, coloured by judgement; few cells, so that each can be seen."""
    panel = (
        statushistory.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(_WHOLE)
        .height(height)
        .unit(unit)
        .no_value("Nothing was recorded in this time")
        .interval(interval)
        .max_data_points(_CELLS)
        .row_height(0.85)
        .col_width(0.95)
        .fill_opacity(85)
        .line_width(0)
        .show_value(models.VisibilityMode.NEVER)
        .thresholds(thresholds)
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .tooltip(
            common.VizTooltipOptions().mode(models.TooltipDisplayMode.SINGLE).sort(models.SortOrder.NONE)
        )
        .legend(common.VizLegendOptions().show_legend(False))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    for place, query in enumerate(queries):
        panel = panel.with_target(query.built(letter(place)))
    if links:
        panel = panel.data_links(list(links))
    panel = panel.with_transformation(_WITHOUT_EMPTY)
    _on_one_page(panel.build().options)
    return panel


def _on_one_page(options: object) -> None:
    """Show all rows: the kit knows no nought, and without one Grafana cuts the rows into pages of twenty."""
    assert isinstance(options, (history.Options, states.Options))  # noqa: S101  # the kit types options as object
    options.per_page = 0
