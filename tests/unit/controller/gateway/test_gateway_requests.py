"""The gateway over a real socket: who gets in, which paths and parameters there are, and what goes on to Prometheus."""

import asyncio
import json
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse
from structlog.testing import capture_logs
from yarl import URL

from controller.figures import GatewayCounts
from controller.gateway import proxy
from controller.gateway.answers import CODES, Failed
from controller.gateway.asking import MAX_BODY, PATHS
from controller.gateway.turns import Turns
from tests.unit.controller.gateway.conftest import GATEWAY, Doorway, MakeDoorway

CUT = '{__name__="a",client="acme"}'
RANGE = {"query": "a", "start": "1000", "end": "2000", "step": "15"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def refused(response: ClientResponse, status: int, kind: str) -> str:
    assert response.status == status, await response.text()
    assert response.content_type == "application/json"
    body = await response.json()
    assert body["status"] == "error"
    assert body["errorType"] == kind
    assert status in CODES
    return str(body["error"])


async def test_a_query_goes_on_cut_and_its_answer_comes_back(doorway: Doorway) -> None:
    doorway.prometheus.answer = {
        "status": "success",
        "data": {"resultType": "scalar", "result": [1, "2"]},
        "infos": ["PromQL info: metric might not be a counter: borealis"],
        "warnings": ["remote read of borealis failed"],
    }
    response = await doorway.ask("query", params={"query": "a", "time": "1000.5"})
    assert response.status == 200
    assert await response.json() == {
        "status": "success",
        "data": {"resultType": "scalar", "result": [1, "2"]},
        "warnings": ["Prometheus warns that this answer may be incomplete"],
    }
    assert doorway.prometheus.last.path == "query"
    assert doorway.prometheus.last.pairs == [("query", CUT), ("timeout", "20.000"), ("time", "1000.500")]


async def test_each_client_gets_his_own_name_into_his_queries(doorway: Doorway) -> None:
    await doorway.ask("query", of="borealis", method="POST", data={"query": "a"})
    assert doorway.prometheus.last.query == '{__name__="a",client="borealis"}'


async def test_a_range_goes_on_within_its_limits(doorway: Doorway) -> None:
    given = {**RANGE, "start": "2026-03-01T00:00:00Z", "end": "2026-03-01T01:00:00.5+00:00", "step": "1m30s"}
    for how in ({"method": "POST", "data": given}, {"params": given}):
        assert (await doorway.ask("query_range", **how)).status == 200
        assert doorway.prometheus.last.pairs == [
            ("query", CUT),
            ("start", "1772323200.000"),
            ("end", "1772326800.500"),
            ("step", "90.000"),
            ("timeout", "20.000"),
        ]


MISTAKEN: list[tuple[dict[str, str], str]] = [
    ({"end": "999"}, "before start"),
    ({"end": "1e12"}, "years 1970"),
    ({"start": "-1"}, "years 1970"),
    ({"start": "nan"}, "no time"),
    ({"start": "yesterday"}, "no time"),
    ({"end": "40000000"}, "400 days"),
    ({"step": "0"}, "step"),
    ({"step": "-5"}, "step"),
    ({"step": "1x"}, "no length"),
    ({"step": ""}, "no length"),
    ({"step": "0.01"}, "11,000 points"),
    ({"timeout": "soon"}, "no length"),
    ({"limit": "-1"}, "whole number"),
    ({"query": "up"}, "not shown to clients"),
    ({"query": "topk(scalar(b), a)"}, "parameter of topk"),
    ({"lookback_delta": "1h"}, "no parameter 'lookback_delta'"),
    ({"client": "borealis"}, "no parameter 'client'"),
    ({"match[]": "b"}, "no parameter"),
]


async def test_what_a_range_may_not_be(doorway: Doorway) -> None:
    for changed, words in MISTAKEN:
        response = await doorway.ask("query_range", params=RANGE | changed)
        assert words in await refused(response, 400, "bad_data"), changed
    assert doorway.prometheus.asked == []


async def test_what_a_range_needs(doorway: Doorway) -> None:
    for missing in RANGE:
        given = {name: value for name, value in RANGE.items() if name != missing}
        response = await doorway.ask("query_range", params=given)
        assert f"{missing} is missing" in await refused(response, 400, "bad_data")


async def test_a_query_that_asks_too_much_is_no_mistake_in_its_words(doorway: Doorway) -> None:
    response = await doorway.ask("query", params={"query": "rate(a[401d])"})
    assert "400 days" in await refused(response, 422, "execution")


async def test_lists_are_of_ones_own(doorway: Doorway) -> None:
    both = [("match[]", "a"), ("match[]", 'b{c="d"}'), ("start", "1000"), ("end", "2000"), ("limit", "40")]
    cut = [("match[]", CUT), ("match[]", '{__name__="b",c="d",client="acme"}')]
    times = [("start", "1000.000"), ("end", "2000.000"), ("limit", "40")]
    for path, post in (("series", True), ("labels", True), ("label/container/values", False)):
        assert (await doorway.ask(path, params=both)).status == 200
        assert doorway.prometheus.last.path == path
        assert doorway.prometheus.last.pairs == [*cut, *times]
        if post:
            assert (await doorway.ask(path, method="POST", data=both)).status == 200
            assert doorway.prometheus.last.pairs == [*cut, *times]


async def test_a_list_without_selectors_is_of_all_that_is_shown_to_the_client(doorway: Doorway) -> None:
    for path in ("labels", "label/client/values", "label/__name__/values"):
        assert (await doorway.ask(path)).status == 200
        [(name, selector)] = doorway.prometheus.last.pairs
        assert name == "match[]"
        assert 'client="acme"' in selector
        assert '__name__!~"hashyard_' in selector
    assert "no match[]" in await refused(await doorway.ask("series"), 400, "bad_data")


@pytest.mark.parametrize(
    "pairs",
    [
        [("match[]", "a"), ("match[]", "up")],
        [("match[]", "a"), ("match[]", "")],
        [("match[]", "sum(a)")],
        [("match[]", "a[5m]")],
        [("match", "a")],
        [("match[]", "a")] * 21,
        [("match[0]", "a")],
    ],
)
async def test_one_selector_that_is_wrong_spoils_the_list(
    doorway: Doorway, pairs: list[tuple[str, str]]
) -> None:
    for path in ("series", "labels", "label/client/values"):
        await refused(await doorway.ask(path, params=pairs), 400, "bad_data")
    assert doorway.prometheus.asked == []


async def test_what_exists_for_form_only_is_empty(doorway: Doorway) -> None:
    assert await (await doorway.ask("metadata", params={"metric": "a"})).json() == {
        "status": "success",
        "data": {},
    }
    exemplars = await doorway.ask("query_exemplars", method="POST", data={"query": "up"})
    assert await exemplars.json() == {"status": "success", "data": []}
    assert doorway.prometheus.asked == []


async def test_of_the_build_only_the_version_is_told(doorway: Doorway) -> None:
    doorway.prometheus.answer = {
        "status": "success",
        "data": {"version": "2.42.0", "buildUser": "root@host"},
    }
    for _ in range(2):
        data = (await (await doorway.ask("status/buildinfo")).json())["data"]
        assert data["version"] == "2.42.0"
        assert set(data.values()) == {"2.42.0", ""}
    assert len(doorway.prometheus.asked) == 1  # asked once for both


def alert(name: str, **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "job": "hashyard", "instance": "10.1.0.5", **labels},
        "annotations": {"summary": f"{name} of all", "description": "at 10.1.0.5"},
        "state": "pending" if name == "Slow" else "firing",
        "activeAt": "2026-03-02T11:30:00.123456789Z",
        "value": "1e+00",
    }


