"""A container changes hands: what was done in the time of the one is not shown to the other, and what lasts is shown as of then.

The one's past events stay his; operations, overrides, timelines and figures are those of the time in which the container is
the client's.
"""

from datetime import timedelta
from typing import Any

import pytest
import yaml

from controller.api.stats_routes import METRICS
from controller.assigning import Assigning
from controller.history import History
from controller.model import SYSTEM, Actor, Event, Operation, Override, Result
from controller.storage.storage import Storage
from controller.tenures import Tenures
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.isolation.conftest import Town
from tests.unit.controller.pages.fleet_of_two_clients import MARK

CONTAINER = "container-7"
CHIEF = Actor("user", "anna", "usr_anna")
HOUR = timedelta(hours=1)
HANDED_OVER = BEGIN + 10 * HOUR


def operation(name: str, results: list[Result], **more: Any) -> Operation:
    given: dict[str, Any] = {
        "id": name,
        "cause": "command",
        "action": "reboot",
        "state": "done",
        "created_by": CHIEF,
        "created_at": BEGIN,
        "started_at": BEGIN,
        "ended_at": BEGIN + HOUR,
        "total": len(results),
    }
    return Operation(**given | more)


def override(name: str, **more: Any) -> Override:
    given: dict[str, Any] = {
        "id": name,
        "profile": "curtail",
        "ends": "manual",
        "reason": "the grid asks",
        "created_by": CHIEF,
        "created_at": BEGIN + HOUR,
        "starts_at": BEGIN + HOUR,
        "containers": (CONTAINER,),
    }
    return Override(**given | more)


def told(data: dict[str, Any]) -> list[str]:
    return [one["id"] for one in data["items"]]


