"""Sentences that a person may read in another language: English text that remembers from which pattern it was made.

A Wording is a `str`, so logs, the API and tests have the English sentence and know nothing of languages. The pages, which
do, look up its pattern and fill it in anew. Patterns are taken from the calls of `worded` and `worded_many` when the
catalogues are made, so they are written there as they are, never put together.
"""

from collections.abc import Mapping
from typing import Any


class Wording(str):
    """A sentence in English. `pattern`: with `%(name)s` for what differs; `values`: what stands there.

    `many`: the pattern for more than one, of which `values["num"]` says how many; None where nothing is counted.
    """

    __slots__ = ("many", "pattern", "values")

    pattern: str
    many: str | None
    values: Mapping[str, Any]


class Figure(float):
    """A number in a sentence, with how English writes it: a format such as `.0f`."""

    __slots__ = ("form",)

    form: str

    def __str__(self) -> str:
        """Return it as English writes it."""
        return format(float(self), self.form)

    @property
    def digits(self) -> int | None:
        """How many digits stand behind the point; None: as many as the number needs."""
        return int(self.form[-2]) if self.form.endswith("f") else None


def figure(number: float, form: str) -> Figure:
    """Return a number for a sentence. `form`: as Python's format takes it, such as `,.1f` or `g`."""
    made = Figure(number)
    made.form = form
    return made


def worded(pattern: str, /, **values: Any) -> Wording:
    """Return a sentence. Raises KeyError where the pattern names a value that is not given."""
    return _made(pattern, pattern, None, values)


def worded_many(one: str, many: str, number: float, /, **values: Any) -> Wording:
    """Return the sentence for so many, `%(num)s` in it. Raises KeyError as `worded` does."""
    return _made(one if number == 1 else many, one, many, {"num": number, **values})


def text_of(error: BaseException) -> str:
    """Return the text of an error, the Wording itself where it was raised with one: `str(error)` forgets the pattern."""
    text = error.args[0] if error.args else None
    return text if isinstance(text, Wording) else str(error)


def english(value: Any) -> str:
    """Return a Wording as plain text: the `enc_hook` by which msgspec writes it. Raises TypeError for anything else."""
    if isinstance(value, Wording):
        return str(value)
    raise TypeError(f"cannot be written: {type(value).__name__}")


def _made(chosen: str, pattern: str, many: str | None, values: dict[str, Any]) -> Wording:
    made = Wording(chosen % values if values else chosen.replace("%%", "%"))
    made.pattern, made.many, made.values = pattern, many, values
    return made
