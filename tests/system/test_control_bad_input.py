"""Bodies that are almost right, and bodies that are not at all, sent to every route of a whole controller that takes one.

Each is the route's own example with something in it replaced, left out, added or broken, the same each time. Whatever comes,
the answer is one of those that the table allows, says which field and why, and the controller goes on.
"""

import copy
import json
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from controller.api.routes import ROUTES
from hashyard_terminal import configure_logs
from simulator.quiet import run_quietly
from tests.system.asking import Asker, free_port
from tests.system.test_control_two_clients import OPERATOR, Place
from tests.system.whole_controller import CALM, USUAL, yard

NOON = 1_780_056_000.0  # 2026-05-29 12:00:00 UTC
QUICK = 12
LONG = 400

TARGETS = f"""\
networks: [127.N.0.0/16]
defaults: {{interval: 10s, {USUAL}}}
schedules:
  always: {{otherwise: normal}}
containers:
  - name: Yard A
    schedule: always
    control: enforce
    simulate: {{{CALM}}}
    miners: [{{name: m1, address: 127.N.1.1, manufacturer: Whatsminer, model: M30S+}}]
"""

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    1e308,
    -0.0,
    2**70,
    0.1,
    "",
    " ",
    "x" * 5000,
    "\0",
    "\x7f\x85\u2028",
    "\ufffe",
    "\U0001f525",
    "\u202eabc",
    "é" * 200,
    "yard-a",
    "yard-a.m1",
    "normal",
    "always",
    "24:00",
    "25:61",
    "2026-02-30",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00+14:00",
    "2026-05-29T12:00:00",
    "../../etc/passwd",
    "{{7*7}}",
    "!!python/object:os.system",
    "&a [*a]",
    "=cmd|' /C calc'!A0",
    "'; DROP TABLE events; --",
    [],
    {},
    [[]],
    {"": {}},
    [None] * 50,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in a document, the whole first."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*at, index))


def changed(document: Any, chance: random.Random) -> Any:
    """Return a document with something in it replaced, left out, added, repeated or nested."""
    whole = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        *way, last = chance.choice([at for at in places(whole) if at] or [("x",)])
        inside = whole
        for step in way:
            inside = inside[step]
        if not isinstance(inside, dict | list) or (isinstance(inside, list) and not inside):
            continue
        match chance.randrange(6):
            case 0:
                inside.pop(last, None) if isinstance(inside, dict) else inside.pop()
            case 1 if isinstance(inside, dict):
                inside[chance.choice(("x", "", "id", "plan", "__proto__", "name", "a/b~c"))] = chance.choice(
                    ODD
                )
            case 2:
                inside[last] = [
                    copy.deepcopy(inside.get(last) if isinstance(inside, dict) else inside[0])
                ] * 3
            case _:
                inside[last] = copy.deepcopy(chance.choice(ODD))
    return whole


def broken(document: Any, chance: random.Random) -> bytes:
    """Return bytes: mostly of a changed document, sometimes cut, torn or no JSON at all."""
    raw = json.dumps(changed(document, chance)).encode()
    match chance.randrange(12):
        case 0:
            return raw[: chance.randrange(len(raw) + 1)]
        case 1:
            at = chance.randrange(len(raw) + 1)
            return raw[:at] + bytes([chance.randrange(256)]) + raw[at:]
        case 2:
            return chance.choice(
                (
                    b"",
                    b"null",
                    b"[]",
                    b'"x"',
                    b"NaN",
                    b"{" * 5000,
                    b"[" * 100_000,
                    b"\xff\xfe{\0}\0",
                    b'{"a":1,"a":2}',
                )
            )
        case 3:
            return raw.replace(b'"', b'"\\ud800', 1)
        case _:
            return raw


@pytest.fixture
def logs_of_the_process() -> Iterator[None]:
    configure_logs()
    yield
    structlog.reset_defaults()


def test_bad_input_is_refused_with_its_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], logs_of_the_process: None
) -> None:
    run_quietly(scenario(tmp_path, QUICK))
    assert "request failed" not in capfd.readouterr().err


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_bad_input_is_refused_with_its_place_for_long(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], logs_of_the_process: None
) -> None:
    run_quietly(scenario(tmp_path, LONG))
    assert "request failed" not in capfd.readouterr().err