class Handing:
    """The container that was made through the API goes from the first client to the second."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.deeds = town.fleet.deeds
        self.storage: Storage = town.fleet.house.storage
        self.miner = next(view.id for view in self.deeds.views(CONTAINER))

    async def happens(self) -> None:
        """Let things happen before, across and after the change of hands."""
        await self.town.fleet.services[Tenures].keep()
        moments = {"before": BEGIN + HOUR, "after": HANDED_OVER + HOUR}
        for name, at in moments.items():
            results = [Result(miner=self.miner, state="applied", started_at=at, duration_s=1.0)]
            one = operation(f"op_{name}", results, created_at=at, started_at=at, ended_at=at + HOUR)
            await self.storage.operations.add(one, results)
        skipped = [Result(miner=self.miner, state="skipped")]
        await self.storage.operations.add(operation("op_skipped", skipped), skipped)
        going = [Result(miner=self.miner, state="waiting")]
        running = operation("op_across", going, state="running", ended_at=None)
        self.deeds.running["op_across"] = running, going
        await self.storage.operations.add(running, going)
        done = [Result(miner=self.miner, state="applied", started_at=BEGIN + HOUR)]
        long = operation("op_long", done, state="running", ended_at=None)
        self.deeds.running["op_long"] = long, done
        for one in (
            override("ov_before", ended_at=BEGIN + 2 * HOUR, ended_by=CHIEF),
            override("ov_across"),
            override(
                "ov_elsewhere",
                ends="next_change",
                containers=(CONTAINER, "container-1"),
                until=BEGIN + 20 * HOUR,
                until_by_container={CONTAINER: BEGIN + 2 * HOUR, "container-1": BEGIN + 20 * HOUR},
            ),
            override("ov_own", starts_at=HANDED_OVER + HOUR, created_at=HANDED_OVER + HOUR),
        ):
            await self.storage.overrides.add(one)
            if one.ended_at is None:
                self.deeds.kept_overrides.insert(0, one)
        for number, (client, at) in enumerate((("acme", moments["before"]), (MARK, moments["after"]))):
            await self.storage.events.add(
                Event(
                    id=f"evt_of_{number}",
                    at=at,
                    category="command",
                    kind="command.finished",
                    actor=CHIEF,
                    container=CONTAINER,
                    miner=self.miner,
                    client=client,
                    outcome="ok",
                )
            )

    async def change_hands(self, of: str = "acme", to: str = MARK) -> None:
        """Hand the container over ten hours on, as the managed file says it, and let four hours pass."""
        self.deeds.pass_time(hours=10)
        file = self.town.fleet.managed
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        [container] = [one for one in document["containers"] if one["name"] == "Container 7"]
        assert container["client"] == of
        container["client"] = to
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        await self.town.fleet.store.reload()
        await self.town.fleet.services[Tenures].keep()
        self.deeds.pass_time(hours=4)


@pytest.fixture
async def handing(town: Town) -> Handing:
    """Return the fleet after the change of hands."""
    found = Handing(town)
    await found.happens()
    await found.change_hands()
    return found


@pytest.fixture
async def new(handing: Handing) -> Browser:
    return await handing.town.asks("boris", MARK, "session")


@pytest.fixture
async def former(handing: Handing) -> Browser:
    return await handing.town.asks("clara", "acme", "session")


async def asked(browser: Browser, address: str) -> Any:
    response = await browser.get(address)
    assert response.status == 200, f"{address}: {await response.text()}"
    return await response.json()


async def test_the_new_one_sees_operations_of_his_time_alone(handing: Handing, new: Browser) -> None:
    listed = await asked(new, f"/api/v1/operations?container={CONTAINER}")
    names = told(listed)
    assert "op_after" in names
    assert "op_across" in names
    assert not {"op_before", "op_skipped", "op_long"} & set(names)
    assert listed["total"] == len(names)
    for name, status in (("after", 200), ("across", 200), ("before", 404), ("skipped", 404), ("long", 404)):
        assert (await new.get(f"/api/v1/operations/op_{name}")).status == status, name
        assert (await new.get(f"/api/v1/operations/op_{name}/results")).status == status, name
        assert (await new.get(f"/operations/op_{name}")).status == status, name
    across = await asked(new, "/api/v1/operations/op_across")
    assert (across["state"], across["total"]) == ("running", 1)
    page = await (await new.get("/operations")).text()
    assert "op_after" in page
    assert "op_before" not in page
    assert "op_long" not in page


async def test_the_new_one_sees_overrides_of_his_time_alone(handing: Handing, new: Browser) -> None:
    listed = await asked(new, f"/api/v1/overrides?container={CONTAINER}")
    assert {"ov_across", "ov_own"} <= set(told(listed))
    assert not {"ov_before", "ov_elsewhere"} & set(told(listed))
    for name in ("before", "elsewhere"):
        assert (await new.get(f"/api/v1/overrides/ov_{name}")).status == 404
    across = await asked(new, "/api/v1/overrides/ov_across")
    assert across["starts_at"] == across["created_at"] == HANDED_OVER.isoformat().replace("+00:00", "Z")
    own = await asked(new, "/api/v1/overrides/ov_own")
    assert own["starts_at"] == (HANDED_OVER + HOUR).isoformat().replace("+00:00", "Z")


async def test_the_new_one_is_told_of_no_time_before_his(handing: Handing, new: Browser) -> None:
    first = HANDED_OVER.isoformat().replace("+00:00", "Z")
    day = f"date={HANDED_OVER.date()}&days=2&container={CONTAINER}"
    [timeline] = (await asked(new, f"/api/v1/timeline?{day}"))["containers"]
    before = [piece for piece in timeline["pieces"] if piece["to"] <= first]
    assert [piece["source"] for piece in before] == ["none"]
    assert before[0]["profile"] is None
    after = [piece for piece in timeline["pieces"] if piece["from"] >= first]
    assert "ov_across" in {piece["override_id"] for piece in after}
    container = await asked(new, f"/api/v1/containers/{CONTAINER}")
    assert container["profile"]["since"] == first
    miner = await asked(new, f"/api/v1/miners/{handing.miner}")
    assert miner["profile"]["since"] == first


async def test_each_keeps_the_record_of_his_own_time(handing: Handing, new: Browser, former: Browser) -> None:
    of_former = told(await asked(former, f"/api/v1/events?container={CONTAINER}"))
    of_new = told(await asked(new, f"/api/v1/events?container={CONTAINER}"))
    assert "evt_of_0" in of_former
    assert "evt_of_1" not in of_former
    assert of_new == ["evt_of_1"]
    recent = (await asked(new, f"/api/v1/miners/{handing.miner}"))["recent_events"]
    assert [one["id"] for one in recent] == ["evt_of_1"]
    for browser, shown, other in ((former, "evt_of_0", "evt_of_1"), (new, "evt_of_1", "evt_of_0")):
        text = await (await browser.get(f"/api/v1/events.csv?container={CONTAINER}")).text()
        assert shown in text
        assert other not in text


async def test_the_former_one_sees_nothing_of_it_any_more(handing: Handing, former: Browser) -> None:
    for address in (
        f"/api/v1/containers/{CONTAINER}",
        f"/api/v1/miners/{handing.miner}",
        "/api/v1/operations/op_after",
        "/api/v1/operations/op_across",
        "/api/v1/overrides/ov_own",
        "/api/v1/overrides/ov_across",
        f"/api/v1/timeline?container={CONTAINER}",
        f"/api/v1/stats/containers/{CONTAINER}",
        f"/charts/container/{CONTAINER}",
    ):
        assert (await former.get(address)).status == 404, address
    listed = await asked(former, "/api/v1/operations?limit=500")
    assert "op_after" not in told(listed)


async def test_figures_of_before_are_not_asked_for(
    handing: Handing, new: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Series carry the client that the container had then: every selector of every metric asks for one's own."""
    queries: list[str] = []
    asking = History.over_range

    async def over_range(history: History, query: str, *more: Any) -> Any:
        queries.append(query)
        return await asking(history, query, *more)

    monkeypatch.setattr(History, "over_range", over_range)
    addresses = [
        f"{path}?metric={metric}"
        for metric in METRICS
        for path in (
            f"/api/v1/stats/containers/{CONTAINER}",
            f"/api/v1/stats/miners/{handing.miner}",
            "/api/v1/stats/containers",
            "/api/v1/stats/overview",
        )
    ]
    charts = (f"/charts/container/{CONTAINER}", f"/charts/miner/{handing.miner}", "/charts/sparklines")
    for address in (*addresses, *charts):
        assert (await new.get(address)).status == 200, address
    assert len(queries) == len(addresses) + len(charts)
    for query in queries:
        assert query.count("{") == query.count(f'client="{MARK}"'), query


