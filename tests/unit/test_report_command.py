"""`hashyard report` against a controller on loopback: what it asks for, what it prints, and how it refuses."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import hashyard

CSV = (
    "line,key,name,container,client,begins,ends,why,missing_h,energy_kwh,estimated_kwh,coverage_ratio,average_w,"
    "joules_per_terahash,cost EUR\r\n"
    "row,k-1,Container [1],k-1,acme,,,,,1234.5,,0.987,9000,,12.30\r\n"
    "total,total,,,,,,,,1234.5,0,0.987,9000,30,12.30\r\n"
    "gap,k-1,Container [1],k-1,,2026-10-03T00:00:00Z,2026-10-03T02:00:00Z,not booked yet,1.5,,,,,,\r\n"
    "note,,,,,,2026-10-03T00:00:00Z,booked until,,,,,,,\r\n"
)
DAYS = ("--from", "2026-10-01", "--to", "2026-10-31")


class Books:
    """Answers as the controller does. `asked`: the queries, with the credentials."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, list[str]], str]] = []
        self.refuses = False
        self.text = CSV

    async def answer(self, request: web.Request) -> web.Response:
        query = {name: request.query.getall(name) for name in request.query}
        self.asked.append((query, request.headers.get("Authorization", "")))
        if self.refuses:
            problem = {"detail": "a report is of ten years at most", "errors": []}
            return web.json_response(problem, status=400, content_type="application/problem+json")
        return web.Response(text=self.text, content_type="text/csv")


@pytest.fixture
async def books() -> AsyncIterator[tuple[Books, str]]:
    made, app = Books(), web.Application()
    app.router.add_get("/api/v1/reports/energy", made.answer)
    async with TestServer(app) as server:
        yield made, str(server.make_url("")).rstrip("/")


@pytest.fixture
def token(tmp_path: Path) -> str:
    file = tmp_path / "token"
    file.write_text("hy_token\n")
    return str(file)


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(hashyard.main, ["report", *arguments])


async def test_it_prints_what_the_controller_says(
    books: tuple[Books, str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made, url = books
    more = ("--by", "day", "--container", "k-1", "--container", "k-2", "--client", "acme", "--basis", "meter")
    assert await run(*DAYS, *more, "--url", url, "--token-file", token) == 0
    assert capsys.readouterr().out.splitlines() == CSV.splitlines()
    assert made.asked == [
        (
            {
                "from": ["2026-10-01"],
                "to": ["2026-10-31"],
                "by": ["day"],
                "container": ["k-1", "k-2"],
                "client": ["acme"],
                "basis": ["meter"],
                "format": ["csv"],
            },
            "Bearer hy_token",
        )
    ]


async def test_a_person_gets_a_table_with_what_is_missing(
    books: tuple[Books, str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, url = books
    assert await run(*DAYS, "--format", "table", "--url", url, "--token-file", token) == 0
    shown = capsys.readouterr().out
    for words in (
        "Container [1]",
        "1,234.5",
        "98.7%",
        "12.30",
        "1.5 h missing",
        "not booked yet",
        "booked until 2026-10-03",
        "–",
    ):
        assert words in shown


async def test_a_refusal_is_told_in_the_controllers_words(
    books: tuple[Books, str], token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made, url = books
    made.refuses = True
    assert await run(*DAYS, "--url", url, "--token-file", token) == 1
    assert "a report is of ten years at most" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--from 2026-10-01 --to 2026-10-31"),
        (("--from", "2026-10-31", "--to", "2026-10-01"), "--from is after --to"),
        (("--from", "soon", "--to", "2026-10-01"), "no date such as"),
        ((*DAYS, "--by", "colour"), "it is one of container"),
        (DAYS, "say who you are"),
    ],
)
async def test_wrong_use_is_told(arguments: Any, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = await run(*arguments)
    except SystemExit as stopped:
        code = int(str(stopped.code))
    assert code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("form", ["csv", "excel", "table"])
async def test_who_asks_for_what_is_not_there_is_told(
    books: tuple[Books, str], token: str, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    made, url = books
    asked = (*DAYS, "--container", "nowhere", "--format", form, "--url", url, "--token-file", token)
    assert await run(*asked) == 0
    assert "nothing of what was asked for" not in capsys.readouterr().err
    made.text = "".join(line for line in CSV.splitlines(keepends=True) if not line.startswith("row,"))
    assert await run(*asked) == 0
    told = capsys.readouterr()
    assert "nothing of what was asked for; --container takes an id" in told.err
    assert "total" in told.out
