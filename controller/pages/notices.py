"""The notices that all pages carry above their content: sources away, a first password, a running operation, an endless override."""

from typing import Any, Literal

import msgspec

from controller.api.route import Call


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One line above the content. `text`: in the reader's language. `link`: (path, words) of what can be done."""

    kind: Literal["source", "password", "operation", "override", "inventory", "hold", "storage"]
    text: str
    alarm: bool = False
    link: tuple[str, str] | None = None


def notices_of(call: Call[Any, Any]) -> tuple[Notice, ...]:
    """Return the notices for the reader, the gravest first."""
    if call.asker is None:
        return ()
    return ()