async def test_alerts_and_rules_are_ones_own_without_what_is_the_houses(doorway: Doorway) -> None:
    doorway.prometheus.answer = {
        "status": "success",
        "data": {
            "alerts": [
                alert("Down", client="acme", miner="a1"),
                alert("Slow", client="acme", miner="a2"),
                alert("Down", client="borealis", miner="planted"),
                alert("Down", client="acme-2", miner="planted"),
                alert("Down", client=""),
                alert("Exporter"),
            ]
        },
    }
    response = await doorway.ask("alerts")
    text = await response.text()
    assert "planted" not in text
    assert "10.1.0.5" not in text
    alerts = (await response.json())["data"]["alerts"]
    assert [one["labels"] for one in alerts] == [
        {"alertname": "Down", "client": "acme", "miner": "a1"},
        {"alertname": "Slow", "client": "acme", "miner": "a2"},
    ]
    assert alerts[0]["annotations"] == {"summary": "Down of all"}
    assert alerts[0]["activeAt"] == "2026-03-02T11:30:00.123456Z"
    [group] = (await (await doorway.ask("rules")).json())["data"]["groups"]
    told = [(rule["name"], rule["state"], len(rule["alerts"]), rule["query"]) for rule in group["rules"]]
    assert told == [("Down", "firing", 1, ""), ("Slow", "pending", 1, "")]
    assert (await (await doorway.ask("rules", params={"type": "record"})).json())["data"] == {"groups": []}
    await refused(await doorway.ask("rules", params={"type": "all"}), 400, "bad_data")
    doorway.house.deeds.pass_time(seconds=60)
    assert (await (await doorway.ask("rules", of="borealis")).json())["data"]["groups"][0]["rules"][0][
        "alerts"
    ][0]["labels"]["miner"] == "planted"


