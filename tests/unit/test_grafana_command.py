"""`hashyard grafana sync` against a controller on loopback and the stand-in for Grafana: what it prints, and how it ends."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import hashyard
from tests.unit.controller.api.conftest import House, MakeHouse, make_house
from tests.unit.controller.api.test_api_grafana_sync import house_beside
from tests.unit.grafana.sync import grafana_stand_in as stand_in

__all__ = ["make_house"]


@pytest.fixture
def grafana() -> Iterator[stand_in.Grafana]:
    with stand_in.serving() as served:
        dashboards = served.state.organisations[stand_in.MAIN]["dashboards"]
        dashboards["hashyard-energy"] = {"id": 1, "version": 1, "title": "Energy & money"}
        yield served


async def run(*arguments: str) -> int:
    try:
        return await asyncio.to_thread(hashyard.main, ["grafana", *arguments])
    except SystemExit as stopped:
        return int(str(stopped.code))


async def entrance(house: House, folder: Path, *scopes: str) -> tuple[str, ...]:
    """Return the flags by which an administrator's token opens this controller."""
    file = folder / "token"
    token = await house.token(await house.user("anna", name="Anna"), *scopes)  # type: ignore[arg-type]
    file.write_text(token, encoding="utf-8")
    return ("--url", str(house.http._base_url), "--token-file", str(file))


async def test_it_says_what_it_did_and_the_second_time_that_nothing_was_to_be_done(
    make_house: MakeHouse,
    tmp_path: Path,
    grafana: stand_in.Grafana,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house = await house_beside(make_house, tmp_path, grafana.url)
    flags = await entrance(house, tmp_path, "people")
    await house.user("carl", "client", name="Carl [bold]")
    assert await run("sync", *flags) == 0
    said = capsys.readouterr()
    assert "Anna" in said.out
    assert "Carl [bold]" in said.out, "what people are called is no mark-up"
    assert said.err == ""
    assert await run("sync", *flags) == 0
    assert capsys.readouterr().out == "Grafana is in line; nothing was to be done.\n"


async def test_what_fails_goes_to_stderr_and_the_rest_is_done(
    make_house: MakeHouse,
    tmp_path: Path,
    grafana: stand_in.Grafana,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house = await house_beside(make_house, tmp_path, grafana.url)
    flags = await entrance(house, tmp_path, "people")
    grafana.state.add_account("by-hand", "bert@yard.example")
    await house.user("bert", "accountant", name="Bert", email="bert@yard.example")
    assert await run("sync", *flags) == 1
    said = capsys.readouterr()
    assert "Anna" in said.out
    assert "Bert" not in said.out
    assert "bert@yard.example is the address of the account by-hand, which was made by hand" in said.err


async def test_a_grafana_that_is_away_is_one_line(
    make_house: MakeHouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = await house_beside(make_house, tmp_path, "http://127.0.0.1:9")
    assert await run("sync", *await entrance(house, tmp_path, "people")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    *logged, line = said.err.splitlines()
    assert line.startswith("Grafana does not answer at http://127.0.0.1:9")
    assert all("Grafana is away" in one for one in logged), "by the controller, which runs beside it here"


async def test_a_controller_without_a_grafana_says_how_to_set_it_up(
    make_house: MakeHouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = await house_beside(make_house, tmp_path, None)
    assert await run("sync", *await entrance(house, tmp_path, "people")) == 1
    assert "--grafana-api and --grafana-password-file" in capsys.readouterr().err


async def test_a_token_that_may_not_is_refused_in_words(
    make_house: MakeHouse,
    tmp_path: Path,
    grafana: stand_in.Grafana,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house = await house_beside(make_house, tmp_path, grafana.url)
    assert await run("sync", *await entrance(house, tmp_path, "read")) != 0
    assert "people" in capsys.readouterr().err
    assert grafana.changes == []


async def test_a_controller_that_is_away_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text("ht_nothing", encoding="utf-8")
    assert await run("sync", "--url", "http://127.0.0.1:9", "--token-file", str(tmp_path / "token")) == 1
    assert "http://127.0.0.1:9" in capsys.readouterr().err


async def test_another_word_than_sync_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("sink") == 2
    assert "'sink' is nothing that can be done: say sync" in capsys.readouterr().err
