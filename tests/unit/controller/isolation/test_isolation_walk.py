"""Every route of the API as each of two clients, an accountant, an administrator and nobody, by session and by token.

What comes is held against the table of rules: bodies, headers, counts, errors. The pages are walked in the same fleet by
tests/unit/controller/pages/test_roles_walk.py.
"""

import re
from collections.abc import Mapping
from typing import Final

import pytest

from controller.api.route import Open
from controller.api.routes import ROUTES
from controller.pages.routes import PAGES
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.isolation.conftest import METHODS, ROUTE_OF, Town, ask, unasked, whole
from tests.unit.controller.isolation.isolation_rules import (
    RULES,
    Things,
    questions,
    shown_by_pages,
    things,
)
from tests.unit.controller.pages.fleet_of_two_clients import MARK, OFFICE, PLANTED, TwoClients

BY: Final = ("session", "token")
STREAM: Final = "GET /api/v1/stream"
ENDING: Final = ("POST /api/v1/auth/logout",)
"""What would end the session that walks on."""

HOUSES_OWN: Final = (OFFICE, r"10\.1\.", "hy_", "targets", "reason_of_operator")
OF_SECOND: Final = (MARK, PLANTED, "Chatham")
OF_FIRST: Final = ("acme", r"container[- ][17]\b", "SMT0123", "volga", "S19j", "clara")


def test_every_route_has_a_rule_that_agrees_with_who_may_use_it() -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES} == set(RULES)
    for name, rule in RULES.items():
        route = ROUTE_OF[name]
        for_clients = isinstance(route.roles, Open) or "client" in route.roles
        assert (rule.whose != "office") is for_clients, f"{name} is {rule.whose}"
        assert rule.addresses, name
        assert bool(rule.bodies) is (route.body is not None), f"{name}: with which body it is asked"


def test_every_page_has_a_rule_that_agrees_with_who_may_see_it() -> None:
    shown = shown_by_pages()
    assert {f"{route.method} {route.path}" for route in PAGES} == set(shown)
    for name, whose in shown.items():
        roles = ROUTE_OF[name].roles
        assert (whose != "office") is (isinstance(roles, Open) or "client" in roles), f"{name} is {whose}"
        assert whose != "the house" or isinstance(roles, Open), f"{name} is {whose}"


async def told(browser: Browser, of: Things, *, methods: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what each question is answered, streams aside."""
    found = {}
    for name, method, address, body in questions(of, methods=methods):
        if name == STREAM or (name in ENDING and browser.cookie is not None):
            continue
        answer = await whole(await ask(browser, name, method, address, body))
        assert not answer.startswith("500"), f"{method} {address}: {answer}"
        if address == "/api/v1/me":
            answer = re.sub(
                r"ETag: \S+", "ETag: …", answer, flags=re.IGNORECASE
            )  # it is over the id of the account
        found[f"{method} {address} {body}"] = answer
    return found


def where(found: Mapping[str, str], *words: str) -> dict[str, str]:
    """Return which answers hold one of the words, with what stands around it."""
    shown = {}
    for asked, text in found.items():
        for word in words:
            hit = re.search(word, text, re.IGNORECASE)
            if hit is not None:
                shown[asked] = text[max(0, hit.start() - 200) : hit.end() + 100]
    return shown


def but(found: Mapping[str, str], *beginnings: str) -> dict[str, str]:
    return {asked: text for asked, text in found.items() if not asked.startswith(beginnings)}


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Return which answers differ, and from where on."""
    found = {}
    for asked, text in one.items():
        if text != other[asked]:
            at = next((at for at, (a, b) in enumerate(zip(text, other[asked], strict=False)) if a != b), -1)
            begin = max(0, at - 60)
            found[asked] = f"{text[begin : at + 60]!r} is {other[asked][begin : at + 60]!r}"
    return found


SAID_BACK: Final = ("POST /api/login", "POST /api/logout", "GET /api/openapi.json", "GET /api ")
"""Documents with examples of addresses, which are nobody's."""


@pytest.mark.parametrize("by", BY)
async def test_each_client_reads_nothing_of_the_other_or_of_the_operator(town: Town, by: str) -> None:
    for of, others in (("acme", OF_SECOND), (MARK, OF_FIRST)):
        browser = await town.asks(f"{of} clara" if of == "acme" else f"{of} boris", of, by)
        found = await told(browser, await town.things(of))
        shown = where(but(found, *SAID_BACK), *others, *HOUSES_OWN)
        assert not shown, "\n".join(f"{asked}: {text}" for asked, text in shown.items())
        assert where(found, things(of)["miner"]), "one's own is there"


@pytest.mark.parametrize("by", BY)
async def test_a_client_is_answered_what_he_would_be_if_there_were_no_other(
    two_clients: TwoClients, by: str
) -> None:
    """Counts, totals, cursors, ETags, lengths, numbers: none of it moves with what is another's, whatever is asked for."""
    answers = []
    for second in (True, False):
        town = await Town.of(await two_clients(second=second))
        # Whoever comes first to the older tools' paths makes others' numbers higher.
        await told(
            await town.office(f"{OFFICE} reader", "administrator", "session"),
            things("acme"),
            methods=("GET",),
        )
        browser = await town.asks("clara", "acme", by)
        answers.append(
            await told(browser, things("acme")) | await told(browser, things(MARK), methods=("GET",))
        )
    beside, alone = answers
    found = differing(alone, beside)
    assert not found, "\n".join(f"{asked}: {how}" for asked, how in found.items())


@pytest.mark.parametrize("by", BY)
async def test_what_is_anothers_is_answered_as_what_is_not_there(town: Town, by: str) -> None:
    """In every method, also those that a path does not have, with the other's ids and with ones that nobody ever had."""
    browser = await town.asks("clara", "acme", by)
    of, none = await town.things(MARK), await town.things("nowhere")
    for (name, method, address, body), (_, _, missing, no_body) in zip(
        questions(of), questions(none), strict=True
    ):
        if name == STREAM or (name in ENDING and by == "session"):
            continue
        for used in METHODS if body is None else (method,):
            one = await whole(await ask(browser, name, used, address, body))
            other = await whole(await ask(browser, name, used, missing, no_body))
            assert unasked(one, of) == unasked(other, none), f"{used} {address} {body}"
            town.fleet.deeds.pass_time(seconds=1)
