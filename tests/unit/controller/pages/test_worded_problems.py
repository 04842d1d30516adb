"""Every problem is told in the reader's language: no sentence of a refusal stands in the source as plain English."""

import ast
from collections.abc import Iterator
from pathlib import Path

from controller.api.dispatch import RESERVED
from controller.api.route import EVERYBODY, Open
from controller.api.routes import ROUTES
from controller.pages.language import words
from controller.pages.routes import PAGES

CONTROLLER = Path(__file__).parents[4] / "controller"
TOLD_AT = {"Problem": 1, "Mistake": 2}
"""At which place each of them is handed its sentence."""

OF_PROGRAMS = {"alias_control_routes.py", "alias_people_routes.py", "own_routes.py", "unreadable.py"}
"""What no page asks for."""


def sentences() -> Iterator[tuple[str, ast.expr]]:
    """Return where each problem of the source is made, and what it says."""
    for file in sorted(file for file in CONTROLLER.rglob("*.py") if file.name not in OF_PROGRAMS):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TOLD_AT:
                at = TOLD_AT[node.func.id]
                if len(node.args) > at:
                    yield f"{file.relative_to(CONTROLLER)}:{node.lineno}", node.args[at]


def test_no_problem_is_told_in_english_alone() -> None:
    found = list(sentences())
    assert len(found) > 100
    plain = [where for where, text in found if isinstance(text, ast.JoinedStr | ast.Constant)]
    assert plain == []


def test_whoever_is_of_another_role_reads_in_his_language_for_whom_a_page_is() -> None:
    kept = {route.roles for route in (*ROUTES, *PAGES) if not isinstance(route.roles, Open)} - {EVERYBODY}
    assert kept == set(RESERVED)
    for sentence in RESERVED.values():
        told = words("ru").told(sentence)
        assert told != sentence
        assert told.isascii() is False
