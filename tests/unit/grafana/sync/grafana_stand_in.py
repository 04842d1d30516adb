"""A stand-in for Grafana's API over a real socket: what the sync asks, answered as Grafana 12.2 answered it.

`test_grafana_stand_in.py` has the recorded conversation with it, and holds every status, message and shape against the recording.
Tests reach into `state` for what a person does by hand, and set `broken` to have a path fail.
"""

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PASSWORD = "staple battery horse"
MAIN = 1
ME = 1


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class State:
    """What the stand-in holds; ids are counted up and never used again."""

    accounts: dict[int, dict[str, Any]] = field(default_factory=dict)
    organisations: dict[int, dict[str, Any]] = field(default_factory=dict)
    teams: dict[int, dict[str, Any]] = field(default_factory=dict)
    last_id: int = 1

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def add_account(self, login: str, email: str, organisation: int = MAIN, **more: Any) -> int:
        id_ = self.new_id()
        self.accounts[id_] = {
            "id": id_,
            "uid": f"u{id_}",
            "login": login.lower(),
            "email": email.lower(),
            "name": more.pop("name", ""),
            "isAdmin": False,
            "isDisabled": False,
            "authLabels": [],
            **more,
        }
        self.organisations[organisation]["roles"][id_] = "Viewer"
        return id_

    def add_organisation(self, name: str) -> int:
        id_ = self.new_id()
        self.organisations[id_] = new_organisation(id_, name, {ME: "Admin"})
        return id_

    def named(self, name: str) -> dict[str, Any]:
        [found] = [one for one in self.organisations.values() if one["name"] == name]
        return found

    def account(self, login: str) -> dict[str, Any] | None:
        return next((one for one in self.accounts.values() if one["login"] == login.lower()), None)


def new_organisation(id_: int, name: str, roles: dict[int, str]) -> dict[str, Any]:
    keys = ("address1", "address2", "city", "zipCode", "state", "country")
    return {
        "id": id_,
        "name": name,
        "roles": roles,
        "address": dict.fromkeys(keys, ""),
        "sources": {},
        "dashboards": {},
        "home": None,
    }


class Grafana:
    """The answers, by method and path."""

    def __init__(self) -> None:
        self.state = State()
        self.broken: Callable[[str, str], int | None] = lambda _method, _path: None
        self.asked: list[str] = []
        self.state.organisations[MAIN] = new_organisation(MAIN, "Main Org.", {ME: "Admin"})
        self.state.accounts[ME] = {
            "id": ME,
            "uid": "u1",
            "login": "admin",
            "email": "admin@localhost",
            "name": "",
            "isAdmin": True,
            "isDisabled": False,
            "authLabels": [],
        }
        self.url = ""
        self._lock = threading.Lock()

    @property
    def changes(self) -> list[str]:
        """What was asked that changes something."""
        return [one for one in self.asked if not one.startswith("GET")]

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, organisation: int) -> Any:
        with self._lock:
            self.asked.append(f"{method} {path}")
            if (status := self.broken(method, path)) is not None:
                raise Refused(status, "it is broken")
            for known, pattern, answer in ROUTES:
                if known == method and (found := re.fullmatch(pattern, path)):
                    return answer(self.state, Asked(found.groups(), query, body, organisation))
            raise Refused(404, "Not found")


@dataclass
class Asked:
    ids: tuple[str, ...]
    query: dict[str, str]
    body: Any
    organisation: int

    def id(self, at: int = 0) -> int:
        return int(self.ids[at])


def place(state: State, id_: int, missing: str = "Organization not found") -> dict[str, Any]:
    if id_ not in state.organisations:
        raise Refused(404, missing)
    return state.organisations[id_]


def inside(state: State, asked: Asked, needed: str) -> dict[str, Any]:
    """Return the organisation of the header, into which only its members may look."""
    found = state.organisations.get(asked.organisation)
    if found is None or found["roles"].get(ME) != "Admin":
        raise Refused(
            403, f"You'll need additional permissions to perform this action. Permissions needed: {needed}"
        )
    return found


