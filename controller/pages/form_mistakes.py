"""What is wrong with a form that was sent, by the field at which it is to be said, in the reader's language."""

from collections.abc import Mapping

from controller.api.problems import Problem
from controller.pages.formats import sentence
from controller.pages.language import Words


def by_field(problem: Problem, words: Words, names: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what is wrong with each field; where one has several mistakes, the first.

    `names`: the field on the page for a member of the body, where they are called differently. What concerns no field stands
    under "".
    """
    found: dict[str, str] = {}
    for mistake in problem.mistakes:
        member = mistake.at.lstrip("/?").partition("/")[0]
        found.setdefault((names or {}).get(member, member), sentence(words.told(mistake.detail)))
    return found or {"": sentence(words.told(problem.detail))}