async def test_whoever_sees_everything_sees_all_times(handing: Handing) -> None:
    office = await handing.town.office("anna", "administrator", "session")
    names = told(await asked(office, f"/api/v1/operations?container={CONTAINER}&limit=500"))
    assert {"op_before", "op_after", "op_skipped", "op_across"} <= set(names)
    across = await asked(office, "/api/v1/overrides/ov_across")
    assert across["starts_at"] == (BEGIN + HOUR).isoformat().replace("+00:00", "Z")
    narrow = await handing.town.office("anna", "administrator", "token", containers=(CONTAINER,))
    assert (await narrow.get("/api/v1/operations/op_before")).status == 200


async def test_what_was_his_before_is_not_shown_when_it_comes_back(handing: Handing) -> None:
    """The time begins anew: between the two, the container was somebody else's."""
    await handing.change_hands(to="acme", of=MARK)
    browser = await handing.town.asks("clara", "acme", "session")
    assert (await browser.get(f"/api/v1/containers/{CONTAINER}")).status == 200
    for name in ("op_before", "op_after"):
        assert (await browser.get(f"/api/v1/operations/{name}")).status == 404


async def test_since_when_is_kept_across_a_pause(handing: Handing) -> None:
    fleet = handing.town.fleet
    again = Tenures(handing.storage, lambda: fleet.store.inventory, lambda: fleet.deeds.now)
    assert again.since(CONTAINER) == fleet.deeds.now, "before it has looked, nothing of the past is anybody's"
    await again.keep()
    assert again.since(CONTAINER) == HANDED_OVER
    assert again.since("container-1") is None
    assert again.since("nowhere") == fleet.deeds.now


async def test_others_results_are_not_gone_through(handing: Handing, new: Browser) -> None:
    """Of a running operation one's own containers are looked up: how many miners of others it has costs nothing."""
    deeds, looked_up = handing.deeds, []

    def results_in(operation_id: str, container_id: str) -> list[Result]:
        looked_up.append(container_id)
        _, results = deeds.running.get(operation_id, (None, []))
        return [one for one in results if one.miner.startswith(f"{container_id}.")]

    def results(operation_id: str) -> list[Result]:
        raise AssertionError(f"all results of {operation_id} are gone through")

    deeds.results_in, deeds.results = results_in, results  # type: ignore[method-assign,assignment]
    for address, status in (
        ("/api/v1/operations", 200),
        ("/api/v1/operations/op_all", 200),
        ("/api/v1/operations/op_container-1", 404),
        ("/api/v1/operations/op_all/results", 200),
        ("/api/v1/containers", 200),
        ("/operations/op_all", 200),
        ("/operations", 200),
        (f"/miners/{handing.miner}", 200),
        ("/", 200),
    ):
        assert (await new.get(address)).status == status, address
    assert "container-1" not in looked_up
    assert CONTAINER in looked_up


async def test_the_log_tells_each_of_his_own_assignments(town: Town) -> None:
    """That a container came to him and left him; whom it went to or came from is another's business."""
    handing = Handing(town)
    await town.fleet.services[Tenures].keep()
    await town.fleet.services[Assigning].follow()
    await handing.change_hands()
    await town.fleet.services[Assigning].follow()
    kinds = ("container.client_begun", "container.client_ended")
    for of, name, expected in (
        ("acme", "clara", {"container.client_begun", "container.client_ended"}),
        (MARK, "boris", {"container.client_begun"}),
    ):
        browser = await town.asks(name, of, "session")
        asked_for = "&".join(f"kind={kind}" for kind in kinds)
        found = await asked(browser, f"/api/v1/events?container={CONTAINER}&{asked_for}")
        assert {one["kind"] for one in found["items"]} == expected
        assert {(one["client"], one["actor"]["name"]) for one in found["items"]} == {(of, SYSTEM.name)}
        assert all(not one["params"] and one["before"] is one["after"] is None for one in found["items"])
        page = await (await browser.get(f"/log?container={CONTAINER}&category=inventory")).text()
        assert "Container given to a client" in page
        assert (MARK if of == "acme" else "acme") not in page.replace(CONTAINER, "")