OTHER_PATHS = [
    "/gateway",
    "/gateway/",
    "/gateway/api/v1/",
    "/gateway/api/v1/query/",
    "/gateway/api/v1//query",
    "/gateway//api/v1/query",
    "/gateway/api/v1/%71uery",
    "/gateway/api/v1/query%2f",
    "/gateway/api/v1/../v1/query",
    "/gateway/api/v1/label/x/values/../../../query",
    "/gateway/api/v1/label/client%2f..%2f/values",
    "/gateway/api/v1/label//values",
    "/gateway/api/v1/label/<name>/values",
    "/gateway/api/v1/label/0x/values",
    "/gateway/api/v1/targets",
    "/gateway/api/v1/query_log",
    "/gateway/api/v1/status/config",
    "/gateway/api/v1/status/tsdb",
    "/gateway/api/v1/status/flags",
    "/gateway/api/v1/admin/tsdb/delete_series",
    "/gateway/api/v1/read",
    "/gateway/api/v1/write",
    "/gateway/api/v1/format_query",
    "/gateway/api/v1/scrape_pools",
    "/gateway/federate",
    "/gateway/metrics",
    "/gateway/-/reload",
    "/gateway/graph",
]


async def test_other_paths_are_not_there(doorway: Doorway) -> None:
    for method, path in product(("GET", "POST"), OTHER_PATHS):
        response = await doorway.house.http.request(
            method,
            URL(f"{doorway.house.http._base_url.origin()}{path}", encoded=True),
            headers={"Authorization": f"Bearer {doorway.tokens['acme']}"},
        )
        assert response.status == 404, f"{path}: {await response.text()}"
    assert doorway.prometheus.asked == []


async def test_every_path_needs_a_token_of_the_gateway(doorway: Doorway) -> None:
    user = await doorway.house.user("anna")
    person = await doorway.house.token(user)
    acme = doorway.tokens["acme"]
    wrong: list[Any] = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": acme},
        {"Authorization": f"Basic {acme}"},
        {"Authorization": f"Bearer {acme}x"},
        {"Authorization": f"Bearer {acme[:-1]}"},
        {"Authorization": f"Bearer {acme[:-1]}é"},
        {"Authorization": f"Bearer {acme} {acme}"},
        {"Authorization": f"Bearer {person}"},
        {"Cookie": f"hashyard={acme}"},
        {"X-Scope-OrgID": "acme"},
        {"X-API-Key": acme},
        [("Authorization", f"Bearer {acme}"), ("Authorization", f"Bearer {doorway.tokens['borealis']}")],
    ]
    for name in PATHS:
        path = name.replace("<name>", "client")
        for headers in wrong:
            response = await doorway.house.http.get(f"{GATEWAY}/{path}", headers=headers)
            assert "token of the gateway" in await refused(response, 401, "unauthorized")
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert doorway.prometheus.asked == []


