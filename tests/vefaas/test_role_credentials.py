"""The key pair of a function's role, in the file that the platform renews."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from snapshot_tuner.aws import credentials
from snapshot_tuner.errors import SettingsError

NOBODY: dict[str, str] = {}


def write(file: Path, key: str) -> None:
    file.write_text(json.dumps({"access_key_id": key, "secret_access_key": "s" + key, "session_token": "t"}))


def provider(file: Path) -> Any:  # noqa: ANN401 - the SDK's providers are untyped
    return credentials.provider(os.environ, NOBODY, file)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOLCENGINE_ACCESS_KEY", "of the environment")
    monkeypatch.setenv("VOLCENGINE_SECRET_KEY", "secret")
    return tmp_path / "credential"


def test_the_role_goes_before_the_environment(file: Path) -> None:
    write(file, "one")
    keys = provider(file).get_credentials()
    assert (keys.ak, keys.sk, keys.session_token) == ("one", "sone", "t")


def test_a_renewed_pair_is_used_at_once_whatever_the_files_times_say(file: Path) -> None:
    write(file, "one")
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    of_role = provider(file)
    assert of_role.get_credentials().ak == "one"
    write(file, "two")
    os.utime(file, ns=times)
    assert of_role.get_credentials().ak == "two"


def test_without_the_file_the_environment_is_asked_until_it_is_there(file: Path) -> None:
    """The platform may write it after the process has begun."""
    of_role = provider(file)
    assert of_role.get_credentials().ak == "of the environment"
    write(file, "one")
    assert of_role.get_credentials().ak == "one"


@pytest.mark.parametrize("text", [None, "", '{"access_key_id": "tw', "[]", '{"access_key_id": "two"}'])
def test_a_file_that_is_being_replaced_leaves_the_known_pair_in_use(file: Path, text: str | None) -> None:
    write(file, "one")
    of_role = provider(file)
    of_role.get_credentials()
    file.unlink()
    if text is not None:
        file.write_text(text)
    assert of_role.get_credentials().ak == "one"


def test_a_file_without_a_pair_is_not_passed_over_and_not_quoted(file: Path) -> None:
    """The environment's pair may be another account's."""
    file.write_text('{"secret_access_key": "hidden"}')
    with pytest.raises(SettingsError) as caught:
        credentials.check(provider(file))
    assert "hidden" not in str(caught.value)
