"""Miners follow their orders over real sockets: by the clock, by people, and when something goes against it."""

from pathlib import Path

from tests.system.control_stage import container, quietly, stage


@quietly
async def test_a_boundary_puts_every_miner_to_sleep_once_and_wakes_it_again(tmp_path: Path) -> None:
    async with stage(tmp_path, container("north", 4, net=1, schedule="at-one")) as on:
        await on.pass_(60)
        assert on.received() == []
        assert all(view.matches for view in on.engine.views())
        await on.pass_(3540 + 120)
        assert set(on.told().values()) == {1}
        assert all(on.truth(view.id) == "sleeping" for view in on.engine.views())
        await on.pass_(3600)
        assert {on.truth(view.id) for view in on.engine.views()} <= {"mining", "starting"}
        assert all(view.matches for view in on.engine.views())
        await on.accounted()
        begun = await on.events("schedule.period_begun")
        assert [event.params["profile"] for event in begun] == ["normal", "curtail", "normal"]
