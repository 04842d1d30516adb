"""Grafana's API, as far as it is needed here: reading what there is, and one function a step. All calls block.

What was tried with Grafana 12.2: an account that administrates the server reads and sets up an organisation by the header
X-Grafana-Org-Id only as its member; logins and addresses are kept in small letters; a data source's version goes to the one that
was sent and one, and to 1 where none was; a new team begins with whoever made it.
"""

import secrets
import ssl
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
from grafana_client import GrafanaApi
from grafana_client.client import GrafanaException
from grafana_client.model import PersonalPreferences
from requests.adapters import HTTPAdapter

from grafana.sync import steps
from grafana.sync.facts import (
    MADE_BY,
    MAIN,
    SOURCE,
    TEAM_ADDRESS,
    TEAM_NAME,
    TOKEN_KEY,
    VERSION_KEY,
    Account,
    Facts,
    Organisation,
    Source,
    Team,
    client_of,
    login_of,
)
from grafana.sync.organisation_planning import source_body
from grafana.sync.wish import Access, TokenDesk

PATIENCE_S: Final = (5.0, 20.0)
"""How long to wait for a connection, and for each part of an answer."""

_PAGE: Final = 1000
_LONGEST_WORDS: Final = 300
_MESSAGE: Final = "Put in by Hashyard"
_PROXY_WITHOUT_GRAFANA: Final = (502, 503, 504)


class GrafanaFault(Exception):
    """Grafana refused, failed or did not answer; the text is one line.

    `away`: no answer, so it may have been done after all. `shut_out`: it does not take the account's name and password.
    """

    def __init__(self, words: str, *, away: bool = False, shut_out: bool = False) -> None:
        super().__init__(words)
        self.away, self.shut_out = away, shut_out


