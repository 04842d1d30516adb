"""`hashyard set` from outside: wrong use, straight to a simulated miner, and through a small controller of the tests' own."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

import hashyard
import hashyard_remote
from tests.system.writing_stage import SECRET, stage

TOKEN = "hy_planted9TokenOfNobody"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "password").write_text(f"admin:{SECRET}\n")


async def call(*arguments: str) -> int:
    """Run `hashyard set` in a thread of its own, for it has an event loop of its own."""
    return await asyncio.to_thread(hashyard.main, ["set", *arguments])


class Terminal(io.StringIO):
    """A terminal at which somebody types; nothing typed is the end of input."""

    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(words))


WISHES = (
    "--profile, --end, --sleep, --wake, --power-percent, --power-limit, --mode, --preset, --reboot, --locate"
)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["C/m"], f"say one of {WISHES}"),
        (["C/m", "--sleep", "--wake"], f"--sleep and --wake are too many: say one of {WISHES}"),
        (["--sleep"], "say which miner: CONTAINER/MINER, or CONTAINER for all of it"),
        (
            ["C/m", "--sleep"],
            "--token-file names the file with a token of the controller that has the scope control",
        ),
        (["C/m", "--sleep", "--until", "18:00"], "--until says when a profile ends: give it with --profile"),
        (["C/m", "--profile", "x", "--until", "soon"], "'soon' is not an end"),
        (["C/m", "--mode", "fast"], "'fast' is none of low, normal, high"),
        (["C/m", "--locate", "yes"], "'yes' is none of on, off"),
        (["C/m", "--power-percent", "0"], "'0' is not a number of percent from 1 to 200"),
        (["C/m", "--power-limit", "nan"], "'nan' is not a number of watts"),
        (["C/m", "--sleep", "--token-file", "none"], "--token-file: none cannot be read (FileNotFoundError)"),
        (["C/m", "--sleep", "--token-file", "empty"], "--token-file: empty holds no token: one line"),
        (["C/m", "--sleep", "--token-file", "two"], "--token-file: two holds no token: one line"),
        (["C/m", "--sleep", "--token-file", "token", "--url", "farm"], "--url: say a URL such as http://"),
        (
            ["C/m", "--sleep", "--token-file", "token", "--url", "http://h:0"],
            "--url: say a URL such as http://",
        ),
        (
            ["C/m", "--sleep", "--token-file", "token", "--url", f"http://a:{SECRET}@h"],
            "--url: user and password never stand in a URL",
        ),
        (["C/m", "--direct", "127.0.0.1", "--sleep"], "--direct HOST takes the place of CONTAINER/MINER"),
        (
            ["--direct", "127.0.0.1", "--profile", "curtail"],
            "--profile is the controller's business: --direct takes",
        ),
        (
            ["--direct", "127.0.0.1", "--end"],
            "--end is the controller's business: --direct takes --sleep, --wake,",
        ),
        (["--direct", "127.0.0.1:x", "--sleep"], "--direct: '127.0.0.1:x': 'x' is not a TCP port"),
        (
            ["--direct", "127.0.0.1", "--sleep", "--driver", "abacus"],
            "--driver: no driver is called 'abacus'",
        ),
        (
            ["--direct", "127.0.0.1", "--sleep", "--credentials-file", "none"],
            "--credentials-file: none cannot be read (FileNotFoundError)",
        ),
    ],
)
def test_wrong_use_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text(f"{TOKEN}\n{TOKEN}\n")
    assert hashyard.main(["set", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert TOKEN not in printed.err
    assert SECRET not in printed.err


# Straight to a miner


def luxos(number: int, **more: Any) -> Any:
    return stage(f"127.77.5.{number}", "S19k Pro", web_port=None, device="luxos", **more)


async def test_a_miner_on_a_bench_is_told_after_saying_what(capsys: pytest.CaptureFixture[str]) -> None:
    async with luxos(1) as on:
        assert await call("--direct", "127.77.5.1:24028", "--sleep", "--yes") == 0
        printed = capsys.readouterr().out
        assert printed.index("127.77.5.1 is Antminer S19k Pro, read by luxos; it is mining.") < printed.index(
            "It will be told: sleep (`curtail sleep`: boards and power supply off)"
        )
        assert re.search(
            r'^applied: the miner said yes \("Curtail command sent"\); it shows sleeping',
            printed,
            re.MULTILINE,
        )
        assert [order.accepted for order in on.received] == [True]
        assert await call("--direct", "127.77.5.1:24028", "--sleep", "--yes") == 0
        assert "unchanged: it shows that already" in capsys.readouterr().out
        assert len(on.received) == 1


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
async def test_it_asks_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    typed(monkeypatch, answer)
    async with luxos(2) as on:
        assert await call("--direct", "127.77.5.2:24028", "--locate", "on") == code
        assert len(on.received) == (code == 0)
    assert ("nothing was sent" in capsys.readouterr().err) is bool(code)


async def test_where_nobody_can_be_asked_yes_has_to_be_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    async with luxos(3) as on:
        assert await call("--direct", "127.77.5.3:24028", "--reboot") == 2
        assert on.received == []
    printed = capsys.readouterr()
    assert "It stops hashing for some minutes by that." in printed.out
    assert printed.err == "nothing was sent: say --yes where nobody can be asked\n"


@pytest.mark.parametrize(
    ("held", "host"), [("127.77.5.4", "127.77.5.4"), ("127.0.0.1", "localhost"), ("localhost", "127.0.0.1")]
)
async def test_an_address_of_the_inventory_is_the_controllers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, held: str, host: str
) -> None:
    targets = f"containers:\n- name: North 7\n  miners:\n  - name: a/1\n    address: {held}\n"
    (tmp_path / "targets.yml").write_text(targets)
    async with luxos(4) as on:
        assert await call("--direct", f"{host}:24028", "--sleep", "--yes") == 2
        assert on.received == []
    said = capsys.readouterr().err
    assert f"{host} is North 7/a/1 (" in said
    assert (
        "targets.yml:4): say `hashyard set 'North 7/a/1' …`, so that it is recorded and not put back" in said
    )


async def test_an_inventory_with_mistakes_tells_nothing_so_nothing_is_sent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "targets.yml").write_text("containers: 7\n")
    async with luxos(5) as on:
        assert await call("--direct", "127.77.5.5:24028", "--sleep", "--yes") == 2
        assert on.received == []
    assert (
        "whether 127.77.5.5 belongs to the fleet cannot be told, so nothing is sent:"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--mode", "low"], "luxos does not know set_mode; it knows sleep, wake,"),
        (["--power-limit", "3000"], "luxos does not know set_power_limit"),
    ],
)
async def test_what_the_make_does_not_know_is_not_asked_for(
    capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    async with luxos(6) as on:
        assert await call("--direct", "127.77.5.6:24028", *flags) == 1
        assert on.received == []
    assert said in capsys.readouterr().err


async def test_a_number_out_of_range_is_refused_before_asking(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage("127.77.5.7", "M30S+", password=SECRET, web_port=None) as on:
        assert await call("--direct", "127.77.5.7:24028", "--power-percent", "150") == 1
        assert on.received == []
    assert "150 % is out of range: whatsminer_v2 takes from 1 to 100 %" in capsys.readouterr().err


async def test_a_miner_that_does_not_answer_is_not_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert await call("--direct", "127.77.5.8:24028", "--sleep", "--yes") == 1
    assert capsys.readouterr().err.startswith(
        "nothing was sent, for it cannot be read: 127.77.5.8:24028 refuses"
    )


@pytest.mark.parametrize(
    ("password", "code", "said"),
    [
        (SECRET, 0, "applied: "),
        ("another-secret-9", 1, "auth_failed: "),
        (None, 1, "auth_failed: 127.77.5.9: no password is configured"),
    ],
)
async def test_passwords_come_from_a_file_and_go_nowhere_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, password: str | None, code: int, said: str
) -> None:
    given: list[str] = []
    if password is not None:
        (tmp_path / "given").write_text(f"admin:{password}")
        given = ["--credentials-file", "given"]
    async with stage("127.77.5.9", "M30S+", password=SECRET, web_port=None) as on:
        assert await call("--direct", "127.77.5.9:24028", "--locate", "on", "--yes", *given) == code
        assert sum(order.accepted for order in on.received) == (code == 0)
    printed = capsys.readouterr()
    assert said in printed.out
    assert ("--credentials-file names a file with the miner's user:password." in printed.out) is (
        password is None
    )
    assert SECRET not in printed.out + printed.err
    assert "another-secret-9" not in printed.out + printed.err


# Through the controller

CONTAINERS = [
    {"id": "north", "name": "North", "profile": {"name": "normal", "override_id": None}},
    {"id": "north-7", "name": "North/7", "profile": {"name": "curtail", "override_id": "ov_7"}},
    {"id": "yug", "name": "Юг", "profile": {"name": "normal", "override_id": "ov_all"}},
]
MINERS = [
    {"id": "north.a1", "name": "a1", "container": "north", "profile": {"override_id": None}},
    {"id": "north.7-x", "name": "7/x", "container": "north", "profile": {"override_id": None}},
    {"id": "north-7.a-1", "name": "a/1", "container": "north-7", "profile": {"override_id": "ov_7"}},
    {"id": "north-7.a-11", "name": "a/11", "container": "north-7", "profile": {"override_id": "ov_m"}},
    {"id": "yug.b1", "name": "б1", "container": "yug", "profile": {"override_id": "ov_all"}},
]
OVERRIDES = {
    "ov_7": {"id": "ov_7", "containers": ["north-7"], "miners": []},
    "ov_m": {"id": "ov_m", "containers": [], "miners": ["north-7.a-11"]},
    "ov_all": {"id": "ov_all", "containers": ["north", "yug"], "miners": []},
}
PLAN = {
    "fingerprint": "print-1",
    "miners": {"targeted": 5, "will_change": 3, "already": 1, "skipped": 1},
    "skipped": [
        {"reason": "inactive", "miners": 1, "model": None, "firmware": None, "detail": "switch it on"}
    ],
    "power_change_w": -9750.0,
    "warnings": [{"code": "ramp", "detail": "it takes 4 minutes"}],
}


def problem(status: int, detail: str, *errors: tuple[str, str], **more: Any) -> tuple[int, Any]:
    listed = [{"at": at, "code": "x", "detail": said} for at, said in errors]
    return status, {
        "type": "/problems/x",
        "title": "T",
        "status": status,
        "detail": detail,
        "errors": listed,
        **more,
    }


class FakeController:
    """Answers as the controller's API does. `answers`: by method and path, in place of its own. `sent`: what it was told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.answers: dict[str, Callable[[], tuple[int, Any]]] = {}
        self.looks = 0
        self.results: list[dict[str, Any]] = [
            {"miner": "north.a1", "state": "applied", "detail": "it shows sleeping"}
        ]
        self.page = 2
        self.url = ""

    def deeds(self) -> list[tuple[str, str, Any]]:
        return [one for one in self.sent if one[0] != "GET"]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = unquote(request.rel_url.raw_path).removeprefix("/api/v1")
        body = await request.json() if request.method == "POST" else None
        self.sent.append((request.method, path, body))
        self.headers.append(dict(request.headers))
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, answer = problem(401, "nobody is signed in")
        else:
            own = self.answers.get(f"{request.method} {path}")
            status, answer = own() if own is not None else self._answer(request, path)
        if isinstance(answer, bytes):
            return web.Response(status=status, body=answer)
        kind = "application/problem+json" if status >= 400 else "application/json"
        return web.json_response(answer, status=status, content_type=kind)

    def _answer(self, request: web.BaseRequest, path: str) -> tuple[int, Any]:
        query = request.rel_url.query
        if request.method == "GET" and path == "/containers":
            return 200, self._page_of(CONTAINERS, query)
        if request.method == "GET" and path == "/miners":
            found = [
                one
                for one in MINERS
                if one["container"] == query["container"] and query["q"].casefold() in str(one).casefold()
            ]
            return 200, self._page_of(found, query)
        if path == "/operations/op_1/results":
            return 200, self._page_of(self.results, query)
        if path == "/operations/op_1":
            self.looks += 1
            state = "running" if self.looks < 3 else "done"
            return 200, {
                "id": "op_1",
                "state": state,
                "total": 3,
                "counts": {"waiting": 1, "applied": 2, "skipped": 0},
            }
        if (request.method, path) == ("POST", "/plans"):
            return 200, PLAN
        if (request.method, path) == ("POST", "/overrides"):
            return 201, {"id": "ov_9", "operation_id": "op_1", "operation": {"id": "op_1"}}
        if (request.method, path) == ("POST", "/operations") or request.method == "DELETE":
            return 202, {"id": "op_1"}
        if path.endswith("/actions"):
            return 200, self.results[0]
        kind, _, identifier = path.removeprefix("/").partition("/")
        things: dict[str, Any] = {
            "containers": {one["id"]: one for one in CONTAINERS},
            "miners": {one["id"]: one for one in MINERS},
            "overrides": OVERRIDES,
        }
        if identifier in things.get(kind, {}):
            return 200, things[kind][identifier]
        return problem(404, "there is no such thing")

    def _page_of(self, items: list[Any], query: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of two items, so that cursors are followed."""
        begin = int(query.get("cursor", "0"))
        end = begin + self.page
        return {
            "items": items[begin:end],
            "next": str(end) if end < len(items) else None,
            "total": len(items),
        }


@asynccontextmanager
async def running() -> AsyncIterator[FakeController]:
    fake = FakeController()
    runner = web.ServerRunner(web.Server(fake.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeController]:
    monkeypatch.setattr(hashyard_remote, "LOOK_EVERY_S", 0.01)
    async with running() as found:
        yield found


async def ask(fake: FakeController, *arguments: str) -> int:
    return await call(*arguments, "--url", fake.url, "--token-file", "token")


@pytest.fixture(autouse=True)
def _no_token_in_print(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Look through all that a test lets `set` print."""
    seen: list[str] = []
    read = capsys.readouterr

    def noted() -> Any:
        found = read()
        seen.extend((found.out, found.err))
        return found

    monkeypatch.setattr(capsys, "readouterr", noted)
    yield
    noted()
    assert TOKEN not in "".join(seen)


@pytest.mark.parametrize(
    ("named", "target"),
    [
        ("North", {"containers": ["north"]}),
        ("north", {"containers": ["north"]}),
        ("North/7", {"containers": ["north-7"]}),
        ("Юг", {"containers": ["yug"]}),
        ("North/a1", {"miners": ["north.a1"]}),
        ("north/north.a1", {"miners": ["north.a1"]}),
        ("North/7/a/1", {"miners": ["north-7.a-1"]}),
        ("north-7/a-1", {"miners": ["north-7.a-1"]}),
        ("North/7/x", {"miners": ["north.7-x"]}),
        ("Юг/б1", {"miners": ["yug.b1"]}),
    ],
)
async def test_a_target_is_found_by_names_with_slashes_in_them_and_by_ids(
    fake: FakeController, named: str, target: dict[str, list[str]]
) -> None:
    assert await ask(fake, named, "--locate", "on", "--reason", "looking for it") == 0
    assert fake.deeds() == [
        (
            "POST",
            "/operations",
            {"action": "locate", "target": target, "reason": "looking for it", "on": True},
        )
    ]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("South/a1", "no container is meant by 'South/a1'; there are North, North/7, Юг"),
        ("North/a", "North has no miner a"),
        ("North/7/b", "North/7 has no miner b; North has no miner 7/b"),
    ],
)
async def test_what_is_not_there_is_told(
    fake: FakeController, capsys: pytest.CaptureFixture[str], named: str, said: str
) -> None:
    assert await ask(fake, named, "--reboot", "--yes") == 1
    assert capsys.readouterr().err == f"{said}\n"
    assert fake.deeds() == []


