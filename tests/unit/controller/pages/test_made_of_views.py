"""What is made of a container's views is made once of the same, and anew of others."""

from pathlib import Path

from controller.deeds import MinerView
from controller.pages.made_of_views import MadeOfViews
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetDeeds, start


class KeptDeeds(FleetDeeds):
    """Gives the same views as long as nobody says that something has changed."""

    def __init__(self, store: object) -> None:
        super().__init__(store)  # type: ignore[arg-type]
        self.kept: dict[str | None, list[MinerView]] = {}

    def views(self, container_id: str | None = None) -> list[MinerView]:
        if container_id not in self.kept:
            self.kept[container_id] = list(super().views(container_id))
        return self.kept[container_id]


async def test_it_is_made_again_for_other_views_of_that_container_alone(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    deeds = (await start(make_house, tmp_path, kind=KeptDeeds)).deeds
    assert isinstance(deeds, KeptDeeds)
    made: list[str] = []
    counting = MadeOfViews(lambda container, views: made.append(container.id) or len(views))  # type: ignore[func-returns-value]
    one, other = deeds.inventory.containers
    assert [counting.of(deeds, container) for container in (one, other, one, other)] == [2, 1, 2, 1]
    assert made == ["container-1", "container-2"]
    del deeds.kept["container-1"]
    assert [counting.of(deeds, container) for container in (one, other)] == [2, 1]
    assert made == ["container-1", "container-2", "container-1"]


async def test_what_is_made_for_containers_that_are_gone_is_let_go(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    fleet = await start(make_house, tmp_path, kind=KeptDeeds)
    counting = MadeOfViews(lambda _container, views: len(views))
    for at in range(20):
        fleet.hand.write_text(HAND.replace("Container 2", f"Box {at}"), encoding="utf-8")
        assert await fleet.store.reload()
        assert [counting.of(fleet.deeds, one) for one in fleet.deeds.inventory.containers] == [2, 1]
    [kept] = counting._kept.values()
    assert len(kept) < 8
