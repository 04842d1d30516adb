"""The form of a tariff: prices as typed, rows of hours added and taken away, changes by date, every mistake at its row. Pure.

A tariff is one set of terms from the beginning and one from each date on which it changes, each whole. Fields are named by
the places of terms and row: `t-0-price`, `t-1-from`, `t-1-z-0-days`. What was typed is kept as it is, right or wrong.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from babel.numbers import list_currencies
from multidict import MultiDict

from controller.pages.formats import plain
from controller.pages.language import Words
from controller.pages.schedule_form import Found
from controller.pages.week_hours import (
    day_of,
    hours_words,
    minute_of,
    no_time,
    number_of,
    overlaps,
    typed_time,
)
from miners.inventory.coverage import gaps
from miners.inventory.fleet import Tariff, TariffChange, TariffZone, Window
from miners.inventory.hours import DAY_END, DAYS, time_text

MOST_NAME: Final = 64
MOST_ZONES: Final = 200
MOST_TERMS: Final = 200
MOST_PRICE: Final = Decimal(1_000_000)
MOST_DECIMALS: Final = 12

_LONGEST: Final = 100
"""What is kept of a field that should hold a price, a time or a date."""

_FIELD: Final = re.compile(r"t-(\d{1,3})-(?:(from|price)|z-(\d{1,3})-(days|from|to|price))")
_PRESSED: Final = re.compile(r"(add-zone|remove-zone|add-change|remove-change)(?::(\d{1,3}))?(?::(\d{1,3}))?")
_PRICE: Final = re.compile(r"\d{1,7}(?:[.,]\d{1,12})?")
_SPACES: Final = re.compile(r"[\s\u00a0\u202f]")


class ZoneRow(msgspec.Struct, frozen=True, kw_only=True):
    """Some hours and their price, as typed."""

    days: tuple[str, ...] = ()
    from_: str = ""
    to: str = ""
    price: str = ""

    @property
    def blank(self) -> bool:
        """Return whether nothing was typed."""
        return not (self.from_ or self.to or self.price)


class TermsRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a tariff costs from a date on, as typed; of the first terms `from_` is not looked at."""

    from_: str = ""
    price: str = ""
    zones: tuple[ZoneRow, ...] = ()


class TariffForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form. `terms`: at least one. `etag`: of what was read."""

    name: str = ""
    currency: str = ""
    terms: tuple[TermsRows, ...] = (TermsRows(),)
    etag: str = ""


def form_of(tariff: Tariff, etag: str = "") -> TariffForm:
    """Return the form of a tariff that is there."""

    def rows(price: str | None, zones: tuple[TariffZone, ...], begins: str = "") -> TermsRows:
        return TermsRows(
            from_=begins,
            price=price or "",
            zones=tuple(
                ZoneRow(
                    days=tuple(DAYS[day] for day in zone.days),
                    from_=time_text(zone.from_minute),
                    to=time_text(zone.to_minute),
                    price=zone.price_per_kwh,
                )
                for zone in zones
            ),
        )

    return TariffForm(
        name=tariff.name,
        currency=tariff.currency,
        terms=(
            rows(tariff.price_per_kwh, tariff.zones),
            *(rows(change.price_per_kwh, change.zones, change.from_date) for change in tariff.changes),
        ),
        etag=etag,
    )


def read_form(fields: MultiDict[str]) -> TariffForm:
    """Return what was sent, rows in the order of their numbers; fields that the form does not have are not looked at."""
    terms: dict[int, dict[str, str]] = {}
    zones: dict[int, dict[int, dict[str, str]]] = {}
    days: dict[tuple[int, int], list[str]] = {}
    for name, value in fields.items():
        found = _FIELD.fullmatch(name)
        if found is None:
            continue
        place, key, zone, zone_key = int(found[1]), found[2], found[3], found[4]
        of_terms = terms.setdefault(place, {})
        if key:
            of_terms[key] = value[:_LONGEST].strip()
            continue
        row = zones.setdefault(place, {}).setdefault(int(zone), {})
        if zone_key == "days":
            days.setdefault((place, int(zone)), []).append(value)
        else:
            row[zone_key] = value[:_LONGEST].strip()
    made = tuple(
        TermsRows(
            from_=of_terms.get("from", ""),
            price=typed_price(of_terms.get("price", "")),
            zones=tuple(
                ZoneRow(
                    days=tuple(day for day in DAYS if day in days.get((place, number), ())),
                    from_=typed_time(row.get("from", "")),
                    to=typed_time(row.get("to", "")),
                    price=typed_price(row.get("price", "")),
                )
                for number, row in sorted(zones.get(place, {}).items())
            )[:MOST_ZONES],
        )
        for place, of_terms in sorted(terms.items())
    )
    return TariffForm(
        name=fields.get("name", "")[:200].strip(),
        currency=fields.get("currency", "")[:20].strip().upper(),
        terms=made[:MOST_TERMS] or (TermsRows(),),
        etag=fields.get("etag", "")[:200],
    )


def pressed(form: TariffForm, button: str) -> TariffForm | None:
    """Return the form with a row more or less, by the button that was pressed; None for a button that is not of rows."""
    found = _PRESSED.fullmatch(button)
    if found is None:
        return None
    deed, place, row = found[1], number_of(found[2]), number_of(found[3])
    if deed == "add-change":
        last = form.terms[-1]
        added = TermsRows(price=last.price, zones=last.zones)
        return msgspec.structs.replace(form, terms=(*form.terms, added)[:MOST_TERMS])
    if deed == "remove-change":
        kept = tuple(one for number, one in enumerate(form.terms) if number != place or number == 0)
        return msgspec.structs.replace(form, terms=kept)
    terms = tuple(
        one
        if number != place
        else msgspec.structs.replace(
            one, zones=_added(one.zones) if deed == "add-zone" else _left(one.zones, row)
        )
        for number, one in enumerate(form.terms)
    )
    return msgspec.structs.replace(form, terms=terms)


def without_blanks(form: TariffForm) -> TariffForm:
    """Return the form without rows and changes in which nothing was typed."""
    terms = [
        msgspec.structs.replace(one, zones=tuple(zone for zone in one.zones if not zone.blank))
        for one in form.terms
    ]
    kept = tuple(
        one for number, one in enumerate(terms) if number == 0 or one.from_ or one.price or one.zones
    )
    return msgspec.structs.replace(form, terms=kept)


def mistakes_in(form: TariffForm, words: Words) -> Found:
    """Return what is wrong, each at its field, rows by their numbers from 1."""
    found: Found = []
    if not form.name:
        found.append(("name", words.gettext("Give the tariff a name")))
    elif len(form.name) > MOST_NAME:
        found.append(("name", words.gettext("A name has at most %(most)s characters", most=MOST_NAME)))
    if form.currency not in list_currencies():
        found.append(("currency", words.gettext("Give a currency by its three letters, such as RUB or USD")))
    before = ""
    for place, one in enumerate(form.terms):
        if place:
            found += _date_mistakes(one.from_, before, f"t-{place}-from", words)
            before = one.from_ if day_of(one.from_) is not None else before
        found += _terms_mistakes(one, place, words)
    return found


def tariff_of(form: TariffForm) -> Tariff:
    """Return the tariff that a form without mistakes means."""
    first, *later = form.terms
    return Tariff(
        name=form.name,
        currency=form.currency,
        price_per_kwh=first.price or None,
        zones=tuple(_zone(row) for row in first.zones),
        changes=tuple(
            TariffChange(one.from_, one.price or None, tuple(_zone(row) for row in one.zones))
            for one in later
        ),
    )


def field_of(pointer: str) -> str:
    """Return the id of the field that a JSON pointer into an order means; "" for none."""
    found = re.fullmatch(r"/(?:changes/(\d+)/?)?(?:zones/(\d+)/?)?(\w*)", pointer)
    if found is None:
        return ""
    change, zone, key = found.groups()
    before = f"t-{0 if change is None else int(change) + 1}-"
    if zone is not None:
        named = {"days": "days", "from": "from", "to": "to", "price_per_kwh": "price"}
        return f"{before}z-{zone}-{named.get(key, 'from')}"
    if key in ("name", "currency") and change is None:
        return key
    return f"{before}from" if key == "from" and change is not None else f"{before}price"


def typed_price(text: str) -> str:
    """Return a price as tariffs write it, 5,10 as 5.10; what is none as it was typed."""
    bare = _SPACES.sub("", text)
    return bare.replace(",", ".") if _PRICE.fullmatch(bare) else text.strip()


def _date_mistakes(text: str, before: str, at: str, words: Words) -> Found:
    day = day_of(text)
    if day is None:
        return [(at, words.gettext("Give a date such as 2026-12-31"))]
    if text == before:
        return [(at, words.gettext("%(day)s is given already", day=words.formats.day(day)))]
    if before and text < before:
        return [(at, words.gettext("%(day)s lies before the change above it", day=words.formats.day(day)))]
    return []


def _terms_mistakes(one: TermsRows, place: int, words: Words) -> Found:
    found: Found = []
    at = f"t-{place}-price"
    if one.price and not _is_price(one.price):
        found.append((at, _no_price(one.price, words)))
    windows: list[tuple[int, Window]] = []
    for number, row in enumerate(one.zones):
        at_row, window = _row_mistakes(row, f"t-{place}-z-{number}", number + 1, words)
        found += at_row
        if window is not None:
            windows.append((number, window))
    found += [(f"t-{place}-z-{later}-from", text) for later, text in overlaps(windows, words, None)]
    if one.price or len(windows) != len(one.zones):
        return found
    if not one.zones:
        return [*found, (at, words.gettext("Give a price, or rows that fill the week"))]
    missing = gaps(window for _, window in windows)
    if missing:
        found.append(
            (
                at,
                words.gettext(
                    "No row has a price for %(hours)s: add one, or give a price for all other hours",
                    hours=hours_words(missing, words, None),
                ),
            )
        )
    return found


def _row_mistakes(row: ZoneRow, at: str, number: int, words: Words) -> tuple[Found, Window | None]:
    found: Found = []
    begin, end = minute_of(row.from_), minute_of(row.to)
    if not row.days:
        found.append((f"{at}-days", words.gettext("Row %(row)s: choose at least one day", row=number)))
    if begin is None:
        found.append((f"{at}-from", no_time(row.from_, number, words)))
    elif begin == DAY_END:
        text = words.gettext("Row %(row)s: 24:00 is the end of a day; it can begin at 00:00", row=number)
        found.append((f"{at}-from", text))
    if end is None:
        found.append((f"{at}-to", no_time(row.to, number, words)))
    elif begin == end:
        text = words.gettext("Row %(row)s: it has no time; a whole day is from 00:00 to 24:00", row=number)
        found.append((f"{at}-to", text))
    if not _is_price(row.price):
        said = _no_price(row.price, words)
        found.append((f"{at}-price", words.gettext("Row %(row)s: %(mistake)s", row=number, mistake=said)))
    if found or begin is None or end is None:
        return found, None
    return found, Window(tuple(DAYS.index(day) for day in row.days), begin, end, "")


def _is_price(text: str) -> bool:
    try:
        return _PRICE.fullmatch(text) is not None and Decimal(text) <= MOST_PRICE
    except InvalidOperation:
        return False


def _no_price(text: str, words: Words) -> str:
    if not text:
        return words.gettext("give a price such as 5.10")
    return words.gettext("%(text)s is no price such as 5.10", text=plain(text[:20]))


def _zone(row: ZoneRow) -> TariffZone:
    begin, end = minute_of(row.from_), minute_of(row.to)
    if begin is None or end is None:
        raise ValueError(f"{row.from_}–{row.to} are no hours")
    return TariffZone(tuple(DAYS.index(day) for day in row.days), begin, end, row.price)


def _added(zones: tuple[ZoneRow, ...]) -> tuple[ZoneRow, ...]:
    """Return the rows and one more, which begins where the last one ends and has its days."""
    new = ZoneRow(days=DAYS)
    if zones:
        last = zones[-1]
        new = ZoneRow(days=last.days, from_=last.to if last.to != "24:00" else "00:00")
    return (*zones, new)[:MOST_ZONES]


def _left(zones: tuple[ZoneRow, ...], place: int | None) -> tuple[ZoneRow, ...]:
    return tuple(one for number, one in enumerate(zones) if number != place)
