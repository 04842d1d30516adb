"""The keys of a tariff: currencies, prices that stay decimal texts, and zones of the day that have a price of their own."""

import re
from decimal import Decimal
from typing import Any

from miners.inventory.fleet import TariffZone
from miners.inventory.hours import DAY_END, DAYS_KIND, TIME_OF_DAY, joined_days
from miners.inventory.kinds import MISSING, ListOf, One, Schema, Text
from miners.inventory.nodes import Node, Scalar, number
from miners.inventory.sections import Entry, Field, Section


class Price(One):
    """A price as a decimal text, never a float: 0.061 stays 0.061."""

    words = "a price such as 0.061"

    def take(self, node: Node) -> str:
        """Return the price without an exponent. Raises Wrong."""
        quoted = type(node) is Scalar and not node.plain and re.fullmatch(r"[0-9]+([.][0-9]+)?", node.text)
        plain = number(node)
        if type(node) is not Scalar or not (quoted or plain is not None) or len(node.text) > 20:
            raise self.no(node)
        try:
            price = Decimal(node.text)
        except ArithmeticError:
            raise self.no(node) from None
        if not price.is_finite() or not 0 <= price <= 1_000_000 or price.adjusted() < -12:
            raise self.no(node)
        return f"{price:f}"

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1_000_000},
                {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$", "maxLength": 20},
            ]
        }


def _zone(entry: Entry) -> Any:
    values = entry.values
    begin, end = values["from"], values["to"]
    if begin in (end, DAY_END):
        entry.mistake("to", "leaves the zone no time: a whole day is from 00:00 to 24:00")
        return MISSING
    listed = values.get("days", [tuple(range(7))])
    if MISSING in listed:
        return MISSING
    days = joined_days(listed)
    if not days:
        entry.mistake("days", "names no day: leave the key out for every day")
        return MISSING
    return entry, TariffZone(
        days=days, from_minute=begin, to_minute=end, price_per_kwh=values["price_per_kwh"]
    )


ZONE = Section(
    "a zone of a tariff",
    {
        "days": Field(
            kind=DAYS_KIND,
            meaning="Days it holds on: mon, tue, wed, thu, fri, sat, sun, mon-fri, weekdays, weekend.",
            example="mon-fri",
            default="every day",
        ),
        "from": Field(
            kind=TIME_OF_DAY,
            meaning="Time of day it begins, in the container's time zone.",
            example='"07:00"',
            required=True,
        ),
        "to": Field(
            kind=TIME_OF_DAY,
            meaning="Time of day it ends; `24:00` is the day's end, and before `from` means on the next day.",
            example='"23:00"',
            required=True,
        ),
        "price_per_kwh": Field(
            kind=Price(), meaning="Price of a kilowatt-hour in it.", example="0.071", required=True
        ),
    },
    build=_zone,
)

TARIFF = Section(
    "a tariff",
    {
        "currency": Field(
            kind=Text("a currency: three letters of ISO 4217 such as USD", most=3, pattern="^[A-Z]{3}$"),
            meaning="Currency, three letters of ISO 4217.",
            example="USD",
            required=True,
        ),
        "price_per_kwh": Field(
            kind=Price(),
            meaning="Price of a kilowatt-hour where no zone holds.",
            example="0.052",
            required=True,
        ),
        "zones": Field(
            kind=ListOf("a list of zones", ZONE),
            meaning="Hours with a price of their own; they do not overlap.",
            example="[]",
            default="none",
        ),
    },
)
