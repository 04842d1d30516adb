"""Seeing what a client sees, walked against the client himself: every page and every route answers both alike.

Only the notice of the view, the way to one's account and the account itself differ. That nothing can be written so is held,
for every route, by tests/unit/controller/pages/test_view_as_client.py.
"""

import pytest

from controller.api import stream_routes
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.isolation.conftest import Town, ask, whole
from tests.unit.controller.isolation.isolation_rules import PAGES_SHOW, RULES, filled, things
from tests.unit.controller.isolation.test_isolation_walk import STREAM
from tests.unit.controller.pages.fleet_of_two_clients import MARK, OFFICE
from tests.unit.controller.pages.test_roles_walk import ADDRESSES, NO_THINGS, OTHERS_THINGS, OWN_THINGS
from tests.unit.controller.pages.test_roles_walk import whole as whole_page
from tests.unit.controller.pages.test_view_as_client import FORM, comparable


@pytest.fixture
async def seen(town: Town) -> tuple[Browser, Browser]:
    """Return an administrator in the client's view, and the client."""
    viewer = await town.office("root", "administrator", "session")
    client = await town.fleet.house.client("acme")
    led = await viewer.ask("POST", f"/clients/{client.id}/view", data=b"", headers=FORM)
    assert led.status == 303
    return viewer, await town.asks("clara", "acme", "session")


async def test_every_page_is_the_clients_own(
    seen: tuple[Browser, Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        stream_routes, "PAUSE_S", -1.0
    )  # what a stream holds back is not shared between the two
    account = set(PAGES_SHOW["oneself"].split())
    addresses = [
        pattern.format(**of)
        for path, patterns in ADDRESSES.items()
        for pattern in patterns
        for of in (OWN_THINGS, OTHERS_THINGS, NO_THINGS)
        if path not in account
    ]
    shown = 0
    for address in dict.fromkeys(addresses):
        one, other = [await whole_page(await browser.get(address)) for browser in seen]
        assert differing(comparable(one), comparable(other)) is None, address
        assert OFFICE not in one.replace(address, ""), address
        shown += one.startswith("200")
    assert shown > 60


async def test_every_route_answers_as_it_does_the_client(seen: tuple[Browser, Browser]) -> None:
    answered = 0
    for name, rule in RULES.items():
        if not name.startswith("GET ") or name == STREAM or rule.whose == "oneself":
            continue
        for pattern in rule.addresses:
            for of in (things("acme"), things(MARK)):
                address = filled(pattern, of)
                one, other = [
                    comparable(await whole(await ask(browser, name, "GET", address, None)))
                    for browser in seen
                ]
                assert one == other, address
                answered += one.startswith("200")
    assert answered > 100


def differing(one: str, other: str) -> tuple[str, str] | None:
    """Return where two answers begin to differ; None where they do not."""
    if one == other:
        return None
    at = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    begin = max(0, at - 120)
    return one[begin : at + 80], other[begin : at + 80]
