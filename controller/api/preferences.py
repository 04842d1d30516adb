"""How somebody likes the pages, kept with his account."""

from typing import Literal, TypeAlias

import msgspec

from controller.storage.storage import Storage

Density: TypeAlias = Literal["comfortable", "compact"]


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody likes the pages. `time_zone`: IANA name; None is each container's own."""

    time_zone: str | None = None
    density: Density = "comfortable"
    shortcuts: bool = True


async def preferences_of(storage: Storage, user_id: str) -> Preferences:
    """Return what somebody has chosen, and for the rest what everybody begins with."""
    kept = await storage.settings.get(_key(user_id))
    return Preferences() if kept is None else msgspec.convert(kept, Preferences)


async def keep_preferences(storage: Storage, user_id: str, preferences: Preferences) -> None:
    """Keep what somebody has chosen."""
    await storage.settings.put(_key(user_id), msgspec.to_builtins(preferences))


def _key(user_id: str) -> str:
    return f"preferences.{user_id}"
