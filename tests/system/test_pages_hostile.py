"""Names that want to be more than text, on every page and in every language: they stay text, and the pages keep their policy.

A container, a miner and a pool user of the yard bear such names; an order is given with such a reason. The browser itself says
what it refused, what it asked for and what it ran.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from controller.pages.formats import plain
from controller.pages.language import DEFAULT, LANGUAGES
from tests.system import pages_looks
from tests.system.pages_looks import Things, addresses_of, shown_pages
from tests.system.pages_yard import HOSTILE, Yard, yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINER, POOL_USER = '<script>alert("a")</script>', "<script>alert(1)</script>"
REASON = '"><img src=x onerror=alert(2)>{{7*7}}'
# On these pages each of the names is to be read.
SHOWN = {
    "/": (HOSTILE,),
    "/containers/hostile": (HOSTILE, MINER),
    "/miners": (HOSTILE, MINER, POOL_USER),
    "/schedule": (HOSTILE, REASON),
    "/containers/container-7": (REASON,),
}
_REFUSED = """addEventListener("securitypolicyviolation",
  (event) => console.error(`refused: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));"""
_LOOK = r"""(names) => {
  const own = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), turned = [];
  const quiet = "option, textarea, pre, script, title";
  for (let node = own.nextNode(); node; node = own.nextNode()) {
    const words = node.textContent.trim(), parent = node.parentElement;
    if (!names.includes(words) || parent.closest(quiet)) continue;
    if (!getComputedStyle(parent).unicodeBidi.includes("isolate")) turned.push(`${parent.outerHTML.slice(0, 120)}`);
  }
  // What stands behind a name from right to left is drawn behind it, in every sentence.
  const drawn = [], all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = all.nextNode(); node; node = all.nextNode()) {
    const found = /[\u0590-\u05ff]+(?=.*?(\d+))/ds.exec(node.textContent);
    if (!found || node.parentElement.closest(quiet)) continue;
    const box = ([begin, end]) => { const range = new Range(); range.setStart(node, begin); range.setEnd(node, end); return range.getBoundingClientRect(); };
    const name = box(found.indices[0]), number = box(found.indices[1]);
    if (name.width && number.top < name.bottom && number.left < name.right - 1) drawn.push(node.textContent.trim().slice(0, 120));
  }
  const made = [...document.querySelectorAll("b, i, img, iframe, object, embed, base, style")].map((one) => one.outerHTML.slice(0, 80));
  const inline = [...document.scripts].filter((one) => !one.src && one.type !== "application/json").map((one) => one.outerHTML.slice(0, 80));
  const handlers = [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some((name) => name.name.startsWith("on")));
  return {turned, drawn, made, inline, handlers: handlers.map((one) => one.outerHTML.slice(0, 80)), text: document.body.innerText};
}"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Yard, Things]]:
    with yard(tmp_path_factory.mktemp("hostile"), None) as found:
        things = pages_looks.furnish(found)
        order = {
            "target": {"containers": ["container-7"]},
            "profile": "underclock",
            "ends": "manual",
            "reason": REASON,
        }
        assert found.api("/overrides", method="POST", body=order).status == 201
        yield found, things


class Watched:
    """A page, with all that its browser complains of, asks for and is asked."""

    def __init__(self, page: Page, own: str) -> None:
        self.page, self.heard = page, list[str]()
        page.on("dialog", self._dialog)
        page.on("console", lambda said: self._hear(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._hear(f"error: {error}"))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((own, "data:")) else self._hear(f"asks {asked.url}"),
        )

    async def _dialog(self, dialog: Any) -> None:
        self._hear(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _hear(self, text: str) -> None:
        # The browser says itself what was answered with an error: those pages are looked at on purpose.
        if "Failed to load resource" not in text:
            self.heard.append(text)


@pytest_asyncio.fixture(loop_scope="module")
async def watched(place: tuple[Yard, Things], same_browser: Browser) -> Any:
    found, _ = place
    context = await found.look(same_browser)
    await context.add_init_script(_REFUSED)
    yield Watched(await context.new_page(), found.url)
    await context.close()


@pytest.mark.parametrize(
    "language",
    [pytest.param(code, marks=() if code == DEFAULT else pytest.mark.long) for code in LANGUAGES],
)
async def test_names_stay_text_on_every_page(
    place: tuple[Yard, Things], watched: Watched, language: str
) -> None:
    found, things = place
    found.speak(language)
    page, wrong = watched.page, list[str]()
    addresses = [address for route in shown_pages() for address in addresses_of(route, things)]
    addresses += [address for address in SHOWN if address not in addresses]
    for address in addresses:
        await page.goto(address)
        looked = await page.evaluate(_LOOK, [HOSTILE, MINER, POOL_USER, REASON])
        text = looked.pop("text")
        wrong += [f"{address}: {what}: {one}" for what, several in looked.items() for one in several]
        wrong += [f"{address}: {one}" for one in watched.heard]
        watched.heard.clear()
        if "49</b>" in text or "onerror=alert(2)>49" in text:
            wrong.append(f"{address}: a name was worked out")
        wrong += [
            f"{address}: {name} is not to be read" for name in SHOWN.get(address, ()) if name not in text
        ]
    assert wrong == []


async def test_names_stay_text_in_dialogues_and_in_what_is_fetched_later(
    place: tuple[Yard, Things], watched: Watched
) -> None:
    found, _ = place
    found.speak("en")
    page = watched.page
    await page.goto("/containers/hostile")
    cell = page.locator(".cells tbody a")
    await cell.focus()
    card = page.locator("[data-card]")
    await card.get_by_text(MINER).first.wait_for()
    await page.goto("/containers/container-7")
    await page.locator(".container-deeds summary").click()
    await page.locator(".container-deeds").get_by_role("link", name="End override").click()
    dialogue = page.get_by_role("dialog")
    await dialogue.get_by_text(REASON).first.wait_for()
    looked = await page.evaluate(_LOOK, [HOSTILE, MINER, POOL_USER, REASON])
    del looked["text"]
    assert looked == {"turned": [], "drawn": [], "made": [], "inline": [], "handlers": []}
    assert watched.heard == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_number_behind_a_name_from_right_to_left_is_drawn_behind_it(
    place: tuple[Yard, Things], watched: Watched, language: str
) -> None:
    found, _ = place
    found.speak(language)
    hold = found.api("/holds", method="POST", body={"containers": ["hostile"], "reason": "17 fans"})
    assert hold.status < 300, hold
    try:
        page = watched.page
        await page.goto("/")
        notice = page.locator("[data-live='s.hold']:not([data-said])")
        await notice.wait_for()
        told = plain((await notice.inner_text()).replace("\xa0", " "))
        assert f"{HOSTILE}: 17 fans" in told
        assert (await page.evaluate(_LOOK, [HOSTILE]))["drawn"] == []
        # Without what sets the name apart the browser draws the number before it: the look sees that.
        await notice.evaluate("""(notice, words) => { notice.textContent = words; }""", told)
        assert (await page.evaluate(_LOOK, [HOSTILE]))["drawn"] != []
    finally:
        assert found.api("/holds?container=hostile", method="DELETE").status == 204


async def test_a_file_for_a_spreadsheet_holds_the_names_as_text(place: tuple[Yard, Things]) -> None:
    found, _ = place
    table = found.page("/miners.csv").body.decode("utf-8-sig")
    assert HOSTILE in table
    assert MINER.replace('"', '""') in table
    assert "<b>49</b>" not in table  # 49 alone may be anybody's temperature


async def test_the_policy_is_sent_with_every_page(place: tuple[Yard, Things]) -> None:
    found, things = place
    for route in shown_pages():
        for address in addresses_of(route, things):
            policy = found.page(address).headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy, address
            assert "unsafe" not in policy, address
