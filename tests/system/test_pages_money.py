"""The tasks of whoever reckons with energy and money, in a real browser: the month's report to its closing, meters, tariffs,
and whose containers are; people from their invitation to their end.

The books are of known figures, so that what a page shows is held against what was reckoned by hand.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from babel.dates import format_date
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.system.books_of_yard import (
    DAY,
    MINER_W,
    NIGHT,
    UNREAD_HOURS,
    Booked,
    days_of,
    keep_books,
    months_back,
)
from tests.system.pages_hands import Hands, Keys, Mouse, Touch
from tests.system.pages_looks import Looker, Window, folder_of_pictures
from tests.system.pages_yard import CALM, PASSWORD, READ_EVERY_S, Session, Yard, yard

WHATSMINER = "manufacturer: Whatsminer, model: M30S+"
FLEET = f"""
defaults: {{interval: {READ_EVERY_S}s, timezone: UTC, connect_timeout: 1s, timeout: 2s}}
networks: [127.N.0.0/16]
containers:
  - name: Container 7
    timezone: Europe/Samara
    client: volga
    simulate: {{{CALM}}}
    miners: [{{name: "w{{n}}", addresses: 127.N.7.1-2, {WHATSMINER}}}]
  - name: Container 3
    client: steppe
    simulate: {{{CALM}}}
    miners: [{{name: a1, address: 127.N.3.1, {WHATSMINER}}}]
"""
SEVEN = Booked("container-7", "Container 7", "Europe/Samara", "volga", ("w1", "w2"), unread=True)
THREE = Booked("container-3", "Container 3", "UTC", "steppe", ("a1",))
"""Its books begin on the twentieth of the last month."""
SOLD = Booked("container-1", "Container 1", "UTC", "volga", ("b1",))
"""It left the inventory after a few days of the month before the last one; of the month before that a part is missing."""
LAST, BEFORE, EARLIEST = months_back(1), months_back(2), months_back(3)
FEW_DAYS, BEGINS_ON = 2, 20
OF_THREE = days_of(THREE, LAST, BEGINS_ON, BEGINS_ON)[0], THREE.bounds(LAST)[1]
KWH_OF_THREE = THREE.kwh(LAST) - (BEGINS_ON - 1) * 24 * MINER_W // 1000
MONTHS = {"mouse": LAST, "keys": BEFORE, "touch": EARLIEST}
"""Which month is closed by which hands: a month is closed once."""
METER_FACTOR = 1.01
CURRENCY = "\u20bd|RUB"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Place:
    """The yard, and who is signed in there besides the administrator."""

    yard: Yard
    accountant: Session
    client: Session

    def clients(self) -> dict[str, str]:
        """Return the ids of clients by their short names."""
        return {one["slug"]: one["id"] for one in self.yard.api("/clients").json()["items"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("money")
    with yard(folder, None, fleet=FLEET) as found:
        spans = {
            SEVEN: [SEVEN.bounds(LAST)],
            THREE: [OF_THREE],
            SOLD: [days_of(SOLD, month, 1, FEW_DAYS) for month in (EARLIEST, BEFORE)],
        }
        keep_books(folder / "data", spans)
        for name in ("Container 8", "Container 9"):
            assert found.api("/containers", method="POST", body={"name": name}).status == 201
        clients = {one["slug"]: one["id"] for one in found.api("/clients").json()["items"]}
        seen = Place(
            found, found.let_in("oksana", "accountant"), found.let_in("viktor", "client", clients["volga"])
        )
        begin, end = SEVEN.bounds(LAST)
        for at, kwh in ((begin, 100_000.0), (end, 100_000 + SEVEN.kwh(LAST) * METER_FACTOR)):
            reading = {"container": SEVEN.id, "at": at.isoformat(), "kwh": f"{kwh:.1f}"}
            entered = found.api("/meter-readings", method="POST", body=reading, by=seen.accountant)
            assert entered.status == 201, entered
        yield seen


@pytest_asyncio.fixture(
    loop_scope="module",
    params=[
        pytest.param(kind, id=kind.name, marks=() if kind is Mouse else pytest.mark.long)
        for kind in (Mouse, Keys, Touch)
    ],
)
async def hands(request: pytest.FixtureRequest, place: Place, same_browser: Browser) -> AsyncIterator[Hands]:
    """The accountant's hands."""
    kind: type[Mouse | Keys] = request.param
    context = await place.yard.look(
        same_browser, width=kind.width, height=kind.height, by=place.accountant, **kind.more
    )
    # What paper comes out of a browser's own dialogue for is no part of the page.
    await context.add_init_script("window.print = () => { window.printed = (window.printed ?? 0) + 1 }")
    yield kind(await opened(context))
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def office(place: Place, same_browser: Browser) -> AsyncIterator[Page]:
    """A window of the accountant's."""
    context = await place.yard.look(same_browser, by=place.accountant)
    yield await opened(context)
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def admin(place: Place, same_browser: Browser) -> AsyncIterator[Page]:
    """A window of the administrator's."""
    context = await place.yard.look(same_browser)
    yield await opened(context)
    await context.close()