def user(state: State, _asked: Asked) -> Any:
    me = state.accounts[ME]
    words = dict.fromkeys(("theme", "updatedAt", "createdAt", "avatarUrl"), "")
    flags = dict.fromkeys(
        ("isExternal", "isExternallySynced", "isGrafanaAdminExternallySynced", "isProvisioned"), False
    )
    kept = {key: me[key] for key in ("id", "uid", "email", "name", "login", "isDisabled")}
    return {**words, **flags, **kept, "orgId": MAIN, "isGrafanaAdmin": True, "authLabels": []}


def organisations(state: State, asked: Asked) -> Any:
    size, page = int(asked.query["perpage"]), int(asked.query["page"])
    found = [{"id": one["id"], "name": one["name"]} for one in state.organisations.values()]
    return found[size * page : size * (page + 1)]


def organisation(state: State, asked: Asked) -> Any:
    found = place(state, asked.id())
    return {key: found[key] for key in ("id", "name", "address")}


def members(state: State, asked: Asked) -> Any:
    return [
        {
            **{key: state.accounts[id_][key] for key in ("uid", "email", "name", "login", "isDisabled")},
            **dict.fromkeys(("avatarUrl", "lastSeenAt", "lastSeenAtAge"), ""),
            **dict.fromkeys(("isExternallySynced", "isProvisioned"), False),
            "orgId": asked.id(),
            "userId": id_,
            "role": role,
            "authLabels": None,
        }
        for id_, role in place(state, asked.id())["roles"].items()
    ]


def taken(state: State, name: str, own: int | None = None) -> bool:
    return any(one["name"] == name and one["id"] != own for one in state.organisations.values())


def create_organisation(state: State, asked: Asked) -> Any:
    if taken(state, asked.body["name"]):
        raise Refused(409, "Organization name taken")
    return {"message": "Organization created", "orgId": state.add_organisation(asked.body["name"])}


def rename_organisation(state: State, asked: Asked) -> Any:
    found = place(state, asked.id())
    if taken(state, asked.body["name"], asked.id()):
        raise Refused(400, "Organization name taken")
    found["name"] = asked.body["name"]
    return {"message": "Organization updated"}


def address(state: State, asked: Asked) -> Any:
    place(state, asked.id())["address"].update(asked.body)
    return {"message": "Address updated"}


def delete_organisation(state: State, asked: Asked) -> Any:
    place(state, asked.id(), "Failed to delete organization. ID not found")
    del state.organisations[asked.id()]
    return {"message": "Organization deleted"}


def find(state: State, name: str) -> dict[str, Any]:
    for one in state.accounts.values():
        if name.lower() in (one["login"], one["email"]):
            return one
    raise Refused(404, "User not found")


def join(state: State, asked: Asked) -> Any:
    account = find(state, asked.body["loginOrEmail"])
    roles = place(state, asked.id())["roles"]
    if account["id"] in roles:
        raise Refused(409, "User is already member of this organization")
    roles[account["id"]] = asked.body["role"]
    return {"message": "User added to organization", "userId": account["id"]}


def set_role(state: State, asked: Asked) -> Any:
    place(state, asked.id())["roles"][asked.id(1)] = asked.body["role"]
    return {"message": "Organization user updated"}


def leave(state: State, asked: Asked) -> Any:
    roles = place(state, asked.id())["roles"]
    left = [id_ for id_, role in roles.items() if role == "Admin" and id_ != asked.id(1)]
    if not left:
        raise Refused(400, "Cannot remove last organization admin")
    roles.pop(asked.id(1), None)
    if asked.id() == MAIN:
        for team in state.teams.values():
            team["members"].discard(asked.id(1))
    return {"message": "User removed from organization"}


def source_shown(organisation_id: int, source: dict[str, Any]) -> dict[str, Any]:
    return {
        **dict.fromkeys(("typeLogoUrl", "user", "database", "basicAuthUser", "apiVersion"), ""),
        **dict.fromkeys(("basicAuth", "withCredentials", "readOnly"), False),
        **{
            key: source[key]
            for key in ("id", "uid", "name", "type", "access", "url", "isDefault", "jsonData")
        },
        "orgId": organisation_id,
        "version": source["version"],
        "secureJsonFields": dict.fromkeys(source["secrets"], True),
    }


