"""Loaded into Schemathesis: what a run must not do to itself, and what no schema can tell it.

OWN_IDS in the environment: the ids of the user and the token that the run asks with.
"""

import os
from typing import Any

import schemathesis
from urllib3 import PoolManager

OWN_IDS = frozenset(os.environ.get("OWN_IDS", "").split())

# urllib3-future, which comes with grafana-client's HTTP library, takes the place of urllib3 in an environment that has both,
# and its pools have no keys(). Schemathesis counts them only to see whether a dropped connection was a fresh one.
_pools = type(PoolManager().pools)
if not hasattr(_pools, "keys"):
    _pools.keys = lambda self: ()  # noqa: ARG005  # none to be counted


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
