"""Requests of every wrong kind, and what the framework promises for all routes: problems, conditions, repeats, limits."""

import asyncio
import io
from dataclasses import dataclass, field
from html import unescape
from typing import Annotated, Any, Literal, get_args

import msgspec
import pytest

from controller.api.openapi import problems_of
from controller.api.paging import page_of
from controller.api.problems import KINDS, Kind, Mistake, Problem
from controller.api.route import ANYBODY, EVERYBODY, Answer, Call, ListQuery, NoQuery, Page, Route
from controller.api.routes import ROUTES
from controller.deeds import Busy, InDoubt, Invalid, NotThere, Observed, OverLimit, Plan, PlanChanged, Planned
from controller.storage.faults import StorageAway
from miners.errors import InventoryError
from tests.unit.controller.api.conftest import House, MakeHouse
from tests.unit.controller.api.quiet_deeds import BEGIN, QuietProcess


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=3)] = "x"


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parts: Annotated[tuple[Part, ...], msgspec.Meta(min_length=1, max_length=3)]
    mode: Literal["fast", "slow"]
    named: dict[str, Part] = {}
    one: Part | None = None
    ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None


class Search(ListQuery, frozen=True, kw_only=True):
    state: tuple[Literal["mining", "sleeping"], ...] = ()
    active: bool | None = None
    hotter_than_c: float | None = None


@dataclass
class Bench:
    """Routes whose handlers do what a test says."""

    error: Exception | None = None
    calls: int = 0
    gate: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def wish(self, call: Call[Wish, NoQuery]) -> Answer:
        self.calls += 1
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Answer(body={"call": self.calls, "mode": call.body.mode}, headers={"Location": "/x/1"})

    async def list(self, call: Call[None, Search]) -> Page[str]:
        query = call.query
        said = [f"{','.join(query.state)} {query.active} {query.hotter_than_c} {call.sort}"]
        return page_of(said, query, "things", str)

    async def whose(self, call: Call[None, NoQuery]) -> dict[str, str | None]:
        return {"asker": None if call.asker is None else call.asker.user.username}

    def routes(self) -> tuple[Route, ...]:
        return (
            *ROUTES,
            Route(
                method="POST",
                path="/wishes/{name}",
                roles=EVERYBODY,
                scopes=("control",),
                summary="Wish",
                body=Wish,
                reply=dict[str, Any],
                status=202,
                idempotent=True,
                handler=self.wish,
            ),
            Route(
                method="POST",
                path="/whose",
                roles=ANYBODY,
                scopes=(),
                summary="Whose",
                reply=dict[str, Any],
                handler=self.whose,
            ),
            Route(
                method="GET",
                path="/things",
                roles=ANYBODY,
                scopes=(),
                summary="Things",
                query=Search,
                reply=Page[str],
                sorts=("power_w", "name"),
                handler=self.list,
            ),
        )


RIGHT = {"parts": [{"port": 1}], "mode": "fast"}


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def workshop(make_house: MakeHouse, bench: Bench) -> House:
    return await make_house(app={"routes": bench.routes()})


async def places(response: Any) -> list[tuple[str, str]]:
    return [(mistake["at"], mistake["code"]) for mistake in (await response.json())["errors"]]


def test_every_kind_of_problem_is_explained() -> None:
    assert set(KINDS) == set(get_args(Kind))
    for route in ROUTES:
        assert set(problems_of(route)) <= set(KINDS)


async def test_every_kind_has_a_page(house: House) -> None:
    for kind, about in KINDS.items():
        response = await house.browser().get(f"/problems/{kind}")
        assert response.status == 200
        assert about.title in unescape(await response.text())
        assert response.content_type == "text/html"
    assert (await house.browser().get("/problems/no-such")).status == 404


