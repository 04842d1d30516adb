"""The main tasks of the pages in a real browser, with a mouse, with keys alone, on a phone and without scripts.

Behind the pages stand simulated miners that really fall asleep and wake; they are asked themselves what became of an order.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.system.pages_hands import HANDS, Hands, Keys, Mouse, Touch
from tests.system.pages_yard import CALM, ORDERS, READ_EVERY_S, Yard, yard
from tests.system.stack import truth, until

MINERS = {"Container 7": 12, "Container 8": 4}
"""One after the other: the first so many that there is time to stop it."""
SAMARA = ZoneInfo("Europe/Samara")
OBEYS = (
    f"control: enforce, schedule: all day, timezone: Europe/Samara, simulate: {{{CALM}, password: {ORDERS}}}"
)
# One miner after the other: there is something to watch, and to stop, also for a browser that is slow.
SLOWLY = "ramp: {batch: 1, every: 3s, step: 5 kW}"
QUICKLY = "ramp: {batch: 1, every: 1s, step: 5 kW}"
WHATSMINER = "manufacturer: Whatsminer, model: M30S+"
FLEET = f"""
defaults: {{interval: {READ_EVERY_S}s, timezone: UTC, connect_timeout: 1s, timeout: 2s, credentials: {{file: rack}}}}
networks: [127.N.0.0/16]
schedules:
  all day: {{windows: [{{from: "00:00", to: "24:00", profile: normal}}]}}
containers:
  - {{name: Container 7, {OBEYS}, {SLOWLY}, miners: [{{name: "w{{n}}", addresses: 127.N.7.1-{MINERS["Container 7"]}, {WHATSMINER}}}]}}
  - {{name: Container 8, {OBEYS}, {QUICKLY}, miners: [{{name: "w{{n}}", addresses: 127.N.8.1-{MINERS["Container 8"]}, {WHATSMINER}}}]}}
  - name: Container 3
    simulate: {{{CALM}, faults: [{{fault: silent, miners: [a2]}}]}}
    miners: [{{name: "a{{n}}", addresses: 127.N.3.1-3, {WHATSMINER}}}]
"""
# A schedule that is made on the page is followed by containers that were made there as well.
UNLISTED = f"""
  - name: Container 4
    simulate: {{{CALM}, password: {ORDERS}}}
    miners: [{{name: m1, address: 127.N.4.1, {WHATSMINER}}}]
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


def hands_of(*first: type) -> pytest.MarkDecorator:
    """Return the mark of a task that `make test` tries with these hands, and `make test-long` with the others too.

    Opening a dialogue and confirming it is tried with all of them in `make test`, by one task or another.
    """
    return pytest.mark.parametrize(
        "hands",
        [pytest.param(kind, id=kind.name, marks=() if kind in first else pytest.mark.long) for kind in HANDS],
        indirect=True,
    )


REASON = "breaker 2, electrician on site"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("tasks"), None, fleet=FLEET, unlisted=UNLISTED) as found:
        add_managed(found)
        yield found


def add_managed(place: Yard) -> None:
    """Make a container through the API that follows a schedule of the API."""
    made = place.api(
        "/schedules", method="POST", body={"name": "nights", "windows": [], "otherwise": "normal"}
    )
    assert made.status == 201, made
    wish = {"name": "Container 4", "control": "enforce", "schedule_id": made.json()["id"]}
    assert place.api("/containers", method="POST", body=wish).status == 201
    miner = {
        "name": "m1",
        "address": f"127.{place.stack.network}.4.1",
        "container": "container-4",
        "manufacturer": "Whatsminer",
        "model": "M30S+",
        "credentials": "file:rack",
    }
    added = place.api("/miners", method="POST", body=miner)
    assert added.status == 201, added
    until(
        lambda: place.api("/miners/container-4.m1").json()["profile"]["applied"] == "normal",
        "the miner of the schedule is read and in its profile",
    )


