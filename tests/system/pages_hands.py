"""The hands by which people use the pages: a mouse at a desk, keys alone, a finger on a phone. One task is tried with each.

Whoever uses keys alone never clicks: they go from stop to stop by Tab, and each stop has to be seen and to lie in sight.
"""

from datetime import datetime
from typing import Any, Final, Protocol

from playwright.async_api import Locator, Page, expect

MOST_STOPS: Final = 160

_STOP = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return {gone: true};
  const box = at.getBoundingClientRect();
  // A card's link is drawn over the whole card, and so is its ring.
  const ring = [getComputedStyle(at), getComputedStyle(at, "::after")].some(
    (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
  const seen = at.matches(":focus-visible");
  const x = Math.min(Math.max(box.left + Math.min(box.width, innerWidth) / 2, 1), innerWidth - 1);
  const y = Math.min(Math.max(box.top + Math.min(box.height, 40) / 2, 1), innerHeight - 1);
  const top = document.elementFromPoint(x, y);
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const covered = inside && top && !at.contains(top) && !top.contains(at) && !top.closest("label")?.contains(at);
  return {words: `${at.tagName} ${at.id} ${(at.getAttribute("aria-label") || at.textContent).trim().slice(0, 40)}`,
          ring, seen, inside, covered: covered ? top.outerHTML.slice(0, 80) : ""};
}"""


class Hands(Protocol):
    """What every pair of hands can do. `width`, `height`: of the window; `more`: how else the browser is opened."""

    name: str
    width: int
    height: int
    more: dict[str, Any]
    page: Page

    async def press(self, what: Locator) -> None:
        """Press a link or a button, or open a menu."""

    async def write(self, field: Locator, text: str) -> None:
        """Write into a field, in place of what stands there."""

    async def choose(self, option: Locator) -> None:
        """Choose one of several that exclude each other, or tick a box."""

    async def set_moment(self, field: Locator, moment: datetime) -> None:
        """Set a field for a date and a time."""

    async def pick(self, field: Locator, value: str) -> None:
        """Pick an entry of a list."""


class Mouse:
    """A mouse, at a desk."""

    name, width, height = "mouse", 1440, 900
    more: Final[dict[str, Any]] = {}

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, what: Locator) -> None:
        await what.click()

    async def write(self, field: Locator, text: str) -> None:
        await self.press(field)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def choose(self, option: Locator) -> None:
        await self.press(option)
        await expect(option).to_be_checked()

    async def set_moment(self, field: Locator, moment: datetime) -> None:
        # What the browser's own picker does; it is no part of the page.
        await field.fill(moment.strftime("%Y-%m-%dT%H:%M"))

    async def pick(self, field: Locator, value: str) -> None:
        await field.select_option(value)


class Touch(Mouse):
    """A finger on a phone."""

    name, width, height = "touch", 390, 844
    more: Final[dict[str, Any]] = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}

    async def press(self, what: Locator) -> None:
        await what.tap()


class Keys:
    """Keys alone. Raises AssertionError where the focus is lost, or is not to be seen."""

    name, width, height = "keys", 1440, 900
    more: Final[dict[str, Any]] = {}

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, what: Locator) -> None:
        await self.reach(what)
        await self.page.keyboard.press("Enter")

    async def write(self, field: Locator, text: str) -> None:
        await self.reach(field)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def choose(self, option: Locator) -> None:
        kind = await option.get_attribute("type")
        if kind == "radio":
            # One of several is one stop; arrows go from one to the next.
            name = await option.get_attribute("name")
            group = option.locator(f"xpath=ancestor::form//input[@name='{name}']")
            await self._reach_any(group)
            for _ in range(await group.count()):
                if await option.is_checked():
                    break
                await self.page.keyboard.press("ArrowDown")
        else:
            await self.reach(option)
            await self.page.keyboard.press("Space")
        await expect(option).to_be_checked()

    async def set_moment(self, field: Locator, moment: datetime) -> None:
        await self.reach(field)
        await self.page.keyboard.type(moment.strftime("%m%d%Y"))
        await self.page.keyboard.press("ArrowRight")
        await self.page.keyboard.type(moment.strftime("%I%M%p"))
        await expect(field).to_have_value(moment.strftime("%Y-%m-%dT%H:%M"))

    async def pick(self, field: Locator, value: str) -> None:
        await self.reach(field)
        await self.page.keyboard.type(await field.locator(f"option[value='{value}']").inner_text())
        await expect(field).to_have_value(value)

    async def reach(self, what: Locator) -> None:
        """Go to an element by Tab."""
        await self._reach_any(what)

    async def _reach_any(self, what: Locator) -> None:
        await expect(what.first).to_be_visible()
        if await self._on(what):
            return
        stops: list[str] = []
        for _ in range(MOST_STOPS):
            await self.page.keyboard.press("Tab")
            stop = await self.page.evaluate(_STOP)
            if stop.get("gone"):  # between the end of the page and its beginning lies the browser's own frame
                assert stops.count("gone") < 2, f"the focus is lost: {stops}"
                stops.append("gone")
                continue
            stops.append(stop["words"])
            if await self._on(what):
                assert all((stop["ring"], stop["seen"])), f"the focus is not to be seen: {stop}"
                assert all((stop["inside"], not stop["covered"])), f"the focus is out of sight: {stop}"
                return
        raise AssertionError(f"keys do not reach {what}; they stop at {stops}")

    @staticmethod
    async def _on(what: Locator) -> bool:
        return bool(await what.evaluate_all("found => found.includes(document.activeElement)"))


HANDS: Final[tuple[type[Mouse] | type[Touch] | type[Keys], ...]] = (Mouse, Keys, Touch)