async def test_a_profile_is_planned_shown_put_in_force_and_followed(
    fake: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.results += [
        {"miner": "north.7-x", "state": "unchanged", "detail": ""},
        {"miner": "north.[b]", "state": "skipped", "detail": "switched off"},
    ]
    assert await ask(fake, "North", "--profile", "curtail", "--until", "2030-01-31T18:00+03:00", "--yes") == 0
    override = {
        "target": {"containers": ["north"]},
        "profile": "curtail",
        "reason": "from the command line",
        "ends": "at",
        "until": "2030-01-31T18:00:00+03:00",
    }
    assert fake.deeds() == [
        ("POST", "/plans", {"override": override}),
        ("POST", "/overrides", {**override, "plan": "print-1"}),
    ]
    assert fake.looks == 3
    printed = capsys.readouterr().out
    assert "curtail: 3 of 5 miners change, 1 are so already, 1 are skipped; -9.8 kW" in printed
    assert "  skipped: 1 inactive switch it on\n  note: it takes 4 minutes\n" in printed
    assert re.search(r"^north\.a1 +applied +it shows sleeping", printed, re.MULTILINE)
    assert re.search(r"^north\.7-x +unchanged", printed, re.MULTILINE)
    assert re.search(r"^north\.\[b\] +skipped +switched off", printed, re.MULTILINE)


@pytest.mark.parametrize(
    ("until", "ends"),
    [([], "next_change"), (["--until", "next-change"], "next_change"), (["--until", "manual"], "manual")],
)
async def test_how_a_profile_ends(fake: FakeController, until: list[str], ends: str) -> None:
    assert await ask(fake, "North/a1", "--profile", "curtail", *until) == 0
    (_, _, planned), (_, _, made) = fake.deeds()
    assert (planned["override"]["ends"], made["ends"]) == (ends, ends)
    assert "until" not in made


@pytest.mark.parametrize("wish", [["--profile", "curtail"], ["--reboot"]])
async def test_a_whole_container_is_asked_about_first(
    fake: FakeController, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wish: list[str]
) -> None:
    typed(monkeypatch, "n\n")
    assert await ask(fake, "North", *wish) == 1
    assert [path for _, path, _ in fake.deeds()] == ["/plans"]
    printed = capsys.readouterr()
    assert "3 of 5 miners change" in printed.out
    assert printed.err == "nothing was sent\n"
    typed(monkeypatch, "y\n")
    assert await ask(fake, "North", *wish) == 0
    assert fake.deeds()[-1][2]["plan"] == "print-1"


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["applied", "unchanged"], 0),
        (["applied", "skipped"], 0),
        (["skipped"], 1),
        (["applied", "accepted_unverified"], 1),
        (["refused"], 1),
        (["auth_failed"], 1),
        (["unreachable", "applied"], 1),
        (["cancelled"], 1),
        ([], 0),
    ],
)
async def test_the_exit_code_says_whether_all_was_read_back(
    fake: FakeController, capsys: pytest.CaptureFixture[str], states: list[str], code: int
) -> None:
    fake.results = [{"miner": f"m{at}", "state": state, "detail": "words"} for at, state in enumerate(states)]
    assert await ask(fake, "North/a1", "--reboot") == code
    printed = capsys.readouterr().out
    assert all(state in printed for state in states)
    assert ("There was nothing to do." in printed) is (not states)