@pytest_asyncio.fixture(loop_scope="module", params=HANDS, ids=lambda kind: kind.name)
async def hands(request: pytest.FixtureRequest, place: Yard, same_browser: Browser) -> AsyncIterator[Hands]:
    kind: type[Mouse | Keys] = request.param
    context = await place.look(same_browser, width=kind.width, height=kind.height, **kind.more)
    yield kind(await context.new_page())
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(place: Yard, same_browser: Browser) -> AsyncIterator[Mouse]:
    context = await place.look(same_browser)
    yield Mouse(await context.new_page())
    await context.close()


def asleep(place: Yard, container: str) -> int:
    return sum(one["asleep"] for one in truth(place.simulator).values() if one["container"] == container)


def operations(place: Yard) -> list[dict[str, Any]]:
    """What was begun by people, the newest first."""
    return [one for one in place.api("/operations").json()["items"] if one["created_by"]["type"] == "user"]


@pytest.fixture
def quiet(place: Yard) -> Yard:
    """The yard without orders of people: every test finds its miners awake."""
    return calmed(place)


def calmed(place: Yard) -> Yard:
    """End all overrides, and wait until what that begins is over."""
    end_overrides(place)
    running = {"queued", "running", "cancelling"}
    until(
        lambda: all(one["state"] not in running for one in place.api("/operations").json()["items"]),
        "nothing is under way",
    )
    until(lambda: not any(asleep(place, name) for name in MINERS), "all are awake")
    until(lambda: b'"state":"sleeping"' not in place.api("/miners").body, "all are read as awake")
    return place


def end_overrides(place: Yard) -> None:
    """Let the schedule hold again everywhere."""
    for one in overrides(place):
        place.api(f"/overrides/{one['id']}", method="DELETE")


def overrides(place: Yard) -> list[dict[str, Any]]:
    """What is in force."""
    found = place.api("/overrides").json()["items"]
    return [one for one in found if one["state"] != "ended"]


def curtail_at_once(place: Yard, container: str) -> None:
    """Put a container to sleep without the ramp, and wait until it is."""
    wish = {
        "target": {"containers": [container]},
        "profile": "curtail",
        "ends": "manual",
        "reason": "grid",
        "emergency": True,
    }
    answer = place.api("/overrides", method="POST", body=wish)
    assert answer.status == 201, answer
    name = container.replace("container-", "Container ")
    until(lambda: asleep(place, name) == MINERS[name], "all of the container sleep")
    until(lambda: operations(place)[0]["state"].startswith("done"), "the operation has ended")


async def test_the_silent_miner_is_found_and_what_is_wrong(place: Yard, hands: Hands) -> None:
    page = hands.page
    await page.goto("/")
    await hands.press(page.locator(".fleet-needs").get_by_role("link", name="1 unreachable"))
    await expect(page).to_have_url(re.compile(r"/miners\?state=unreachable$"))
    await expect(page.locator("table.miners tbody tr")).to_have_count(1)
    await hands.press(page.locator("table.miners").get_by_role("link", name="a2"))
    await expect_silent(page, place)


async def expect_silent(page: Page, place: Yard) -> None:
    """The page is the silent miner's, and says what was tried."""
    await expect(page).to_have_url(re.compile(r"/miners/container-3\.a2$"))
    await expect(page.locator(".miner .state")).to_contain_text("unreachable: no answer since")
    why = page.locator(".miner-why")
    await expect(why).to_contain_text(f"127.{place.stack.network}.3.2:4028 did not answer")
    await expect(why).to_contain_text("Is it powered")


