"""A scatter: a point a row, each axis a query of now, so that what lies apart from the rest is seen."""

from grafana_foundation_sdk.builders import common, xychart
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models import xychart as xy
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
)

from grafana.panels import LEAST_STEP, POINTS, Links
from grafana.queries import DATA_SOURCE, Query

_SCATTER_SINCE = "11.1.0"
"""Grafana takes the options of a scatter without a version for those of before 11.1, and understands none of them."""


def scatter(
    title: str,
    description: str,
    x: Query,
    y: Query,
    *,
    key: str,
    x_title: str,
    y_title: str,
    x_unit: str,
    y_unit: str,
    width: int = 12,
    height: int = 9,
    colour: str = "semi-dark-orange",
    no_value: str = "–",
    links: Links = (),
) -> xychart.Panel:
    """Draw points, one a row: the two queries (`queries.rows`) are joined by the label `key`, which names the point."""
    fields = {key: key.capitalize(), "Value #A": x_title, "Value #B": y_title}
    series = (
        xychart.XYSeriesConfig()
        .frame(xychart.XychartXYSeriesConfigFrame().matcher(xychart.MatcherConfig().id("byIndex").options(0)))
        .x(xychart.XychartXYSeriesConfigX().matcher(_field(x_title)))
        .y(xychart.XychartXYSeriesConfigY().matcher(_field(y_title)))
        .name(xychart.XychartXYSeriesConfigName().fixed(y_title))
    )
    panel = (
        xychart.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(width)
        .height(height)
        .unit(y_unit)
        .no_value(no_value)
        .interval(LEAST_STEP)
        .max_data_points(POINTS)
        .with_target(Query(x.expression, kind="table").built("A"))
        .with_target(Query(y.expression, kind="table").built("B"))
        .with_transformation(
            DataTransformerConfig(id_val="joinByField", options={"byField": key, "mode": "inner"})
        )
        .with_transformation(
            DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(fields)}})
        )
        .with_transformation(DataTransformerConfig(id_val="organize", options={"renameByName": fields}))
        .mapping(xy.SeriesMapping.MANUAL)
        .series([series])
        .show(xy.XYShowMode.POINTS)
        .fill_opacity(50)
        .color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour))
        .override_by_name(
            x_title,
            [
                DynamicConfigValue(id_val="unit", value=x_unit),
                DynamicConfigValue(id_val="custom.axisLabel", value=x_title),
            ],
        )
        .override_by_name(y_title, [DynamicConfigValue(id_val="custom.axisLabel", value=y_title)])
        .legend(common.VizLegendOptions().show_legend(False))
        .tooltip(
            common.VizTooltipOptions().mode(models.TooltipDisplayMode.SINGLE).sort(models.SortOrder.NONE)
        )
    )
    if links:
        panel = panel.data_links(list(links))
    panel.build().plugin_version = _SCATTER_SINCE
    return panel


def _field(field_title: str) -> xychart.MatcherConfig:
    return xychart.MatcherConfig().id("byName").options(field_title)
