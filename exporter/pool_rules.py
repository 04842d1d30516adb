"""Which pools are allowed: the inventory's shell patterns, compiled once for each list."""

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache

from miners.inventory.fleet import PoolRule

MAX_MATCHED = 500
"""A url or user longer than this is not matched against patterns: it is not allowed."""

Allowed = Callable[[str | None, str | None], bool]


@lru_cache(maxsize=1024)
def compile_rules(rules: tuple[PoolRule, ...]) -> Allowed:
    """Return the function that says whether a pool's url and user are allowed. Case matters in users, not in urls.

    A pool without a url is an empty slot, and allowed; a user that the miner does not show matches `*` alone.
    """
    patterns = [
        (re.compile(translate(rule.url), re.IGNORECASE), re.compile(translate(rule.user))) for rule in rules
    ]

    def allowed(url: str | None, user: str | None) -> bool:
        if not url:
            return True
        user = user or ""
        if len(url) > MAX_MATCHED or len(user) > MAX_MATCHED:
            return False
        return any(by_url.match(url) and by_user.match(user) for by_url, by_user in patterns)

    return allowed
