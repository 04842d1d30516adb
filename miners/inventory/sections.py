"""Sections of the inventory: mappings with known keys, each read whole, so that every mistake in them is named at once.

Besides the keys a section knows which of them belong together, which one of them has to be there, and which words are
secrets that must not be written here nor repeated in a message.
"""

from collections.abc import Callable
from collections.abc import Mapping as Names
from collections.abc import Sequence as Many
from typing import Any

import msgspec

from miners.inventory.kinds import MISSING, Kind, One, Schema, nearest
from miners.inventory.nodes import Mapping, Node, Scalar, is_null, said, shortened
from miners.inventory.report import Path, Report, Wrong

SECRET_KEYS = frozenset(
    {"password", "passwd", "pass", "pwd", "pw", "user", "username", "login", "secret", "token", "api_key"}
)
CREDENTIALS_ADVICE = (
    "user and password are never written here; put `user:password` into a file below the secrets folder, or into a "
    "variable HASHYARD_MINER_…, and name it: `credentials: {file: NAME}` or `credentials: {environment: HASHYARD_MINER_…}`"
)


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a section: what it holds, what it means, and the attribute of fleet.py that it fills.

    `default` is said in words where no attribute tells it.
    """

    kind: Kind
    meaning: str
    example: str
    attribute: str | None = None
    default: str | None = None
    required: bool = False


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A section that was read. `values` holds what could be taken, by key; `wrong` the keys whose values could not."""

    node: Mapping
    report: Report
    path: Path
    values: dict[str, Any]
    wrong: frozenset[str] = frozenset()

    @property
    def line(self) -> int:
        """Return the line where it begins."""
        return self.node.line

    @property
    def item(self) -> str:
        """Return what it is called in the list that it stands in: `windows[3]`."""
        above, last = self.path or (None, "")
        return f"{above[1]}[{last}]" if above and isinstance(last, int) else str(last)

    @property
    def whereabouts(self) -> str:
        """Return what it is called and where it stands, if that is in a file: `zones[3] (targets.yml:31)`."""
        return f"{self.item} ({self.report.place(self.line)})" if self.report.file else self.item

    def mistake(self, key: str | None, text: str) -> None:
        """Report a mistake at one of its keys, or at itself if it does not have that key."""
        self.report.mistake(*self._at(key), text)

    def warning(self, key: str | None, text: str) -> None:
        """Report a warning at one of its keys, or at itself if it does not have that key."""
        self.report.warning(*self._at(key), text)

    def place_of(self, key: str) -> str:
        """Return `file:line` of a key."""
        return self.report.place(self.node.line_of(key))

    def _at(self, key: str | None) -> tuple[int, Path]:
        if key is not None and (key in self.values or key in self.wrong):
            return self.node.line_of(key), (self.path, key)
        return self.line, self.path


class Section(Kind):
    """A mapping with known keys.

    `one_of`: exactly one of these is there. `any_of`: one of these at least. `together`: a key and those it takes beside it. `elsewhere`: keys that
    people look for here, and where they belong or what they are called. `build`: makes the value of the Entry; without
    it the Entry is the value.
    """

    def __init__(
        self,
        words: str,
        fields: Names[str, Field],
        *,
        one_of: Many[str] = (),
        any_of: Many[str] = (),
        together: Names[str, Many[str]] | None = None,
        elsewhere: Names[str, str] | None = None,
        build: Callable[[Entry], Any] | None = None,
    ) -> None:
        self.words = words
        self.fields = dict(fields)
        self.one_of = tuple(one_of)
        self.any_of = tuple(any_of)
        self.together = dict(together or {})
        self.elsewhere = dict(elsewhere or {})
        self.build = build
        self._required = tuple(key for key, field in fields.items() if field.required)

    def read(self, node: Node, report: Report, path: Path) -> Any:
        """Return the Entry, or what is built of it; MISSING after reporting why there is none."""
        if type(node) is not Mapping:
            what = f"is empty: give {self.words}" if is_null(node) else f"{said(node)} is not {self.words}"
            report.mistake(node.line, path, what)
            return MISSING
        values: dict[str, Any] = {}
        wrong: set[str] = set()
        fields = self.fields
        flat = node.flat
        for index in range(0, len(flat), 2):
            key = flat[index]
            name = key.text if type(key) is Scalar else None
            field = fields.get(name) if name is not None else None
            if name is None or field is None:
                self.unknown(key, report, path)
            elif name in values or name in wrong:
                first = node.line_of(name)
                report.mistake(key.line, (path, name), f"is given twice, first in line {first}")
            else:
                value = field.kind.read(flat[index + 1], report, (path, name))
                if value is MISSING:
                    wrong.add(name)
                else:
                    values[name] = value
        entry = Entry(node, report, path, values, frozenset(wrong))
        whole = self._check_presence(entry)
        if self.build is None:
            return entry
        return self.build(entry) if whole and not wrong else MISSING

    def unknown(self, key: Node, report: Report, path: Path) -> None:
        """Report a key that is not known here, with the nearest that is."""
        if type(key) is not Scalar:
            report.mistake(key.line, path, f"{said(key)} cannot be a key")
            return
        name = key.text
        if name.lower() in SECRET_KEYS:
            report.mistake(key.line, (path, name), CREDENTIALS_ADVICE)
        elif name.lower() in self.elsewhere:
            report.mistake(key.line, (path, name), f"unknown key; {self.elsewhere[name.lower()]}")
        else:
            near = nearest(name, tuple(self.fields))
            advice = f"did you mean {near}?" if near else f"known here: {', '.join(self.fields)}"
            report.mistake(key.line, (path, name), f"unknown key; {advice}")

    def schema(self) -> Schema:
        """Return the JSON schema: the same keys, and the same rules of presence."""
        found: Schema = {
            "type": "object",
            "properties": {
                key: {"description": field.meaning, **field.kind.schema()}
                for key, field in self.fields.items()
            },
            "additionalProperties": False,
        }
        if self._required:
            found["required"] = list(self._required)
        if self.one_of:
            found["oneOf"] = [{"required": [key]} for key in self.one_of]
        if self.any_of:
            found["anyOf"] = [{"required": [key]} for key in self.any_of]
        if self.together:
            found["dependentRequired"] = {key: list(others) for key, others in self.together.items()}
        return found

    def _check_presence(self, entry: Entry) -> bool:
        given = entry.values.keys() | entry.wrong if entry.wrong else entry.values.keys()
        whole = True
        for key in self._required:
            if key not in given:
                entry.mistake(None, f"{key} is missing: give {self.fields[key].kind.words}")
                whole = False
        if self.one_of:
            there = [key for key in self.one_of if key in given]
            if not there:
                entry.mistake(None, f"{' or '.join(self.one_of)} is missing")
            elif len(there) > 1:
                entry.mistake(there[1], f"stands beside {there[0]}; only one of them is taken")
            whole = whole and len(there) == 1
        if self.any_of and not any(key in given for key in self.any_of):
            entry.mistake(None, f"{', '.join(self.any_of[:-1])} or {self.any_of[-1]} is missing")
            whole = False
        for key, others in self.together.items():
            if key in given:
                for other in others:
                    if other not in given:
                        entry.mistake(key, f"goes with {other}, which is missing")
                        whole = False
        return whole


