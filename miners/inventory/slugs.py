"""Slugs: the names of containers and miners as they stand in URLs, whatever script the names are in.

Cyrillic is written as ICAO Doc 9303 does in passports (Контейнер 1 -> konteiner-1), Latin letters lose their accents,
any other letter becomes its code point. The table is our own because an id must never change with a library's version.
"""

import re
import unicodedata

from miners.inventory.fleet import Container, Miner

MAX_SLUG = 100
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"

_ALREADY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SIMPLE = re.compile(r"[A-Za-z0-9 _.-]+")
_GAPS = re.compile(r"[^a-z0-9]+")

# ICAO Doc 9303, part 3, section 6, table B (Cyrillic), for Russian, Ukrainian and Belarusian; the Kazakh letters follow
# their nearest Russian ones. The soft sign has no counterpart there.
_CYRILLIC = dict(
    zip("абвгдезийклмнопрстуфыэіґғқңөұүһәў", "abvgdeziiklmnoprstufyeiggknouuhau", strict=True)
) | {
    "ё": "e",
    "ж": "zh",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "ie",
    "ь": "",
    "ю": "iu",
    "я": "ia",
    "є": "ie",
    "ї": "i",
}
_LATIN = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"}


def slug(name: str) -> str:
    """Return the slug of a name: `a-z`, `0-9` and single hyphens, at most 100 characters, never empty."""
    if _ALREADY.fullmatch(name) and len(name) <= MAX_SLUG:
        return name
    lowered = unicodedata.normalize("NFC", name).lower()
    text = lowered if _SIMPLE.fullmatch(name) else "".join(map(_letters, lowered))
    cut = _GAPS.sub("-", text).strip("-")[:MAX_SLUG].strip("-")
    return cut or "-".join(f"u{ord(c):x}" for c in name[:8]) or "unnamed"


def miner_id(container: Container, miner: Miner) -> str:
    """Return the id of a miner in URLs, unique in the fleet: `konteiner-1.a3-12`."""
    return f"{container.id}.{slug(miner.name)}"


def _letters(letter: str) -> str:
    known = _CYRILLIC.get(letter, _LATIN.get(letter))
    if known is not None or letter.isascii():
        return letter if known is None else known
    bare = "".join(c for c in unicodedata.normalize("NFKD", letter) if c.isascii() and c.isalnum()).lower()
    if bare:
        return bare
    return f"-u{ord(letter):x}-" if letter.isalnum() else "-"
