"""Previews are remembered as long as there is room for them: the latest one however large, the others by how many miners they name."""

from datetime import UTC, datetime

import pytest

from controller import choosing
from controller.choosing import Previews
from controller.deeds import Plan, PlanChanged, Planned


def plan(fingerprint: str) -> Plan:
    return Plan(
        fingerprint=fingerprint,
        miners=Planned(targeted=1, will_change=1, already=0, skipped=0),
        starts_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


def is_remembered(previews: Previews, fingerprint: str, marks: set[str]) -> bool:
    try:
        previews.check(fingerprint, plan("now"), marks)
    except PlanChanged:
        return False
    return True


def test_large_previews_make_room_for_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MARKS_KEPT", 25)
    previews, marks = Previews(), {f"m{number} normal" for number in range(10)}
    for fingerprint in ("first", "second", "third"):
        previews.remember(plan(fingerprint), marks)
    assert [is_remembered(previews, one, marks) for one in ("second", "third")] == [True, True]
    assert not is_remembered(previews, "first", marks)
    large = {f"m{number} normal" for number in range(100)}
    previews.remember(plan("large"), large)
    assert is_remembered(previews, "large", large)
