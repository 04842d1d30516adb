"""The address of a farm's own HTTP service in front of its miners. What stands in a URL may be a secret: then it is not repeated."""

from urllib.parse import urlsplit

from miners.inventory.nodes import shortened
from miners.inventory.report import Wrong

PATTERN = r"^https?://[^@?#\s]+$"
_MOST = 300


def gateway_url(text: str) -> str:
    """Return the URL without a slash at its end. Raises Wrong."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise Wrong(f"this is not {WORDS}") from error
    if "@" in text:
        raise Wrong(
            "user and password never stand in a URL: write `gateway_credentials: HASHYARD_MINER_…` beside it"
        )
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise Wrong("nothing stands behind `?` or `#` in this URL: paths such as /api/login are added to it")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Wrong(f"{shortened(text)} is not {WORDS}")
    if len(text) > _MOST or not text.isprintable() or " " in text:
        raise Wrong(f"{shortened(text)} is not {WORDS}")
    return text.rstrip("/")


WORDS = "a URL such as http://10.1.0.5:8080"