@pytest.mark.parametrize(
    ("flags", "action"),
    [
        (["--sleep"], {"type": "sleep"}),
        (["--wake"], {"type": "wake"}),
        (["--power-percent", "80"], {"type": "set_power_percent", "percent": 80.0}),
        (["--power-limit", "3000"], {"type": "set_power_limit", "watts": 3000.0}),
        (["--mode", "low"], {"type": "set_mode", "mode": "low"}),
        (["--preset", "415MHz"], {"type": "set_preset", "preset": "415MHz"}),
    ],
)
async def test_one_action_on_one_miner(
    fake: FakeController, flags: list[str], action: dict[str, Any]
) -> None:
    assert await ask(fake, "North/a1", *flags) == 0
    body = {"action": action, "reason": "from the command line"}
    assert fake.deeds() == [("POST", "/miners/north.a1/actions", body)]


async def test_an_action_is_for_one_miner(fake: FakeController, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ask(fake, "North", "--power-percent", "80") == 2
    said = "--power-percent is for one miner: CONTAINER/MINER; a container takes --profile\n"
    assert capsys.readouterr().err == said
    assert fake.deeds() == []


@pytest.mark.parametrize(
    ("named", "deleted"), [("North/7", "ov_7"), ("North/7/a/11", "ov_m"), ("North", None), ("North/a1", None)]
)
async def test_an_override_is_ended_where_it_holds_alone(
    fake: FakeController, capsys: pytest.CaptureFixture[str], named: str, deleted: str | None
) -> None:
    assert await ask(fake, named, "--end") == 0
    assert fake.deeds() == ([] if deleted is None else [("DELETE", f"/overrides/{deleted}", None)])
    nothing = "No override is in force there; nothing was changed."
    assert (nothing in capsys.readouterr().out) is (deleted is None)


@pytest.mark.parametrize("named", ["North/7/a/1", "Юг", "Юг/б1"])
async def test_an_override_that_holds_for_more_is_asked_about_first(
    fake: FakeController, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    typed(monkeypatch, "\n")
    assert await ask(fake, named, "--end") == 1
    assert fake.deeds() == []
    assert re.search(r"This override holds for north.*, and ends for all of that\.", capsys.readouterr().out)
    assert await ask(fake, named, "--end", "--yes") == 0
    assert len(fake.deeds()) == 1


async def test_a_problem_is_shown_with_all_its_lines(
    fake: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.answers["POST /plans"] = lambda: problem(
        422, "2 values need attention", ("/override/profile", "there is no profile x"), ("", "and no reason")
    )
    assert await ask(fake, "North/a1", "--profile", "x") == 1
    assert capsys.readouterr().err == (
        "2 values need attention\n  /override/profile: there is no profile x\n  and no reason\n"
    )
    fake.answers["POST /plans"] = lambda: problem(
        409, "North is only observed", ("", "North is only observed"), places=["targets.yml:7"]
    )
    assert await ask(fake, "North/a1", "--profile", "x") == 1
    assert capsys.readouterr().err == "North is only observed\n  targets.yml:7\n"
    assert [path for _, path, _ in fake.deeds()] == ["/plans", "/plans"]


async def test_a_token_that_is_none_is_told(
    fake: FakeController, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("hy_another\n")
    assert await ask(fake, "North/a1", "--sleep") == 1
    printed = capsys.readouterr()
    assert printed.err == "nobody is signed in\n"
    assert "hy_another" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("status", "answer"), [(200, b"<html>hello"), (200, b"[]"), (500, b""), (302, b"{}"), (404, b"no")]
)
async def test_what_is_no_controller_is_told(
    fake: FakeController, capsys: pytest.CaptureFixture[str], status: int, answer: bytes
) -> None:
    fake.answers["GET /containers"] = lambda: (status, answer)
    assert await ask(fake, "North/a1", "--sleep") == 1
    said = (
        f"{fake.url}/api/v1 answers with HTTP status {status} and not as a controller does: is --url right?\n"
    )
    assert capsys.readouterr().err == said


async def test_a_controller_that_is_away_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async with running() as gone:
        pass
    assert await ask(gone, "North/a1", "--sleep") == 1
    said = capsys.readouterr().err
    assert said == (
        f"the controller at {gone.url}/api/v1 does not answer (ClientConnectorError): is it on, and --url right?\n"
    )


async def test_an_order_whose_answer_is_lost_may_have_been_done(
    fake: FakeController, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashyard_remote, "PROOF_S", 0.2)
    handle = fake.handle

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.endswith("/actions"):
            await asyncio.sleep(5)
        return await handle(request)

    server = web.ServerRunner(web.Server(slow), shutdown_timeout=0.1)
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{server.addresses[0][1]}"
    assert await ask(fake, "North/a1", "--sleep") == 1
    assert "what it was told may be done all the same: look at its log" in capsys.readouterr().err
    await server.cleanup()


async def test_each_order_counts_once(fake: FakeController) -> None:
    for _ in range(2):
        assert await ask(fake, "North/a1", "--profile", "curtail") == 0
    keys = [
        headers["Idempotency-Key"]
        for (method, _, _), headers in zip(fake.sent, fake.headers, strict=True)
        if method == "POST"
    ]
    assert len(set(keys)) == len(keys) == 4