async def test_all_mistakes_in_a_body_are_named_with_their_places(workshop: House) -> None:
    user = await workshop.signed_in("anna")
    body = {
        "parts": [{"port": 70000}, {"name": "long name"}, {"port": "x", "colour": 1}],
        "named": {"a/b~c": {"port": 0}},
        "one": {"port": 1.5},
        "ratio": 1,
        "else": None,
    }
    response = await user.ask("POST", "/wishes/x", body)
    assert response.status == 422
    assert set(await places(response)) == {
        ("/parts/0/port", "range"),
        ("/parts/1/port", "missing"),
        ("/parts/1/name", "length"),
        ("/parts/2/port", "type"),
        ("/parts/2/colour", "unknown"),
        ("/named/a~1b~0c/port", "range"),
        ("/one/port", "type"),
        ("/ratio", "range"),
        ("/mode", "missing"),
        ("/else", "unknown"),
    }
    whole = await response.json()
    assert whole["error"] == whole["detail"] == "10 values need attention"
    assert whole["instance"] == "/wishes/x"
    assert whole["request_id"] == response.headers["X-Request-Id"]
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"parts": [], "mode": "fast"}, ("/parts", "length")),
        ({"parts": [{"port": 1}] * 4, "mode": "fast"}, ("/parts", "length")),
        ({"parts": [{"port": 1}], "mode": "quick"}, ("/mode", "choice")),
        ({"parts": {}, "mode": "fast"}, ("/parts", "type")),
        ({"parts": [{"port": 1, "name": "a\0"}], "mode": "fast"}, ("/parts/0/name", "text")),
        ([], ("", "type")),
        (None, ("", "type")),
    ],
    ids=str,
)
async def test_one_mistake_is_named_in_the_detail(workshop: House, body: Any, where: tuple[str, str]) -> None:
    user = await workshop.signed_in("anna")
    response = await user.ask(
        "POST", "/wishes/x", data=msgspec.json.encode(body), headers={"Content-Type": "application/json"}
    )
    assert response.status == 422
    assert await places(response) == [where]