async def opened(context: BrowserContext) -> Page:
    return await context.new_page()


def said(page: Page) -> Locator:
    """What the page says of what was just done."""
    return page.locator(".notice[role=status]")


def name_of(month: str) -> str:
    return str(format_date(date.fromisoformat(f"{month}-01"), "LLLL y", locale="en"))


def row_of(page: Page, name: str, table: str = "Energy and cost") -> Locator:
    lines = page.get_by_role("table", name=table, exact=True).locator("tr")
    return lines.filter(has=page.get_by_role("rowheader", name=name))


def money(amount: Any) -> re.Pattern[str]:
    """Match an amount as it is written, with any sign of the currency."""
    return re.compile(rf"({CURRENCY})\s?{re.escape(f'{amount:,.2f}')}")


async def on_paper(page: Page) -> tuple[int, bool]:
    """Return how many sheets the page prints on, and whether they are A4."""
    paper = await page.pdf(format="A4", print_background=True)
    sheets = re.findall(rb"/Type\s*/Page\b(?!s)", paper)
    return len(sheets), bool(re.search(rb"/MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]", paper))


async def test_a_months_report_is_read_saved_printed_and_closed(
    place: Place, hands: Hands, same_browser: Browser
) -> None:
    page, month = hands.page, MONTHS[hands.name]
    whole = month == LAST
    await page.goto("/")
    if hands.name == "touch":
        await hands.press(page.locator(".phone summary"))
        await hands.press(page.locator(".phone").get_by_role("link", name="Reports"))
    else:
        await hands.press(page.locator("header nav").get_by_role("link", name="Reports").first)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Reports")
    which = page.get_by_role("search", name="Which report")
    await hands.pick(which.get_by_label(re.compile("^Month ")), month)
    await hands.pick(which.get_by_label(re.compile("^By ")), "client")
    await hands.press(which.get_by_role("button", name="Show"))
    await expect(page.get_by_role("heading", level=2, name=name_of(month))).to_be_visible()

    sums = page.locator(".book-sums")
    if whole:
        volga = row_of(page, "volga")
        await expect(volga).to_contain_text(f"{SEVEN.kwh(month):,}")
        await expect(volga).to_contain_text(money(SEVEN.cost(month)))
        await expect(sums).to_contain_text(f"{SEVEN.kwh(month) + KWH_OF_THREE:,}")
        await expect(page.locator(".gaps")).to_contain_text("Container 7")
        # A client leads to its containers, and the container's meter stands beside its sum.
        await hands.press(volga.get_by_role("link", name="volga"))
        line = row_of(page, "Container 7")
        await expect(line).to_contain_text(f"{SEVEN.kwh(month):,}")
        await expect(line).to_contain_text("agrees")
        read = SEVEN.hours(month) / (SEVEN.hours(month) + UNREAD_HOURS)
        await expect(line).to_contain_text(f"{100 * read:.1f}")
        await page.go_back()
    else:
        await expect(sums).to_contain_text(f"{FEW_DAYS * 24 * MINER_W // 1000:,}")
        await expect(page.locator(".gaps")).to_contain_text("Container 1")

    await expect_saved(hands, "CSV", whole=whole)
    await expect_saved(hands, "CSV for Excel", whole=whole)
    await hands.press(page.get_by_role("button", name="Print"))
    assert await page.evaluate("window.printed") == 1

    await hands.press(page.locator("main").get_by_role("link", name="Close the month"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Close {name_of(month)}")
    await expect(page.locator("main")).to_contain_text("It cannot be undone.")
    deed = page.get_by_role("button", name=f"Close {name_of(month)} for good")
    if month == EARLIEST:
        await hands.press(deed)
        await expect(page.get_by_role("alert")).to_contain_text("There is a problem")
        assert month not in closed_months(place)
        await hands.choose(page.get_by_label("Close it though hours are missing"))
    await hands.press(deed)
    await expect(page).to_have_url(re.compile(r"/reports/\d+$"))
    number = page.url.rpartition("/")[2]
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Report {number}: {name_of(month)}")
    assert closed_months(place)[month] == int(number)
    await expect(page.locator(".letter")).to_contain_text("oksana")
    for price in (DAY, NIGHT):
        await expect(page.locator(".letter")).to_contain_text(f"{price}")
    await hands.press(page.get_by_role("button", name="Print"))
    assert await page.evaluate("window.printed") == 1
    sheets, is_a4 = await on_paper(page)
    assert 1 <= sheets <= 4
    assert is_a4

    await expect_own_part(place, hands, same_browser, number, month)


def closed_months(place: Place) -> dict[str, int]:
    closings = place.yard.api("/reports", by=place.accountant).json()
    return {
        one["month"]: one["number"] for one in (closings["items"] if isinstance(closings, dict) else closings)
    }


async def expect_saved(hands: Hands, name: str, *, whole: bool) -> None:
    """Press a link that saves the report, and read the file."""
    async with hands.page.expect_download() as saving:
        await hands.press(hands.page.get_by_role("link", name=name, exact=True))
    saved = await saving.value
    assert saved.suggested_filename.endswith(".csv")
    raw = await asyncio.to_thread(Path(await saved.path()).read_bytes)
    text = raw.decode("utf-8-sig")
    assert raw.startswith(b"\xef\xbb\xbf") == (name == "CSV for Excel")
    lines = text.splitlines()
    assert "energy" in lines[0]
    assert any("volga" in line for line in lines)
    if whole:
        assert str(SEVEN.kwh(LAST)) in text


async def expect_own_part(place: Place, hands: Hands, browser: Browser, number: str, month: str) -> None:
    """The client sees of the closed month what is his, whatever he asks for."""
    context = await place.yard.look(
        browser, width=hands.width, height=hands.height, by=place.client, **hands.more
    )
    page, own = await opened(context), "Container 7" if month == LAST else "Container 1"
    await page.goto("/reports")
    await page.locator(".closings").get_by_role("link", name=f"Report {number}: {name_of(month)}").click()
    for address in (f"/reports/{number}", f"/reports/{number}?client=steppe"):
        await page.goto(address)
        await expect(row_of(page, own, "Energy")).to_be_visible()
        shown = await page.locator("main").inner_text()
        for theirs in ("Container 3", "container-3", "steppe", "Container 9", "oksana"):
            assert theirs not in shown, f"{address}: {theirs}"
        if month == LAST:
            await expect(page.locator(".book-sums")).to_contain_text(f"{SEVEN.kwh(month):,}")
    answer = await page.goto(f"/close-month?month={month}")
    assert answer is not None
    assert answer.status == 403
    await context.close()


async def test_a_reading_is_entered_by_form_and_what_was_typed_stays(place: Place, office: Page) -> None:
    await office.goto("/meters")
    form = office.get_by_role("form", name="Enter a reading")
    await form.get_by_label("Container", exact=True).select_option("container-3")
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    await form.get_by_label("Day").fill(day.isoformat())
    await form.get_by_label("Time on the container's clock").fill("half past eight")
    await form.get_by_label("What the meter shows").fill("12 345,6 kWh")
    await form.get_by_label("Note").fill("read by torchlight")
    await form.get_by_role("button", name="Enter the reading").click()
    alarm = office.get_by_role("alert")
    await expect(alarm).to_contain_text("Give a time such as 09:00")
    await expect(alarm).to_be_focused()
    await expect(office).to_have_title(re.compile("^Error:"))
    await expect(form.get_by_label("What the meter shows")).to_have_value("12 345,6 kWh")
    await form.get_by_label("Time on the container's clock").fill("8:30")
    await form.get_by_role("button", name="Enter the reading").click()
    await expect(alarm).to_contain_text("12 345,6 kWh is no figure of a meter")
    await expect(form.get_by_label("Note")).to_have_value("read by torchlight")
    assert readings(place, "container-3") == []
    await form.get_by_label("What the meter shows").fill("12345,6")
    await form.get_by_role("button", name="Enter the reading").click()
    meter = office.locator("#meter-container-3")
    await expect(meter).to_contain_text("12,345.6")
    await expect(meter).to_contain_text("read by torchlight")
    await expect(meter).to_contain_text("oksana")
    [kept] = readings(place, "container-3")
    assert kept["at"] == f"{day.isoformat()}T08:30:00Z"

    await meter.get_by_role("link", name="Withdraw").click()
    await office.get_by_role("button", name="Withdraw the reading").click()
    await expect(meter).to_contain_text("withdrawn by oksana")
    assert all(one["withdrawn_at"] for one in readings(place, "container-3"))


def readings(place: Place, container: str) -> list[dict[str, Any]]:
    found = place.yard.api(f"/meter-readings?container={container}", by=place.accountant).json()
    return list(found["items"] if isinstance(found, dict) else found)


async def test_a_file_of_readings_with_mistakes_is_refused_by_line_and_taken_when_mended(
    place: Place, office: Page
) -> None:
    month = EARLIEST
    good = f"container-9,{month}-03 09:00,100.5,,\ncontainer-9,{month}-10 09:00,180.25,,\n"
    bad = (
        "container,at,kwh,replaced,note\n"
        + good
        + f"container-9,{month}-31T99:00,200,,\n"  # no time
        + "container-0,2026-01-01 09:00,200,,\n"  # no such container
        + f"container-9,{month}-12 09:00,200,5,,\n"  # a decimal comma
        + f"container-9,{month}-10 09:00,181,,\n"  # twice
        + f"container-9,{month}-20 09:00,90,,\n"  # it falls
    )
    await office.goto("/meters")
    await office.get_by_role("link", name="Upload readings").click()
    await office.get_by_label("Or lines, pasted").fill(bad)
    await office.get_by_role("button", name="Preview").click()
    await expect(office).to_have_title(re.compile("^Error:"))
    table = office.get_by_role("table", name="What becomes of each line")
    for line, why in (
        ("4", "is no time"),
        ("5", "there is no container container-0"),
        ("6", "decimal comma"),
    ):
        row = table.locator("tbody tr").filter(has=office.get_by_role("rowheader", name=line, exact=True))
        await expect(row).to_contain_text(re.compile(re.escape(why), re.IGNORECASE))
    await expect(office.get_by_role("button", name=re.compile("^Enter "))).to_have_count(0)
    assert readings(place, "container-9") == []
    await expect(office.get_by_label("Or lines, pasted")).to_have_value(bad)

    # What can only be seen beside other readings is named once each line can be read.
    kept = [line for line in bad.splitlines() if not re.search(r"T99|container-0|200,5", line)]
    await office.get_by_label("Or lines, pasted").fill("\n".join(kept))
    await office.get_by_role("button", name="Preview again").click()
    for line, why in (("4", "another reading"), ("5", "falls")):
        row = table.locator("tbody tr").filter(has=office.get_by_role("rowheader", name=line, exact=True))
        await expect(row).to_contain_text(re.compile(why, re.IGNORECASE))
    assert readings(place, "container-9") == []

    await office.get_by_label("Or lines, pasted").fill("container,at,kwh,replaced,note\n" + good)
    await office.get_by_role("button", name="Preview again").click()
    await expect(office.locator("#preview")).to_contain_text("2 readings to enter · 0 lines refused")
    assert readings(place, "container-9") == [], "a preview enters nothing"
    await office.get_by_role("button", name="Enter 2 readings").click()
    await expect(said(office)).to_contain_text("2 readings were entered.")
    assert {float(one["kwh"]) for one in readings(place, "container-9")} == {100.5, 180.25}


async def test_a_tariff_with_a_gap_is_refused_by_its_hours_and_given_to_a_container(
    place: Place, office: Page
) -> None:
    await office.goto("/tariffs")
    await office.get_by_role("link", name="Add tariff").first.click()
    await office.get_by_label("Name").fill("Two rates")
    await office.get_by_label("Currency").fill("EUR")
    add = office.get_by_role("button", name="Add hours with their own price")
    await add.click()
    first = office.get_by_role("group", name="Row 1", exact=True)
    await first.get_by_label("From").fill("7")
    await first.get_by_label("To").fill("23:00")
    await first.get_by_label("Price of a kWh").fill("0.15")
    await add.click()
    second = office.get_by_role("group", name="Row 2", exact=True)
    await second.get_by_label("To").fill("06:00")
    await second.get_by_label("Price of a kWh").fill("cheap")
    await office.get_by_role("button", name="Save").click()
    alarm = office.get_by_role("alert")
    await expect(alarm).to_contain_text("Row 2: cheap is no price such as 5.10")
    await expect(second.get_by_label("Price of a kWh")).to_have_value("cheap")
    await second.get_by_label("Price of a kWh").fill("0.09")
    await office.get_by_role("button", name="Save").click()
    # The hour between six and seven has no price.
    await expect(alarm).to_contain_text("No row has a price for")
    await expect(alarm).to_contain_text("06:00")
    await expect(alarm).to_be_focused()
    await expect(office.get_by_label("Name")).to_have_value("Two rates")
    await expect(first.get_by_label("Price of a kWh")).to_have_value("0.15")
    assert tariffs(place) == []
    await second.get_by_label("To").fill("07:00")
    await office.get_by_role("button", name="Save").click()
    await expect(office).to_have_url(re.compile(r"/tariffs"))
    [made] = tariffs(place)
    assert (made["name"], made["currency"], len(made["zones"])) == ("Two rates", "EUR", 2)

    await office.goto("/tariffs")
    which = office.get_by_role("region", name="Which container has which tariff")
    await which.locator("tr", has_text="Container 9").get_by_role("link", name="Change").click()
    await office.get_by_label("From the beginning").select_option("Two rates")
    await office.get_by_role("button", name="Save").click()
    await expect(which.locator("tr", has_text="Container 9")).to_contain_text("Two rates")


def tariffs(place: Place) -> list[dict[str, Any]]:
    found = place.yard.api("/tariffs", by=place.accountant).json()
    return list(found["items"] if isinstance(found, dict) else found)


async def test_a_container_changes_hands_by_day_and_never_has_two_owners(place: Place, admin: Page) -> None:
    clients = place.clients()
    # From today on: of a closed month nothing can be changed, and on most days there is one twenty days ago.
    begins = datetime.now(UTC).date()
    ends = begins + timedelta(days=10)
    await assign(admin, clients["volga"], begins, ends)
    await expect(said(admin)).to_contain_text("The container is assigned.")
    await expect(admin.locator("table.assigned")).to_contain_text("Container 8")

    form = await assign(admin, clients["steppe"], ends - timedelta(days=2), None)
    alarm = admin.get_by_role("alert")
    await expect(alarm).to_contain_text("volga")
    await expect(alarm).to_contain_text("Container 8")
    await expect(alarm).to_be_focused()
    await expect(form.get_by_label("From")).to_have_value((ends - timedelta(days=2)).isoformat())
    assert not any(one["container"] == "container-8" for one in held(place, clients["steppe"]))

    await form.get_by_label("From").fill((ends + timedelta(days=1)).isoformat())
    await form.get_by_role("button", name="Assign").click()
    await expect(said(admin)).to_contain_text("The container is assigned.")
    theirs = [one for one in held(place, clients["steppe"]) if one["container"] == "container-8"]
    assert [(one["from"], one["to"]) for one in theirs] == [((ends + timedelta(days=1)).isoformat(), None)]


async def assign(page: Page, client: str, begins: date, ends: date | None) -> Locator:
    """Wish for Container 8 on a client's page; return the form."""
    await page.goto(f"/clients/{client}")
    form = page.get_by_role("form", name="Assign a container")
    await form.get_by_label("Assign a container").select_option("container-8")
    await form.get_by_label("From").fill(begins.isoformat())
    await form.get_by_label("To").fill("" if ends is None else ends.isoformat())
    await form.get_by_role("button", name="Assign").click()
    return form


def held(place: Place, client: str) -> list[dict[str, Any]]:
    found = place.yard.api(f"/clients/{client}/containers").json()
    return list(found["items"] if isinstance(found, dict) else found)


async def test_a_person_is_invited_chooses_a_password_signs_in_and_is_disabled(
    place: Place, admin: Page, same_browser: Browser
) -> None:
    await admin.goto("/people")
    await admin.get_by_role("link", name="Add person").click()
    await admin.get_by_role("radio", name="client").check()
    await admin.get_by_role("button", name="Continue").click()
    await admin.get_by_label("User name").fill("nina")
    await admin.get_by_label("Client", exact=True).select_option(label="volga")
    await admin.get_by_role("radio", name="By a link").check()
    await admin.get_by_role("button", name="Add person").click()
    link = await admin.get_by_label("Link", exact=True).input_value()
    person = admin.url.partition("?")[0]
    await admin.reload()
    await expect(admin.get_by_label("Link", exact=True)).to_have_count(0)

    context = await same_browser.new_context(base_url=place.yard.url, reduced_motion="reduce")
    page = await opened(context)
    path = "/" + link.split("/", 3)[3]
    await page.goto(path)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Choose your password")
    await expect(page.locator("main")).to_contain_text("nina")
    await page.get_by_label("New password", exact=True).fill(PASSWORD)
    await page.get_by_label("New password, once more").fill(PASSWORD + "s")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("alert")).to_contain_text("typed in two ways")
    await page.get_by_label("New password", exact=True).fill(PASSWORD)
    await page.get_by_label("New password, once more").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Password chosen")
    await page.get_by_role("link", name="Sign in").first.click()
    await sign_in(page)
    await expect(page.get_by_role("heading", level=2, name="Your containers")).to_be_visible()
    shown = await page.content()
    assert "Container 7" in shown
    assert "Container 3" not in shown
    used = await page.goto(path)
    assert used is not None
    assert used.status == 410

    await admin.goto(person)
    await admin.get_by_role("button", name="Disable").click()
    await expect(said(admin)).to_contain_text("Disabled: nobody signs in")
    await page.goto("/")
    await expect(page).to_have_url(re.compile("/sign-in"))
    await sign_in(page)
    await expect(page.get_by_role("alert")).to_contain_text("Name or password is not right")
    await context.close()


async def sign_in(page: Page) -> None:
    await page.get_by_label("User name").or_(page.get_by_label("Name", exact=True)).first.fill("nina")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def test_the_administrator_sees_what_a_client_sees_and_ends_it(place: Place, admin: Page) -> None:
    client = place.clients()["volga"]
    await admin.goto(f"/clients/{client}")
    await admin.get_by_role("button", name="See what this client sees").click()
    try:
        await expect(admin.get_by_role("heading", level=2, name="Your containers")).to_be_visible()
        shown = await admin.content()
        assert "Container 7" in shown
        assert "Container 3" not in shown
        refused = await admin.goto("/people")
        assert refused is not None
        assert refused.status == 403
        await admin.goto("/reports")
        view = admin.locator("form.view")
        await expect(view).to_contain_text("volga")
    finally:
        await admin.locator("form.view").get_by_role("button").click()
    await expect(admin).to_have_url(re.compile(rf"/clients/{client}$"))
    await admin.goto("/log?kind=client.view_begun")
    await expect(admin.locator("main")).to_contain_text("volga")


SEEN = {
    "administrator": ("/reports?month={month}", "/people", "/clients/{client}"),
    "accountant": ("/", "/reports?month={month}&by=day", "/close-month?month={month}", "/tariffs", "/meters"),
    "client": ("/", "/reports?month={month}"),
}


@pytest.mark.parametrize(
    "window",
    [Window(), Window(width=320, scheme="dark", language="ru"), Window(media="print")],
    ids=lambda window: window.name,
)
async def test_pages_of_money_and_people_look_as_they_are_meant_to(
    place: Place, same_browser: Browser, tmp_path: Path, window: Window
) -> None:
    who = {"administrator": None, "accountant": place.accountant, "client": place.client}
    wrong = []
    for role, addresses in SEEN.items():
        place.yard.speak(window.language, who[role])
        try:
            looker = await Looker.open(
                place.yard, same_browser, window, folder_of_pictures(tmp_path), by=who[role]
            )
            for address in addresses:
                where = address.format(month=LAST, client=place.clients()["volga"])
                await looker.look(where, role, axe=window.media == "screen")
            await looker.close()
        finally:
            place.yard.speak("en", who[role])
        wrong += looker.wrong
    assert wrong == [], "\n".join(wrong)
