"""What Bitmain's web CGI takes, and Elphapex's after it: the whole configuration, the light, a reboot, and its answers.

Facts: `protocols.md` section 2 (M000, M001). The light (`blink.cgi`, B000, B100) and that `reboot.cgi` is asked for with
GET (where that is no page, POST is tried) are field knowledge from public clients: *single source*, read back.
"""

from collections.abc import Iterable
from typing import Any, Final

from miners.errors import Malformed
from miners.link import Object
from miners.proof import one_line
from miners.units import text
from miners.writing import CommandRefused, Hand, NotSupported

_CONSENT: Final = frozenset({"m000", "b000", "b100", "success", "ok", "true", "0", "200"})
_ANSWERS: Final = ("code", "stats", "status", "result", "success")
_WORDS: Final = ("code", "msg", "message", "stats", "error")
_LONGEST_WORDS: Final = 120


async def configuration(hand: Hand) -> Object:
    """Return the miner's configuration as it came, pools and their passwords included: to be sent back whole.

    Raises Malformed where it did not come whole: what was lost would be lost on the miner.
    """
    path = "/cgi-bin/get_miner_conf.cgi"
    page = await hand.web(path)
    if not isinstance(page, dict) or not page or hand.truncated:
        raise Malformed(
            f"{hand.target.address}: {path} did not come whole, and writing a part of a configuration would lose the rest; "
            "it is tried again later"
        )
    return page


async def reboot(hand: Hand) -> str:
    """Restart the device; return its words, which are few: it goes down while it answers."""
    path = "/cgi-bin/reboot.cgi"
    try:
        return _unless_refused(hand, path, await hand.press(path))
    except NotSupported:
        return _unless_refused(hand, path, await hand.post(path, {}))


async def locate(hand: Hand, *, on: bool) -> str:
    """Switch the light that shows the way; return the miner's words."""
    return consent(hand, "blink.cgi", await hand.post("/cgi-bin/blink.cgi", {"blink": on}))


def consent(hand: Hand, page: str, reply: Object, confided: Iterable[str] = ()) -> str:
    """Return the miner's words if it said yes. Raises CommandRefused if it said no, Malformed if neither.

    `confided`: what it was told and nobody else shall read, should it repeat that.
    """
    if all(_answer(reply.get(name)) is None for name in _ANSWERS):
        raise Malformed(f"{hand.target.address} answers {page} with neither yes nor no: is it this make?")
    return _unless_refused(hand, page, reply, confided)


def pool_passwords(settings: Object) -> list[str]:
    """Return the passwords of the pools in a configuration."""
    pools = settings.get("pools")
    found = [pool.get("pass") for pool in pools if isinstance(pool, dict)] if isinstance(pools, list) else []
    return [password for password in found if isinstance(password, str)]


def _unless_refused(hand: Hand, page: str, reply: Object, confided: Iterable[str] = ()) -> str:
    for name in _ANSWERS:
        said = _answer(reply.get(name))
        if said is None:
            continue
        if said in _CONSENT:
            break
        raise CommandRefused(
            f'{hand.target.address} refuses {page}: "{words(reply, confided)}"; look at the settings on its own page'
        )
    return words(reply, confided)


def words(reply: Object, confided: Iterable[str] = ()) -> str:
    """Return the miner's own words of a reply: the few fields that hold any, never what may echo a configuration."""
    said = [word for name in _WORDS if (word := text(reply.get(name))) is not None]
    return one_line(" ".join(said), confided)[:_LONGEST_WORDS]


def _answer(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    said = text(value)
    return None if said is None else said.casefold()
