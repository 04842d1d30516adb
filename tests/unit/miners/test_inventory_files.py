"""What is no file of the inventory, or no YAML that is read here: one line each; and several files that clash."""

from pathlib import Path

import pytest

from miners.errors import InventoryError
from miners.inventory.load import load


def mistakes_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes) -> list[str]:
    monkeypatch.chdir(tmp_path)
    file = Path("targets.yml")
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InventoryError) as caught:
        load([file])
    return list(caught.value.mistakes)


# Text that is no file of the inventory at all: one line each.
UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "targets.yml:1: the file is empty; it begins with `containers:`"),
    "comments only": ("# later\n", "targets.yml:1: the file is empty; it begins with `containers:`"),
    "list at top": (
        "\n- a\n",
        "targets.yml:2: a list stands at the top; the file is a mapping with the key containers",
    ),
    "text at top": (
        "hello",
        "targets.yml:1: hello stands at the top; the file is a mapping with the key containers",
    ),
    "null at top": (
        "---\n~\n",
        "targets.yml:2: ~ stands at the top; the file is a mapping with the key containers",
    ),
    "tab": (
        "containers:\n\t- name: a\n",
        "targets.yml:2: not YAML: a tab, or another character that no value begins with (indent with spaces)",
    ),
    "colon too many": (
        "containers: a: b\n",
        "targets.yml:1: not YAML: a colon too many, or an indentation that does not fit",
    ),
    "unclosed bracket": (
        "containers: [\n",
        "targets.yml:2: not YAML: a value is missing, or a bracket is not closed",
    ),
    "indentation": (
        "containers:\n  - name: a\n   id: b\n",
        "targets.yml:3: not YAML: a list entry (`-`) is expected here: does the indentation fit the lines above?",
    ),
    "quote": ("containers: 'x\n", "targets.yml:2: not YAML: a quotation mark is not closed"),
    "two documents": (
        "containers: []\n---\ncontainers: []\n",
        "targets.yml:2: a second document begins here; one file is one document",
    ),
    "not UTF-8": (
        b"containers:\n  - name: \xff\n",
        "targets.yml:2: is not UTF-8 text; save the file as UTF-8",
    ),
    "UTF-16": ("containers: []".encode("utf-16"), "targets.yml:1: is not UTF-8 text; save the file as UTF-8"),
    "control character": (
        "containers:\n  - name: a\x07b\n",
        "targets.yml:2: control character U+0007 is not allowed",
    ),
    "python tag": (
        "containers: !!python/object/apply:os.system [ls]\n",
        "targets.yml:1: the tag tag:yaml.org,2002:python/object/apply:os.system is not used here; leave it out",
    ),
    "scalar tag": (
        "containers:\n  - name: !!str 5\n",
        "targets.yml:2: the tag tag:yaml.org,2002:str is not used here; leave it out",
    ),
    "unknown alias": (
        "containers: *all\n",
        "targets.yml:1: alias *all has no anchor &all above it",
    ),
    "alias in itself": (
        "containers: &all\n  - *all\n",
        "targets.yml:2: alias *all stands inside its own anchor",
    ),
    "merge of a text": (
        "a: &a b\ncontainers:\n  - <<: *a\n",
        "targets.yml:3: `<<` merges a mapping, or a list of mappings, by alias: `<<: *name`",
    ),
    "deep": (
        "containers: " + "[" * 50_000,
        "targets.yml:1: lists and mappings stand more than 32 deep in each other",
    ),
}


@pytest.mark.parametrize(("content", "line"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes, line: str
) -> None:
    assert mistakes_of(tmp_path, monkeypatch, content) == [line]


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}]\n" for n in range(40)),
        f"a: &a [{', '.join(['x'] * 2000)}]\nb: [{', '.join(['*a'] * 1000)}]\n",
    ],
    ids=["laughs", "deep", "flat"],
)
def test_aliases_that_blow_up_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bomb: str) -> None:
    found = mistakes_of(tmp_path, monkeypatch, bomb)
    assert len(found) == 1
    assert found[0].endswith("the aliases stand for too much; write it out")


def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    with pytest.raises(InventoryError) as caught:
        load([Path("none.yml"), Path("folder"), Path("/dev/null"), Path("loop"), Path("a\0b")])
    assert caught.value.mistakes == (
        "none.yml: does not exist; `--targets FILE` names the inventory",
        "folder: is a folder; name the file in it",
        "/dev/null: is not a regular file",
        "loop: cannot be read: Too many levels of symbolic links",
        "a\\x00b: cannot be a file's name",
    )


def test_a_file_beyond_the_ceiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("targets.yml").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(InventoryError, match=r"^targets\.yml: is larger than 64 MiB; split it$"):
        load([Path("targets.yml")])


def test_mistakes_of_several_files_name_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tariff = "{night: {currency: USD, price_per_kwh: 1}}"
    Path("a.yml").write_text(
        f"defaults: {{interval: 30}}\ntariffs: {tariff}\nnetworks: [10.0.0.0/8]\n"
        "containers:\n  - {name: A, miners: [{name: a, address: 10.0.0.1}]}\n"
    )
    Path("b.yml").write_text(
        f"defaults:\n  interval: 15\n  timeout: 5\ntariffs: {tariff}\nnetworks: [10.0.0.0/8]\n"
        "containers:\n  - {name: A}\n  - {name: B, miners: [{name: a, address: 10.0.0.1}], tariff: nigt}\n"
    )
    with pytest.raises(InventoryError) as caught:
        load([Path("a.yml"), Path("b.yml")])
    assert caught.value.mistakes == (
        "b.yml:2: defaults.interval: is already a default (a.yml:1); keep one of them",
        "b.yml:4: tariffs.night: is already the name of a tariff (a.yml:2)",
        "b.yml:5: networks[0]: 10.0.0.0/8 is already in the list (a.yml:3)",
        "b.yml:7: containers[0].name: A is already the name of a container (a.yml:5)",
        "b.yml:8: containers[1].tariff: there is no tariff nigt; did you mean night?",
        "b.yml:8: containers[1].miners[0].address: 10.0.0.1:4028 is already that of a in A (a.yml:5)",
    )
