"""How a series is drawn in a graph: its colour, dashes, fill, axis. The looks that mean something have a name here."""

from dataclasses import dataclass

from grafana_foundation_sdk.models import dashboard

from grafana import colours


@dataclass(frozen=True)
class Look:
    """A series' own drawing; what is None is left to the panel. `fill` is 0 to 100, `axis` right for a second one, without a grid.

    `alone` keeps a line out of the stack that the others make.
    """

    colour: str | None = None
    dashed: bool = False
    width: float | None = None
    fill: int | None = None
    step: bool = False
    axis: str | None = None
    unit: str | None = None
    alone: bool = False

    def properties(self) -> list[dashboard.DynamicConfigValue]:
        """As the properties of a field override."""
        table: list[tuple[str, object]] = []
        if self.colour is not None:
            table.append(("color", {"mode": "fixed", "fixedColor": self.colour}))
        if self.dashed:
            table.append(("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}))
        if self.width is not None:
            table.append(("custom.lineWidth", self.width))
        if self.fill is not None:
            table.append(("custom.fillOpacity", self.fill))
        if self.step:
            table.append(("custom.lineInterpolation", "stepAfter"))
        if self.axis is not None:
            table.append(("custom.axisPlacement", self.axis))
            table.append(("custom.axisGridShow", False))
        if self.unit is not None:
            table.append(("unit", self.unit))
        if self.alone:
            table.append(("custom.stacking", {"mode": "none", "group": "alone"}))
        return [dashboard.DynamicConfigValue(id_val=name, value=value) for name, value in table]


EXPECTED = Look(colours.GREY, dashed=True, width=2, fill=0, alone=True)
"""What is expected or ordered."""

TARGET = Look(colours.GREY, dashed=True, width=2, fill=0, step=True, alone=True)
"""What was ordered, as a step: it changes at once."""

NOMINAL = Look(colours.GREY, width=1, fill=0, alone=True)
"""What all would give at 100 percent."""

LIMIT = Look(colours.LIMIT, dashed=True, width=1, fill=0, alone=True)
"""What must not be passed."""

HASH_RATE = Look(colours.HASH_RATE, width=2, fill=18)
OTHER_HASH_RATE = Look(colours.OTHER_HASH_RATE, width=2, fill=0, axis="right")
"""Hash rate of another algorithm than SHA-256: its figures are a thousand times smaller, so it has the right axis."""
OTHER_EXPECTED = Look(colours.GREY, dashed=True, width=1, fill=0, axis="right")

MEASURED = Look(colours.POWER, width=2, fill=18)
ESTIMATED = Look(colours.SOURCES["estimated"], width=1, fill=6)
CHIP = Look(colours.CHIP, width=2, fill=0)
CHIP_HIGH = Look("dark-orange", width=1, fill=0)
OUTLET = Look(colours.OUTLET, width=2, fill=0)
INLET = Look(colours.INLET, width=2, fill=0)
