"""Sentences that a person may read in another language: English text that remembers from which pattern it was made.

A Wording is a `str`, so logs, the API and tests have the English sentence and know nothing of languages. The pages, which
do, look up its pattern and fill it in anew. Patterns are taken from the calls of `worded` when the catalogues are made, so
they are written there as they are, never put together.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class Wording(str):
    """A sentence in English. `pattern`: with `%(name)s` for what differs; `values`: what stands there."""

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, Any]


def worded(pattern: str, /, **values: Any) -> Wording:
    """Return a sentence. Raises KeyError where the pattern names a value that is not given."""
    made = Wording(pattern % values if values else pattern.replace("%%", "%"))
    made.pattern = pattern
    made.values = MappingProxyType(values)
    return made