async def test_keys_go_to_miners_search_and_walk_the_rows(place: Yard, same_browser: Browser) -> None:
    context = await place.look(same_browser)
    page = await context.new_page()
    keys = page.keyboard
    await page.goto("/")
    await keys.press("g")
    # Keys mean something once the scripts of the page have run.
    async with page.expect_navigation():
        await keys.press("m")
    await expect(page).to_have_url(re.compile(r"/miners$"))
    await expect(page.locator("table.miners tbody tr")).to_have_count(sum(MINERS.values()) + 4)
    await keys.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await keys.type("127.")
    await keys.type(f"{place.stack.network}.3.2")
    async with page.expect_navigation():
        await keys.press("Enter")
    await expect(page.locator("table.miners tbody tr")).to_have_count(1)
    await keys.press("j")
    await expect(page.locator("table.miners").get_by_role("link", name="a2")).to_be_focused()
    await keys.press("x")
    await expect(page.locator("[data-count]")).to_have_text("Chosen: 1")
    async with page.expect_navigation():
        await keys.press("Enter")
    await expect_silent(page, place)
    await keys.press("?")
    dialogue = page.get_by_role("dialog")
    await expect(dialogue).to_be_visible()
    await keys.press("Escape")
    await expect(dialogue).to_be_hidden()
    await context.close()


async def open_curtail(hands: Hands, container: str) -> Locator:
    """From the fleet to the dialogue that curtails a container; return the dialogue."""
    page = hands.page
    await page.goto("/")
    await hands.press(page.locator("ul.fleet").get_by_role("link", name=container))
    await expect(page.get_by_role("heading", level=1)).to_have_text(container)
    await act(hands, "Curtail")
    dialogue = page.get_by_role("dialog", name=f"Curtail {container}")
    await expect(dialogue).to_be_visible()
    return dialogue


async def act(hands: Hands, deed: str) -> None:
    """Choose from a container's actions."""
    menu = hands.page.locator(".container-deeds")
    await hands.press(menu.locator("summary"))
    await hands.press(menu.get_by_role("link", name=deed, exact=True))


