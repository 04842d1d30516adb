"""Loaded into Schemathesis: what a run must not do to itself, and what no schema can tell it.

OWN_IDS in the environment: the ids of the user and the token that the run asks with.
"""

import os
from typing import Any
from urllib.parse import urlencode

import schemathesis
from urllib3 import PoolManager

LONGEST = 7500

OWN_IDS = frozenset(os.environ.get("OWN_IDS", "").split())

# urllib3-future, which comes with grafana-client's HTTP library, takes the place of urllib3 in an environment that has both,
# and its pools have no keys(). Schemathesis counts them only to see whether a dropped connection was a fresh one.
_pools = type(PoolManager().pools)
if not hasattr(_pools, "keys"):
    _pools.keys = lambda self: ()  # noqa: ARG005  # none to be counted


@schemathesis.hook
def filter_query(_context: Any, query: dict[str, Any]) -> bool:
    """Leave out what makes a line of more than 8190 bytes: the HTTP parser refuses it, in words of its own."""
    return query is None or len(urlencode(query, doseq=True)) < LONGEST


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Keep the run from revoking its own token, after which it would test nothing; let changes find their ETag."""
    if case.method.upper() == "DELETE":
        for name, value in (case.path_parameters or {}).items():
            if value in OWN_IDS:
                case.path_parameters[name] = f"{value}-not"
    for name, value in (case.headers or {}).items():
        if name.lower() == "if-match" and value.strip():
            case.headers[name] = "*"
