"""docs/actions.md is what the writers' tables of abilities say."""

from pathlib import Path

from miners.actions import ACTIONS, STATUSES, action_name
from miners.drivers import DRIVERS
from miners.writers import WRITERS, documents

ROOT = Path(__file__).resolve().parents[3]


def test_the_document_is_not_stale() -> None:
    assert documents.page() == (ROOT / "docs" / documents.PAGE_NAME).read_text("utf-8"), (
        "docs/actions.md is stale: run `python -m miners.writers.documents docs/actions.md`"
    )


def test_every_ability_action_outcome_and_driver_stands_in_it() -> None:
    page = documents.page()
    for writer in WRITERS.values():
        section = page.split(f": `{writer.name}`\n")[1].split("\n#")[0]
        rows = {line.split("`")[1]: line for line in section.splitlines() if line.startswith("| `")}
        assert list(rows) == [action_name(kind) for kind in ACTIONS if kind in writer.abilities]
        for kind, ability in writer.abilities.items():
            assert f"| {ability.within_s:g} s |" in rows[action_name(kind)]
    for word in (*STATUSES, *(action_name(kind) for kind in ACTIONS), *DRIVERS):
        assert f"`{word}`" in page


def test_a_writer_is_named_as_the_driver_that_reads_the_same_miners() -> None:
    for name, writer in WRITERS.items():
        assert name == writer.name
        assert name in DRIVERS or name == "token_gateway"
