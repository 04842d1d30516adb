"""The same routes as the accountant, the administrator and nobody: what is planted is there to be seen, and by whom."""

import re
from typing import Final

import pytest

from controller.api.record_routes import CATEGORIES
from controller.api.route import Open
from controller.model import Role
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.isolation.conftest import ROUTE_OF, Town, ask, unasked, whole
from tests.unit.controller.isolation.isolation_rules import RULES, filled, questions
from tests.unit.controller.isolation.test_isolation_walk import BY, ENDING, SAID_BACK, STREAM, told, where
from tests.unit.controller.pages.fleet_of_two_clients import MARK, PLANTED

OFFICE_ROLES: Final[tuple[Role, ...]] = ("accountant", "administrator")
NOTHING_PLANTED: Final = frozenset(
    (
        # Numbers alone, which the fixed fleet's second client moves; the differential walk sees to them.
        "GET /api/v1/overview",
        "GET /api/stats/overview",
        "GET /api/stats/miners/{id}",
        "GET /api/stats/containers/{id}",
        # Months and numbers: whose reports they hold, each report says.
        "GET /api/v1/reports",
    )
)


@pytest.mark.parametrize("role", OFFICE_ROLES)
@pytest.mark.parametrize("by", BY)
async def test_what_is_planted_is_there_for_those_who_see_everything(town: Town, role: Role, by: str) -> None:
    """Else the walk of the clients would look for what nobody is shown."""
    browser = await town.office("anna", role, by)
    of = await town.things(MARK)
    for name, rule in RULES.items():
        method = name.partition(" ")[0]
        if rule.whose != "one's own" or method != "GET" or name in NOTHING_PLANTED or name == STREAM:
            continue
        texts = [
            await whole(await ask(browser, name, method, filled(one, of), None)) for one in rule.addresses
        ]
        bodies = [text.partition("\n\n")[2] for text in texts if text.startswith("200")]
        assert any(re.search(f"{MARK}|{PLANTED}", text, re.IGNORECASE) for text in bodies), (
            f"{name}: {texts[0][:900]}"
        )


@pytest.mark.parametrize("by", BY)
async def test_an_accountant_is_refused_what_is_not_his_whoever_owns_it(town: Town, by: str) -> None:
    """Alike for what there is and what there never was, before anything of the request is looked at."""
    browser = await town.office("felix", "accountant", by)
    of, none = await town.things(MARK), await town.things("nowhere")
    for (name, method, address, body), (_, _, missing, no_body) in zip(
        questions(of), questions(none), strict=True
    ):
        roles = ROUTE_OF[name].roles
        if isinstance(roles, Open) or "accountant" in roles:
            continue
        one = await whole(await ask(browser, name, method, address, body))
        other = await whole(await ask(browser, name, method, missing, no_body))
        assert one.startswith("403"), f"{method} {address}: {one}"
        assert unasked(one, of) == unasked(other, none), f"{method} {address}"


async def test_an_accountant_reads_nothing_of_people(town: Town) -> None:
    """Of the record he has what was done and what it cost; no sign-in, no account."""
    await town.asks("clara the visitor", "acme", "session")
    browser = await town.office("felix", "accountant", "session")
    for address in ("/api/v1/events?limit=500", "/api/v1/events.csv", "/logs", "/log", "/log.csv"):
        response = await browser.get(address)
        assert "clara the visitor" not in await response.text(), address
    found = await (await browser.get("/api/v1/events?limit=500")).json()
    assert {one["category"] for one in found["items"]} <= set(CATEGORIES["accountant"])
    assert not {"people", "auth"} & set(CATEGORIES["accountant"])


async def test_who_is_nobody_is_told_nothing(town: Town) -> None:
    browser = town.fleet.house.browser()
    found = {}
    for of in (await town.things("acme"), await town.things(MARK)):
        found |= await told(browser, of)
    shown = where(
        {asked: said(text) for asked, text in found.items() if not asked.startswith(SAID_BACK)},
        MARK,
        r"Container [17]\b",
        r"\bacme\b",
        r"10\.1\.",
    )
    assert shown == {}
    for asked, text in found.items():
        assert text[:3] in {"200", "204", "303", "400", "401", "404", "415", "422", "429"}, f"{asked}: {text}"


async def test_what_is_anothers_is_no_more_to_nobody_than_what_never_was(town: Town) -> None:
    browser = town.fleet.house.browser()
    of, none = await town.things(MARK), await town.things("nowhere")
    for (name, method, address, body), (_, _, missing, no_body) in zip(
        questions(of), questions(none), strict=True
    ):
        if name == STREAM or name in ENDING:
            continue
        one = await whole(await ask(browser, name, method, address, body))
        other = await whole(await ask(browser, name, method, missing, no_body))
        assert unasked(one, of) == unasked(other, none), f"{method} {address}"
        if not isinstance(ROUTE_OF[name].roles, Open):
            assert one.startswith("401"), f"{method} {address}: {one}"


def said(text: str) -> str:
    """Return the body of an answer without the address that was asked for, which comes back in it."""
    return re.sub(r'"instance":"[^"]*"', "", text.partition("\n\n")[2])


@pytest.mark.parametrize("wrong", ["hy_" + "x" * 43, "hg_" + "x" * 43, "hm_" + "x" * 43, "", "hy_"])
async def test_a_token_that_is_none_is_nobody(town: Town, wrong: str) -> None:
    browser = Browser(town.fleet.house.http, token=wrong)
    for name, method, address, body in questions(await town.things("acme")):
        if not isinstance(ROUTE_OF[name].roles, Open):
            answer = await whole(await ask(browser, name, method, address, body))
            assert answer.startswith("401"), f"{method} {address}: {answer}"
