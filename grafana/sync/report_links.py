"""Links from a client's dashboards to the controller's pages, put in when they are brought into his organisation.

A committed dashboard cannot have them: the address of the pages is known to the controller alone, and the series that tells it
to the other dashboards is Hashyard's own, which no client is shown.
"""

import copy
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

MONTH: Final = "${__to:date:YYYY-MM}"
"""The month in which the time shown ends, as Grafana writes it into a link."""

_CONTAINER: Final = "${__data.fields.container:percentencode}"


def with_reports(dashboard: Mapping[str, Any], pages: str) -> dict[str, Any]:
    """Return a client's dashboard with links to his reports: in its head, and from each container in a table.

    `pages`: the URL at which people reach the controller, without a slash at its end.
    """
    found: dict[str, Any] = copy.deepcopy(dict(dashboard))
    # A dollar sign would begin a variable of Grafana.
    reports = f"{quote(pages, safe=':/[]%@')}/reports?month={MONTH}"
    found["links"] = [
        *found.get("links", ()),
        _link("My reports", f"{reports}&by=day", "What your machines used, day by day, and the month's sum"),
    ]
    for panel in found.get("panels", ()):
        for override in panel.get("fieldConfig", {}).get("overrides", ()):
            if override["matcher"] == {"id": "byName", "options": "Container"}:
                _add(override, _link("This container's month", f"{reports}&by=day&container={_CONTAINER}"))
    return found


def _add(override: Mapping[str, Any], link: Mapping[str, Any]) -> None:
    """Add a link to those of a column, where it has any."""
    for one in override["properties"]:
        if one["id"] == "links":
            one["value"] = [*one["value"], link]


def _link(title: str, url: str, tooltip: str = "") -> dict[str, Any]:
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": False,
        "keepTime": False,
        "placement": "inControlsMenu",
        "tags": [],
        "targetBlank": True,
        "title": title,
        "tooltip": tooltip,
        "type": "link",
        "url": url,
    }
