"""What the pages call the roles, the states in Grafana, and the ways of letting somebody in."""

from collections.abc import Callable, Mapping
from typing import Any

from controller.api.route import Call
from controller.model import GrafanaState, Role
from controller.pages.frame import words_of
from controller.pages.language import Words


def role_words(words: Words) -> Mapping[Role, str]:
    """Return what each role is called."""
    return {
        "administrator": words.pgettext("role", "administrator"),
        "accountant": words.pgettext("role", "accountant"),
        "client": words.pgettext("role", "client"),
    }


def role_hints(words: Words) -> Mapping[Role, str]:
    """Return what somebody in a role sees and may do."""
    return {
        "administrator": words.gettext("Sees everything, commands miners, decides who may do what."),
        "accountant": words.gettext(
            "Sees all containers, reports, tariffs and meters; commands nothing and sees no accounts."
        ),
        "client": words.gettext("Sees the containers of one client, while they are his; changes nothing."),
    }


def grafana_words(call: Call[Any, Any]) -> Callable[[GrafanaState], str]:
    """Return what says how somebody stands in Grafana: nothing of one who is not there where no Grafana is named."""
    words, settings = words_of(call), call.settings
    named = settings.grafana_api is not None or settings.grafana_url is not None
    said: Mapping[GrafanaState, str] = {
        "linked": words.gettext("in Grafana"),
        "failed": words.gettext("Grafana failed"),
        "none": words.gettext("not in Grafana yet") if named else "",
    }
    return said.__getitem__
