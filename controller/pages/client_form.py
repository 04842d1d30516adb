"""The forms of a client: who it is, and whose a container is from one day to another; how they become wishes of the API's."""

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from controller.api.client_changes import ClientChange, NewClient
from controller.api.client_containers import Held
from controller.api.decoding import decode_body
from controller.api.problems import Problem
from controller.model import Client
from controller.pages.language import Words
from controller.pages.person_form import mistakes_of
from controller.storage.faults import StorageError


class ClientForm(msgspec.Struct, frozen=True, kw_only=True):
    """A client as the form sends it. `active`, `shows_cost`: "" where the box is not ticked."""

    name: str = ""
    language: str = "en"
    currency: str = ""
    active: str = ""
    shows_cost: str = ""
    etag: str = ""


class AssignForm(msgspec.Struct, frozen=True, kw_only=True):
    """A container to be assigned. `seen`: what the list was when the form was shown; days as browsers send them."""

    container: str = ""
    from_: str = msgspec.field(default="", name="from")
    to: str = ""
    seen: str = ""


class EndForm(msgspec.Struct, frozen=True, kw_only=True):
    """The last day of what stands in a row, from 1; `do` take: it never was. `seen`: what the list was."""

    row: str = ""
    to: str = ""
    do: str = ""
    seen: str = ""


def form_of(client: Client, etag: str) -> ClientForm:
    """Return the form of a client as it is."""
    return ClientForm(
        name=client.name,
        language=client.language,
        currency=client.currency or "",
        active="yes" if client.active else "",
        shows_cost="yes" if client.shows_cost else "",
        etag=etag,
    )


def new_client(form: ClientForm) -> NewClient:
    """Return which client the form wishes for. Raises Problem (invalid) with every mistake."""
    return decode_body(msgspec.json.encode(_typed(form)), NewClient)


def client_change(form: ClientForm) -> ClientChange:
    """Return what the form changes. Raises Problem (invalid) with every mistake."""
    return decode_body(msgspec.json.encode(_typed(form) | {"active": form.active != ""}), ClientChange)


def client_mistakes(error: Problem | StorageError, words: Words) -> tuple[int, Mapping[str, str]]:
    """Return the status and what is wrong by field; raises the error where it is nothing of the form's."""
    status, errors = mistakes_of(error, words)
    if isinstance(error, Problem) and error.kind == "exists":
        told = words.gettext("There is a client of this short name already: choose another name")
        return status, {"name": told}
    plain = {
        "name": words.gettext("Give a name of 1 to 100 characters"),
        "currency": words.gettext("Give three letters, such as EUR, or none"),
    }
    return status, {field: plain.get(field, told) for field, told in errors.items()}


def with_assigned(held: Sequence[Held], form: AssignForm, words: Words) -> tuple[list[Held], dict[str, str]]:
    """Return the list with what the form adds, or what is wrong with it by field."""
    errors: dict[str, str] = {}
    begin, last = _day(form.from_), _day(form.to)
    if not form.container:
        errors["container"] = words.gettext("Choose a container")
    if begin is None:
        errors["from"] = words.gettext("Give the first day")
    if form.to.strip() and last is None:
        errors["to"] = words.gettext("Give the last day, or none")
    elif begin is not None and last is not None and last < begin:
        errors["to"] = words.gettext("The last day is before the first one")
    if errors or begin is None:
        return [], errors
    return [*held, Held(container=form.container, from_=begin, to=last)], {}


def with_ended(held: Sequence[Held], form: EndForm, words: Words) -> tuple[list[Held], dict[str, str]]:
    """Return the list with another last day in a row, or without that row; or what is wrong, by the row's field."""
    row = int(form.row) if form.row.isascii() and form.row.isdigit() and len(form.row) < 6 else 0
    if not 1 <= row <= len(held):
        return [], {"": words.gettext("There is no such assignment any more: look at the list again")}
    before, one, after = held[: row - 1], held[row - 1], held[row:]
    if form.do == "take":
        return [*before, *after], {}
    last = _day(form.to)
    if form.to.strip() and last is None:
        return [], {f"end_{row}": words.gettext("Give the last day, or none")}
    if last is not None and last < one.from_:
        return [], {f"end_{row}": words.gettext("The last day is before the first one")}
    return [*before, msgspec.structs.replace(one, to=last), *after], {}


def _typed(form: ClientForm) -> dict[str, str | bool | None]:
    return {
        "name": form.name.strip(),
        "language": form.language,
        "currency": form.currency.strip().upper() or None,
        "shows_cost": form.shows_cost != "",
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