class Short(Kind):
    """A section that can also be written short, as one value: `credentials: HASHYARD_MINER_A`."""

    def __init__(self, words: str, short: One, build: Callable[[Any], Any], section: Section) -> None:
        self.words = words
        self.short = short
        self.build = build
        self.section = section

    def read(self, node: Node, report: Report, path: Path) -> Any:
        """Return the value of whichever form was written."""
        if type(node) is Mapping:
            return self.section.read(node, report, path)
        value = self.short.read(node, report, path)
        return MISSING if value is MISSING else self.build(value)

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {"anyOf": [self.short.schema(), self.section.schema()]}


class Either(Kind):
    """A section that is another one where a certain key stands in it: a container, or what extends one."""

    def __init__(self, words: str, section: Section, key: str, other: Section) -> None:
        """`other` is read where `key` is there."""
        self.words = words
        self.section = section
        self.key = key
        self.other = other

    def read(self, node: Node, report: Report, path: Path) -> Any:
        """Return what the section that is meant makes of it."""
        meant = type(node) is Mapping and any(
            type(key) is Scalar and key.text == self.key for key in node.flat[::2]
        )
        return (self.other if meant else self.section).read(node, report, path)

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {
            "if": {"type": "object", "required": [self.key]},
            "then": self.other.schema(),
            "else": self.section.schema(),
        }


class CredentialsSection(Section):
    """The section of a reference to credentials. What stands in it may be a secret: no key or value is repeated."""

    def read(self, node: Node, report: Report, path: Path) -> Any:
        """Return the reference; MISSING after saying once that only references are taken."""
        if type(node) is Mapping:
            for key in node.flat[::2]:
                if type(key) is not Scalar or key.text not in self.fields:
                    report.mistake(key.line, path, CREDENTIALS_ADVICE)
                    return MISSING
        return super().read(node, report, path)


class Reference(One):
    """A name that leads to a secret and might be the secret itself, by mistake: it is never repeated."""

    def __init__(self, words: str, parse: Callable[[str], Any], pattern: str) -> None:
        self.words = words
        self.parse = parse
        self.pattern = pattern

    def take(self, node: Node) -> Any:
        """Return what the function makes of the name; None from it is a refusal. Raises Wrong."""
        found = self.parse(node.text) if type(node) is Scalar else None
        if found is None:
            raise Wrong(f"this is not {self.words}; {CREDENTIALS_ADVICE}")
        return found

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {"type": "string", "pattern": self.pattern}


class Named(Kind):
    """A mapping from names that people choose to sections: tariffs by name. Its value: name to Entry."""

    def __init__(self, words: str, name: One, kind: Section) -> None:
        self.words = words
        self.name = name
        self.kind = kind

    def read(self, node: Node, report: Report, path: Path) -> Any:
        """Return the entries by name; MISSING if it is no mapping."""
        if type(node) is not Mapping:
            what = f"is empty: give {self.words}" if is_null(node) else f"{said(node)} is not {self.words}"
            report.mistake(node.line, path, what)
            return MISSING
        found: dict[str, Any] = {}
        for key, value in node.pairs():
            name = self.name.read(key, report, path)
            if name is MISSING:
                continue
            if name in found:
                report.mistake(
                    key.line, (path, shortened(name)), f"is given twice, first in line {node.line_of(name)}"
                )
                continue
            found[name] = self.kind.read(value, report, (path, name))
        return found

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {
            "type": "object",
            "propertyNames": {key: value for key, value in self.name.schema().items() if key != "type"},
            "additionalProperties": self.kind.schema(),
        }
