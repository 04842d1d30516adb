"""`hashyard set` through a small controller: who is meant, plan, progress, outcomes, problems; the token never printed."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import hashyard_remote
from tests.unit.fake_controller import PASSWORD, PLAN, TOKEN, FakeController, call, problem, running, typed


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "token").write_text(f"{TOKEN}\n")


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
    assert PASSWORD not in "".join(seen)


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
        ("yug.b1", {"miners": ["yug.b1"]}),
        ("north-7.a-1", {"miners": ["north-7.a-1"]}),
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
        ("north.a", "North has no miner a"),
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


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"ends": "manual"}, "It holds until a person ends it: --end."),
        (
            {"ends": "at", "until": "2030-01-31T16:00:00Z"},
            "It holds until 2030-01-31 18:00 EET, or until --end.",
        ),
        (
            {
                "ends": "next_change",
                "until_by_container": {"a": "2030-01-31T16:00:00Z", "b": "2030-01-31T17:30:00Z"},
            },
            "It holds until 2030-01-31 18:00 EET or, elsewhere, as late as 2030-01-31 19:30 EET, or until --end.",
        ),
    ],
)
async def test_it_is_said_until_when_a_profile_holds(
    fake: FakeController,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    made: dict[str, Any],
    said: str,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Helsinki")
    time.tzset()
    fake.answers["POST /overrides"] = lambda: (201, {**made, "operation": {"id": "op_1"}})
    try:
        assert await ask(fake, "North/a1", "--profile", "curtail") == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    assert said in capsys.readouterr().out


async def test_nobody_waits_where_nothing_can_be_sent(
    fake: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    held = {"targeted": 1, "will_change": 0, "already": 0, "skipped": 1}
    plan = {
        **PLAN,
        "miners": held,
        "skipped": [{"reason": "held", "miners": 1, "detail": "release the hold"}],
    }
    fake.answers["POST /plans"] = lambda: (200, plan)
    assert await ask(fake, "North/a1", "--profile", "curtail") == 1
    assert fake.looks == 0
    printed = capsys.readouterr().out
    assert "  skipped: 1 held release the hold\n" in printed
    assert "Nothing can be sent now" in printed


async def test_of_many_miners_those_that_did_not_follow_are_named(
    fake: FakeController, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.results = [{"miner": f"m{at}", "state": "applied", "detail": ""} for at in range(20)]
    fake.results += [{"miner": "m20", "state": "unreachable", "detail": "it does not answer"}]
    assert await ask(fake, "North", "--profile", "curtail", "--yes") == 1
    printed = capsys.readouterr().out
    assert "21 miners: 20 applied, 1 unreachable\n" in printed
    assert re.search(r"^m20 +unreachable +it does not answer", printed, re.MULTILINE)
    assert "m3 " not in printed


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
    fake.answers["POST /plans"] = lambda: problem(
        422, "there is no profile x", ("/override/profile", "there is no profile x")
    )
    assert await ask(fake, "North/a1", "--profile", "x") == 1
    assert capsys.readouterr().err == "there is no profile x\n"
    assert [path for _, path, _ in fake.deeds()] == ["/plans"] * 3


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


async def test_who_has_no_token_signs_in_for_the_one_command(fake: FakeController, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    deed = ("North/a1", "--profile", "curtail", "--url", fake.url, "--password-file", "password")
    assert await call(*deed) == 0
    told = [path for method, path, _ in fake.sent if method == "POST"]
    assert told == ["/auth/login", "/plans", "/overrides", "/auth/logout"]


async def test_a_wrong_password_is_the_controllers_to_say(
    fake: FakeController, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("not this one")
    assert await call("North/a1", "--sleep", "--url", fake.url, "--password-file", "password") == 1
    assert capsys.readouterr().err == "Name or password is not right\n"
    assert [path for _, path, _ in fake.sent] == ["/auth/login"]


async def test_no_deed_lies_in_the_environment(
    fake: FakeController, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("REBOOT", "SLEEP", "YES", "DIRECT", "PROFILE"):
        monkeypatch.setenv(f"HASHYARD_{name}", "1")
    assert await ask(fake, "North/a1") == 2
    assert capsys.readouterr().err.startswith("say one of --profile, ")
    assert fake.sent == []
