"""Which address is vouched for: one person's alone, whatever the accounts say."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import User, new_id
from controller.sign_on.claims import claims_of, vouched_email


def person(email: str | None, user_id: str = "usr_01ARZ3NDEKTSV4RRFFQ69G5FAV") -> User:
    return User(
        id=user_id, username="anna", role="client", created_at=datetime(2026, 3, 2, tzinfo=UTC), email=email
    )


@pytest.mark.parametrize(
    "email",
    [
        None,
        "",
        " ",
        "usr_another@hashyard.invalid",
        "emergency@hashyard.invalid",
        "x@HASHYARD.Invalid",
        "x@hashyard.invalid. ",
        "Admin@localhost",
    ],
)
def test_who_has_no_address_of_his_own_has_his_ids(email: str | None) -> None:
    assert vouched_email(person(email)) == "usr_01arz3ndektsv4rrffq69g5fav@hashyard.invalid"


@given(st.emails())
def test_an_address_of_ones_own_is_told_as_it_is(email: str) -> None:
    assert vouched_email(person(email)) == email


@given(st.text())
def test_nobodys_text_reaches_the_domain_of_the_ids(text: str) -> None:
    user = person(f"{text}@hashyard.invalid", new_id("usr"))
    assert vouched_email(user) == f"{user.id}@hashyard.invalid".lower()


def test_no_role_is_told() -> None:
    told = claims_of(person("anna@yard.example"), ("openid", "profile", "email"))
    assert set(told) == {"sub", "preferred_username", "name", "email", "email_verified"}