async def test_a_token_of_the_gateway_opens_nothing_else(doorway: Doorway) -> None:
    for path in ("/api/v1/me", "/api/v1/containers", "/api/v1/clients", "/api/v1/stream"):
        response = await doorway.ask(path, headers={"Accept": "application/json"})
        assert response.status == 401


async def test_nothing_but_the_token_says_who_asks(doorway: Doorway) -> None:
    strange = {
        "X-Scope-OrgID": "borealis",
        "X-Grafana-Org-Id": "7",
        "X-Hashyard-Client": "borealis",
        "Cookie": "hashyard=stolen; grafana_session=x",
        "X-Forwarded-For": "127.0.0.1",
        "Origin": "https://grafana.example",
        "Sec-Fetch-Site": "cross-site",
        "Host": "controller.example:8000",
        "X-WEBAUTH-USER": "admin",
        "Accept-Encoding": "identity",
    }
    for how in ({"params": {"query": "a"}}, {"method": "POST", "data": {"query": "a"}}):
        assert (await doorway.ask("query", headers=strange, **how)).status == 200
        assert doorway.prometheus.last.query == CUT
        sent = {name.lower() for name in doorway.prometheus.last.headers}
        assert not sent & {name.lower() for name in (*strange, "Authorization")} - {"host", "accept-encoding"}


MIXED: list[tuple[dict[str, Any], int]] = [
    ({"method": "POST", "params": {"query": "a"}, "data": {"query": "b"}}, 400),
    ({"method": "POST", "params": {"query": "a"}, "headers": FORM}, 400),
    ({"params": {"query": "a"}, "data": {"query": "b"}}, 400),
    ({"params": [("query", "a"), ("query", "b")]}, 400),
    ({"params": [("query", "a"), ("time", "1"), ("time", "1")]}, 400),
    ({"method": "POST", "data": [("query", "a"), ("query", "a")]}, 400),
    ({"method": "POST", "data": b"query=a;query=b", "headers": FORM}, 400),
    ({"method": "POST", "data": b"query=%ff", "headers": FORM}, 400),
    ({"method": "POST", "data": b"query", "headers": FORM}, 400),
    ({"method": "POST", "data": "query=а".encode(), "headers": FORM}, 400),
    ({"method": "POST", "data": b"a=b&" * 60, "headers": FORM}, 400),
    ({"method": "POST", "data": b"", "headers": FORM}, 400),
    ({"method": "POST", "json": {"query": "a"}}, 415),
    ({"method": "POST", "data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 415),
    ({"method": "POST", "data": b"x", "headers": FORM | {"Content-Encoding": "gzip"}}, 415),
    ({"method": "POST", "data": b"query=" + b"a" * MAX_BODY, "headers": FORM}, 413),
    ({"method": "PUT", "data": {"query": "a"}}, 405),
    ({"method": "DELETE"}, 405),
    ({"method": "OPTIONS"}, 405),
    ({"method": "HEAD"}, 405),
    ({}, 400),
]


async def test_a_request_is_one_thing_only(doorway: Doorway) -> None:
    for how, status in MIXED:
        response = await doorway.ask("query", **how)
        assert response.status == status, f"{how}: {await response.text()}"
        if how.get("method") != "HEAD":
            assert (await response.json())["status"] == "error"
    assert doorway.prometheus.asked == []


async def test_lists_of_values_come_by_get_alone(doorway: Doorway) -> None:
    for path in ("label/client/values", "rules", "alerts", "status/buildinfo", "metadata"):
        response = await doorway.ask(path, method="POST", data={})
        await refused(response, 405, "bad_data")
        assert response.headers["Allow"] == "GET"


async def test_an_error_of_prometheus_tells_nothing_of_its_series(doorway: Doorway) -> None:
    text = 'found duplicate series for the match group {client="borealis", miner="planted"}'
    for kind, status, ours in (
        ("execution", 422, "execution"),
        ("bad_data", 400, "bad_data"),
        ("timeout", 422, "timeout"),
        ("canceled", 503, "unavailable"),
        ("internal", 502, "unavailable"),
        ("something new", 502, "unavailable"),
    ):
        doorway.prometheus.answer = {"status": "error", "errorType": kind, "error": text}
        doorway.prometheus.status = 500
        said = await refused(await doorway.ask("query", params={"query": "a"}), status, ours)
        assert "planted" not in said
    unknown = 'invalid parameter "query": 1:1: parse error: unknown function with name "mad_over_time"'
    doorway.prometheus.answer = {"status": "error", "errorType": "bad_data", "error": unknown}
    said = await refused(await doorway.ask("query", params={"query": "a"}), 400, "bad_data")
    assert said == "this Prometheus has no function mad_over_time"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"<html>borealis</html>", 502),
        (b"", 502),
        (b"[]", 502),
        (b'{"data": 1}', 502),
        (b'{"status": "success", "data": ', 502),
        (b" " * (17 << 20), 422),
    ],
    ids=["html", "nothing", "a list", "no status", "half", "far too long"],
)
async def test_what_is_no_answer_is_not_handed_on(doorway: Doorway, raw: bytes, status: int) -> None:
    doorway.prometheus.raw = raw
    response = await doorway.ask("query", params={"query": "a"})
    assert response.status == status
    assert "borealis" not in await response.text()


