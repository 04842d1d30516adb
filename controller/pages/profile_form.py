"""The form of a power profile: its target, and how single makes are told; as typed, checked, and as the order it makes. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from multidict import MultiDict

from controller.api.problems import Mistake
from controller.api.schedule_orders import ProfileOrder, Way
from controller.pages.formats import plain
from controller.pages.language import Words
from controller.pages.schedule_form import MOST_NAME, Found
from miners.inventory.fleet import Profile
from miners.inventory.plain import read_profile

MOST_MAKES: Final = 50
KINDS: Final = ("mode", "preset", "power_limit_w", "power_percent")
MODES: Final = ("low", "normal", "high")

_MOST_PERCENT: Final = 200
_FIELD: Final = re.compile(r"m-(\d{1,3})-(make|kind|value)")
_PRESSED: Final = re.compile(r"(add-make|remove-make)(?::(\d{1,3}))?")
_LONGEST: Final = 200


class MakeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A make's own way, as typed. `kind`: one of KINDS."""

    make: str = ""
    kind: str = "mode"
    value: str = ""


class ProfileForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form. `etag`: of what was read; `plan`: the fingerprint of what was looked at; `typed`: to confirm."""

    name: str = ""
    target: str = ""
    makes: tuple[MakeRow, ...] = ()
    etag: str = ""
    plan: str = ""
    typed: str = ""


def form_of(profile: Profile, etag: str) -> ProfileForm:
    """Return the form of a profile that is there."""
    makes = [
        MakeRow(make=make, kind=kind, value=_number(value) if isinstance(value, int | float) else str(value))
        for make, way in profile.by_make.items()
        for kind, value in way.items()
    ]
    return ProfileForm(
        name=profile.name, target=_number(profile.target_percent), makes=tuple(makes), etag=etag
    )


def read_form(fields: MultiDict[str]) -> ProfileForm:
    """Return what was sent; fields that the form does not have are not looked at."""
    found: dict[int, dict[str, str]] = {}
    for name, value in fields.items():
        field = _FIELD.fullmatch(name)
        if field is not None:
            found.setdefault(int(field[1]), {})[field[2]] = value.strip()[:_LONGEST]
    return ProfileForm(
        name=fields.get("name", "").strip(),
        target=fields.get("target", "").strip()[:_LONGEST],
        makes=tuple(
            MakeRow(make=row.get("make", ""), kind=row.get("kind", "mode"), value=row.get("value", ""))
            for _, row in sorted(found.items())
        ),
        etag=fields.get("etag", ""),
        plan=fields.get("plan", ""),
        typed=fields.get("typed", "").strip(),
    )


def pressed(form: ProfileForm, button: str) -> ProfileForm | None:
    """Return the form with a make more or less, by the button that was pressed; None for another button."""
    found = _PRESSED.fullmatch(button)
    if found is None:
        return None
    if found[1] == "add-make":
        return msgspec.structs.replace(form, makes=(*form.makes, MakeRow())[:MOST_MAKES])
    kept = tuple(row for place, row in enumerate(form.makes) if found[2] is None or place != int(found[2]))
    return msgspec.structs.replace(form, makes=kept)


def without_blanks(form: ProfileForm) -> ProfileForm:
    """Return the form without makes of which nothing was typed."""
    return msgspec.structs.replace(form, makes=tuple(row for row in form.makes if row.make or row.value))


def mistakes_in(form: ProfileForm, words: Words) -> Found:
    """Return what is wrong, each at its field, makes by their numbers from 1."""
    found: Found = []
    if not form.name:
        found.append(("name", words.gettext("Give the profile a name")))
    elif len(form.name) > MOST_NAME:
        found.append(("name", words.gettext("A name has at most %(most)s characters", most=MOST_NAME)))
    target = number_of(form.target)
    if target is None or not 0 <= target <= _MOST_PERCENT:
        text = words.gettext("Give a percentage from 0 (asleep) to %(most)s", most=_MOST_PERCENT)
        found.append(("target", text))
    elif target == 0 and form.makes:
        text = words.gettext("At 0 %% every make is put to sleep in its own way: take the makes away")
        found.append(("target", text))
    seen: set[str] = set()
    for place, row in enumerate(form.makes):
        if not row.make:
            text = words.gettext("Row %(row)s: name the make or the driver", row=place + 1)
            found.append((f"m-{place}-make", text))
        elif row.make.casefold() in seen:
            text = words.gettext(
                "Row %(row)s: %(make)s is there already", row=place + 1, make=plain(row.make)
            )
            found.append((f"m-{place}-make", text))
        seen.add(row.make.casefold())
        found += _wrong_value(row, place, words)
    if not found:
        order = order_of(form)
        wrong = read_profile(form.name, document_of(order))[1]
        found = told_mistakes((Mistake(at, "invalid", text) for at, text in wrong), form, words)
    return found


def _wrong_value(row: MakeRow, place: int, words: Words) -> Found:
    at, number = f"m-{place}-value", number_of(row.value)
    if row.kind not in KINDS:
        return [(f"m-{place}-kind", words.gettext("Row %(row)s: choose how it is told", row=place + 1))]
    if row.kind == "mode" and row.value not in MODES:
        return [(at, words.gettext("Row %(row)s: a mode is low, normal or high", row=place + 1))]
    if row.kind == "preset" and not 0 < len(row.value) <= MOST_NAME:
        return [(at, words.gettext("Row %(row)s: give the preset's own name", row=place + 1))]
    if row.kind == "power_limit_w" and (number is None or not 1 <= number <= 1e6):
        return [(at, words.gettext("Row %(row)s: give a number of watts", row=place + 1))]
    if row.kind == "power_percent" and (number is None or not 1 <= number <= _MOST_PERCENT):
        text = words.gettext(
            "Row %(row)s: give a percentage from 1 to %(most)s", row=place + 1, most=_MOST_PERCENT
        )
        return [(at, text)]
    return []


def order_of(form: ProfileForm) -> ProfileOrder:
    """Return what a form without mistakes orders."""
    ways: dict[str, Way] = {}
    for row in form.makes:
        value: Any = row.value if row.kind in ("mode", "preset") else number_of(row.value)
        ways[row.make] = msgspec.convert({row.kind: value}, Way)
    return ProfileOrder(target_percent=number_of(form.target) or 0.0, by_make=ways, plan=form.plan or None)


def document_of(order: ProfileOrder) -> Mapping[str, Any]:
    """Return a profile in the form of the inventory's file."""
    return {
        "target_percent": order.target_percent,
        "by_make": {make: msgspec.to_builtins(way) for make, way in order.by_make.items()},
    }


def told_mistakes(mistakes: Iterable[Mistake], form: ProfileForm, words: Words) -> Found:
    """Return mistakes that the inventory found, each at its field."""
    found: Found = []
    for one in mistakes:
        parts = one.at.strip("/").split("/")
        at = {"name": "name", "target_percent": "target"}.get(parts[0], "")
        if parts[0] == "by_make":
            make = parts[1].replace("~1", "/").replace("~0", "~") if len(parts) > 1 else ""
            places = [place for place, row in enumerate(form.makes) if row.make == make]
            at = f"m-{places[0]}-make" if places else "target"
        found.append((at, words.told(one.detail)))
    return found


def number_of(text: str) -> float | None:
    """Return a number as typed, with a point or a comma; None for what is none."""
    return float(text.replace(",", ".")) if re.fullmatch(r"\d{1,9}([.,]\d{1,6})?", text) else None


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
