"""What strangers look for in a repository, where it can drift: the version, the workflows, the hooks."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from devkit.tuner import __main__ as tuner_command
from http_endpoint import docs
from snapshot_tuner.version import VERSION
from tests.docs.pages import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def load(path: Path) -> dict[str, Any]:
    """A YAML file; YAML 1.1 takes the key `on` for a boolean."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8").replace("\non:", "\n'on':"))
    return loaded


def commands(workflow: dict[str, Any]) -> list[str]:
    """Every command that a workflow runs; those of a matrix one by one."""
    found = []
    for job in workflow["jobs"].values():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        found += [
            command
            for run in runs
            for command in (job["strategy"]["matrix"]["command"] if run == "${{ matrix.command }}" else [run])
        ]
    return found


def test_the_version_is_the_newest_in_the_changelog() -> None:
    """Versions stand from the newest to the oldest, each with its date and with a link at the end."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert versions[0] == VERSION
    assert versions == sorted(versions, key=lambda version: [*map(int, version.split("."))], reverse=True)
    assert re.findall(r"^\[([^]]+)\]: #", changelog, re.MULTILINE) == ["Unreleased", *versions]


def test_the_version_is_shown_wherever_somebody_asks(capsys: pytest.CaptureFixture[str]) -> None:
    """By OpenAPI and by the command; `GET /health` has a test of its own."""
    assert json.loads(docs.document().body)["info"]["version"] == VERSION
    with pytest.raises(SystemExit, match="0"):
        tuner_command.main(["--version"])
    assert capsys.readouterr().out == f"tuner {VERSION}\n"


def test_the_version_stands_in_one_place() -> None:
    """Nothing else that is read by a tool says it again."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["dynamic"] == ["version"]
    assert VERSION not in (ROOT / "functions" / "http_endpoint" / "openapi.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_what_there_is(path: Path) -> None:
    """Every command is a target of the Makefile, or a script of the project; nobody gets a token that can write."""
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert commands(workflow)
    for command in commands(workflow):
        match command.split():
            case ["make", target, *settings]:
                assert target in TARGETS
                names = [setting.partition("=")[0] for setting in settings]
                assert [
                    name for name in names if f"$({name})" not in MAKEFILE and f"$(or $({name})" not in MAKEFILE
                ] == []
            case ["sudo", "sh", script]:
                assert (ROOT / script).is_file()
            case _:
                pytest.fail(f"{command}: neither make nor a script of ours")


def test_the_suite_runs_on_the_oldest_python_and_on_lambdas() -> None:
    """And soaks once a week."""
    suite = load(ROOT / ".github" / "workflows" / "suite.yml")
    assert suite["jobs"]["suite"]["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert {*commands(suite)} >= {"make lint", "make test"}
    (schedule,) = load(ROOT / ".github" / "workflows" / "soak.yml")["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", schedule["cron"])


def test_the_hooks_are_those_of_make_lint() -> None:
    """The same tools out of the same environment, so of the same versions."""
    (repository,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = [" ".join(hook["entry"].removeprefix(".venv/bin/").split()[:2]) for hook in repository["hooks"]]
    recipe = re.findall(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[0]
    assert hooks == [re.sub(r" (--check )?\$\(SOURCES\)", "", line) for line in re.findall(r"\$\(BIN\)/(.*)", recipe)]


def test_dependabot_sees_every_requirements_file() -> None:
    """Each folder that has one, and no other."""
    updates = load(ROOT / ".github" / "dependabot.yml")["updates"]
    watched = {name for each in updates if each["package-ecosystem"] == "pip" for name in each["directories"]}
    folders = {path.parent.relative_to(ROOT) for path in [*ROOT.glob("*.in"), *ROOT.glob("[ld]*/**/*requirements.in")]}
    assert watched == {f"/{folder}".removesuffix(".") for folder in folders}


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda p: p.name)
def test_an_issue_form_is_one(path: Path) -> None:
    """GitHub's required keys; ids are unique, and every field has a label."""
    form = load(path)
    assert {"name", "description", "body"} <= form.keys()
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in fields)
    assert len({part["id"] for part in fields}) == len(fields)


def test_the_licence_is_the_one_that_is_named() -> None:
    """Apache-2.0, whole."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text.splitlines()[1]
    assert "END OF TERMS AND CONDITIONS" in text
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"] == "Apache-2.0"