async def test_without_prometheus_it_says_so(make_doorway: MakeDoorway) -> None:
    nowhere = await make_doorway(url=None)
    response = await nowhere.ask("query", params={"query": "a"})
    assert "--prometheus" in await refused(response, 503, "unavailable")


async def test_with_prometheus_away_it_says_so(make_doorway: MakeDoorway) -> None:
    away = await make_doorway(url="http://127.0.0.1:9")
    with capture_logs() as logged:
        for path in ("query?query=a", "labels", "alerts", "rules", "status/buildinfo"):
            said = await refused(await away.ask(path), 502, "unavailable")
            assert "does not answer" in said
    [line] = [one for one in logged if "gateway" in one["event"]]  # once a minute
    assert line["reason"] == "ClientConnectorError"


async def test_with_the_database_away_it_says_so(doorway: Doorway) -> None:
    doorway.house.storage.close()
    response = await doorway.ask("query", params={"query": "a"})
    assert "database" in await refused(response, 503, "unavailable")


async def test_a_revoked_token_ends_at_once(doorway: Doorway) -> None:
    assert (await doorway.ask("labels")).status == 200
    client = await doorway.house.client("acme")
    [token] = await doorway.house.storage.gateway_tokens.of_client(client.id)
    assert token.last_used_at == doorway.house.deeds.now
    assert await doorway.house.storage.gateway_tokens.end(client.id, token.id)
    await refused(await doorway.ask("labels"), 401, "unauthorized")


async def test_lists_are_kept_for_a_moment_for_their_own_client(doorway: Doorway) -> None:
    doorway.prometheus.answer = {"status": "success", "data": ["acme"]}
    assert (await (await doorway.ask("label/client/values")).json())["data"] == ["acme"]
    doorway.prometheus.answer = {"status": "success", "data": ["borealis"]}
    assert (await (await doorway.ask("label/client/values")).json())["data"] == ["acme"]
    other = await doorway.ask("label/client/values", of="borealis")
    assert (await other.json())["data"] == ["borealis"]
    another = await doorway.ask("label/client/values", params={"limit": "5"})
    assert (await another.json())["data"] == ["borealis"]


async def test_a_small_answer_is_kept_for_who_asks_the_same_again(doorway: Doorway) -> None:
    """For some seconds and for his own client alone; what is long, or was an error, is asked for anew."""
    for path, given in (("query", {"query": "a", "time": "1000"}), ("query_range", RANGE)):
        before = len(doorway.prometheus.asked)
        texts = [await (await doorway.ask(path, params=given)).text() for _ in range(3)]
        assert len(set(texts)) == 1
        assert len(doorway.prometheus.asked) == before + 1
        await doorway.ask(path, params=given, of="borealis")
        assert len(doorway.prometheus.asked) == before + 2
        assert doorway.prometheus.last.query.endswith('client="borealis"}')
    doorway.prometheus.answer = {"status": "success", "data": ["x" * 100_000]}
    for _ in "12":
        await doorway.ask("query", params={"query": "long"})
    doorway.prometheus.answer, doorway.prometheus.status = {"status": "error", "errorType": "timeout"}, 503
    for _ in "12":
        assert (await doorway.ask("query", params={"query": "slow"})).status == 422
    assert [one.query.count("long") for one in doorway.prometheus.asked[-4:]] == [1, 1, 0, 0]


