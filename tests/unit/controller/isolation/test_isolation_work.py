"""Somebody else's thing and one that never was take the same way: what was read, written and asked for is counted.

How long an answer takes would tell the one from the other as well as its words; that both are the same work is what can be
held without a clock.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from controller.api import stream_routes
from controller.history import History
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.isolation.conftest import Town, ask
from tests.unit.controller.isolation.isolation_rules import questions
from tests.unit.controller.isolation.test_isolation_walk import ENDING, STREAM
from tests.unit.controller.pages.fleet_of_two_clients import MARK, OWN
from tests.unit.controller.pages.test_roles_walk import NO_THINGS, OTHERS_THINGS, addresses


class Work:
    """Counts what a request has done: reads and writes of the database, questions to Prometheus."""

    def __init__(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: Counter[str] = Counter()
        database = town.fleet.house.storage.database
        for name in ("read", "write"):
            monkeypatch.setattr(database, name, self._counting(name, getattr(database, name)))
        for name in ("over_range", "alerts"):
            monkeypatch.setattr(History, name, self._counting(name, getattr(History, name)))

    def _counting(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            self.done[name] += 1
            return work(*args, **more)

        return counted

    async def begin(self, browser: Browser) -> None:
        """Have somebody be seen, which is written down once a minute, and his things be numbered for the older tools.

        His first page adds up his own books, and keeps that for a moment.
        """
        for address in ("/api/v1/me", "/api/miners", "/api/containers", "/"):
            await browser.get(address)
        self.done.clear()

    async def of(self, browser: Browser, asked: tuple[str, str, str, Any]) -> Mapping[str, int]:
        self.done.clear()
        await ask(browser, *asked)
        return dict(self.done)


@pytest.fixture(params=["session", "token"])
def by(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_the_api_does_the_same_work_for_both(
    town: Town, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await town.asks("clara", "acme", by)
    of, none = await town.things(MARK), await town.things("nowhere")
    work = Work(town, monkeypatch)
    await work.begin(browser)
    worked = 0
    for one, other in zip(questions(of), questions(none), strict=True):
        if one[0] == STREAM or one[0] in ENDING:
            continue
        done, expected = await work.of(browser, one), await work.of(browser, other)
        assert done == expected, one[1:]
        worked += sum(done.values())
    assert worked > 300


async def test_the_pages_do_the_same_work_for_both(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_routes, "PAUSE_S", -1.0)  # nothing is shared between one question and the next
    browser = await town.asks("clara", "acme", "session")
    work = Work(town, monkeypatch)
    await work.begin(browser)
    for one, other in zip(addresses(OTHERS_THINGS), addresses(NO_THINGS), strict=True):
        done = await work.of(browser, ("", "GET", one, None))
        assert done == await work.of(browser, ("", "GET", other, None)), one


async def test_a_token_for_other_containers_does_the_same_work_for_both(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await town.office("anna", "administrator", "token", containers=(OWN,))
    of, none = await town.things(MARK), await town.things("nowhere")
    work = Work(town, monkeypatch)
    await work.begin(browser)
    for one, other in zip(questions(of), questions(none), strict=True):
        if one[0] == STREAM or one[0] in ENDING:
            continue
        assert await work.of(browser, one) == await work.of(browser, other), one[1:]