@hands_of(Mouse)
async def test_a_container_is_curtailed_watched_stopped_and_undone(quiet: Yard, hands: Hands) -> None:
    place = quiet
    page, before, miners = hands.page, len(operations(place)), MINERS["Container 7"]
    dialogue = await open_curtail(hands, "Container 7")
    reason = dialogue.get_by_label("Reason")
    await expect(reason).to_be_focused()
    await expect(dialogue).to_contain_text(f"{miners} of {miners} miners go to sleep.")

    # Whoever thinks better of it is where they were.
    await page.keyboard.press("Escape")
    await expect(dialogue).to_be_hidden()
    await expect(page.locator(".container-deeds summary")).to_be_focused()
    await act(hands, "Curtail")
    await expect(reason).to_be_focused()

    ends = datetime.now(SAMARA).replace(second=0, microsecond=0) + timedelta(hours=26)
    await hands.choose(dialogue.get_by_role("radio", name="a time"))
    await hands.set_moment(dialogue.get_by_label("Until when"), ends)
    await hands.write(reason, REASON)
    await page.keyboard.press("Enter")
    await hands.press(dialogue.get_by_role("button", name=f"Curtail {miners} miners"))
    # So large a part of the fleet has to be named; what was typed stays.
    await expect(dialogue.get_by_role("alert")).to_contain_text("There is a problem")
    await expect(reason).to_have_value(REASON)
    assert len(operations(place)) == before
    assert asleep(place, "Container 7") == 0
    await hands.write(dialogue.get_by_label("This is a large part of the fleet"), "Container 7")
    await page.keyboard.press("Enter")
    assert len(operations(place)) == before
    await hands.press(dialogue.get_by_role("button", name=f"Curtail {miners} miners"))

    await expect(page).to_have_url(re.compile(r"/operations/op_\w+$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Curtail Container 7")
    await expect(page.locator(".operation-facts")).to_contain_text(REASON)
    [override] = overrides(place)
    assert datetime.fromisoformat(override["until"]) == ends
    async with watched(page) as applied:
        before = await applied.inner_text()
        await expect(applied).not_to_have_text(before, use_inner_text=True)
        await expect(applied).to_be_visible()
    slept = asleep(place, "Container 7")
    assert 2 <= slept < miners

    await hands.press(page.get_by_role("link", name="Stop", exact=True))
    dialogue = page.get_by_role("dialog")
    await hands.press(dialogue.get_by_role("button", name=re.compile("^Stop")))
    # What is on its way is finished first.
    await expect(page.locator(".ended-as")).to_contain_text("not begun")
    stopped = asleep(place, "Container 7")
    assert slept <= stopped < miners
    await expect(page.locator(".ended-as")).to_contain_text(
        re.compile(rf"^{stopped} of {miners} asleep .* {miners - stopped} not begun\.$")
    )
    assert operations(place)[0]["state"] == "cancelled"

    await hands.press(page.get_by_role("link", name="End the override"))
    dialogue = page.get_by_role("dialog")
    await hands.press(dialogue.get_by_role("button", name=f"End it and change {stopped} miners"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("End of the override on Container 7")
    await expect(page.locator(".ended-as")).to_contain_text(f"{stopped} of {stopped}")
    assert asleep(place, "Container 7") == 0


@asynccontextmanager
async def watched(page: Page) -> AsyncIterator[Locator]:
    """Give the count of those that obeyed as soon as there are any; the page is not loaded again.

    Each count stands for some seconds, so which of them a busy machine gets to see is not said.
    """
    await page.evaluate("document.documentElement.dataset.same = 'yes'")
    applied = page.locator(".legend li", has_text=re.compile(r"[1-9]\d* applied"))
    await expect(applied).to_be_visible()
    yield applied
    assert await page.evaluate("document.documentElement.dataset.same") == "yes"


@hands_of(Touch)
async def test_a_curtailment_is_ended_early(quiet: Yard, hands: Hands) -> None:
    place = quiet
    curtail_at_once(place, "container-8")
    page, miners = hands.page, MINERS["Container 8"]
    await page.goto("/containers/container-8")
    await act(hands, "End override")
    dialogue = page.get_by_role("dialog")
    await expect(dialogue).to_contain_text(f"{miners} of {miners} miners go back to normal.")
    await hands.press(dialogue.get_by_role("button", name=f"End it and change {miners} miners"))
    await expect(page).to_have_url(re.compile(r"/operations/op_\w+$"))
    async with watched(page):
        await expect(page.locator(".ended-as")).to_be_visible()
    assert asleep(place, "Container 8") == 0
    assert overrides(place) == []


@hands_of(Mouse, Keys)
async def test_a_schedule_is_edited_with_a_preview_and_holds(place: Yard, hands: Hands) -> None:
    page = hands.page
    profile, mode = {
        "mouse": ("underclock", "low"),
        "keys": ("overclock", "high"),
        "touch": ("underclock", "low"),
    }[hands.name]
    await page.goto("/schedule")
    await hands.press(page.locator("#schedule-nights").get_by_role("link", name="Edit nights"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Edit schedule")
    await hands.pick(page.get_by_label("Otherwise"), profile)
    await hands.press(page.locator(".form-end").get_by_role("button", name="Preview"))
    preview = page.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("1 miner changes at once.")
    await expect(preview).to_contain_text("Today and the coming seven days")
    assert place.api("/miners/container-4.m1").json()["profile"]["desired"] != profile, (
        "a preview changes nothing"
    )
    await hands.press(page.get_by_role("button", name="Save and change 1 miner"))
    await expect(page).to_have_url(re.compile(r"/schedule#schedule-nights$"))
    await expect(page.locator("#schedule-nights")).to_contain_text(f"always {profile}")

    def obeys() -> bool:
        return truth(place.simulator)["Container 4/m1"]["mode"] == mode

    until(obeys, f"the miner itself runs in mode {mode}")
    await page.goto("/containers/container-4")
    await expect(page.locator("main")).to_contain_text(f"{profile}, by the schedule")


async def test_a_double_click_is_one_operation(quiet: Yard, desk: Mouse) -> None:
    dialogue = await open_curtail(desk, "Container 8")
    reason = f"twice {datetime.now(SAMARA).isoformat()}"
    await desk.write(dialogue.get_by_label("Reason"), reason)
    await dialogue.get_by_role("button", name="Curtail 4 miners").dblclick()
    await expect(desk.page).to_have_url(re.compile(r"/operations/op_\w+$"))
    await expect(desk.page.locator(".ended-as")).to_contain_text("4 of 4 asleep")
    assert [one["reason"] for one in operations(quiet)].count(reason) == 1
    assert [one["reason"] for one in overrides(quiet)] == [reason]


async def test_without_scripts_the_silent_miner_is_found_and_a_container_is_curtailed(
    quiet: Yard, same_browser: Browser
) -> None:
    context = await quiet.look(same_browser, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/")
    await page.locator(".fleet-needs").get_by_role("link", name="1 unreachable").click()
    await page.locator("table.miners").get_by_role("link", name="a2").click()
    await expect_silent(page, quiet)

    await page.goto("/containers/container-7")
    menu = page.locator(".container-deeds")
    await menu.locator("summary").click()
    await menu.get_by_role("link", name="Curtail", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Curtail Container 7")
    await page.get_by_label("Reason").fill(REASON)
    await page.get_by_role("button", name="Curtail 12 miners").click()
    # Whoever forgot to name it reads so on the page, and what they typed stays.
    await expect(page).to_have_title(re.compile("^Error:"))
    await expect(page.get_by_label("Reason")).to_have_value(REASON)
    assert asleep(quiet, "Container 7") == 0
    await page.get_by_label("This is a large part of the fleet").fill("Container 7")
    before = len(operations(quiet))
    await page.get_by_role("button", name="Curtail 12 miners").dblclick()
    await expect(page).to_have_url(re.compile(r"/operations/op_\w+$"))
    until(lambda: asleep(quiet, "Container 7") >= 1, "the first is asleep")
    await page.get_by_role("link", name="Stop and undo").click()
    await page.get_by_role("button", name=re.compile("^Stop")).click()
    until(lambda: operations(quiet)[0]["state"] != "running", "it is stopped")
    until(lambda: asleep(quiet, "Container 7") == 0, "what was asleep is awake again")
    assert len(operations(quiet)) >= before + 1
    assert overrides(quiet) == []
    await page.goto("/operations")
    await expect(page.locator("main")).to_contain_text(REASON)
    await context.close()


# The last, for those whom it wakes draw little for a while: a large part of the fleet would not be one by its power.
async def test_a_deed_is_refused_when_the_fleet_has_changed_meanwhile(quiet: Yard, desk: Mouse) -> None:
    dialogue = await open_curtail(desk, "Container 7")
    before, moved = (
        len(operations(quiet)),
        [f"/miners/container-7.w{number}/service" for number in range(1, 9)],
    )
    for path in moved:
        assert quiet.api(path, method="POST", body={"reason": "fan"}).status < 300
    try:
        await desk.write(dialogue.get_by_label("Reason"), REASON)
        await desk.write(dialogue.get_by_label("This is a large part of the fleet"), "Container 7")
        await dialogue.get_by_role("button", name="Curtail 12 miners").click()
        alarm = dialogue.get_by_role("alert")
        await expect(alarm).to_contain_text("changed")
        await expect(alarm).to_contain_text("4 miners would change now; it was 12.")
        await expect(alarm).to_contain_text("8 miners are left out now; it was 0.")
        await expect(alarm).to_be_focused()
        await expect(dialogue.get_by_label("Reason")).to_have_value(REASON)
        assert len(operations(quiet)) == before
        assert asleep(quiet, "Container 7") == 0
        await dialogue.get_by_role("button", name="Curtail 4 miners").click()
        await expect(desk.page.locator(".ended-as")).to_contain_text("4 of 12 asleep")
        assert asleep(quiet, "Container 7") == 4
    finally:
        end_overrides(quiet)  # else it would hold for those as well that come out of service
        for path in moved:
            quiet.api(path, method="DELETE")