async def test_a_query_that_takes_too_long_is_the_clients_own(doorway: Doorway) -> None:
    """It is not the house that fails: no 5xx, and so nothing of what HashyardGatewayFailing counts."""
    doorway.prometheus.status = 503
    own = "query timed out in expression evaluation"
    doorway.prometheus.answer = {"status": "error", "errorType": "timeout", "error": own}
    said = await refused(await doorway.ask("query", params={"query": "a"}), 422, "timeout")
    assert "shorter time" in said
    never_begun = "query timed out in query queue"
    doorway.prometheus.answer = {"status": "error", "errorType": "timeout", "error": never_begun}
    response = await doorway.ask("query", params={"query": "a"})
    assert "busy" in await refused(response, 503, "timeout")
    assert response.headers["Retry-After"] == "5"


async def test_who_sends_his_parameters_too_slowly_is_sent_away(
    doorway: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "BODY_WITHIN_S", 0.05)
    server = doorway.house.http._base_url
    assert server is not None
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head = (
        f"POST {GATEWAY}/query HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {doorway.tokens['acme']}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nquery="
    )
    writer.write(head.encode())
    async with asyncio.timeout(60):
        answer = (await reader.readuntil(b"}")).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 408")
    assert doorway.counts.by_code[408] == 1
    assert doorway.prometheus.asked == []


async def test_so_many_at_once_and_the_others_wait_or_are_sent_away(make_doorway: MakeDoorway) -> None:
    doorway = await make_doorway(turns=Turns(at_once=3, of_one=2, waiting_of_one=4, wait_s=30))
    doorway.prometheus.open.clear()
    asking = [
        asyncio.create_task(doorway.ask("query", params={"query": "a", "time": str(at)})) for at in range(9)
    ]
    other = [asyncio.create_task(doorway.ask("query", of="borealis", params={"query": "a"})) for _ in "12"]
    done: set[asyncio.Task[ClientResponse]] = set()
    while len(done) < 3 or doorway.prometheus.at_once < 3:
        done, _ = await asyncio.wait(asking, timeout=0.05)
    assert doorway.prometheus.at_once == 3
    assert [task.result().status for task in done] == [429] * 3
    doorway.prometheus.open.set()
    statuses = [(await task).status for task in (*asking, *other)]
    assert sorted(statuses) == [200] * 8 + [429] * 3
    assert doorway.prometheus.most_at_once == 3


async def test_whoever_waits_too_long_is_told_so() -> None:
    turns = Turns(at_once=1, of_one=1, waiting_of_one=1, wait_s=0.01)
    async with turns.turn("acme"):
        for client in ("acme", "borealis"):
            with pytest.raises(Failed) as failed:
                async with turns.turn(client):
                    pytest.fail("there was no turn to be had")
            assert failed.value.status == 429
    async with turns.turn("borealis"):
        assert list(turns._clients) == ["borealis"]
    assert turns._clients == {}


async def test_answers_are_counted_by_their_status(doorway: Doorway) -> None:
    await doorway.ask("query", params={"query": "a"})
    await doorway.ask("query", params={"query": "up"})
    await doorway.ask("query", of=None)
    await doorway.ask("targets")
    await doorway.ask("query", params={"query": "b"})
    assert doorway.counts.by_code == {200: 2, 400: 1, 401: 1, 404: 1}
    assert set(GatewayCounts(CODES).by_code.values()) == {0}


async def test_a_token_is_in_no_log_and_no_answer(
    doorway: Doorway, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    doorway.prometheus.raw = b"no answer"
    told = ""
    for path in ("query?query=a", "query?query=up", "nowhere", "alerts", f"query?query={quote('a{')}"):
        told += await (await doorway.ask(path)).text()
    doorway.house.storage.close()
    told += await (await doorway.ask("labels")).text()
    logged = capsys.readouterr()
    assert doorway.tokens["acme"] not in told + logged.out + logged.err + caplog.text
    assert json.loads(told[told.rindex("{") :])["status"] == "error"
