"""The form of a person: what is typed, how it becomes a wish of the API's, and what is wrong with it, field by field."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from controller.api.decoding import decode_body
from controller.api.problems import Problem, problem_of
from controller.api.route import Call
from controller.api.user_changes import NewUser, UserChange
from controller.model import Client, Role, User
from controller.pages.form_mistakes import by_field
from controller.pages.language import Words
from controller.storage.faults import StorageError

FIELDS: Final = {"client_id": "client"}
"""The field on the page for a member of the body, where they are called differently."""

NEW_CLIENT: Final = "new"
"""In place of a client's id: one is made of the person's name."""

_FORMLESS: Final = ("length", "range", "type", "pattern", "missing")
_OF_FORMS: Final = (
    "invalid",
    "exists",
    "last-administrator",
    "changed-meanwhile",
    "too-many",
    "in-use",
    "not-found",
    "overlap",
    "read-only",
    "closed",
)
"""What stands against a form that can be filled in otherwise; anything else has a page of its own."""


class PersonForm(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the form sends him. `client`: an id, or NEW_CLIENT. `let_in`: by `invitation` or `password`."""

    role: str = ""
    username: str = ""
    name: str = ""
    email: str = ""
    language: str = "en"
    client: str = ""
    let_in: str = "invitation"
    etag: str = ""


def form_of(user: User, etag: str) -> PersonForm:
    """Return the form of somebody as he is."""
    return PersonForm(
        role=user.role,
        username=user.username,
        name=user.name or "",
        email=user.email or "",
        language=user.language,
        client=user.client_id or "",
        etag=etag,
    )


def new_user(form: PersonForm) -> NewUser:
    """Return whom the form wishes for. Raises Problem (invalid) with every mistake."""
    wish = _typed(form) | {"invite": form.let_in != "password"}
    if form.role == "client" and form.client != NEW_CLIENT:
        wish["client_id"] = form.client or ""
    return decode_body(msgspec.json.encode(wish), NewUser)


def user_change(form: PersonForm) -> UserChange:
    """Return what the form changes. Raises Problem (invalid) with every mistake."""
    wish = _typed(form)
    if form.role == "client":
        wish["client_id"] = form.client or None
    return decode_body(msgspec.json.encode(wish), UserChange)


def mistakes_of(error: Problem | StorageError, words: Words) -> tuple[int, Mapping[str, str]]:
    """Return the status and what is wrong by field ("" for none of them). Raises the error where it is nothing of the form's."""
    problem = error if isinstance(error, Problem) else problem_of(error)
    if problem is None or problem.kind not in _OF_FORMS:
        raise error
    plain = {
        "username": words.gettext("Give a name of 1 to 64 characters, without a space at its begin or end"),
        "name": words.gettext("The name has 1 to 100 characters"),
        "email": words.gettext("Give one address, such as olga@example.org, or none"),
        "role": words.gettext("Choose what this person is to be"),
        "client": words.gettext("Choose the client to whom this person belongs"),
    }
    formless = {
        FIELDS.get(member, member)
        for member in (mistake.at.lstrip("/") for mistake in problem.mistakes if mistake.code in _FORMLESS)
    }
    found = by_field(problem, words, FIELDS)
    return problem.status, {
        field: plain.get(field, told) if field in formless else told for field, told in found.items()
    }


async def every_client(call: Call[Any, Any]) -> list[Client]:
    """Return all clients, by name."""
    found = await call.storage.people.clients.all()
    return sorted(found, key=lambda client: (client.name.casefold(), client.slug))


def role_of(text: str) -> Role | None:
    """Return the role that a form or an address names."""
    roles: dict[str, Role] = {
        "administrator": "administrator",
        "accountant": "accountant",
        "client": "client",
    }
    return roles.get(text)


def _typed(form: PersonForm) -> dict[str, Any]:
    return {
        "role": form.role,
        "username": form.username.strip(),
        "name": form.name.strip() or None,
        "email": form.email.strip() or None,
        "language": form.language,
    }
