"""The table of all dashboards, and their JSON.

A dashboard is a line here and a module in `grafana/dashboards/` with a function `dashboard()`. Its uid is the name of
its file. Each of Grafana's folders has a folder of JSON, `json/hashyard` and `json/client`, and its own provider.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

ROOM = Path(__file__).parent / "json"
"""Where the JSON lies that Grafana loads."""

HASHYARD = "Hashyard"
CLIENT = "Client"

DASHBOARDS: Mapping[str, tuple[str, str]] = {
    "hashyard-fleet": ("fleet", HASHYARD),
    "hashyard-container": ("container", HASHYARD),
    "hashyard-miner": ("miner", HASHYARD),
    "hashyard-boards": ("boards", HASHYARD),
    "hashyard-pools": ("pools", HASHYARD),
    "hashyard-control": ("control", HASHYARD),
    "hashyard-energy": ("energy", HASHYARD),
    "hashyard-alerts": ("alerts", HASHYARD),
    "hashyard-self": ("itself", HASHYARD),
    "hashyard-client": ("client", CLIENT),
}


def built(uid: str) -> Dashboard:
    """Give the builder of one dashboard of the table."""
    module, _folder = DASHBOARDS[uid]
    made = importlib.import_module(f"grafana.dashboards.{module}").dashboard()
    if not isinstance(made, Dashboard):
        raise TypeError(f"grafana/dashboards/{module}.py: dashboard() gives no dashboard")
    return made


def rendered(uid: str) -> str:
    """Give the JSON text of one dashboard, as it is committed."""
    return json.dumps(as_data(uid), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def as_data(uid: str) -> dict[str, Any]:
    """One dashboard as plain data."""
    data: dict[str, Any] = json.loads(JSONEncoder().encode(built(uid).build()))
    if data["uid"] != uid:
        raise ValueError(
            f"grafana/catalogue.py: {uid} is the uid of a module that calls itself {data['uid']}"
        )
    return data


def path_of(uid: str) -> Path:
    """Where a dashboard's JSON lies, beneath the folder of Grafana's folder."""
    return Path(DASHBOARDS[uid][1].lower()) / f"{uid}.json"
