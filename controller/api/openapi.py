"""The OpenAPI 3.1 document, made from the table of routes: what is checked and what is promised cannot differ.

`python -m controller.api.openapi docs/openapi.json` writes the committed copy; a test fails when that is stale.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from controller.api import repeated
from controller.api.document_page import who
from controller.api.gate import CSRF_HEADER, SECURE_SESSION_COOKIE, SESSION_COOKIE
from controller.api.problems import KINDS, Kind, ProblemBody
from controller.api.route import Open, Route, Sort

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_PARAMETER = re.compile(r"{(\w+)}")


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the document of these routes, as what JSON can hold."""
    named = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, named)
    tags = dict.fromkeys(tag for route in routes for tag in route.tags)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hashyard",
            "version": "1",
            "description": "Monitoring and control for fleets of ASIC miners. Every error is a problem (RFC 9457) that "
            "lists all mistakes at once. Lists give `items`, `next` (a cursor) and `total`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": named.components,
            "responses": {kind: _problem(kind) for kind in KINDS},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
                "secureSession": {"type": "apiKey", "in": "cookie", "name": SECURE_SESSION_COOKIE},
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "hy_…"},
            },
        },
    }


def document_json(routes: Sequence[Route]) -> bytes:
    """Return the document as it is served and committed: indented, ends in a line feed."""
    return msgspec.json.format(msgspec.json.encode(document(routes)), indent=2) + b"\n"


def problems_of(route: Route) -> tuple[Kind, ...]:
    """Return every kind of problem that a route may answer: its own, and those that follow from its form."""
    kinds: list[Kind] = ["malformed", "wrong-host", "internal", "storage-away"]
    if not isinstance(route.roles, Open):
        kinds += ["sign-in-needed", "session-ended", "not-allowed", "too-many"]
    if route.method != "GET":
        kinds.append("cross-site")
    if _PARAMETER.search(route.path):
        kinds.append("not-found")
    if route.body is not None:
        kinds += ["too-large", "media-type", "invalid"]
    if route.step_up:
        kinds.append("password-needed")
    if route.conditional:
        kinds += ["condition-needed", "changed-meanwhile"]
    if route.idempotent:
        kinds += ["busy", "invalid"]
    return tuple(dict.fromkeys([*kinds, *route.problems]))


class _Schemas:
    """The schemas of all types that routes name, each type once."""

    def __init__(self, routes: Sequence[Route]) -> None:
        found: list[Any] = [ProblemBody]
        for route in routes:
            found += [kind for kind in (route.body, route.reply) if kind is not None and kind is not bytes]
            found += [field.type for field in msgspec.structs.fields(route.query)]
        found.append(Sort)
        schemas, components = msgspec.json.schema_components(found, ref_template=_REF)
        self._found = found
        self._schemas = schemas
        self.components: dict[str, Any] = dict(components)

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type, a reference where it has a name."""
        schema = self._schemas[next(at for at, known in enumerate(self._found) if known == kind)]
        return dict(schema)


def _operation(route: Route, named: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": " ".join(part for part in (route.description, who(route)) if part),
        "tags": list(route.tags),
        "parameters": _parameters(route, named),
        "responses": _responses(route, named),
        "security": _security(route),
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _body_content(route, named)}
    return operation


def _operation_id(route: Route) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", route.path.removeprefix("/api/v1")) if word]
    return "_".join([route.method.lower(), *words])


def _security(route: Route) -> list[dict[str, list[str]]]:
    if isinstance(route.roles, Open):
        return []
    csrf: dict[str, list[str]] = {} if route.method == "GET" else {"csrf": []}
    return [{"bearer": []}, {"session": [], **csrf}, {"secureSession": [], **csrf}]


def _parameters(route: Route, named: _Schemas) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(route.path)
    ]
    parameters += [_query_parameter(field, named) for field in msgspec.structs.fields(route.query)]
    if route.sorts:
        some = "|".join(map(re.escape, route.sorts))
        schema = {**named.of(Sort), "pattern": f"^-?({some})(,-?({some}))*$"}
        parameters.append({"name": "sort", "in": "query", "required": False, "schema": schema})
    if route.conditional:
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": True,
                "description": "The ETag of what was read",
                "schema": {"type": "string", "minLength": 1},
            }
        )
    if route.idempotent:
        parameters.append(
            {
                "name": repeated.HEADER,
                "in": "header",
                "required": False,
                "description": "Kept for 24 h: the same command sent twice is done once",
                "schema": {"type": "string", "pattern": f"^[!-~]{{1,{repeated.MAX_KEY}}}$"},
            }
        )
    return parameters


def _query_parameter(field: msgspec.structs.FieldInfo, named: _Schemas) -> dict[str, Any]:
    schema = _without_null(named.of(field.type))
    parameter: dict[str, Any] = {
        "name": field.encode_name,
        "in": "query",
        "required": field.required,
        "schema": schema,
    }
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": True}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    return parameter


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: one that is not given is absent, never null."""
    if "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        return {**choices[0], **rest} if len(choices) == 1 else {"anyOf": choices, **rest}
    if isinstance(schema.get("enum"), list) and None in schema["enum"]:
        return {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    return schema


def _body_content(route: Route, named: _Schemas) -> dict[str, Any]:
    if route.body is bytes:
        schema: dict[str, Any] = {"type": "string"}
    else:
        schema = named.of(route.body)
    media: dict[str, Any] = {"schema": schema}
    if route.body_example is not None:
        media["example"] = route.body_example
    return dict.fromkeys(route.body_media, media)


def _responses(route: Route, named: _Schemas) -> dict[str, Any]:
    headers = {"X-Request-Id": {"description": "Names the request in the log", "schema": {"type": "string"}}}
    success: dict[str, Any] = {"description": route.summary, "headers": headers}
    if route.reply is not None and route.status != 204:
        media: dict[str, Any] = {"schema": named.of(route.reply)}
        if route.reply_example is not None:
            media["example"] = route.reply_example
        text = {"schema": {"type": "string"}}
        success["content"] = {route.reply_media.partition(";")[0]: media} | dict.fromkeys(
            route.reply_also, text
        )
    responses: dict[str, Any] = {str(route.status): success}
    for status, words in route.also.items():
        also: dict[str, Any] = {"description": words, "headers": headers}
        if "content" in success and status not in (204, 303, 304):
            also["content"] = success["content"]
        responses[str(status)] = also
    by_status: dict[int, list[Kind]] = {}
    for kind in problems_of(route):
        by_status.setdefault(KINDS[kind].status, []).append(kind)
    for status, kinds in sorted(by_status.items()):
        if len(kinds) == 1:
            responses[str(status)] = {"$ref": f"#/components/responses/{kinds[0]}"}
        else:
            words = "; ".join(f"{kind}: {KINDS[kind].title}" for kind in kinds)
            responses[str(status)] = {"description": words, "content": _problem_content()}
    return responses


def _problem(kind: Kind) -> dict[str, Any]:
    about = KINDS[kind]
    return {"description": f"{about.title}. {about.text}", "content": _problem_content()}


def _problem_content() -> dict[str, Any]:
    return {_PROBLEM: {"schema": {"$ref": _REF.format(name="ProblemBody")}}}


def main(arguments: Sequence[str]) -> int:
    """Write the document to the file named; return the exit code."""
    from controller.api.routes import ROUTES  # noqa: PLC0415  # the table holds a route that serves this document

    if len(arguments) != 1:
        sys.stderr.write("usage: python -m controller.api.openapi FILE\n")
        return 2
    Path(arguments[0]).write_bytes(document_json(ROUTES))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
