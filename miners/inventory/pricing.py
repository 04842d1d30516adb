"""The keys of a tariff: currencies, prices that stay decimal texts, zones of the day, and changes by date.

A tariff has a price at every minute: where its zones leave hours out and no other price holds, the hours are named.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from miners.inventory import coverage, overlaps
from miners.inventory.fleet import Origin, Tariff, TariffChange, TariffZone
from miners.inventory.hours import DATE, DAY_END, DAYS_KIND, TIME_OF_DAY, joined_days
from miners.inventory.kinds import MISSING, ListOf, One, Schema, Text
from miners.inventory.nodes import Node, Scalar, number
from miners.inventory.sections import Entry, Field, Section

MAX_ZONES: Final = 200
MAX_CHANGES: Final = 1000


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

_PRICE = Field(
    kind=Price(),
    meaning="Price of a kilowatt-hour where no zone holds; needed unless the zones fill the week.",
    example="0.052",
    default="none: the zones fill the week",
)
_ZONES = Field(
    kind=ListOf("a list of zones", ZONE),
    meaning="Hours with a price of their own; they do not overlap.",
    example="[]",
    default="none",
)

CHANGE = Section(
    "a change of a tariff: a mapping with from, and what it costs from then on",
    {
        "from": Field(
            kind=DATE,
            meaning="The first day on which it holds, in the container's time zone: year-month-day.",
            example="2026-11-01",
            required=True,
        ),
        "price_per_kwh": _PRICE,
        "zones": _ZONES,
    },
    any_of=("price_per_kwh", "zones"),
    elsewhere={
        "currency": "the currency of a tariff stays: give another tariff, and the container `tariff_changes`",
        "date": "did you mean from?",
    },
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
        "price_per_kwh": _PRICE,
        "zones": _ZONES,
        "changes": Field(
            kind=ListOf("a list of changes", CHANGE),
            meaning="What it costs from a date on: each change gives the whole, nothing of the ones before stays.",
            example="[{from: 2026-11-01, price_per_kwh: 0.055}]",
            default="none",
        ),
    },
    any_of=("price_per_kwh", "zones"),
    elsewhere={"from": "a date belongs to one of its `changes`: `changes: [{from: 2026-11-01, …}]`"},
)


def tariff_of(name: str, entry: Entry) -> Tariff | None:
    """Return the tariff that was written; None if something of it is wrong (which has been reported)."""
    before = len(entry.report.mistakes)
    zones = _zones(entry)
    changes: list[TariffChange] = []
    written = entry.values.get("changes", [])
    whole = [change for change in written if change is not MISSING]
    for change in whole:
        own = _zones(change)
        if "from" in change.values:
            changes.append(TariffChange(change.values["from"], change.values.get("price_per_kwh"), own))
    check_dates(whole, "change")
    if len(written) > MAX_CHANGES:
        entry.mistake("changes", f"are {len(written)}, more than {MAX_CHANGES}")
    if MISSING in written or "currency" not in entry.values or len(entry.report.mistakes) > before:
        return None
    if any(one.wrong for one in (entry, *whole)):
        return None
    return Tariff(
        name=name,
        currency=entry.values["currency"],
        price_per_kwh=entry.values.get("price_per_kwh"),
        zones=zones,
        changes=tuple(changes),
        origin=Origin(entry.report.file, entry.line),
    )


def check_dates(entries: Iterable[Entry], what: str) -> None:
    """Report each entry whose `from` is not later than that of the entry before it: the same date, or out of order."""
    before: Entry | None = None
    for entry in entries:
        if "from" not in entry.values:
            continue
        begin = entry.values["from"]
        if before is not None:
            earlier, place = before.values["from"], before.whereabouts
            if begin == earlier:
                entry.mistake("from", f"there is a {what} from {begin} already, in {place}; keep one of them")
            elif begin < earlier:
                entry.mistake(
                    "from",
                    f"{begin} stands behind {earlier}, in {place}: write them in the order of their dates",
                )
        if before is None or begin > before.values["from"]:
            before = entry


def _zones(entry: Entry) -> tuple[TariffZone, ...]:
    """Return the zones of a tariff or a change, after reporting those that overlap, and hours without a price."""
    written = entry.values.get("zones", [])
    zones = [zone for zone in written if zone is not MISSING]
    if len(written) > MAX_ZONES:
        entry.mistake("zones", f"are {len(written)}, more than {MAX_ZONES}")
        return ()
    overlaps.check_zones(zones)
    found = tuple(zone for _, zone in zones)
    if (
        "price_per_kwh" not in entry.values.keys() | entry.wrong
        and "zones" in entry.values
        and len(found) == len(written)
    ):
        gaps = coverage.gaps(found)
        if gaps:
            hours, _ = coverage.named(gaps)
            entry.mistake(
                "zones",
                f"no price holds {hours}: add a zone, or write `price_per_kwh` for the hours without one",
            )
    return found
