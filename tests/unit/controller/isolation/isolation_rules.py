"""The table of who may see what of whom, and at which addresses every route is walked.

`who_may.py` says who gets through the door of a route; this says what stands behind it. A route without a rule here fails
the walk. The pages' addresses are those of the roles' walk.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

from tests.unit.controller.pages.fleet_of_two_clients import MARK, OTHER, OWN

Things: TypeAlias = Mapping[str, str]
"""What stands in the braces of addresses and bodies, by name."""

Whose: TypeAlias = Literal["one's own", "oneself", "the house", "office"]
"""What a route shows.

one's own: of the containers that one may see, and nothing that any other moves.
oneself: the account of who asks.
the house: the same to everybody who may ask; no client, no container and no person stands in it.
office: all of it, and never to a client.
"""


@dataclass(frozen=True)
class Rule:
    """What one route shows, and how it is asked. `bodies`: of what changes something; a text goes as it is."""

    whose: Whose
    addresses: tuple[str, ...]
    bodies: tuple[Any, ...] = ()


def own(*addresses: str, bodies: tuple[Any, ...] = ()) -> Rule:
    return Rule("one's own", addresses, bodies)


def oneself(*addresses: str, bodies: tuple[Any, ...] = ()) -> Rule:
    return Rule("oneself", addresses, bodies)


def house(*addresses: str, bodies: tuple[Any, ...] = ()) -> Rule:
    return Rule("the house", addresses, bodies)


def office(*addresses: str, bodies: tuple[Any, ...] = ()) -> Rule:
    return Rule("office", addresses, bodies)


_TARGETS: Final = (
    {"containers": ["{container}"]},
    {"miners": ["{miner}"]},
    {"containers": ["container-1", "{container}"]},
)
_OVERRIDES: Final = tuple(
    {"target": target, "profile": "curtail", "ends": "manual", "reason": "the grid asks"}
    for target in _TARGETS
)
_COMMANDS: Final = tuple({"target": target, "action": "reboot", "reason": "it hangs"} for target in _TARGETS)
_SCHEDULE: Final = {"name": "{schedule}", "otherwise": "normal", "windows": []}
_TARIFF: Final = {"name": "{client} tariff", "currency": "EUR", "price_per_kwh": "0.1"}
_DAYS: Final = "from=2026-02-09&to=2026-02-11"
_PASSWORD: Final = {"username": "nobody at all", "password": "heron lantern quarry wick"}

RULES: Final[Mapping[str, Rule]] = {
    "GET /-/healthy": house("/-/healthy"),
    "GET /-/ready": house("/-/ready"),
    "GET /metrics": house("/metrics"),
    "GET /api/openapi.json": house("/api/openapi.json"),
    "GET /api": house("/api"),
    "GET /problems/{type}": house("/problems/not-found", "/problems/none"),
    "POST /api/v1/auth/login": house("/api/v1/auth/login", bodies=(_PASSWORD,)),
    "POST /api/v1/auth/logout": oneself("/api/v1/auth/logout"),
    "POST /api/v1/auth/confirm": oneself("/api/v1/auth/confirm", bodies=({"password": "wrong"},)),
    "GET /api/v1/me": oneself("/api/v1/me"),
    "PATCH /api/v1/me": oneself("/api/v1/me", bodies=({"language": "en"},)),
    "PUT /api/v1/me/password": oneself("/api/v1/me/password", bodies=({"current": "wrong", "new": "wrong"},)),
    "GET /api/v1/me/sessions": oneself("/api/v1/me/sessions"),
    "DELETE /api/v1/me/sessions/{id}": oneself("/api/v1/me/sessions/{session}"),
    "GET /api/v1/me/tokens": oneself("/api/v1/me/tokens"),
    "POST /api/v1/me/tokens": oneself(
        "/api/v1/me/tokens",
        bodies=({"name": "t", "scopes": ["read"], "containers": ["{container}"]},),
    ),
    "DELETE /api/v1/me/tokens/{id}": oneself("/api/v1/me/tokens/{token}"),
    "GET /api/v1/overview": own("/api/v1/overview"),
    "GET /api/v1/containers": own(
        "/api/v1/containers",
        "/api/v1/containers?fields=card&limit=1",
        "/api/v1/containers?client={client}",
        "/api/v1/containers?state=unreachable&control=enforce",
    ),
    "GET /api/v1/containers/{id}": own("/api/v1/containers/{container}"),
    "GET /api/v1/miners": own(
        "/api/v1/miners",
        "/api/v1/miners?limit=1&sort=-power_w",
        "/api/v1/miners?container={container}",
        "/api/v1/miners?q={miner_name}",
        "/api/v1/miners?q={address}",
        "/api/v1/miners?model={client}%20model&firmware={client}%20firmware",
        "/api/v1/miners?fault={client}:1",
        "/api/v1/miners?profile={profile}",
        "/api/v1/miners?stale=true&below_ratio=0.9",
    ),
    "GET /api/v1/miners/{id}": own("/api/v1/miners/{miner}"),
    "GET /api/v1/manufacturers": house("/api/v1/manufacturers"),
    "GET /api/v1/manufacturers/{name}/models": house("/api/v1/manufacturers/Whatsminer/models"),
    "POST /api/v1/containers": office("/api/v1/containers", bodies=({"name": "{container_name}"},)),
    "PATCH /api/v1/containers/{id}": office("/api/v1/containers/{container}", bodies=({"description": "x"},)),
    "DELETE /api/v1/containers/{id}": office("/api/v1/containers/{container}"),
    "POST /api/v1/miners": office(
        "/api/v1/miners", bodies=({"name": "m9", "address": "10.1.9.9", "container": "{container}"},)
    ),
    "POST /api/v1/miners/import": office(
        "/api/v1/miners/import?dry_run=1", bodies=("container,name,address\n{container},m9,10.1.9.9\n",)
    ),
    "PUT /api/v1/miners/{id}": office(
        "/api/v1/miners/{miner}", bodies=({"name": "m9", "address": "10.1.9.9", "container": "container-7"},)
    ),
    "PATCH /api/v1/miners/{id}": office("/api/v1/miners/{miner}", bodies=({"active": True},)),
    "DELETE /api/v1/miners/{id}": office("/api/v1/miners/{miner}"),
    "GET /api/v1/profiles": own("/api/v1/profiles", "/api/v1/profiles?limit=1"),
    "GET /api/v1/profiles/{name}": own("/api/v1/profiles/{profile}", "/api/v1/profiles/normal"),
    "PUT /api/v1/profiles/{name}": office("/api/v1/profiles/{profile}", bodies=({"target_percent": 75},)),
    "GET /api/v1/schedules": own("/api/v1/schedules", "/api/v1/schedules?limit=1"),
    "POST /api/v1/schedules": office("/api/v1/schedules", bodies=(_SCHEDULE,)),
    "GET /api/v1/schedules/{id}": own("/api/v1/schedules/{schedule}"),
    "PUT /api/v1/schedules/{id}": office("/api/v1/schedules/{schedule}", bodies=(_SCHEDULE,)),
    "POST /api/v1/schedules/{id}/plan": office("/api/v1/schedules/{schedule}/plan", bodies=(_SCHEDULE,)),
    "DELETE /api/v1/schedules/{id}": office("/api/v1/schedules/{schedule}"),
    "GET /api/v1/timeline": own("/api/v1/timeline", "/api/v1/timeline?container={container}&days=2"),
    "POST /api/v1/plans": office(
        "/api/v1/plans",
        bodies=(
            *({"override": one} for one in _OVERRIDES),
            *({"operation": one} for one in _COMMANDS),
        ),
    ),
    "GET /api/v1/overrides": own(
        "/api/v1/overrides",
        "/api/v1/overrides?limit=1",
        "/api/v1/overrides?container={container}",
        "/api/v1/overrides?state=active",
    ),
    "POST /api/v1/overrides": office("/api/v1/overrides", bodies=_OVERRIDES[:2]),
    "GET /api/v1/overrides/{id}": own("/api/v1/overrides/{override}", "/api/v1/overrides/ov_all"),
    "PATCH /api/v1/overrides/{id}": office("/api/v1/overrides/{override}", bodies=({"ends": "manual"},)),
    "DELETE /api/v1/overrides/{id}": office("/api/v1/overrides/{override}"),
    "GET /api/v1/operations": own(
        "/api/v1/operations",
        "/api/v1/operations?limit=1",
        "/api/v1/operations?container={container}",
        *(
            f"/api/v1/operations?state={state}"
            for state in ("queued", "running", "done", "done_with_failures", "cancelled")
        ),
    ),
    "POST /api/v1/operations": office("/api/v1/operations", bodies=_COMMANDS[:2]),
    "GET /api/v1/operations/{id}": own(
        "/api/v1/operations/{operation}",
        "/api/v1/operations/{ended}",
        "/api/v1/operations/op_all",
        "/api/v1/operations/op_all_ended",
    ),
    "GET /api/v1/operations/{id}/results": own(
        "/api/v1/operations/{operation}/results",
        "/api/v1/operations/{ended}/results?limit=1",
        "/api/v1/operations/op_all/results",
        "/api/v1/operations/op_all_ended/results?limit=1",
        "/api/v1/operations/op_all_ended/results?state=refused",
        "/api/v1/operations/op_all_ended/results?container={container}",
    ),
    "POST /api/v1/operations/{id}/cancel": office("/api/v1/operations/{operation}/cancel", bodies=({},)),
    "POST /api/v1/operations/{id}/retry": office("/api/v1/operations/{operation}/retry", bodies=({},)),
    "GET /api/v1/holds": office("/api/v1/holds"),
    "POST /api/v1/holds": office("/api/v1/holds", bodies=({"containers": ["{container}"], "reason": "x"},)),
    "DELETE /api/v1/holds": office("/api/v1/holds?container={container}&reason=x"),
    "POST /api/v1/miners/{id}/service": office("/api/v1/miners/{miner}/service", bodies=({"reason": "x"},)),
    "DELETE /api/v1/miners/{id}/service": office("/api/v1/miners/{miner}/service?reason=x"),
    "POST /api/v1/miners/{id}/poll": office("/api/v1/miners/{miner}/poll"),
    "POST /api/v1/miners/{id}/actions": office(
        "/api/v1/miners/{miner}/actions", bodies=({"action": {"type": "locate", "on": True}, "reason": "x"},)
    ),
    "GET /api/v1/events": own(
        "/api/v1/events",
        "/api/v1/events?limit=1",
        "/api/v1/events?container={container}",
        "/api/v1/events?miner={miner}",
        "/api/v1/events?client={client}",
        "/api/v1/events?operation={operation}",
        "/api/v1/events?address={address}",
        "/api/v1/events?actor={client}%20boris&q=said",
        "/api/v1/events?category=people&category=auth&category=money&category=inventory",
    ),
    "GET /api/v1/events.csv": own("/api/v1/events.csv", "/api/v1/events.csv?container={container}"),
    "GET /api/v1/stats/overview": own(
        "/api/v1/stats/overview?metric=power&hours=24", "/api/v1/stats/overview"
    ),
    "GET /api/v1/stats/containers": own("/api/v1/stats/containers?metric=power"),
    "GET /api/v1/stats/containers/{id}": own("/api/v1/stats/containers/{container}?metric=chip_max"),
    "GET /api/v1/stats/miners/{id}": own("/api/v1/stats/miners/{miner}?metric=power"),
    "GET /api/v1/alerts": own("/api/v1/alerts", "/api/v1/alerts?limit=1"),
    "GET /api/v1/stream": own(
        "/api/v1/stream?topics=overview,containers,events",
        "/api/v1/stream?topics=container:{container}",
        "/api/v1/stream?topics=miner:{miner}",
        "/api/v1/stream?topics=operation:{operation}",
        "/api/v1/stream?topics=operation:op_all",
        "/api/v1/stream?topics=operation:op_all_ended",
    ),
    "GET /api/v1/status": house("/api/v1/status"),
    "POST /api/v1/reload": office("/api/v1/reload"),
    "POST /api/v1/grafana/sync": office("/api/v1/grafana/sync"),
    "GET /api/v1/settings": office("/api/v1/settings"),
    "GET /api/v1/users": office("/api/v1/users", "/api/v1/users?q={client}"),
    "POST /api/v1/users": office("/api/v1/users", bodies=({"username": "{client} clerk", "role": "client"},)),
    "GET /api/v1/users/{id}": office("/api/v1/users/{user}"),
    "PATCH /api/v1/users/{id}": office("/api/v1/users/{user}", bodies=({"active": False},)),
    "DELETE /api/v1/users/{id}": office("/api/v1/users/{user}"),
    "POST /api/v1/users/{id}/password": office("/api/v1/users/{user}/password"),
    "GET /api/v1/users/{id}/sessions": office("/api/v1/users/{user}/sessions"),
    "DELETE /api/v1/users/{id}/sessions": office("/api/v1/users/{user}/sessions"),
    "GET /api/v1/users/{id}/tokens": office("/api/v1/users/{user}/tokens"),
    "DELETE /api/v1/users/{id}/tokens": office("/api/v1/users/{user}/tokens"),
    "DELETE /api/v1/users/{id}/tokens/{token_id}": office("/api/v1/users/{user}/tokens/{token}"),
    "DELETE /api/v1/users/{id}/sessions/{session_id}": office("/api/v1/users/{user}/sessions/{session}"),
    "POST /api/v1/users/{id}/invitation": office("/api/v1/users/{user}/invitation"),
    "DELETE /api/v1/users/{id}/invitation": office("/api/v1/users/{user}/invitation"),
    "GET /api/v1/clients": own("/api/v1/clients"),
    "POST /api/v1/clients": office("/api/v1/clients", bodies=({"name": "{client}"},)),
    "GET /api/v1/clients/{id}": own("/api/v1/clients/{client_id}"),
    "GET /api/v1/clients/{id}/gateway-tokens": office("/api/v1/clients/{client_id}/gateway-tokens"),
    "POST /api/v1/clients/{id}/gateway-tokens": office("/api/v1/clients/{client_id}/gateway-tokens"),
    "DELETE /api/v1/clients/{id}/gateway-tokens/{token_id}": office(
        "/api/v1/clients/{client_id}/gateway-tokens/{token}"
    ),
    "GET /api/v1/clients/{id}/containers": own("/api/v1/clients/{client_id}/containers"),
    "PUT /api/v1/clients/{id}/containers": office(
        "/api/v1/clients/{client_id}/containers",
        bodies=([{"container": "{container}", "from": "2026-03-05"}],),
    ),
    "PATCH /api/v1/clients/{id}": office("/api/v1/clients/{client_id}", bodies=({"name": "{client}"},)),
    "DELETE /api/v1/clients/{id}": office("/api/v1/clients/{client_id}"),
    "GET /api/v1/tariffs": office("/api/v1/tariffs"),
    "POST /api/v1/tariffs": office("/api/v1/tariffs", bodies=(_TARIFF,)),
    "GET /api/v1/tariffs/{name}": office("/api/v1/tariffs/{client}%20tariff"),
    "PATCH /api/v1/tariffs/{name}": office("/api/v1/tariffs/{client}%20tariff", bodies=(_TARIFF,)),
    "DELETE /api/v1/tariffs/{name}": office("/api/v1/tariffs/{client}%20tariff"),
    "GET /api/v1/containers/{id}/tariff": office("/api/v1/containers/{container}/tariff"),
    "PUT /api/v1/containers/{id}/tariff": office(
        "/api/v1/containers/{container}/tariff", bodies=({"tariff": None},)
    ),
    "GET /api/v1/reports/energy": own(
        *(
            f"/api/v1/reports/energy?{_DAYS}&by={by}"
            for by in ("container", "client", "miner", "day", "month")
        ),
        f"/api/v1/reports/energy?{_DAYS}&container={{container}}",
        f"/api/v1/reports/energy?{_DAYS}&client={{client}}",
        f"/api/v1/reports/energy?{_DAYS}&miner={{miner}}&by=miner",
        f"/api/v1/reports/energy?{_DAYS}&basis=meter",
        f"/api/v1/reports/energy?{_DAYS}&format=csv",
        f"/api/v1/reports/energy?{_DAYS}&format=excel&container={{container}}",
        f"/api/v1/reports/energy?{_DAYS}&container={{container}}&container=none",
    ),
    "GET /api/v1/reports": own("/api/v1/reports"),
    "GET /api/v1/reports/{number}": own("/api/v1/reports/1", "/api/v1/reports/2"),
    "POST /api/v1/reports": office("/api/v1/reports", bodies=({"month": "2026-01"},)),
    "GET /api/v1/meter-readings": office(
        "/api/v1/meter-readings", "/api/v1/meter-readings?container={container}"
    ),
    "POST /api/v1/meter-readings": office(
        "/api/v1/meter-readings",
        bodies=({"container": "{container}", "at": "2026-02-11T00:00:00Z", "kwh": "8000"},),
    ),
    "POST /api/v1/meter-readings/import": office(
        "/api/v1/meter-readings/import?dry_run=1",
        bodies=("container,at,kwh\n{container},2026-02-11T00:00:00Z,1\n",),
    ),
    "DELETE /api/v1/meter-readings/{id}": office("/api/v1/meter-readings/mtr_{container}"),
    "GET /state": own("/state"),
    "GET /logs": own("/logs", "/logs?miner_ip={address}"),
    "POST /api/login": own("/api/login", bodies=({"miner_ip": "{address}"},)),
    "POST /api/logout": own("/api/logout", bodies=({"miner_ip": "{address}"},)),
    "POST /api/profileset": own("/api/profileset", bodies=({"token": "{token}", "profile": "normal"},)),
    "POST /api/curtail": own("/api/curtail", bodies=({"token": "{token}", "mode": "sleep"},)),
    "GET /api/miners": own(
        "/api/miners",
        "/api/miners?container_id={container}",
        "/api/miners?container_id={number}",
        "/api/miners?is_active=true",
    ),
    "POST /api/miners": office(
        "/api/miners", bodies=({"name": "m9", "ip_address": "10.1.9.9", "container_id": "{container}"},)
    ),
    "GET /api/miners/manufacturers": house("/api/miners/manufacturers"),
    "GET /api/miners/models/{manufacturer}": house("/api/miners/models/Whatsminer"),
    "GET /api/miners/{id}": own("/api/miners/{miner}", "/api/miners/{number}"),
    "PUT /api/miners/{id}": office("/api/miners/{miner}", bodies=({"is_active": True},)),
    "DELETE /api/miners/{id}": office("/api/miners/{miner}", "/api/miners/{number}"),
    "POST /api/miners/{id}/poll": office("/api/miners/{miner}/poll"),
    "GET /api/containers": own("/api/containers"),
    "POST /api/containers": office("/api/containers", bodies=({"name": "{container_name}"},)),
    "GET /api/containers/{id}": own("/api/containers/{container}", "/api/containers/{number}"),
    "DELETE /api/containers/{id}": office("/api/containers/{container}"),
    "GET /api/stats/miners/{id}": own("/api/stats/miners/{miner}", "/api/stats/miners/{number}?hours=1"),
    "GET /api/stats/containers/{id}": own("/api/stats/containers/{container}"),
    "GET /api/stats/overview": own("/api/stats/overview"),
    "GET /.well-known/openid-configuration": house("/.well-known/openid-configuration"),
    "GET /sign-on/jwks": house("/sign-on/jwks"),
    "POST /sign-on/token": house(
        "/sign-on/token",
        bodies=("grant_type=authorization_code&code={token}&redirect_uri=x&code_verifier=y",),
    ),
    "GET /sign-on/userinfo": oneself("/sign-on/userinfo"),
    "POST /sign-on/userinfo": oneself("/sign-on/userinfo"),
    "POST /api/auth/login": house("/api/auth/login", bodies=(_PASSWORD,)),
    "POST /api/auth/register": office(
        "/api/auth/register",
        bodies=({"username": "{client} clerk", "password": "heron lantern quarry", "role": "CLIENT"},),
    ),
    "POST /api/auth/admin/create": office(
        "/api/auth/admin/create", bodies=({"username": "{client} clerk", "password": "heron lantern"},)
    ),
}
"""Every route of the API."""

PAGES_SHOW: Final[Mapping[Whose, str]] = {
    "the house": """
        GET /static/{name}  GET /runbooks  GET /runbooks/{alert}  GET /sign-in  POST /sign-in  POST /language
        GET /invitation  GET /invitation/{token}  POST /invitation/{token}
    """,
    "oneself": """
        POST /sign-out  GET /password  POST /password  GET /confirm-password  POST /confirm-password  GET /me  POST /me
        POST /me/sessions/{id}/end  POST /me/sessions/end  POST /me/tokens  POST /me/tokens/{id}/revoke  GET /keys
        POST /end-view  GET /sign-on/authorize  POST /miners/columns
    """,
    "one's own": """
        GET /  GET /alerts  GET /by-name  GET /containers/{id}  GET /containers/{id}/alerts  GET /containers/{id}/card
        GET /log  GET /log.csv  GET /miners/by-name  GET /miners/{id}  GET /miners/{id}/alerts  GET /miners
        GET /miners.csv  GET /live  GET /live/now  GET /charts/fleet  GET /charts/container/{id}  GET /charts/miner/{id}
        GET /charts/sparklines  GET /operations  GET /operations/{id}  GET /schedule
        GET /reports  GET /reports/{number}
    """,
    "office": """
        GET /settings  GET /settings/health  POST /settings/reload  POST /clients/{id}/view
        GET /new-container  POST /new-container  GET /containers/{id}/edit  POST /containers/{id}/edit
        GET /containers/{id}/delete  POST /containers/{id}/delete  POST /containers/{id}/chosen
        GET /miners/new  POST /miners/new  GET /miners/{id}/edit  POST /miners/{id}/edit
        GET /miners/{id}/disable  POST /miners/{id}/disable  GET /miners/{id}/enable  POST /miners/{id}/enable
        GET /miners/{id}/delete  POST /miners/{id}/delete  GET /miners/import  POST /miners/import
        GET /miners/import/template  GET /deeds/{kind}  POST /deeds/{kind}
        GET /schedule/new  POST /schedule/new  GET /schedule/{id}/copy  GET /schedule/{id}/edit
        POST /schedule/{id}/edit  GET /schedule/{id}/delete  POST /schedule/{id}/delete
        GET /profiles/new  POST /profiles/new  GET /profiles/{name}/edit  POST /profiles/{name}/edit
        GET /people  GET /people/new  POST /people/new  GET /people/{id}  POST /people/{id}  POST /people/{id}/disable
        POST /people/{id}/enable  POST /people/{id}/password  POST /people/{id}/invitation
        POST /people/{id}/invitation/withdraw  POST /people/{id}/sessions/end  POST /people/{id}/sessions/{session_id}/end
        POST /people/{id}/tokens/revoke  POST /people/{id}/tokens/{token_id}/revoke
        GET /people/{id}/remove  POST /people/{id}/remove
        GET /close-month  POST /close-month  GET /meters  POST /meters  GET /meters/import  POST /meters/import
        GET /meters/{id}/withdraw  POST /meters/{id}/withdraw
        GET /clients  GET /new-client  POST /new-client  GET /clients/{id}  POST /clients/{id}
        POST /clients/{id}/containers  POST /clients/{id}/remove  POST /clients/{id}/containers/end
        GET /tariffs  GET /new-tariff  POST /new-tariff
        GET /tariffs/{name}  POST /tariffs/{name}  GET /tariffs/{name}/delete
        POST /tariffs/{name}/delete  GET /containers/{id}/tariff  POST /containers/{id}/tariff
    """,
}
"""Every page, by what it shows. Their addresses stand in the walk of the roles, which goes to all of them."""


def shown_by_pages() -> dict[str, Whose]:
    """Return what each page shows, by `METHOD path`. Fails where one is written down twice."""
    found: dict[str, Whose] = {}
    for whose, text in PAGES_SHOW.items():
        for method, path in pairwise_words(text):
            assert f"{method} {path}" not in found, path
            found[f"{method} {path}"] = whose
    return found


def pairwise_words(text: str) -> Iterator[tuple[str, str]]:
    words = text.split()
    return zip(words[::2], words[1::2], strict=True)


def things(of: str, **more: str) -> Things:
    """Return what is of one of the two clients (`acme`, MARK), or of nobody (`nowhere`), as addresses have it."""
    found = {
        "acme": (OWN, "Container 1", "a1", "days", "10.1.7.1"),
        MARK: (OTHER, f"{MARK} Yard", f"{MARK} b1", f"{MARK}-nights", "10.1.66.1"),
        "nowhere": ("nowhere-yard", "nowhere Yard", "nowhere b1", "nowhere-nights", "10.1.99.1"),
    }[of]
    container, name, miner, schedule, address = found
    own_profile = "normal" if of == "acme" else f"{of}-profile"
    known = {
        "container": container,
        "container_name": name,
        "miner": f"{container}.{miner.replace(' ', '-')}",
        "miner_name": miner,
        "client": of,
        "schedule": schedule,
        "address": address,
        "operation": f"op_{container}",
        "ended": f"op_{container}_ended",
        "override": f"ov_{container}",
        "profile": own_profile,
        "number": "999",
        "client_id": "cli_none",
        "user": "usr_none",
        "session": "ses_none",
        "token": "tok_none",
        **more,
    }
    return {key: quote(value) for key, value in known.items()}


def filled(pattern: Any, of: Things) -> Any:
    """Return an address or a body with these things in it."""
    if isinstance(pattern, str):
        for name, value in of.items():
            pattern = pattern.replace("{" + name + "}", value)
        return pattern
    if isinstance(pattern, dict):
        return {name: filled(part, of) for name, part in pattern.items()}
    if isinstance(pattern, list | tuple):
        return [filled(part, of) for part in pattern]
    return pattern


def questions(of: Things, *, methods: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str, Any]]:
    """Yield every question to the API with these things in it: the route's name, method, address, body."""
    for name, rule in RULES.items():
        method = name.partition(" ")[0]
        if methods and method not in methods:
            continue
        for address in rule.addresses:
            for body in rule.bodies or (None,):
                yield name, method, filled(address, of), filled(body, of)