def sources(state: State, asked: Asked) -> Any:
    found = inside(state, asked, "datasources:read")
    listed = []
    for source in found["sources"].values():
        shown = source_shown(found["id"], source)
        for key in ("secureJsonFields", "version", "withCredentials", "basicAuthUser", "apiVersion"):
            del shown[key]
        listed.append({**shown, "typeName": "Prometheus"})
    return listed


def source(state: State, asked: Asked) -> Any:
    found = inside(state, asked, "datasources:read")
    if asked.ids[0] not in found["sources"]:
        raise Refused(404, "Data source not found")
    return source_shown(found["id"], found["sources"][asked.ids[0]])


def create_source(state: State, asked: Asked) -> Any:
    found = inside(state, asked, "datasources:create")
    if any(one["name"] == asked.body["name"] for one in found["sources"].values()):
        raise Refused(409, "data source with the same name already exists")
    made = {**asked.body, "id": state.new_id(), "version": 1, "secrets": {}}
    found["sources"][asked.body["uid"]] = made
    return written(found["id"], made, "Datasource added")


def update_source(state: State, asked: Asked) -> Any:
    found = inside(state, asked, "datasources:write")
    there = found["sources"].get(asked.ids[0])
    if there is None:
        raise Refused(404, "Data source not found")
    sent = int(asked.body.get("version") or 0)
    if sent and sent < there["version"]:
        raise Refused(409, "Datasource has already been updated by someone else. Please reload and try again")
    secrets = {**there["secrets"], **asked.body.get("secureJsonData", {})}
    there.update({**asked.body, "id": there["id"], "version": sent + 1, "secrets": secrets})
    return written(found["id"], there, "Datasource updated")


def written(organisation_id: int, made: dict[str, Any], message: str) -> dict[str, Any]:
    shown = source_shown(organisation_id, made)
    return {"datasource": shown, "id": made["id"], "message": message, "name": made["name"]}


def preferences(state: State, asked: Asked) -> Any:
    home = inside(state, asked, "orgs.preferences:read")["home"]
    return {} if home is None else {"homeDashboardUID": home}


def set_preferences(state: State, asked: Asked) -> Any:
    found = inside(state, asked, "orgs.preferences:write")
    found["home"] = known_dashboard(found, asked.body["homeDashboardUID"])
    return {"message": "Preferences updated"}


def known_dashboard(found: dict[str, Any], uid: str) -> str:
    if uid not in found["dashboards"]:
        raise Refused(404, "Dashboard not found")
    return uid


def search(state: State, asked: Asked) -> Any:
    found = state.organisations.get(asked.organisation)
    if found is None or ME not in found["roles"]:
        return []
    return [
        {
            **dict.fromkeys(("uri", "url", "slug"), ""),
            **dict.fromkeys(("isStarred", "isDeleted"), False),
            "id": model["id"],
            "uid": uid,
            "orgId": found["id"],
            "title": model["title"],
            "type": "dash-db",
            "tags": [],
            "sortMeta": 0,
        }
        for uid, model in found["dashboards"].items()
    ]


def dashboard(state: State, asked: Asked) -> Any:
    found = inside(state, asked, "dashboards:read")
    uid = known_dashboard(found, asked.ids[0])
    may = dict.fromkeys(("canAdd", "canEdit", "canDelete"), True)
    words = (
        "type", "slug", "url", "expires", "created", "updated", "updatedBy", "createdBy", "apiVersion", "folderUid",
        "folderTitle", "folderUrl", "provisionedExternalId",
    )  # fmt: skip
    flags = ("canSave", "canEdit", "canAdmin", "canStar", "canDelete", "hasAcl", "isFolder", "provisioned")
    meta = {
        **dict.fromkeys(words, ""),
        **dict.fromkeys(flags, False),
        "version": 1,
        "folderId": 0,
        "annotationsPermissions": {"dashboard": may, "organization": may},
    }
    return {"meta": meta, "dashboard": found["dashboards"][uid]}


