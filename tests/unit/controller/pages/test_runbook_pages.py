"""The runbooks as pages: every one is there for everybody, safe whatever stands in it, and nothing else of the disk is."""

from pathlib import Path

import pytest
from yarl import URL

from controller.pages import runbook_routes, runbooks
from tests.unit.controller.api.conftest import House
from tests.unit.controller.pages.reading_pages import read_page

FOLDER = Path(__file__).parents[4] / "docs" / "runbooks"
ALERTS = sorted(file.stem for file in FOLDER.glob("*.md"))


async def test_the_list_leads_to_every_runbook_without_signing_in(house: House) -> None:
    response = await house.browser().get("/runbooks")
    assert (response.status, response.content_type) == (200, "text/html")
    links = {link.attributes["href"] for link in read_page(await response.text()).all("a")}
    assert {f"/runbooks/{alert}" for alert in ALERTS} <= links


async def test_every_runbook_begins_with_a_step_and_its_links_lead_somewhere(house: House) -> None:
    browser = house.browser()
    assert len(ALERTS) > 30
    for alert in ALERTS:
        response = await browser.get(f"/runbooks/{alert}")
        assert response.status == 200
        page = read_page(await response.text())
        assert page.one("h1").words == alert
        assert [heading.words for heading in page.all("h2")][:2] == ["What it means", "First step"]
        assert page.all("li")[0].words
        for link in page.one("main").all("a"):
            address = link.attributes["href"]
            assert address == "/runbooks" or address.removeprefix("/runbooks/") in ALERTS, (
                f"{alert}: {address}"
            )


@pytest.mark.parametrize(
    "name",
    [
        "NoSuchAlert",
        "minerdown",
        "..%2F..%2Fpyproject.toml",
        "..%2FREADME",
        "%2e%2e%2frules",
        "MinerDown.md",
        "..",
        "%00",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "x" * 500,
    ],
)
async def test_what_is_no_alert_is_404_and_says_what_there_is(house: House, name: str) -> None:
    response = await house.http.get(
        URL(str(house.http._base_url) + f"runbooks/{name}", encoded=True), headers={"Accept": "text/html"}
    )
    text = await response.text()
    assert response.status == 404
    page = read_page(text)
    assert "build-system" not in text
    assert page.all("a", href="/runbooks/MinerDown") or page.all("a", href="/runbooks")


async def test_parameters_that_a_messenger_adds_do_not_stand_in_the_way(house: House) -> None:
    assert (await house.browser().get("/runbooks/MinerDown?fbclid=x&utm_source=y")).status == 200


def test_what_a_runbook_says_stays_text(tmp_path: Path) -> None:
    (tmp_path / "MinerOdd.md").write_text(
        "# MinerOdd\n\n## What it means\n\n<script>alert(1)</script> <b onclick=x>y</b> {{7*7}}. More.\n\n"
        "[x](javascript:alert(1)) [y](../../secret.md) [z](MinerOther.md) `MinerOther`\n"
    )
    (tmp_path / "MinerOther.md").write_text("no title at all")
    found = runbooks.read(tmp_path)
    body = str(found["MinerOdd"].body)
    assert "<script" not in body
    assert "<b" not in body
    assert "{{7*7}}" in body
    assert [link.attributes["href"] for link in read_page(body).all("a")] == [
        "../../secret.md",
        "/runbooks/MinerOther",
        "/runbooks/MinerOther",
    ]
    assert found["MinerOther"].about == "no title at all."


def test_a_folder_that_is_not_there_holds_no_runbooks(tmp_path: Path) -> None:
    assert runbooks.read(tmp_path / "away") == {}


async def test_without_runbooks_the_page_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runbooks, "folder", lambda: tmp_path)
    runbook_routes._all.cache_clear()
    try:
        response = await house.browser().get("/runbooks")
        assert "not installed" in await response.text()
        assert (await house.browser().get("/runbooks/MinerDown")).status == 404
    finally:
        runbook_routes._all.cache_clear()


async def test_the_page_loads_only_files_of_ours_that_are_there(house: House) -> None:
    browser = house.browser()
    response = await browser.get("/runbooks")
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    page = read_page(await response.text())
    for link in page.all("link"):
        found = await browser.get(link.attributes["href"])
        assert found.status == 200
        assert "immutable" in found.headers["Cache-Control"]
    sheet = page.one("link", rel="stylesheet").attributes["href"]
    assert (await browser.get(sheet)).content_type == "text/css"
    sent = await browser.get(sheet, headers={"Accept-Encoding": "gzip"})
    assert sent.headers["Content-Encoding"] == "gzip"
    assert int(sent.headers["Content-Length"]) < 20_000
    gone = await browser.get("/static/hashyard.0000000000.css")
    assert (gone.status, gone.content_type) == (404, "text/html")
    assert (await browser.get("/static/..%2Frendering.py")).status == 404


async def test_a_path_that_is_not_there_is_a_page_for_people_and_a_problem_for_programs(house: House) -> None:
    person = await house.browser().get("/nowhere", headers={"Accept": "text/html,*/*"})
    assert (person.status, person.content_type) == (404, "text/html")
    page = read_page(await person.text())
    assert page.all("a", href="/runbooks")
    assert person.headers["X-Request-Id"] in page.text
    assert "Sign in" not in page.text  # nobody has looked who asks
    program = await house.browser().get("/nowhere")
    assert (program.status, program.content_type) == (404, "application/problem+json")
    api = await house.browser().get("/api/v1/nowhere", headers={"Accept": "text/html"})
    assert api.content_type == "application/problem+json"
