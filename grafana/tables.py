"""Tables of now: a row a container, miner or board, its columns from as many queries; and the map by position.

A column is either a label of the rows (`Label`) or what a query says of them (`Value`). Queries are joined by the label
that names the row; what one of them does not know is an empty cell, never a nought.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
    ValueMapping,
)

from grafana import colours
from grafana.queries import DATA_SOURCE, Query, letter, rows

LEAST_WIDTH = 84
"""Least width of a column in px: a figure with its unit, and fourteen of them on a wall."""

POSITION_COLUMN = 50
"""Least width of a map's column in px, below which Grafana does not go: 24 of them stand across the page on a wide screen."""


ROW_NAMES = "row\\column"
"""What Grafana calls the first column of a matrix of rows and columns."""


@dataclass(frozen=True)
class Label:
    """A column that shows a label of the rows. `width` in px; `narrowest`: it may be wider where there is room."""

    name: str
    title: str
    width: int | None = None
    narrowest: int | None = None
    links: Sequence[DashboardLink] = ()
    mappings: Sequence[ValueMapping] = ()
    coloured: Literal["text", "background"] | None = None
    filterable: bool = False


@dataclass(frozen=True)
class Value:
    """A column that shows what a query gives for each row. `width` and `narrowest` are a label's.

    `shown` is how: the plain figure, a bar between `least` and `most`, or the figure or its background coloured by
    `thresholds` or `mappings`. `label` shows a label of the query's series in place of its value.
    """

    title: str
    expression: str
    unit: str = "short"
    decimals: int | None = None
    width: int | None = None
    shown: Literal["figure", "bar", "text", "background"] = "figure"
    least: float | None = None
    most: float | None = None
    thresholds: ThresholdsConfig | None = None
    mappings: Sequence[ValueMapping] = ()
    narrowest: int | None = None
    label: str | None = None
    links: Sequence[DashboardLink] = field(default=())
    filterable: bool = False


def table(
    title: str,
    description: str,
    *columns: Label | Value,
    key: str | None = None,
    width: int = 24,
    height: int = 9,
    sort: tuple[str, bool] | None = None,
    footer: Sequence[str] = (),
    no_value: str = "–",
) -> tables.Panel:
    """Make a table of now. `key` is the label that the queries are joined by, where there are several.

    `sort` is (column's title, descending?), `footer` the titles of the columns that are summed below.
    Without a key, the one query's labels are the columns.
    """
    values = [column for column in columns if isinstance(column, Value)]
    fields = _fields(columns, several=len(values) > 1)
    panel = (
        tables.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(width)
        .height(height)
        .unit("short")
        .no_value(no_value)
        .interval("1m")
        .max_data_points(100)
        .show_header(True)
        .cell_height(models.TableCellHeight.SM)
        .min_width(LEAST_WIDTH)
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .footer(_footer(footer))
    )
    for place, value in enumerate(values):
        panel = panel.with_target(rows(value.expression).built(letter(place)))
    if len(values) > 1:
        panel = panel.with_transformation(_joined(key))
    panel = panel.with_transformation(_only(fields)).with_transformation(_ordered(fields, columns))
    if sort is not None:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort[0]).desc(sort[1])])
    for column in columns:
        properties = _label_properties(column) if isinstance(column, Label) else _value_properties(column)
        if properties:
            panel = panel.override_by_name(column.title, properties)
    return panel


def _fields(columns: Sequence[Label | Value], *, several: bool) -> list[str]:
    """Give the names that Grafana gives the columns: a label's own, `Value`, or `Value #A` where queries are several."""
    fields, place = [], 0
    for column in columns:
        if isinstance(column, Label):
            fields.append(column.name)
            continue
        name = f"Value #{letter(place)}" if several else "Value"
        fields.append(column.label or name)
        place += 1
    return fields


def _joined(key: str | None) -> DataTransformerConfig:
    if key is None:
        return DataTransformerConfig(id_val="merge", options={})
    return DataTransformerConfig(id_val="joinByField", options={"byField": key, "mode": "outer"})


def _only(fields: Sequence[str]) -> DataTransformerConfig:
    return DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(fields)}})


def _ordered(fields: Sequence[str], columns: Sequence[Label | Value]) -> DataTransformerConfig:
    return DataTransformerConfig(
        id_val="organize",
        options={
            "indexByName": {name: place for place, name in enumerate(fields)},
            "renameByName": {name: column.title for name, column in zip(fields, columns, strict=True)},
            "excludeByName": {},
        },
    )


def _footer(summed: Sequence[str]) -> common.TableFooterOptions:
    footer = common.TableFooterOptions().show(bool(summed)).reducer(["sum"]).count_rows(False)
    return footer.fields(list(summed)) if summed else footer