def put_dashboard(state: State, asked: Asked) -> Any:
    found = inside(state, asked, "any of dashboards:create, dashboards:write")
    model = asked.body["dashboard"]
    before = found["dashboards"].get(model["uid"])
    version = 1 if before is None else before["version"] + 1
    id_ = state.new_id() if before is None else before["id"]
    found["dashboards"][model["uid"]] = {**model, "id": id_, "version": version}
    words = dict.fromkeys(("folderUid", "slug", "url"), "")
    return {**words, "id": id_, "status": "success", "uid": model["uid"], "version": version}


def accounts(state: State, asked: Asked) -> Any:
    size, page = int(asked.query.get("perpage", 1000)), int(asked.query.get("page", 1))
    words = dict.fromkeys(("avatarUrl", "lastSeenAt", "lastSeenAtAge"), "")
    found = [{**one, **words, "isProvisioned": False} for one in state.accounts.values()]
    return found[size * (page - 1) : size * page]


def create_account(state: State, asked: Asked) -> Any:
    body = asked.body
    names = {body["login"].lower(), body["email"].lower()}
    if any(names & {one["login"], one["email"]} for one in state.accounts.values()):
        raise Refused(412, f"User with email '{body['email']}' or username '{body['login']}' already exists")
    if body["OrgId"] not in state.organisations:
        raise Refused(400, f"[org.notFound] failed to get organization with ID: {body['OrgId']}")
    id_ = state.add_account(body["login"], body["email"], body["OrgId"], name=body["name"])
    return {"id": id_, "uid": f"u{id_}", "message": "User created"}


def update_account(state: State, asked: Asked) -> Any:
    account = state.accounts[asked.id()]
    if account["authLabels"]:
        raise Refused(403, "Cannot update external User")
    names = {asked.body["login"].lower(), asked.body["email"].lower()}
    if any(
        names & {one["login"], one["email"]} for one in state.accounts.values() if one["id"] != asked.id()
    ):
        raise Refused(500, "Failed to update user")
    account.update(
        login=asked.body["login"].lower(), email=asked.body["email"].lower(), name=asked.body["name"]
    )
    return {"message": "User updated"}


def permissions(state: State, asked: Asked) -> Any:
    state.accounts[asked.id()]["isAdmin"] = asked.body["isGrafanaAdmin"]
    return {"message": "User permissions updated"}


def delete_account(state: State, asked: Asked) -> Any:
    if state.accounts.pop(asked.id(), None) is None:
        raise Refused(404, "user not found")
    for one in state.organisations.values():
        one["roles"].pop(asked.id(), None)
    for team in state.teams.values():
        team["members"].discard(asked.id())
    return {"message": "User deleted"}


def teams(state: State, asked: Asked) -> Any:
    found = [
        {
            **{key: team[key] for key in ("id", "name", "email")},
            **dict.fromkeys(("externalUID", "avatarUrl"), ""),
            "uid": f"t{team['id']}",
            "orgId": MAIN,
            "isProvisioned": False,
            "memberCount": len(team["members"]),
            "permission": 0,
            "accessControl": None,
        }
        for team in state.teams.values()
        if team["name"] == asked.query["name"]
    ]
    return {"totalCount": len(found), "teams": found, "page": 1, "perPage": 1000}


def create_team(state: State, asked: Asked) -> Any:
    if any(team["name"] == asked.body["name"] for team in state.teams.values()):
        raise Refused(409, "Team name taken")
    id_ = state.new_id()
    state.teams[id_] = {"id": id_, **asked.body, "members": {ME}, "home": None}
    return {"message": "Team created", "teamId": id_, "uid": f"t{id_}"}


