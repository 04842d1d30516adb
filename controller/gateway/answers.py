"""What the gateway answers: Prometheus' own forms, with nothing in them that is not the asking client's.

Facts of the forms: prometheus.io/docs/prometheus/latest/querying/api.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, Final, Literal, TypeAlias

import msgspec
from aiohttp import hdrs, web

from controller.api.stats_routes import without_private
from controller.history import FiringAlert
from controller.wording import english

ErrorType: TypeAlias = Literal[
    "unauthorized",
    "bad_data",
    "execution",
    "timeout",
    "canceled",
    "unavailable",
    "too_many_requests",
    "not_found",
    "internal",
]
CODES: Final = (200, 400, 401, 404, 405, 408, 413, 415, 422, 429, 500, 502, 503, 504)
"""Every status that the gateway answers with."""

_OF_STATUS: Final[Mapping[int, ErrorType]] = {
    401: "unauthorized",
    404: "not_found",
    408: "timeout",
    422: "execution",
    429: "too_many_requests",
    500: "internal",
    502: "unavailable",
    503: "unavailable",
    504: "timeout",
}
_STATES: Final = {"firing": 2, "pending": 1}
_NEVER: Final = "0001-01-01T00:00:00Z"


class Failed(Exception):
    """A request that is not answered as asked. `text`: for the person in front of the panel; no data stands in it."""

    def __init__(self, status: int, text: str, kind: ErrorType | None = None, **headers: str) -> None:
        """`status`: of HTTP, one of CODES. `kind`: what Prometheus calls it; by default that of the status."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.kind: ErrorType = kind or _OF_STATUS.get(status, "bad_data")
        self.headers = headers

    def response(self) -> web.Response:
        """Return the answer in Prometheus' form."""
        body = {"status": "error", "errorType": self.kind, "error": self.text}
        headers = {name.replace("_", "-"): value for name, value in self.headers.items()}
        if self.status == 401:
            headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="hashyard"'
        return json_response(msgspec.json.encode(body, enc_hook=english), self.status, headers)


def json_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer whose body is JSON already."""
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def success(data: Any, warnings: Iterable[str] = ()) -> bytes:
    """Return the body of an answer. `data`: as msgspec encodes it; `msgspec.Raw` as it is."""
    body = {"status": "success", "data": data}
    told = list(warnings)
    return msgspec.json.encode(body | {"warnings": told} if told else body)


def alerts_of(alerts: Iterable[FiringAlert], client: str) -> list[dict[str, Any]]:
    """Return a client's alerts as `alerts` has them, without the labels and texts that are the house's."""
    own = [without_private(alert) for alert in alerts if client and alert.labels.get("client") == client]
    return [_alert(alert) for alert in own]


def rules_of(alerts: Iterable[FiringAlert], client: str) -> list[dict[str, Any]]:
    """Return as `rules` has them the groups of rules that say something of a client now.

    They are made of his alerts alone: what else a rule says (its expression, its health, how long it took) depends on
    others, so that Prometheus' words for not known stand there.
    """
    by_name: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts_of(alerts, client):
        by_name.setdefault(alert["labels"].get("alertname", ""), []).append(alert)
    rules = [_rule(name, own) for name, own in sorted(by_name.items())]
    if not rules:
        return []
    group = {"name": "alerts", "file": "", "interval": 0, "limit": 0, "rules": rules}
    return [group | {"evaluationTime": 0, "lastEvaluation": _NEVER}]


def build_info(data: Any) -> dict[str, str]:
    """Return of `status/buildinfo` what a data source needs: the version, from which it knows what it may ask."""
    version = data.get("version") if isinstance(data, dict) else None
    kept = dict.fromkeys(("version", "revision", "branch", "buildUser", "buildDate", "goVersion"), "")
    return kept | {"version": version[:50] if isinstance(version, str) else ""}


def _alert(alert: FiringAlert) -> dict[str, Any]:
    said: dict[str, Any] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "value": "" if alert.value is None else repr(alert.value),
    }
    if alert.active_at is not None:
        said["activeAt"] = alert.active_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return said


def _rule(name: str, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "alerting",
        "name": name,
        "query": "",
        "duration": 0,
        "keepFiringFor": 0,
        "labels": {},
        "annotations": {},
        "alerts": alerts,
        "state": max((alert["state"] for alert in alerts), key=lambda state: _STATES[state]),
        "health": "unknown",
        "evaluationTime": 0,
        "lastEvaluation": _NEVER,
    }
