"""References to credentials that a request names: whether something usable stands where they lead, never what."""

import asyncio
from collections.abc import Mapping
from typing import Any

from controller.api.problems import Mistake
from controller.settings import Settings
from controller.wording import worded
from miners.errors import ConfigurationError
from miners.inventory.fleet import CredentialsReference
from miners.inventory.secrets import resolve
from miners.model import Credentials


def reference_mistake(settings: Settings, entry: Mapping[str, Any]) -> Mistake | None:
    """Return what is wrong with the reference to credentials in an entry of a miner: that nothing usable stands there.

    It reads the file that is named: for a thread.
    """
    text = entry.get("credentials")
    if not isinstance(text, str):
        return None
    reference = (
        CredentialsReference(file=text.removeprefix("file:"))
        if text.startswith("file:")
        else CredentialsReference(environment=text)
    )
    try:
        resolve(reference, settings.secrets_dir, settings.environment)
    except ConfigurationError:
        detail = worded(
            "there is no usable user:password there: it takes a file below the controller's --secrets-dir, or a variable HASHYARD_MINER_… of its environment"
        )
        return Mistake("/credentials", "not-found", detail)
    return None


async def resolved(settings: Settings, reference: CredentialsReference | None) -> Credentials | None:
    """Return what a reference leads to; None for none. Raises ConfigurationError."""
    if reference is None:
        return None
    return await asyncio.to_thread(resolve, reference, settings.secrets_dir, settings.environment)
