"""What keeps the process from serving at all."""

from pathlib import Path

import pytest

from snapshot_tuner.errors import SettingsError
from vefaas.settings import ROLE_PATH, Takes, VefaasSettings

EVENTS = {"VEFAAS_TAKES": "events"}


def test_port_and_timeout_are_the_platforms() -> None:
    environ = {**EVENTS, "_FAAS_RUNTIME_PORT": "9000", "_FAAS_FUNC_TIMEOUT": "30"}
    assert VefaasSettings.from_env(environ) == VefaasSettings(Takes.EVENTS, 9000, 30, Path(ROLE_PATH))


def test_the_older_name_of_the_port_is_taken() -> None:
    assert VefaasSettings.from_env({**EVENTS, "_BYTEFAAS_RUNTIME_PORT": "9001"}).port == 9001


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({}, "VEFAAS_TAKES"),
        ({"VEFAAS_TAKES": "http,events"}, "VEFAAS_TAKES"),
        ({"VEFAAS_TAKES": "http"}, "HTTP_AUTH"),
        ({"VEFAAS_TAKES": "http", "HTTP_AUTH": "iam"}, "HTTP_AUTH"),
        ({**EVENTS, "_FAAS_FUNC_TIMEOUT": "19"}, "_FAAS_FUNC_TIMEOUT"),
        ({**EVENTS, "_FAAS_RUNTIME_PORT": "0"}, "_FAAS_RUNTIME_PORT"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError) as caught:
        VefaasSettings.from_env(environ)
    assert caught.value.variable == variable
