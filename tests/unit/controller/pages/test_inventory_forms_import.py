"""A list of miners handed in on a page: looked at line by line, then done exactly as it was looked at, or not at all."""

from pathlib import Path

import pytest

from controller.pages.import_form import MOST
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.pages.filled_forms import filled, sent, sent_in_parts, summary
from tests.unit.controller.pages.fleet_with_pages import main, page
from tests.unit.controller.pages.reading_pages import Element

IMPORT = "/miners/import"
CSV = """\
container,name,address,port,row,column
Container 1,m1,10.1.9.1,,2,1
container-1,m2,10.1.9.2,null,2,2
"""
YAML = "containers:\n- extends: Container 2\n  miners: [{addresses: 10.1.9.1-2, name: 'm{n}'}]\n"


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await start(make_house, tmp_path)


@pytest.fixture
async def browser(fleet: FleetHouse) -> Browser:
    found: Browser = await fleet.browser()
    return found


def rows(found: Element) -> list[list[str]]:
    return [[cell.words for cell in row.inside] for row in found.one("tbody").all("tr")]


async def looked_at(browser: Browser, text: str, **more: str) -> Element:
    fields = filled(await page(browser, IMPORT), text=text, do="preview", **more)
    status, found = await sent_in_parts(browser, IMPORT, fields)
    assert status == 200, main(found)
    return found


async def test_pasted_lines_are_looked_at_and_then_done(fleet: FleetHouse, browser: Browser) -> None:
    found = await looked_at(browser, CSV)
    assert rows(found) == [
        ["2", "add", "m1", "Container 1", "address 10.1.9.1; row 2; column 1"],
        ["3", "add", "m2", "Container 1", "address 10.1.9.2; port not asked; row 2; column 2"],
    ]
    assert not fleet.managed.exists()
    assert filled(found)["text"] == CSV
    status, done = await sent_in_parts(browser, IMPORT, filled(found, do="apply"))
    assert status == 200
    assert "2 miners were added." in main(done)
    assert [one.name for one in fleet.store.inventory.containers[0].miners] == ["a1", "a2", "m1", "m2"]
    assert len(await fleet.house.events("miner.created")) == 2
    found = await looked_at(browser, CSV.replace("null", "4029"))
    assert rows(found)[0][1] == "as it is"
    assert rows(found)[1][1:] == ["change", "m2", "Container 1", "port not given → 4029"]
    _, done = await sent_in_parts(browser, IMPORT, filled(found, do="apply"))
    assert "1 was changed." in main(done)