def team_members(state: State, asked: Asked) -> Any:
    return [
        {
            **{key: state.accounts[id_][key] for key in ("email", "name", "login")},
            **dict.fromkeys(("auth_module", "avatarUrl"), ""),
            "orgId": MAIN,
            "teamId": asked.id(),
            "teamUID": f"t{asked.id()}",
            "userId": id_,
            "userUID": f"u{id_}",
            "labels": [],
            "permission": 0,
        }
        for id_ in sorted(state.teams[asked.id()]["members"])
    ]


def team_preferences(state: State, asked: Asked) -> Any:
    home = state.teams[asked.id()]["home"]
    return {} if home is None else {"homeDashboardUID": home}


def set_team_preferences(state: State, asked: Asked) -> Any:
    home = known_dashboard(state.organisations[MAIN], asked.body["homeDashboardUID"])
    state.teams[asked.id()]["home"] = home
    return {"message": "Preferences updated"}


def join_team(state: State, asked: Asked) -> Any:
    there = state.teams[asked.id()]["members"]
    if asked.body["userId"] in there:
        raise Refused(400, "User is already added to this team")
    there.add(asked.body["userId"])
    return {"message": "Member added to Team"}


def leave_team(state: State, asked: Asked) -> Any:
    there = state.teams[asked.id()]["members"]
    if asked.id(1) not in there:
        raise Refused(404, "Team member not found")
    there.discard(asked.id(1))
    return {"message": "Team Member removed"}


ROUTES: tuple[tuple[str, str, Callable[[State, Asked], Any]], ...] = (
    ("GET", "/user", user),
    ("GET", "/orgs", organisations),
    ("POST", "/orgs", create_organisation),
    ("GET", r"/orgs/(\d+)", organisation),
    ("PUT", r"/orgs/(\d+)", rename_organisation),
    ("DELETE", r"/orgs/(\d+)", delete_organisation),
    ("PUT", r"/orgs/(\d+)/address", address),
    ("GET", r"/orgs/(\d+)/users", members),
    ("POST", r"/orgs/(\d+)/users", join),
    ("PATCH", r"/orgs/(\d+)/users/(\d+)", set_role),
    ("DELETE", r"/orgs/(\d+)/users/(\d+)", leave),
    ("GET", "/datasources", sources),
    ("POST", "/datasources", create_source),
    ("GET", r"/datasources/uid/([\w-]+)", source),
    ("PUT", r"/datasources/uid/([\w-]+)", update_source),
    ("GET", "/org/preferences", preferences),
    ("PATCH", "/org/preferences", set_preferences),
    ("GET", "/search", search),
    ("GET", r"/dashboards/uid/([\w-]+)", dashboard),
    ("POST", "/dashboards/db", put_dashboard),
    ("GET", "/users", accounts),
    ("PUT", r"/users/(\d+)", update_account),
    ("POST", "/admin/users", create_account),
    ("PUT", r"/admin/users/(\d+)/permissions", permissions),
    ("DELETE", r"/admin/users/(\d+)", delete_account),
    ("GET", "/teams/search", teams),
    ("POST", "/teams", create_team),
    ("GET", r"/teams/(\d+)/members", team_members),
    ("POST", r"/teams/(\d+)/members", join_team),
    ("DELETE", r"/teams/(\d+)/members/(\d+)", leave_team),
    ("GET", r"/teams/(\d+)/preferences", team_preferences),
    ("PUT", r"/teams/(\d+)/preferences", set_team_preferences),
)


def check_signed(right: bool) -> None:
    if not right:
        raise Refused(401, "Invalid username or password")


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Grafana]:
    """Serve on a free port of loopback, over TLS with a context."""
    grafana = Grafana()
    signed = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one piece

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            asked = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(asked.query).items()}
            header = self.headers.get("X-Grafana-Org-Id")
            status, told = 200, {}
            try:
                check_signed(self.headers.get("Authorization") == signed)
                path = asked.path.removeprefix("/api")
                told = grafana.answer(
                    self.command, path, query, json.loads(raw) if raw else None, int(header or MAIN)
                )
            except Refused as refused:
                status, told = refused.status, {"message": refused.message}
            if status == 599:  # nothing at all is answered
                self.close_connection = True
                return
            payload = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  # the library's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    grafana.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield grafana
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