async def scenario(tmp_path: Path, tries: int) -> None:
    async with AsyncExitStack() as stack:
        port = free_port()
        on = await stack.enter_async_context(yard(tmp_path, TARGETS, NOON, port=port))
        await on.pass_(30)
        asker = Asker(on, port)
        stack.push_async_callback(asker.http.close)
        place = Place(on, asker)
        who = await place.token(await place.user(OPERATOR, "administrator"))
        # Whatever is ordered by chance is not sent: nobody moves the clock for it.
        assert (await asker.ask("POST", "/api/v1/holds", {"all": True, "reason": "x"}, **who))[0] == 201
        seen: dict[str, set[int]] = {}
        for route in ROUTES:
            if route.body is None:
                continue
            chance = random.Random(f"{route.method} {route.path}")
            example = example_of(route.body_example)
            for _ in range(tries):
                status = await send(asker, route, example, chance, who)
                seen.setdefault(f"{route.method} {route.path}", set()).add(status)
            await on.pass_(61)  # another minute's requests
        assert all(min(statuses) < 500 for statuses in seen.values())
        assert any(422 in statuses for statuses in seen.values())
        status, _, _ = await asker.ask("GET", "/-/ready")
        assert status == 200
        for path in (
            "/api/v1/miners",
            "/api/v1/schedules",
            "/api/v1/events?limit=500",
            "/api/v1/users",
            "/metrics",
        ):
            assert (await asker.ask("GET", path, **who))[0] == 200
        await ask_for_odd_moments(asker, who)
        assert await on.controller.reload() is None
        assert not on.received()


async def ask_for_odd_moments(asker: Asker, who: dict[str, str]) -> None:
    """Name times that no clock shows, or that no zone tells apart."""
    for moment in (
        "2026-05-29T12:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00Z",
        "1780056000",
    ):
        order = {
            "target": {"containers": ["yard-a"]},
            "profile": "curtail",
            "ends": "at",
            "until": moment,
            "reason": "x",
        }
        for path, body in (("/api/v1/overrides", order), ("/api/v1/plans", {"override": order})):
            status, _, told = await asker.ask("POST", path, body, **who)
            assert status in {409, 422}, (path, moment, told)
        shown = moment.replace("+", "%2B")
        for path in ("/api/v1/events", "/api/v1/events.csv", "/api/v1/stats/overview"):
            status, _, told = await asker.ask("GET", f"{path}?from={shown}&to={shown}", **who)
            assert status == 400, (path, moment, told)
    for date in ("0001-01-01", "9999-12-31", "2026-02-30"):
        status, _, told = await asker.ask("GET", f"/api/v1/timeline?date={date}&days=14", **who)
        assert status == 400, (date, told)


def example_of(example: Any) -> Any:
    """Return a route's example with ids that are there."""
    if example is None:
        return {}
    text = json.dumps(example).replace("container-7.a3-12", "yard-a.m1").replace("container-7", "yard-a")
    return json.loads(text)


async def send(asker: Asker, route: Any, example: Any, chance: random.Random, who: dict[str, str]) -> int:
    """Send one such body; return the status of an answer that is right."""
    path = route.path
    for name in ("id", "name", "manufacturer", "token_id"):
        known = (
            "normal"
            if "profiles" in path
            else "always"
            if "schedules" in path
            else "yard-a.m1"
            if "miners" in path
            else "yard-a"
        )
        path = path.replace("{" + name + "}", chance.choice((known, known, "nowhere", "%00", "x" * 300)))
    if route.body is bytes:
        raw = chance.choice(
            (
                b"container,address\nYard A,127.0.0.1\n",
                b"container,address,row\nYard A,10.1.1.1,\xff\n",
                b'a,"b\n',
                bytes(chance.randrange(256) for _ in range(200)),
            )
        )
    else:
        raw = broken(example, chance)
    headers = {**who, "Content-Type": route.body_media[0], "If-Match": "*"}
    async with asker.http.request(route.method, path, data=raw, headers=headers) as answer:
        status, kind, text = answer.status, answer.headers.get("Content-Type", ""), await answer.text()
    about = f"{route.method} {path} {raw[:300]!r}: {status} {text[:500]}"
    assert status < 500, about
    if status < 400:
        return status
    assert kind == "application/problem+json", about
    told = json.loads(text)
    assert (told["status"], told["error"]) == (status, told["detail"]), about
    if status in {400, 422}:
        assert told["errors"], about
        assert all(one["detail"] and isinstance(one["at"], str) for one in told["errors"]), about
    return status