async def test_a_file_wins_and_its_lines_come_back_in_the_box(fleet: FleetHouse, browser: Browser) -> None:
    fields = filled(await page(browser, IMPORT), text="what is pasted", do="preview")
    file = ("miners.csv", b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").replace(",", ";").encode())
    status, found = await sent_in_parts(browser, IMPORT, fields, file)
    assert (status, len(rows(found))) == (200, 2)
    assert filled(found)["text"] == CSV.replace(",", ";")
    # A text field comes back with the ends of lines that forms have (HTML Standard).
    again = filled(found, do="apply")
    again["text"] = again["text"].replace("\n", "\r\n")
    _, done = await sent_in_parts(browser, IMPORT, again, ("", b""))
    assert "2 miners were added." in main(done)


@pytest.mark.parametrize(
    ("text", "form", "number"),
    [
        (YAML, "", 2),
        (f"# from the north\n{YAML}", "yaml", 2),
        (CSV.replace(",", "\t"), "", 2),
        (CSV, "csv", 2),
    ],
)
async def test_what_form_a_list_has_is_found_or_said(
    browser: Browser, text: str, form: str, number: int
) -> None:
    found = await looked_at(browser, text, form=form)
    assert [row[1] for row in rows(found)] == ["add"] * number


async def test_without_parts_pasted_lines_do_as_well(fleet: FleetHouse, browser: Browser) -> None:
    status, found, _ = await sent(
        browser, IMPORT, filled(await page(browser, IMPORT), text=CSV, do="preview")
    )
    assert (status, len(rows(found))) == (200, 2)
    assert (await sent(browser, IMPORT, filled(found, do="apply")))[0] == 200
    assert fleet.managed.exists()


async def test_lines_that_are_refused_are_named_and_none_is_taken(
    fleet: FleetHouse, browser: Browser
) -> None:
    text = CSV + "Container 9,m3,10.1.9.3,,,\nContainer 1,a1,10.1.9.4,,,\nContainer 1,m5,8.8.8.8,,,\nx\n"
    found = await looked_at(browser, text)
    told = {row[0]: (row[1], row[4]) for row in rows(found)}
    assert told["4"] == ("refused", "There is no container Container 9: make it first.")
    assert told["5"] == ("refused", f"It stands in {fleet.hand}, line 12: change it there.")
    assert "8.8.8.8 is in none of the inventory's networks" in told["6"][1]
    assert told["7"] == ("refused", "Has 1 cells; the first line names 6 columns.")
    assert told["2"][0] == "add"
    assert "4 lines refused" in main(found)
    assert "apply" not in [one.attributes.get("value") for one in found.all("button")]
    status, found = await sent_in_parts(browser, IMPORT, filled(found, do="apply", seen="x"))
    assert status == 412
    assert not fleet.managed.exists()


async def test_what_changed_meanwhile_is_looked_at_again(fleet: FleetHouse, browser: Browser) -> None:
    found = await looked_at(browser, CSV)
    other = {"name": "m1", "address": "10.1.9.1", "container": "container-1", "model": "M60"}
    assert (await browser.ask("POST", "/api/v1/miners", other)).status == 201
    status, found = await sent_in_parts(browser, IMPORT, filled(found, do="apply"))
    assert status == 412
    assert "Nothing was done" in summary(found)[0]
    assert [row[1] for row in rows(found)] == ["change", "add"]
    assert fleet.deeds.view("container-1.m2") is None
    status, found = await sent_in_parts(
        browser, IMPORT, filled(found, text=CSV.replace("m2", "m3"), do="apply")
    )
    assert (status, [row[2] for row in rows(found)]) == (412, ["m1", "m3"])
    _, done = await sent_in_parts(browser, IMPORT, filled(found, do="apply"))
    assert "1 miner was added. 1 was changed." in main(done)


async def test_a_list_sent_twice_is_done_once(fleet: FleetHouse, browser: Browser) -> None:
    fields = filled(await looked_at(browser, CSV), do="apply")
    assert (await sent_in_parts(browser, IMPORT, fields))[0] == 200
    status, found = await sent_in_parts(browser, IMPORT, fields)
    assert status == 412
    assert "Nothing would change." in main(found)
    assert len(await fleet.house.events("miner.created")) == 2


@pytest.mark.parametrize(
    ("text", "file", "at", "said"),
    [
        ("", None, "text", "Choose a file that holds lines, or paste them."),
        ("", ("m.csv", b""), "text", "Choose a file that holds lines, or paste them."),
        (
            "",
            ("m.csv", "container,address\nКонтейнер 1,10.1.9.1\n".encode("cp1251")),
            "file",
            "It is not UTF-8",
        ),
        (
            "",
            ("m.csv", b"container,address\n" + b"\n" * MOST),
            "file",
            "It is more than 1 MB: hand in its parts",
        ),
        ("container,address\n", None, "text", "It holds no miner."),
    ],
)
async def test_what_is_no_list_is_said_at_its_field(
    browser: Browser, text: str, file: tuple[str, bytes] | None, at: str, said: str
) -> None:
    fields = filled(await page(browser, IMPORT), text=text, do="preview")
    status, found = await sent_in_parts(browser, IMPORT, fields, file)
    assert status == 422
    assert said in summary(found)[0]
    assert said in found.one("p", id=f"{at}-error").words


async def test_hostile_lines_stay_text(browser: Browser) -> None:
    name = "</textarea><script>alert(1)</script>{{7*7}}"
    found = await looked_at(
        browser, f'container,name,address\nContainer 1,"{name}",10.1.9.1\nContainer 1,\u202ex,10.1.9.2\n'
    )
    assert rows(found)[0][2] == name
    assert rows(found)[1][1] == "refused"
    assert name in filled(found)["text"]
    _, done = await sent_in_parts(
        browser, IMPORT, filled(found, text=f'container,name,address\nContainer 1,"{name}",10.1.9.1\n')
    )
    _, done = await sent_in_parts(browser, IMPORT, filled(done, do="apply"))
    assert "1 miner was added." in main(done)


async def test_a_long_list_shows_what_is_refused_first(browser: Browser) -> None:
    lines = [f"Container 1,m{number},10.1.{10 + number // 250}.{number % 250 + 1}" for number in range(700)]
    found = await looked_at(browser, "\n".join(["container,name,address", *lines, "Container 9,x,10.1.9.1"]))
    assert rows(found)[-1][:3] == ["702", "refused", "x"]
    assert len(rows(found)) == 500
    assert "201 more lines are not shown; they count all the same." in main(found)


async def test_a_list_of_marks_without_end_is_refused_like_any_other(browser: Browser) -> None:
    """Composing so many of them would take hours, in which nobody else gets an answer."""
    marks = "a" + "\u0301\u0327" * 120_000
    for text in (
        f"container,name,address\nContainer 1,{marks},10.1.9.1\n",
        f"containers: [{{name: {marks}}}]\n",
    ):
        found = await looked_at(browser, text)
        assert [row[1] for row in rows(found)] == ["refused"]


async def test_the_list_to_begin_with_is_one(fleet: FleetHouse, browser: Browser) -> None:
    link = next(one for one in (await page(browser, IMPORT)).all("a") if "template" in one.attributes["href"])
    response = await browser.get(link.attributes["href"])
    assert response.content_type == "text/csv"
    assert response.headers["Content-Disposition"] == 'attachment; filename="miners.csv"'
    text = (await response.text()).replace("10.1.7.10", "10.1.9.1").replace(",a1,", ",z1,")
    assert rows(await looked_at(browser, text.replace("M50S,1,1", "M50S,4,4")))[0][1:3] == ["add", "z1"]


async def test_a_form_in_parts_needs_the_sessions_token(fleet: FleetHouse, browser: Browser) -> None:
    found = await looked_at(browser, CSV)
    stranger = Browser(browser.http, cookie=browser.cookie)
    for given in (
        {"csrf": ""},
        {"csrf": "wrong"},
        {"csrf": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")},
    ):
        assert (await sent_in_parts(stranger, IMPORT, filled(found, do="apply") | given))[0] == 403
    assert not fleet.managed.exists()
    broken = {"Content-Type": "multipart/form-data; boundary=none"}
    response = await stranger.ask("POST", IMPORT, data=b"--x\r\n", headers=broken)
    assert response.status == 403
    response = await browser.ask("POST", IMPORT, data=b"--x\r\n", headers=broken)
    assert response.status == 400
    assert (await sent_in_parts(stranger, IMPORT, filled(found, do="apply")))[0] == 200


async def test_who_may_not_import_does_not(fleet: FleetHouse) -> None:
    for role in ("accountant", "client"):
        browser = await fleet.browser(f"user-{role}", role)
        await page(browser, IMPORT, 403)
        fields = {"csrf": browser.csrf or "", "text": CSV, "do": "preview"}
        assert (await sent_in_parts(browser, IMPORT, fields))[0] == 403