@pytest.mark.parametrize(
    ("raw", "media", "status", "kind"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b"", "application/json", 400, "malformed"),
        (b"\xff\xfe", "application/json", 400, "malformed"),
        (b'"\\ud800"', "application/json", 400, "malformed"),
        (b"[" * 100_000, "application/json", 400, "malformed"),
        (b"{}", "text/plain", 415, "media-type"),
        (b"{}", None, 415, "media-type"),
        (b" " * (1024 * 1024 + 1), "application/json", 413, "too-large"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_what_is_no_json_body_is_refused(
    workshop: House, raw: bytes, media: str | None, status: int, kind: str
) -> None:
    user = await workshop.signed_in("anna")
    headers = {} if media is None else {"Content-Type": media}
    skip = () if media else ("Content-Type",)
    response = await user.ask(
        "POST", "/wishes/x", data=io.BytesIO(raw), headers=headers, skip_auto_headers=skip
    )
    assert (response.status, (await response.json())["type"]) == (status, f"/problems/{kind}")


async def test_a_hundred_thousand_mistakes_are_not_all_told(workshop: House) -> None:
    user = await workshop.signed_in("anna")
    response = await user.ask("POST", "/wishes/x", {"parts": [{"port": 0}] * 50_000, "mode": "fast"})
    assert response.status == 422
    assert len((await response.json())["errors"]) == 100


async def test_filters_are_read_and_repeated_ones_mean_or(workshop: House) -> None:
    query = "state=mining&state=sleeping&active=false&hotter_than_c=80.5&sort=-power_w,name"
    response = await workshop.browser().get(f"/things?{query}")
    body = await response.json()
    assert body == {
        "items": ["mining,sleeping False 80.5 (('power_w', True), ('name', False))"],
        "next": None,
        "total": 1,
    }
    assert response.headers["Cache-Control"] == "no-store"


async def test_all_mistakes_in_a_query_are_named(workshop: House) -> None:
    query = "limit=0&state=up&active=perhaps&hotter_than_c=hot&colour=red&cursor=a&cursor=b"
    response = await workshop.browser().get(f"/things?{query}")
    assert response.status == 400
    assert set(await places(response)) == {
        ("?limit", "range"),
        ("?state", "choice"),
        ("?active", "type"),
        ("?hotter_than_c", "type"),
        ("?colour", "unknown"),
        ("?cursor", "repeated"),
    }


@pytest.mark.parametrize(
    "query",
    [
        "limit=501",
        "limit=x",
        "limit=",
        "cursor=abc",
        "cursor=%00",
        "sort=age",
        "sort=",
        "q=1",
        "cursor=%ED%A0%80",
    ],
)
async def test_a_wrong_parameter_is_refused(workshop: House, query: str) -> None:
    response = await workshop.browser().get(f"/things?{query}")
    assert (response.status, (await response.json())["type"]) == (400, "/problems/malformed")


async def test_a_cursor_of_another_list_is_refused(workshop: House) -> None:
    user = await workshop.signed_in("anna")
    for number in range(3):
        await workshop.user(f"user{number}", "accountant")
    cursor = (await (await user.get("/api/v1/users?limit=1")).json())["next"]
    assert (await user.get(f"/things?cursor={cursor}")).status == 400
    assert (await user.get(f"/api/v1/users?cursor={cursor}")).status == 200


async def test_unknown_paths_and_methods_are_told(house: House) -> None:
    missing = await house.browser().get("/api/v1/nothing")
    assert (missing.status, (await missing.json())["type"]) == (404, "/problems/not-found")
    wrong = await house.browser().ask("DELETE", "/api/v1/me")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, HEAD, PATCH")
    for path in ("/api/v1/users/%00", "/api/v1/users/%ED%A0%80", "/api/v1/me/"):
        admin = house.browser(token=await house.token(await house.user(path)))
        assert (await admin.get(path)).status == 404


async def test_every_answer_names_its_request_and_guards_the_browser(house: House) -> None:
    ids = set()
    for path, status in (("/-/healthy", 200), ("/api/v1/me", 401), ("/nothing", 404), ("/api", 200)):
        response = await house.browser().get(path)
        assert response.status == status
        ids.add(response.headers["X-Request-Id"])
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Server"] == "Hashyard"
        assert "Access-Control-Allow-Origin" not in response.headers
    assert len(ids) == 4


PLAN = Plan(fingerprint="f", miners=Planned(targeted=1, will_change=1, already=0, skipped=0), starts_at=BEGIN)
TRANSLATED: list[tuple[Exception, int, str, dict[str, Any]]] = [
    (NotThere("no such miner"), 404, "not-found", {}),
    (Observed("observed", ["targets.yml:31"]), 409, "control-is-observed", {"places": ["targets.yml:31"]}),
    (Busy("busy", "op_1"), 409, "busy", {"operation_id": "op_1"}),
    (OverLimit("too much"), 422, "over-limit", {}),
    (InDoubt("the clock jumped"), 409, "in-doubt", {}),
    (Invalid("no such profile", "/profile"), 422, "invalid", {}),
    (InventoryError(["a", "b"]), 422, "invalid", {}),
    (Problem("exporter-away", "away", headers={"Retry-After": "5"}), 503, "exporter-away", {}),
]


@pytest.mark.parametrize(
    ("error", "status", "kind", "more"), TRANSLATED, ids=[type(entry[0]).__name__ for entry in TRANSLATED]
)
async def test_refusals_of_the_controller_become_problems(
    workshop: House, bench: Bench, error: Exception, status: int, kind: str, more: dict[str, Any]
) -> None:
    bench.error = error
    user = await workshop.signed_in("anna")
    response = await user.ask("POST", "/wishes/x", RIGHT)
    body = await response.json()
    assert (response.status, body["type"]) == (status, f"/problems/{kind}")
    assert more.items() <= body.items()


async def test_a_changed_plan_comes_with_the_new_one(workshop: House, bench: Bench) -> None:
    bench.error = PlanChanged("three miners fewer", PLAN)
    user = await workshop.signed_in("anna")
    body = await (await user.ask("POST", "/wishes/x", RIGHT)).json()
    assert body["plan"]["fingerprint"] == "f"


async def test_a_mistake_of_ours_is_an_answer_that_tells_nothing(
    workshop: House, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.error = RuntimeError("SELECT secret FROM /var/lib/hashyard")
    user = await workshop.signed_in("anna")
    response = await user.ask("POST", "/wishes/x", RIGHT)
    text = await response.text()
    assert response.status == 500
    assert "SELECT" not in text
    assert "hashyard/" not in text
    logged = "".join(capsys.readouterr())  # where logs go, the command line decides for its whole process
    assert response.headers["X-Request-Id"] in logged
    assert "test_api_requests.py" in logged
    assert "SELECT" not in logged


async def test_a_database_that_is_away_is_503_without_its_words(workshop: House, bench: Bench) -> None:
    bench.error = StorageAway("the database /data/hashyard.db is full", "full")
    user = await workshop.signed_in("anna")
    response = await user.ask("POST", "/wishes/x", RIGHT)
    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert "hashyard.db" not in await response.text()


async def test_a_closed_database_is_told_from_a_missing_user(house: House) -> None:
    browser = await house.signed_in("anna")
    house.storage.close()
    assert (await browser.get("/api/v1/me")).status == 503
    assert (await house.browser().sign_in("anna")).status == 503


async def test_the_same_key_and_body_is_one_command(workshop: House, bench: Bench) -> None:
    user = await workshop.signed_in("anna")
    headers = {"Idempotency-Key": "one"}
    first = await user.ask("POST", "/wishes/x", RIGHT, headers=headers)
    again = await user.ask("POST", "/wishes/x", RIGHT, headers=headers)
    assert bench.calls == 1
    assert (first.status, again.status) == (202, 202)
    assert await first.json() == await again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == "/x/1"
    assert "Idempotency-Replayed" not in first.headers
    other = await user.ask("POST", "/wishes/x", {**RIGHT, "mode": "slow"}, headers=headers)
    assert (other.status, await places(other)) == (422, [("Idempotency-Key", "used")])
    elsewhere = await user.ask("POST", "/wishes/y", RIGHT, headers=headers)
    assert elsewhere.status == 422
    bert = await workshop.signed_in("bert")
    assert (await (await bert.ask("POST", "/wishes/x", RIGHT, headers=headers)).json())["call"] == 2
    workshop.deeds.pass_time(hours=24)
    late = await workshop.browser(token=await workshop.token(await workshop.user("carl"))).ask(
        "POST", "/wishes/x", RIGHT, headers=headers
    )
    assert (await late.json())["call"] == 3


async def test_a_key_lapses_after_a_day(workshop: House, bench: Bench) -> None:
    user = workshop.browser(token=await workshop.token(await workshop.user("anna")))
    headers = {"Idempotency-Key": "one"}
    await user.ask("POST", "/wishes/x", RIGHT, headers=headers)
    workshop.deeds.pass_time(hours=24)
    await user.ask("POST", "/wishes/x", RIGHT, headers=headers)
    assert bench.calls == 2


async def test_the_first_with_a_key_still_runs(workshop: House, bench: Bench) -> None:
    bench.gate = asyncio.Event()
    user = await workshop.signed_in("anna")
    headers = {"Idempotency-Key": "one"}
    running = asyncio.create_task(user.ask("POST", "/wishes/x", RIGHT, headers=headers))
    await bench.begun.wait()
    second = await user.ask("POST", "/wishes/x", RIGHT, headers=headers)
    assert (second.status, (await second.json())["type"]) == (409, "/problems/busy")
    bench.gate.set()
    assert (await running).status == 202
    assert bench.calls == 1


async def test_a_refused_command_frees_its_key_and_a_broken_one_keeps_it(
    workshop: House, bench: Bench
) -> None:
    user = await workshop.signed_in("anna")
    headers = {"Idempotency-Key": "one"}
    bench.error = Busy("busy", "op_1")
    assert (await user.ask("POST", "/wishes/x", RIGHT, headers=headers)).status == 409
    bench.error = RuntimeError("midway")
    assert (await user.ask("POST", "/wishes/x", RIGHT, headers=headers)).status == 500
    bench.error = None
    third = await user.ask("POST", "/wishes/x", RIGHT, headers=headers)
    assert third.status == 409
    assert bench.calls == 2


@pytest.mark.parametrize("key", ["", "x" * 129, "tab\tkey"])
async def test_a_key_that_cannot_be_one_is_refused(workshop: House, key: str) -> None:
    user = await workshop.signed_in("anna")
    response = await user.ask("POST", "/wishes/x", RIGHT, headers={"Idempotency-Key": key})
    assert (response.status, await places(response)) == (400, [("Idempotency-Key", "pattern")])


async def test_a_token_makes_600_requests_a_minute(house: House) -> None:
    user = await house.user("anna")
    browser = house.browser(token=await house.token(user))
    other = house.browser(token=await house.token(user))
    statuses = [(await browser.get("/-/healthy")).status for _ in range(600)]
    assert set(statuses) == {200}
    refused = await browser.get("/-/healthy")
    assert (refused.status, (await refused.json())["type"]) == (429, "/problems/too-many")
    house.deeds.pass_time(seconds=int(refused.headers["Retry-After"]))
    assert (await other.get("/-/healthy")).status == 200
    house.deeds.pass_time(seconds=60)
    assert (await browser.get("/-/healthy")).status == 200


async def test_a_cookie_without_its_token_is_nobody_where_anybody_may(workshop: House) -> None:
    user = await workshop.signed_in("anna")
    forged = workshop.browser(cookie=user.cookie)
    bearer = workshop.browser(token=await workshop.token(await workshop.user("bert")))
    askers = [
        (await (await browser.ask("POST", "/whose")).json())["asker"] for browser in (user, forged, bearer)
    ]
    assert askers == ["anna", None, "bert"]


async def test_metrics_are_for_this_machine_and_for_tokens(make_house: MakeHouse) -> None:
    house = await make_house(trusted_proxies=("127.0.0.1",))
    assert (await house.browser().get("/metrics")).status == 200
    away = {"X-Forwarded-For": "203.0.113.9"}
    assert (await house.browser(headers=away).get("/metrics")).status == 401
    user, client = await house.user("anna"), await house.user("nina", "client")
    for token, status in (
        (await house.token(user, "read"), 200),
        (await house.token(user, "people"), 403),
        (await house.token(user, "read", containers=("container-1",)), 403),
        (await house.token(client, "read"), 403),
    ):
        assert (await house.browser(token=token, headers=away).get("/metrics")).status == status


async def test_what_an_unknown_proxy_on_this_machine_passes_on_is_not_this_machine(house: House) -> None:
    response = await house.browser(headers={"X-Forwarded-For": "127.0.0.1"}).get("/metrics")
    assert response.status == 401


async def test_metrics_and_readiness_follow_the_process(make_house: MakeHouse) -> None:
    process = QuietProcess()
    house = await make_house(app={"process": process})
    text = await (await house.browser().get("/metrics")).text()
    assert text == "hashyard_controller_up 1\nhashyard_controller_events_total 0\n"
    open_text = await house.browser().get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert (await open_text.text()).endswith("# EOF\n")
    assert (await house.browser().get("/-/ready")).status == 200
    process.not_ready = "not ready: loading"
    waiting = await house.browser().get("/-/ready")
    assert (waiting.status, waiting.headers["Retry-After"]) == (503, "1")
    assert (await house.browser().get("/metrics")).status == 503
    assert (await house.browser().get("/-/healthy")).status == 200


def test_a_problem_shows_all_its_mistakes() -> None:
    problem = Problem("invalid", "two", [Mistake("/a", "x", "a"), Mistake("/b", "y", "b")])
    body = msgspec.json.decode(problem.response("/p", "01J").body)
    assert [mistake["at"] for mistake in body["errors"]] == ["/a", "/b"]
    assert body["status"] == 422
