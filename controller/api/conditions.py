"""Nobody's change is lost: ETags of what was read, and If-Match and If-None-Match against them (RFC 9110)."""

import hashlib
from typing import Any

import msgspec

from controller.api.problems import Mistake, Problem
from controller.wording import worded


def etag_of(value: Any) -> str:
    """Return the ETag of a value that JSON can hold: leave out of it what changes by itself, such as `last_seen`."""
    digest = hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
    return f'"{digest[:24]}"'


def check_if_match(header: str | None, etag: str) -> None:
    """Raise Problem unless the header names this ETag: 428 without one, 412 when it names another."""
    if header is None or not header.strip():
        raise needed()
    given = [part.strip() for part in header.split(",")]
    if etag not in given and given != ["*"]:
        detail = worded("it was changed after you read it: read it again")
        raise Problem(
            "changed-meanwhile", detail, [Mistake("If-Match", "changed", detail)], headers={"ETag": etag}
        )


def needed() -> Problem:
    """Return the refusal of a change without a condition."""
    detail = worded("send If-Match with the ETag of what you read")
    return Problem("condition-needed", detail, [Mistake("If-Match", "missing", detail)])


def unchanged(header: str | None, etag: str) -> bool:
    """Return whether If-None-Match says that the asker has this already."""
    if header is None:
        return False
    given = [part.strip().removeprefix("W/") for part in header.split(",")]
    return etag in given or given == ["*"]