def _property(name: str, value: object) -> DynamicConfigValue:
    return DynamicConfigValue(id_val=name, value=value)


def _label_properties(column: Label) -> list[DynamicConfigValue]:
    # Else Grafana lays buttons over the name, and over its link, that make a filter for the whole dashboard.
    properties = [*_shared_properties(column), _property("filterable", False)]
    if column.coloured is not None:
        properties.append(_property("custom.cellOptions", _cell(column.coloured)))
    return properties


def _value_properties(column: Value) -> list[DynamicConfigValue]:
    properties = [_property("unit", column.unit), *_shared_properties(column)]
    if column.decimals is not None:
        properties.append(_property("decimals", column.decimals))
    if column.shown != "figure":
        properties.append(_property("custom.cellOptions", _cell(column.shown)))
    if column.least is not None:
        properties.append(_property("min", column.least))
    if column.most is not None:
        properties.append(_property("max", column.most))
    if column.thresholds is not None:
        properties.append(_property("thresholds", column.thresholds.build()))
    return properties


def _shared_properties(column: Label | Value) -> list[DynamicConfigValue]:
    properties = [_property("noValue", "–")]
    if column.width is not None:
        properties.append(_property("custom.width", column.width))
    if column.narrowest is not None:
        properties.append(_property("custom.minWidth", column.narrowest))
    mappings = list(column.mappings)
    if isinstance(column, Value):  # else an empty cell would say what the empty panel says
        mappings += colours.absent("–", colours.PLAIN)
    if mappings:
        properties.append(_property("mappings", mappings))
    if column.filterable:
        properties.append(_property("custom.filterable", True))
    if column.links:
        properties.append(_property("links", [link.build() for link in column.links]))
    return properties


def _cell(shown: Literal["figure", "bar", "text", "background"]) -> models.TableCellOptions:
    if shown == "bar":
        return models.TableBarGaugeCellOptions(
            mode=models.BarGaugeDisplayMode.BASIC, value_display_mode=models.BarGaugeValueMode.TEXT
        )
    if shown == "background":
        return models.TableColoredBackgroundCellOptions(mode=models.TableCellBackgroundDisplayMode.BASIC)
    if shown == "text":
        return models.TableColorTextCellOptions()
    return models.TableAutoCellOptions()


def matrix(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str,
    width: int = 12,
    height: int = 10,
    decimals: int | None = None,
    thresholds: ThresholdsConfig | None = None,
    mappings: Sequence[ValueMapping] = (),
    links: Sequence[DashboardLink] = (),
) -> tables.Panel:
    """Draw a map of the container: a cell a miner, coloured, where it stands.

    The query's series have the labels row and column (`queries.positions`). Colours come from thresholds or from
    mappings; a cell without a figure has a dash. A cell's link reads the row from the first field and the column from its
    own field's name (`links.miner_at_position`).
    """
    panel = (
        tables.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(width)
        .height(height)
        .unit(unit)
        .no_value("No miner with a position is seen in this container")
        .interval("1m")
        .max_data_points(100)
        .show_header(True)
        .cell_height(models.TableCellHeight.SM)
        .min_width(POSITION_COLUMN)
        .align(models.FieldTextAlignment.CENTER)
        .cell_options(_cell("background"))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .footer(_footer(()))
        .with_target(Query(query.expression, kind="table").built("A"))
        .with_transformation(_sorted_by("column"))
        .with_transformation(
            DataTransformerConfig(
                id_val="groupingToMatrix",
                options={
                    "columnField": "column",
                    "rowField": "row",
                    "valueField": "Value",
                    "emptyValue": "null",
                },
            )
        )
        .with_transformation(_sorted_by(ROW_NAMES))
        .with_override(MatcherConfig(id_val="byName", options=ROW_NAMES), _row_names())
    )
    if thresholds is not None:
        panel = panel.thresholds(thresholds)
    if decimals is not None:
        panel = panel.decimals(decimals)
    panel = panel.mappings([*mappings, *colours.absent("–", colours.PLAIN)])
    if links:
        panel = panel.data_links(list(links))
    return panel


def _sorted_by(name: str) -> DataTransformerConfig:
    """Sort rows by a field, figures in words as figures: a matrix has its columns in the order in which they come."""
    return DataTransformerConfig(id_val="sortBy", options={"fields": {}, "sort": [{"field": name}]})


def _row_names() -> list[DynamicConfigValue]:
    """Leave the first column, which names the rows, without a title, a link or a colour."""
    return [
        _property("displayName", " "),
        _property("custom.width", POSITION_COLUMN),
        _property("links", []),
        _property("mappings", []),
        _property("unit", "string"),
        _property("custom.cellOptions", models.TableAutoCellOptions()),
    ]
