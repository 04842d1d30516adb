"""The variables of the dashboards, all refreshed with the time range, as dashboard-linter asks."""

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.queries import DATA_SOURCE


def data_source() -> DatasourceVariable:
    """Which Prometheus is read: the one provisioned, unless somebody has a second."""
    return (
        DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .current(VariableOption(text="Prometheus", value="prometheus"))
        .hide(VariableHide.HIDE_VARIABLE)
    )


def _labels(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .query(query)
        .definition(query)
        .datasource(DATA_SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
        .allow_custom_value(False)
    )


def containers() -> QueryVariable:
    """`$container`: any number of containers, at first all of them; for `queries.containers()`."""
    return (
        _labels("container", "Container", "label_values(container_miners, container)")
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(text=["All"], value=["$__all"]))
    )


def container() -> QueryVariable:
    """`$container`: one container, for `queries.container()`."""
    return _labels("container", "Container", "label_values(container_miners, container)")


def one_of_the_containers(name: str, label: str) -> QueryVariable:
    """`$name`: one of the containers that `$container` has, for the one table that lists its miners."""
    return _labels(name, label, 'label_values(container_miners{container=~"$container"}, container)')


def miner() -> QueryVariable:
    """`$miner`: one miner of the container; `$row` and `$column` narrow it to the one at a place, where a map led here."""
    return _labels(
        "miner",
        "Miner",
        'label_values(miner_inventory_info{container="$container",row=~"$row",column=~"$column"}, miner)',
    )


def position(name: str) -> QueryVariable:
    """`$row` or `$column`, hidden: any, unless the link from a map says which."""
    return (
        _labels(
            name, name.capitalize(), f'label_values(miner_inventory_info{{container="$container"}}, {name})'
        )
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all"))
        .hide(VariableHide.HIDE_VARIABLE)
    )


def controller() -> QueryVariable:
    """Give `$controller`, hidden: the controller's address, for links to its pages and to runbooks."""
    return _labels("controller", "Controller", "label_values(hashyard_controller_address_info, url)").hide(
        VariableHide.HIDE_VARIABLE
    )
