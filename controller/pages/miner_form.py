"""The form of a miner: what was typed, and the order that it makes. Pure.

What was typed is kept as it is, right or wrong. An empty field is not given: then the miner's container says it, or the
miner itself. A port of 0 is one that is not asked.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from multidict import MultiDict

from controller.api.decoding import decode_body
from controller.api.inventory_orders import NewMiner
from controller.api.problems import Mistake, Problem
from controller.managed import Document
from controller.pages.formats import sentence
from controller.pages.language import Words

Found = list[tuple[str, str]]
"""Mistakes: (id of the field, words)."""

PORTS: Final = ("port", "web_port", "v3_port")
_TEXTS: Final = ("name", "address", "container", "manufacturer", "model", "driver", "credentials")
_LONGEST: Final = 500
"""What is kept of a field: more than any of them may hold."""

_LACKING: Final = "?"
"""Stands in an order for what was not typed, so that the rest of it can be looked at; such an order is never given."""

_REFERENCE: Final = re.compile(r"HASHYARD_MINER_[A-Z0-9_]+|file:[A-Za-z0-9._/-]+")
_WHOLE: Final = re.compile(r"\d{1,10}", re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,12}([.,]\d{1,6})?", re.ASCII)


class MinerForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form, all as typed. `container`: its id. `etag`: of what was read."""

    container: str = ""
    name: str = ""
    address: str = ""
    row: str = ""
    column: str = ""
    manufacturer: str = ""
    model: str = ""
    driver: str = ""
    nominal_power_w: str = ""
    port: str = ""
    web_port: str = ""
    v3_port: str = ""
    credentials: str = ""
    active: bool = True
    etag: str = ""


FIELDS: Final = tuple(name for name in MinerForm.__struct_fields__ if name not in ("active", "etag"))
"""Those that are typed."""


def form_of(entry: Document, container_id: str, etag: str) -> MinerForm:
    """Return the form of a miner by its entry in the file: what the entry does not say stays empty."""
    typed: dict[str, str] = {key: written(entry[key]) for key in FIELDS if entry.get(key) is not None}
    typed |= {key: "0" for key in PORTS if key in entry and entry[key] is None}
    given: dict[str, str] = {**typed, "container": container_id}
    return MinerForm(**given, active=entry.get("active", True) is not False, etag=etag)


def read_form(fields: MultiDict[str]) -> MinerForm:
    """Return what was sent; fields that the form does not have are not looked at."""
    given = {name: fields.get(name, "").strip()[:_LONGEST] for name in FIELDS}
    return MinerForm(**given, active="active" in fields, etag=fields.get("etag", "")[:_LONGEST])


def shown_again(form: MinerForm) -> MinerForm:
    """Return the form as a page may carry it: what is no reference to credentials could be the credentials themselves."""
    if not form.credentials or _REFERENCE.fullmatch(form.credentials):
        return form
    return msgspec.structs.replace(form, credentials="")


def order_of(form: MinerForm, words: Words) -> tuple[NewMiner | None, Found]:
    """Return what the form orders, and what is wrong with it by itself; None where that can be no order at all.

    An order with which anything is wrong is only there to be looked at further.
    """
    found = _missing(form, words)
    data: dict[str, Any] = {name: getattr(form, name) for name in _TEXTS if getattr(form, name)}
    data = {name: _LACKING for name, _ in found} | data
    data["active"] = form.active
    for name in PORTS:
        text = getattr(form, name)
        if not text:
            continue
        if not _WHOLE.fullmatch(text) or int(text) > 65_535:
            found.append((name, words.gettext("Give a TCP port from 1 to 65535, or 0 where it is not asked")))
        else:
            data[name] = int(text) or None
    found += _place(form, data, words)
    if form.nominal_power_w:
        if not _DECIMAL.fullmatch(form.nominal_power_w):
            found.append(("nominal_power_w", words.gettext("Give a number of watts, such as 3250")))
        else:
            data["nominal_power_w"] = float(form.nominal_power_w.replace(",", "."))
    try:
        order: NewMiner = decode_body(msgspec.json.encode(data), NewMiner)
    except Problem as problem:
        named = {at for at, _ in found}
        found += [one for one in told_mistakes(problem.mistakes, words) if one[0] not in named]
        return None, found
    return order, found


def told_mistakes(mistakes: Iterable[Mistake], words: Words) -> Found:
    """Return mistakes that the API found, each at its field."""
    return [(field_of(one.at), sentence(words.told(one.detail))) for one in mistakes]


def field_of(pointer: str) -> str:
    """Return the id of the field that a JSON pointer into the order means; "" for none."""
    member, _, inner = pointer.removeprefix("/").partition("/")
    if member == "position":
        return inner if inner in ("row", "column") else "row"
    return member if member in FIELDS else ""


def labels(words: Words) -> Mapping[str, str]:
    """Return what each field is called."""
    return {
        "container": words.gettext("Container"),
        "name": words.gettext("Name"),
        "address": words.gettext("IP address"),
        "row": words.gettext("Row"),
        "column": words.gettext("Column"),
        "manufacturer": words.gettext("Make"),
        "model": words.gettext("Model"),
        "driver": words.gettext("Driver"),
        "nominal_power_w": words.gettext("Nominal power, W"),
        "port": words.gettext("Port"),
        "web_port": words.gettext("Web port"),
        "v3_port": words.gettext("Port of the Whatsminer API v3"),
        "credentials": words.gettext("Credentials"),
    }


def written(value: Any) -> str:
    """Return a value of the file as it stands in a field."""
    if isinstance(value, Mapping):  # a reference to credentials, written out
        file, variable = value.get("file"), value.get("environment")
        return f"file:{file}" if isinstance(file, str) else variable if isinstance(variable, str) else ""
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def _missing(form: MinerForm, words: Words) -> Found:
    found: Found = []
    if not form.container:
        found.append(("container", words.gettext("Choose the container that it stands in")))
    if not form.name:
        found.append(("name", words.gettext("Give the miner a name")))
    if not form.address:
        found.append(("address", words.gettext("Give its IP address")))
    return found


def _place(form: MinerForm, data: dict[str, Any], words: Words) -> Found:
    """Put the position into the order, or return what is wrong with it."""
    given = {"row": form.row, "column": form.column}
    if not any(given.values()):
        return []
    text = words.gettext("Give a whole number from 1 to 1000")
    found = [
        (name, text)
        for name, typed in given.items()
        if typed and not (_WHOLE.fullmatch(typed) and 1 <= int(typed) <= 1000)
    ]
    lacking = [name for name, typed in given.items() if not typed]
    found += [(name, words.gettext("Give row and column, or neither")) for name in lacking]
    if not found:
        data["position"] = {name: int(typed) for name, typed in given.items()}
    return found