class Site:
    """One Grafana, asked as one account that administrates its server."""

    def __init__(
        self,
        access: Access,
        dashboards: Mapping[str, Mapping[str, Any]],
        desk: TokenDesk,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        """`dashboards`: a client's, by uid, as they are put in. `desk`: makes and revokes tokens. Asks nothing yet.

        `ended`: asked before each question; none is asked any more once it says so.
        """
        self._access, self._dashboards, self._desk, self._ended = access, dashboards, desk, ended
        self._apis: dict[int | None, GrafanaApi] = {}
        self._another = (
            f"what answers at {access.url} is not Grafana's API: is it the right address, http or https?"
        )
        self._do: dict[type[steps.Step], Callable[[Any], object]] = {
            steps.LeaveOrganisation: self._leave_organisation,
            steps.DeleteAccount: self._delete_account,
            steps.DeleteOrganisation: self._delete_organisation,
            steps.RevokeToken: lambda step: desk.revoke(step.of, step.token),
            steps.ChangeAccount: self._change_account,
            steps.TakeServerAdministration: self._take_server_administration,
            steps.CreateOrganisation: self._create_organisation,
            steps.EnterOrganisation: self._enter_organisation,
            steps.NameOrganisation: self._name_organisation,
            steps.CreateSource: self._create_source,
            steps.GiveToken: self._give_token,
            steps.PutDashboard: self._put_dashboard,
            steps.SetHome: self._set_home,
            steps.CreateAccount: self._create_account,
            steps.JoinOrganisation: self._join_organisation,
            steps.SetRole: self._set_role,
            steps.CreateTeam: self._create_team,
            steps.SetTeamHome: self._set_team_home,
            steps.JoinTeam: self._join_team,
            steps.LeaveTeam: self._leave_team,
        }

    def __enter__(self) -> Self:
        """Return itself: connections are opened as they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what was opened."""
        for api in self._apis.values():
            api.client.s.close()

    def do(self, step: steps.Step) -> None:
        """Do one step. Raises GrafanaFault, and RuntimeError where a token could not be made or revoked."""
        self._do[type(step)](step)

    def read(self) -> Facts:
        """Return what there is. Raises GrafanaFault; what one organisation refuses is noted in it."""
        facts: Facts = self._ask(self._read)
        return facts

    def _read(self) -> Facts:
        me = int(self._ask(self._api().user.get_actual_user)["id"])
        accounts = [_account(one) for one in self._listed("/users", first=1)]
        organisations = [self._organisation(one["id"], me) for one in self._listed("/orgs", first=0)]
        team, taken = self._team()
        return Facts(me, accounts, organisations, team, taken)

    def _listed(self, what: str, first: int) -> Iterable[Mapping[str, Any]]:
        """Give all of a list, page by page; `first`: the number of the first page, on which Grafana's lists disagree."""
        page = first
        while True:
            path = f"{what}?perpage={_PAGE}&page={page}"
            found = self._ask(partial(self._api().client.GET, path))
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def _organisation(self, id_: int, me: int) -> Organisation:
        told = self._ask(lambda: self._api().client.GET(f"/orgs/{id_}"))
        client, marked = client_of(told["name"], told.get("address") or {})
        people = self._ask(lambda: self._api().organizations.organization_user_list(id_))
        roles = {int(one["userId"]): str(one["role"]) for one in people}
        known = Organisation(id_, told["name"], client, marked, roles, entered=roles.get(me) == "Admin")
        if client is None or id_ == MAIN or not known.entered:
            return known
        try:
            return self._inside(known)
        except GrafanaFault as fault:
            if fault.away:
                raise
            return Organisation(id_, told["name"], client, marked, roles, unread=str(fault))

    def _inside(self, known: Organisation) -> Organisation:
        """Return an organisation with what is in it."""
        api = self._api(known.id)
        listed = self._ask(api.datasource.list_datasources)
        sources = [
            _source(self._ask(partial(api.datasource.get_datasource_by_uid, SOURCE)))
            if one["uid"] == SOURCE
            else Source(one["uid"], one["name"], one["type"])
            for one in listed
        ]
        found = self._ask(partial(api.client.GET, "/search?type=dash-db&limit=5000"))
        uids = [str(one["uid"]) for one in found]
        dashboards = {
            uid: self._ask(partial(api.dashboard.get_dashboard, uid))["dashboard"]
            for uid in uids
            if uid in self._dashboards
        }
        home = self._ask(api.organization.get_preferences).get("homeDashboardUID")
        others = [str(one["title"]) for one in found if one["uid"] not in self._dashboards]
        return Organisation(
            known.id,
            known.name,
            known.client,
            known.marked,
            known.roles,
            sources=sources,
            dashboards=dashboards,
            other_dashboards=others,
            home=home or None,
        )

    def _team(self) -> tuple[Team | None, bool]:
        """Return the accountants' team, and whether somebody else's has its name."""
        api = self._api(MAIN)
        found = self._ask(partial(api.client.GET, f"/teams/search?perpage={_PAGE}&page=1&name={TEAM_NAME}"))
        for one in found["teams"]:
            if one.get("email") == TEAM_ADDRESS:
                id_ = int(one["id"])
                members = self._ask(partial(api.client.GET, f"/teams/{id_}/members"))
                home = self._ask(partial(api.client.GET, f"/teams/{id_}/preferences")).get("homeDashboardUID")
                return Team(id_, frozenset(int(member["userId"]) for member in members), home or None), False
        return None, bool(found["teams"])

    def _leave_organisation(self, step: steps.LeaveOrganisation) -> None:
        self._ask(lambda: self._api().organizations.organization_user_delete(step.organisation, step.account))

    def _delete_account(self, step: steps.DeleteAccount) -> None:
        self._ask(lambda: self._api().admin.delete_user(step.account))

    def _delete_organisation(self, step: steps.DeleteOrganisation) -> None:
        self._ask(lambda: self._api().organizations.delete_organization(step.organisation))

    def _change_account(self, step: steps.ChangeAccount) -> None:
        person = step.person
        body = {"login": login_of(person.id), "email": person.address, "name": person.name}
        self._ask(lambda: self._api().users.update_user(step.account, body))

    def _take_server_administration(self, step: steps.TakeServerAdministration) -> None:
        self._ask(lambda: self._api().admin.change_user_permissions(step.account, is_grafana_admin=False))

    def _create_organisation(self, step: steps.CreateOrganisation) -> None:
        self._ask(lambda: self._api().organization.create_organization({"name": step.client}))

    def _enter_organisation(self, step: steps.EnterOrganisation) -> None:
        people = self._ask(lambda: self._api().organizations.organization_user_list(step.organisation))
        if any(one["userId"] == step.account for one in people):
            self._ask(
                lambda: self._api().organizations.organization_user_update(
                    step.organisation, step.account, "Admin"
                )
            )
            return
        body = {"loginOrEmail": self._access.user, "role": "Admin"}
        self._ask(lambda: self._api().organizations.organization_user_add(step.organisation, body))

    def _name_organisation(self, step: steps.NameOrganisation) -> None:
        place = f"/orgs/{step.organisation}"
        mark = {"address1": MADE_BY, "address2": step.client}
        self._ask(lambda: self._api().client.PUT(f"{place}/address", json=mark))
        self._ask(lambda: self._api().client.PUT(place, json={"name": step.name}))

    def _create_source(self, step: steps.CreateSource) -> None:
        self._ask(
            lambda: self._api(step.organisation).datasource.create_datasource(source_body(step.gateway))
        )

    def _give_token(self, step: steps.GiveToken) -> None:
        for token in step.first:
            self._desk.revoke(step.client, token)
        made, text = self._desk.make(step.client)
        sent = max(step.version, 1)  # without one, the version would be 1 whoever wrote it
        body = source_body(step.gateway)
        body["jsonData"] |= {TOKEN_KEY: made, VERSION_KEY: sent + 1}
        body |= {"version": sent, "secureJsonData": {"httpHeaderValue1": f"Bearer {text}"}}
        try:
            self._ask(lambda: self._api(step.organisation).datasource.update_datasource_by_uid(SOURCE, body))
        except GrafanaFault as fault:
            if not fault.away:  # it is not in: nobody will ever know it
                self._desk.revoke(step.client, made)
            raise
        for token in step.then:
            self._desk.revoke(step.client, token)

    def _put_dashboard(self, step: steps.PutDashboard) -> None:
        model = {
            key: value for key, value in self._dashboards[step.uid].items() if key not in {"id", "version"}
        }
        body = {"dashboard": model, "overwrite": True, "message": _MESSAGE}
        self._ask(lambda: self._api(step.organisation).client.POST("/dashboards/db", json=body))

    def _set_home(self, step: steps.SetHome) -> None:
        home = PersonalPreferences(homeDashboardUID=step.uid)
        self._ask(lambda: self._api(step.organisation).organization.patch_preferences(home))

    def _create_account(self, step: steps.CreateAccount) -> None:
        body = {
            "login": login_of(step.person.id),
            "email": step.person.address,
            "name": step.person.name,
            "password": secrets.token_urlsafe(48),
            "OrgId": step.organisation,
        }
        self._ask(lambda: self._api().admin.create_user(body))

    def _join_organisation(self, step: steps.JoinOrganisation) -> None:
        body = {"loginOrEmail": step.login, "role": step.role}
        self._ask(lambda: self._api().organizations.organization_user_add(step.organisation, body))

    def _set_role(self, step: steps.SetRole) -> None:
        self._ask(
            lambda: self._api().organizations.organization_user_update(
                step.organisation, step.account, step.role
            )
        )

    def _create_team(self, _step: steps.CreateTeam) -> None:
        body = {"name": TEAM_NAME, "email": TEAM_ADDRESS}
        self._ask(lambda: self._api(MAIN).client.POST("/teams", json=body))

    def _set_team_home(self, step: steps.SetTeamHome) -> None:
        path = f"/teams/{step.team}/preferences"
        self._ask(lambda: self._api(MAIN).client.PUT(path, json={"homeDashboardUID": step.uid}))

    def _join_team(self, step: steps.JoinTeam) -> None:
        path = f"/teams/{step.team}/members"
        self._ask(lambda: self._api(MAIN).client.POST(path, json={"userId": step.account}))

    def _leave_team(self, step: steps.LeaveTeam) -> None:
        path = f"/teams/{step.team}/members/{step.account}"
        self._ask(lambda: self._api(MAIN).client.DELETE(path))

    def _api(self, organisation: int | None = None) -> GrafanaApi:
        """Return the API, for one organisation or for the server."""
        if organisation not in self._apis:
            self._apis[organisation] = _opened(self._access, organisation)
        return self._apis[organisation]

    def _ask(self, call: Callable[[], Any]) -> Any:
        """Ask, and word what goes wrong: neither a password nor a token stands in what Grafana says of a request."""
        if self._ended():
            raise GrafanaFault("given up: the program ends", away=True)
        try:
            return call()
        except GrafanaException as error:
            raise self._refusal(error) from None
        except requests.exceptions.RequestException as error:
            if not isinstance(error, ValueError):
                words = f"Grafana does not answer at {self._access.url}: {_cause(error)}"
                raise GrafanaFault(words, away=True) from None
            raise GrafanaFault(self._another) from None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise GrafanaFault(self._another) from None

    def _refusal(self, error: GrafanaException) -> GrafanaFault:
        status, user = int(error.status_code), self._access.user
        told = error.response
        said = told.get("message") if isinstance(told, dict) else None
        if status == requests.codes.unauthorized:
            words = f"Grafana does not let {user} in: see --grafana-user and --grafana-password-file"
            return GrafanaFault(words, shut_out=True)
        if status in _PROXY_WITHOUT_GRAFANA and not said:
            words = f"Grafana does not answer behind {self._access.url}: the proxy there says {status}"
            return GrafanaFault(words, away=True)
        if not said:  # Grafana gives a reason whatever it refuses
            return GrafanaFault(f"{self._another} It says {status}.")
        words = " ".join(str(said).split())[:_LONGEST_WORDS]
        if status == requests.codes.forbidden:
            return GrafanaFault(
                f"Grafana refuses it to {user}, which has to administrate the server: {words}"
            )
        return GrafanaFault(f"Grafana answers {status}: {words}")


class _Trusting(HTTPAdapter):
    """Trusts the certificates that this machine trusts (SSL_CERT_FILE says others), as the rest of the controller does."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Add them to those that come with the library."""
        super().init_poolmanager(*args, ssl_context=ssl.create_default_context(), **more)


def _opened(access: Access, organisation: int | None) -> GrafanaApi:
    parts = urlsplit(access.url)
    host = parts.hostname or ""
    prefix = parts.path.strip("/")
    api = GrafanaApi(
        # As bytes: of a text, the library takes Latin letters alone.
        (access.user.encode(), access.password.encode()),
        host=f"[{host}]" if ":" in host else host,
        port=parts.port,
        url_path_prefix=f"{prefix}/" if prefix else "",
        protocol=parts.scheme,
        timeout=PATIENCE_S,
        user_agent="hashyard",
        organization_id=organisation,
    )
    # No proxy and no .netrc of this account's environment: Grafana stands on one's own network.
    api.client.s.trust_env = False
    # A redirect would carry what is sent to another address.
    api.client.s.max_redirects = 0
    api.client.s.mount("https://", _Trusting())
    return api


def _cause(error: requests.exceptions.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        # The library puts OpenSSL's words into its own, several layers deep.
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return "its certificate is not one that this machine trusts for that name"
        return "it does not speak TLS: is it http and not https?"
    if isinstance(error, requests.exceptions.Timeout):
        return "it takes too long"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return "it leads to another address, which is the one to give"
    return "no connection, or one that broke off"


def _account(told: Mapping[str, Any]) -> Account:
    return Account(
        id=int(told["id"]),
        uid=str(told.get("uid") or ""),
        login=str(told["login"]),
        email=str(told["email"]),
        name=str(told.get("name") or ""),
        server_admin=bool(told.get("isAdmin")),
        disabled=bool(told.get("isDisabled")),
        external=bool(told.get("authLabels")),
    )


def _source(told: Mapping[str, Any]) -> Source:
    return Source(
        uid=str(told["uid"]),
        name=str(told["name"]),
        type=str(told["type"]),
        access=str(told["access"]),
        url=str(told["url"]),
        default=bool(told["isDefault"]),
        json_data=told.get("jsonData") or {},
        has_secret=bool((told.get("secureJsonFields") or {}).get("httpHeaderValue1")),
        version=int(told.get("version") or 0),
    )
