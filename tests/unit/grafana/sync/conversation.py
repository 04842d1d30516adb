"""A conversation with Grafana's API: every question that the sync asks, with what Grafana answers where that is refused as well.

Of an answer its status, its message and its shape are kept (the types of what it holds), so that a recording says nothing of the
machine that it was made on. `python -m tests.unit.grafana.sync.conversation URL` with the administrator's password in
GRAFANA_PASSWORD records anew, from a Grafana that nobody has used yet.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import requests

RECORDING = Path(__file__).with_name("grafana_12_2.json")

SOURCE = {
    "name": "Prometheus",
    "uid": "prometheus",
    "type": "prometheus",
    "access": "proxy",
    "url": "http://127.0.0.1:9/gateway",
    "isDefault": True,
    "jsonData": {"httpMethod": "POST", "httpHeaderName1": "Authorization"},
}
SECRET = {"secureJsonData": {"httpHeaderValue1": "Bearer hg_example"}}
DASHBOARD = {"uid": "hashyard-client", "title": "My machines", "panels": [], "schemaVersion": 42}
PASSWORD = "correct horse battery"
ANNA = {
    "login": "USR_01ARZ3NDEKTSV4RRFFQ69G5FAA",
    "email": "Anna@Example.org",
    "name": "Anna",
    "password": PASSWORD,
    "OrgId": "{org}",
}
BERT = ANNA | {
    "login": "usr_01arz3ndektsv4rrffq69g5fab",
    "email": "bert@example.org",
    "name": "Bert",
    "OrgId": 1,
}

Call = tuple[str, str, Any, str | None, str | None]

CALLS: tuple[Call, ...] = (
    # method, path, body, organisation of the header, name under which an id of the answer is kept
    ("GET", "/user", None, None, "me=id"),
    ("GET", "/orgs?perpage=1000&page=0", None, None, None),
    ("GET", "/orgs?perpage=1000&page=1", None, None, None),
    ("GET", "/orgs/1", None, None, None),
    ("GET", "/orgs/1/users", None, None, None),
    ("POST", "/orgs", {"name": "cli_example"}, None, "org=orgId"),
    ("POST", "/orgs", {"name": "cli_example"}, None, None),
    ("PUT", "/orgs/{org}/address", {"address1": "Made by Hashyard", "address2": "cli_1"}, None, None),
    ("PUT", "/orgs/{org}", {"name": "Acme"}, None, None),
    ("PUT", "/orgs/{org}", {"name": "Main Org."}, None, None),
    ("GET", "/orgs/{org}", None, None, None),
    ("GET", "/orgs/{org}/users", None, None, None),
    ("GET", "/datasources", None, "org", None),
    ("GET", "/datasources/uid/prometheus", None, "org", None),
    ("POST", "/datasources", SOURCE, "org", None),
    ("POST", "/datasources", SOURCE, "org", None),
    ("PUT", "/datasources/uid/prometheus", SOURCE | SECRET | {"version": 1}, "org", None),
    ("PUT", "/datasources/uid/prometheus", SOURCE | {"version": 1}, "org", None),
    ("GET", "/datasources/uid/prometheus", None, "org", None),
    ("GET", "/datasources", None, "org", None),
    ("PUT", "/datasources/uid/prometheus", SOURCE, "org", None),
    ("GET", "/org/preferences", None, "org", None),
    ("PATCH", "/org/preferences", {"homeDashboardUID": "hashyard-client"}, "org", None),
    ("GET", "/search?type=dash-db&limit=5000", None, "org", None),
    ("GET", "/dashboards/uid/hashyard-client", None, "org", None),
    ("POST", "/dashboards/db", {"dashboard": DASHBOARD, "overwrite": True, "message": "x"}, "org", None),
    ("POST", "/dashboards/db", {"dashboard": DASHBOARD, "overwrite": True, "message": "x"}, "org", None),
    ("GET", "/search?type=dash-db&limit=5000", None, "org", None),
    ("GET", "/dashboards/uid/hashyard-client", None, "org", None),
    ("PATCH", "/org/preferences", {"homeDashboardUID": "hashyard-client"}, "org", None),
    ("GET", "/org/preferences", None, "org", None),
    ("POST", "/admin/users", ANNA, None, "anna=id"),
    ("POST", "/admin/users", ANNA | {"email": "other@example.org"}, None, None),
    ("POST", "/admin/users", ANNA | {"login": "usr_other"}, None, None),
    ("POST", "/admin/users", ANNA | {"login": "usr_x", "email": "x@example.org", "OrgId": 99}, None, None),
    ("POST", "/admin/users", BERT, None, "bert=id"),
    ("GET", "/users?page=1&perpage=1000", None, None, None),
    ("GET", "/users?page=2&perpage=1000", None, None, None),
    ("PUT", "/users/{anna}", {"login": "usr_a", "email": "bert@example.org", "name": "A"}, None, None),
    ("PUT", "/users/{anna}", {"login": "usr_a", "email": "a@example.org", "name": "A"}, None, None),
    ("DELETE", "/orgs/{org}/users/{anna}", None, None, None),
    ("POST", "/orgs/{org}/users", {"loginOrEmail": "usr_a", "role": "Viewer"}, None, None),
    ("POST", "/orgs/{org}/users", {"loginOrEmail": "usr_a", "role": "Viewer"}, None, None),
    ("POST", "/orgs/{org}/users", {"loginOrEmail": "nobody", "role": "Viewer"}, None, None),
    ("PATCH", "/orgs/1/users/{bert}", {"role": "Admin"}, None, None),
    ("GET", "/orgs/1/users", None, None, None),
    ("PUT", "/admin/users/{bert}/permissions", {"isGrafanaAdmin": False}, None, None),
    ("GET", "/teams/search?perpage=1000&page=1&name=Accountants", None, "1", None),
    ("POST", "/teams", {"name": "Accountants", "email": "accountants@hashyard.invalid"}, "1", "team=teamId"),
    ("POST", "/teams", {"name": "Accountants", "email": "accountants@hashyard.invalid"}, "1", None),
    ("GET", "/teams/search?perpage=1000&page=1&name=Accountants", None, "1", None),
    ("GET", "/teams/{team}/members", None, "1", None),
    ("GET", "/teams/{team}/preferences", None, "1", None),
    ("PUT", "/teams/{team}/preferences", {"homeDashboardUID": "hashyard-energy"}, "1", None),
    (
        "POST",
        "/dashboards/db",
        {"dashboard": DASHBOARD | {"uid": "hashyard-energy", "title": "Energy"}, "overwrite": True},
        "1",
        None,
    ),
    ("PUT", "/teams/{team}/preferences", {"homeDashboardUID": "hashyard-energy"}, "1", None),
    ("GET", "/teams/{team}/preferences", None, "1", None),
    ("POST", "/teams/{team}/members", {"userId": "{bert}"}, "1", None),
    ("POST", "/teams/{team}/members", {"userId": "{bert}"}, "1", None),
    ("GET", "/teams/{team}/members", None, "1", None),
    ("DELETE", "/teams/{team}/members/{me}", None, "1", None),
    ("DELETE", "/teams/{team}/members/{me}", None, "1", None),
    ("DELETE", "/admin/users/{anna}", None, None, None),
    ("DELETE", "/admin/users/{anna}", None, None, None),
    ("DELETE", "/orgs/{org}/users/{me}", None, None, None),
    ("POST", "/orgs/{org}/users", {"loginOrEmail": "admin", "role": "Admin"}, None, None),
    ("DELETE", "/orgs/{org}", None, None, None),
    ("DELETE", "/orgs/{org}", None, None, None),
    ("GET", "/orgs/{org}", None, None, None),
)


def talk(url: str, password: str) -> list[dict[str, Any]]:
    """Have the conversation; return each answer's status, message and shape."""
    names: dict[str, int] = {}
    answers = []
    with requests.Session() as session:
        session.trust_env = False
        for method, path, body, organisation, keep in CALLS:
            headers = {}
            if organisation is not None:
                headers["X-Grafana-Org-Id"] = str(names.get(organisation, organisation))
            answer = session.request(
                method,
                f"{url}/api{path.format(**names)}",
                json=None if body is None else filled(body, names),
                headers=headers,
                auth=("admin", password),
                timeout=30,
            )
            told = answer.json()
            if keep is not None:
                name, _, key = keep.partition("=")
                names[name] = int(told[key])
            message = told.get("message") if isinstance(told, dict) else None
            answers.append(
                {
                    "call": f"{method} {path}",
                    "status": answer.status_code,
                    "message": message,
                    "shape": shape(told),
                }
            )
    return answers


def filled(body: dict[str, Any], names: dict[str, int]) -> dict[str, Any]:
    """Put the ids that were kept into a body."""
    return {
        key: names[value[1:-1]]
        if isinstance(value, str) and value[1:-1] in names and value[0] == "{"
        else value
        for key, value in body.items()
    }


def shape(told: Any) -> Any:
    """Return what an answer is made of: the types of its parts; a list is that of its last."""
    if isinstance(told, dict):
        return {key: shape(value) for key, value in sorted(told.items())}
    if isinstance(told, list):
        return [shape(told[-1])] if told else []
    return type(told).__name__


if __name__ == "__main__":
    made = talk(sys.argv[1], os.environ["GRAFANA_PASSWORD"])
    RECORDING.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
