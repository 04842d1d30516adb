"""What can be done to one miner from its page: each deed with its link, or with the reason why it cannot be done now. Pure.

What a miner's driver cannot do stands there with the reason, so that nobody looks for it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from controller.api.shapes import MinerDetail
from controller.deeds import MinerView
from controller.pages.deed_links import Kind, deed_link
from controller.pages.formats import plain
from controller.pages.language import Words
from controller.pages.page_paths import miner_path
from miners.model import Snapshot

_POWER: Final = frozenset(("sleep", "wake", "set_power_percent", "set_power_limit", "set_mode", "set_preset"))


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A deed on offer. `href` None: it cannot be done, and `why` says the reason. `confirmed`: it is shown before it is done."""

    words: str
    icon: str
    href: str | None = None
    why: str = ""
    confirmed: bool = True
    danger: bool = False


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """`main`: seen at once; `more`: in a menu; `lacking`: what cannot be done; `why_none`: why nothing is sent to it at all."""

    main: Sequence[Offer]
    more: Sequence[Offer]
    lacking: Sequence[Offer]
    why_none: str


def offers_of(view: MinerView, detail: MinerDetail, words: Words) -> Offers:
    """Return what an administrator can do to a miner."""
    main = [_deed("poll", words.gettext("Poll now"), "refresh", view)] if view.miner.active else []
    lacking: list[Offer] = []
    why_none = _why_none(view, words)
    if not why_none:
        for offer in _orders(view, detail, words):
            (lacking if offer.href is None else main).append(offer)
    more = [*_service(view, words), *_entry(view, detail, words)]
    return Offers(
        main=main,
        more=[offer for offer in more if offer.href is not None],
        lacking=[*lacking, *(offer for offer in more if offer.href is None)],
        why_none=why_none,
    )


def _orders(view: MinerView, detail: MinerDetail, words: Words) -> list[Offer]:
    able = set(detail.actions)
    gettext = words.gettext
    lit = isinstance(view.reading, Snapshot) and view.reading.locating is True
    light: tuple[Kind, str] = (
        ("locate-off", gettext("Light off")) if lit else ("locate", gettext("Locate (light)"))
    )
    wished: tuple[tuple[Kind, str, str, bool], ...] = (
        ("profile", gettext("Change profile"), "clock", bool(able & _POWER)),
        ("sleep", gettext("Sleep"), "sleep", "sleep" in able),
        ("wake", gettext("Wake"), "play", "wake" in able),
        ("reboot", gettext("Reboot"), "power", "reboot" in able),
        (light[0], light[1], "light", "locate" in able),
    )
    if not able:
        why = gettext("nothing is known that writes to it; its driver shows when it first answers")
    elif detail.driver:
        why = gettext("the driver %(driver)s has no command for it", driver=plain(detail.driver))
    else:
        why = gettext("its driver has no command for it")
    return [
        _deed(kind, text, icon, view) if can else Offer(words=text, icon=icon, why=why)
        for kind, text, icon, can in wished
    ]


def _service(view: MinerView, words: Words) -> list[Offer]:
    if view.service is not None:
        return [_deed("end-service", words.gettext("End service"), "wrench", view)]
    return [_deed("service", words.gettext("Take into service"), "wrench", view)]


def _entry(view: MinerView, detail: MinerDetail, words: Words) -> list[Offer]:
    """Return what can be done to its entry in the inventory: nothing by us where somebody wrote it by hand."""
    gettext = words.gettext
    path = miner_path(view.id)
    turn = (
        ("disable", gettext("Disable"), "stop")
        if view.miner.active
        else ("enable", gettext("Enable"), "play")
    )
    named = (("edit", gettext("Edit"), "edit"), turn, ("delete", gettext("Delete"), "delete"))
    if detail.editable:
        return [
            Offer(
                words=text,
                icon=icon,
                href=f"{path}/{name}",
                confirmed=False,
                danger=name == "delete",
            )
            for name, text, icon in named
        ]
    if detail.origin is None:
        return []
    place = f"{plain(detail.origin.file)}:{detail.origin.line}"
    why = gettext("it stands in %(place)s, written by hand: change it there", place=place)
    return [Offer(words=" · ".join(text for _, text, _ in named), icon="edit", why=why)]


def _why_none(view: MinerView, words: Words) -> str:
    if not view.miner.active:
        return words.gettext("Disabled in the inventory: nothing is sent to it.")
    if view.container.control == "observe":
        place = f"{plain(view.container.origin.file)}:{view.container.origin.line}"
        return words.gettext(
            "Hashyard only watches this container: nothing is sent. To change that, write control: enforce at %(place)s.",
            place=place,
        )
    return ""


def _deed(kind: Kind, text: str, icon: str, view: MinerView) -> Offer:
    back = miner_path(view.id)
    return Offer(words=text, icon=icon, href=deed_link(kind, miners=(view.id,), back=back))
