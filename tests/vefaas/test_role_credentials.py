"""The keys of a function's role, in the file that the platform renews."""

import json
import os
from pathlib import Path

import pytest

from snapshot_tuner.rtc.role_credentials import RoleCredentials


def write(path: Path, key: str) -> None:
    path.write_text(json.dumps({"access_key_id": key, "secret_access_key": "s" + key, "session_token": "t"}))


def test_keys_are_read_again_when_the_file_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    write(file, "one")
    provider = RoleCredentials(file)
    assert provider.get_credentials().ak == "one"
    write(file, "another")
    assert provider.get_credentials().ak == "another"


def test_after_a_refusal_the_file_is_read_whatever_its_times_say(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    write(file, "one")
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    provider = RoleCredentials(file)
    provider.get_credentials()
    write(file, "two")
    os.utime(file, ns=times)
    assert provider.get_credentials().ak == "one"
    provider.read_again()
    assert provider.get_credentials().ak == "two"


def test_a_file_that_is_half_leaves_the_known_keys_in_use(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    write(file, "one")
    provider = RoleCredentials(file)
    provider.get_credentials()
    file.write_text('{"access_key_id": "tw')
    assert provider.get_credentials().ak == "one"


def test_what_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text('{"secret_access_key": "hidden"}')
    with pytest.raises(RuntimeError) as caught:
        RoleCredentials(file).get_credentials()
    assert "hidden" not in str(caught.value)
