"""`make deploy` and `make destroy` as a new user meets them, with programs that note down what they are asked for."""

import io
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devkit.build.step import BUILD_FOLDER, ROOT
from devkit.deployment import checks
from devkit.deployment.__main__ import main
from devkit.deployment.samconfig import Deployment
from tests.template.cloudformation import OWN_EXTENSION, REQUIRED, SHARED_LEDGER, load

SECRET = REQUIRED["CredentialsSecretArn"]
URL = SHARED_LEDGER["LedgerUrl"]
CACHE = "snapshot-tuner-0a1b2c3d-4e5f"
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/snapshot-tuner-dev-events"
OUTPUTS = [{"OutputKey": "EventQueueUrl", "OutputValue": QUEUE}, {"OutputKey": "LedgerUrl", "OutputValue": URL}]
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$NOTES"
case "$1 $2" in "list stack-outputs") cat "$OUTPUTS";; esac
"""
DELETED = "sam delete --no-prompts --stack-name snapshot-tuner-dev --region eu-central-1"
STACK = "snapshot-tuner-dev"


@dataclass(frozen=True)
class Done:
    """How a command ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Machine:
    """With a SAM CLI and an AWS CLI on it, and a samconfig.toml of its own."""

    folder: Path
    printed: pytest.CaptureFixture[str]

    @property
    def config(self) -> Path:
        return self.folder / "samconfig.toml"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder}:/usr/bin:/bin",
            "NOTES": str(self.folder / "notes"),
            "OUTPUTS": str(self.folder / "outputs.json"),
        }

    def run(self, *words: str, answers: tuple[str, ...] = ()) -> Done:
        """In this process: starting one takes longer than all that it does."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["deployment", *words, "--config", str(self.config)])
            patch.setattr(sys, "stdin", io.StringIO("".join(f"{answer}\n" for answer in answers)))
            code: object = None
            try:
                main()
            except SystemExit as ended:
                code = ended.code
        out, err = self.printed.readouterr()
        return Done(int(code is not None), out, f"{err}{code or ''}")

    def notes(self) -> list[str]:
        notes = self.folder / "notes"
        return notes.read_text().splitlines() if notes.exists() else []

    def parameters(self, stage: str) -> dict[str, Any]:
        found: dict[str, Any] = tomllib.loads(self.config.read_text())[stage]["deploy"]["parameters"]
        return found

    def overrides(self) -> list[str]:
        found: list[str] = self.parameters("dev")["parameter_overrides"]
        return found


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Machine:
    (tmp_path / "samconfig.toml").write_text((ROOT / "samconfig.toml").read_text())
    (tmp_path / "outputs.json").write_text(json.dumps(OUTPUTS))
    for name in ("sam", "aws"):
        (tmp_path / name).write_text(PROGRAM)
        (tmp_path / name).chmod(0o755)
    return Machine(tmp_path, capsys)


def test_the_first_deployment_asks_in_words_and_the_next_one_asks_nothing(machine: Machine) -> None:
    """What is answered is checked, and stands in samconfig.toml afterwards; at the end there is a command to copy."""
    other_stage = machine.parameters("prod")
    elsewhere = SECRET.replace("eu-central-1", "us-east-1")
    done = machine.run("deploy", "dev", answers=("frankfurt", "eu-central-1", "my-secret", elsewhere, SECRET, ""))
    assert done.returncode == 0, done.stderr
    for words in (
        "'frankfurt' is not a region",
        "aws secretsmanager create-secret --region eu-central-1",
        "It must be the ARN of a Secrets Manager secret, with the six characters at its end. Once more",
        "It is of the region us-east-1, not of eu-central-1. Once more",
        "both must share one ledger",
        f"aws sqs send-message --region eu-central-1 --queue-url {QUEUE} --message-body",
        URL,
    ):
        assert words in done.stdout
    deployed = (
        f"sam deploy --config-file {machine.config} --config-env dev --region eu-central-1"
        f" --template-file {BUILD_FOLDER}/deploy/template.yaml"
    )
    listed = "sam list stack-outputs --stack-name snapshot-tuner-dev --region eu-central-1 --output json"
    assert machine.notes() == [deployed, listed]
    assert machine.parameters("dev")["region"] == "eu-central-1"
    assert f"CredentialsSecretArn={SECRET}" in machine.overrides()
    assert not [each for each in machine.overrides() if "ARN-OF-" in each or "LedgerUrl" in each]
    assert machine.parameters("prod") == other_stage
    assert machine.run("deploy", "dev").returncode == 0
    assert machine.notes() == [deployed, listed] * 2


@pytest.mark.parametrize("region", ["us-gov-west-1", "ap-southeast-7", "eusc-de-east-1"])
def test_a_region_of_any_partition_is_one(machine: Machine, region: str) -> None:
    """The sovereign cloud's begin with four letters."""
    done = machine.run("deploy", "dev", answers=(region,))
    assert "is not a region" not in done.stdout
    assert machine.parameters("dev")["region"] == region


def test_a_second_stack_on_the_account_is_given_the_ledger_of_the_first(machine: Machine) -> None:
    """And nothing else that looks like an address."""
    done = machine.run("deploy", "dev", answers=("eu-central-1", SECRET, "rediss://user:pw@host/0", URL))
    assert "It must be what another stack has as its output LedgerUrl. Once more" in done.stdout
    assert f"LedgerUrl={URL}" in machine.overrides()


def test_where_nobody_can_answer_nothing_is_deployed(machine: Machine) -> None:
    """A pipeline is told what to write down; here as `make deploy` starts it."""
    roots = (ROOT / part for part in ("layers/snapshot_tuner", "functions", "."))
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "devkit.deployment", "deploy", "dev", "--config", machine.config],
        env={**machine.environment, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "There is no terminal to answer on. Write it into samconfig.toml: Which AWS region" in done.stderr
    assert machine.notes() == []


def test_destroy_says_what_stays_and_the_next_deployment_takes_it_up(machine: Machine) -> None:
    """The ledger's address is written down before anybody can forget it."""
    machine.run("deploy", "dev", answers=("eu-central-1", SECRET, ""))
    done = machine.run("destroy", "dev", answers=(STACK,))
    assert done.returncode == 0, done.stderr
    assert "Tasks keep" in done.stdout
    assert f"the ledger {CACHE}, at about 6 USD a month" in done.stdout
    assert machine.notes()[-1] == DELETED
    assert f"LedgerUrl={URL}" in machine.overrides()


def test_the_ledger_is_deleted_when_that_is_asked_for_and_its_name_is_typed(machine: Machine) -> None:
    """It cannot be had back, and others may share it."""
    machine.run("deploy", "dev", answers=("eu-central-1", SECRET, URL))
    done = machine.run("destroy", "dev", "--delete-ledger", answers=(STACK, CACHE))
    assert done.returncode == 0, done.stderr
    assert "Every other stack whose parameter LedgerUrl names this ledger loses it, too." in done.stdout
    deleted = f"aws elasticache delete-serverless-cache --serverless-cache-name {CACHE} --region eu-central-1"
    assert machine.notes()[-2:] == [DELETED, deleted]
    assert not [each for each in machine.overrides() if "LedgerUrl" in each]


@pytest.mark.parametrize("answers", [(), ("n",), ("yes",), (STACK,), (STACK, "yes"), (CACHE,)])
def test_who_does_not_type_the_names_deletes_nothing(machine: Machine, answers: tuple[str, ...]) -> None:
    """To SAM's own question no is a success, after which the ledger of a living stack was deleted."""
    machine.run("deploy", "dev", answers=("eu-central-1", SECRET, ""))
    overrides = machine.overrides()
    done = machine.run("destroy", "dev", "--delete-ledger", answers=answers)
    assert (done.returncode, done.stderr) == (1, "Nothing was done.")
    assert not [note for note in machine.notes() if "delete" in note]
    assert machine.overrides() == overrides


def test_a_change_set_that_is_not_confirmed_has_deployed_nothing(machine: Machine) -> None:
    """For SAM that is a success, and a stack in review has no outputs."""
    (machine.folder / "sam").write_text(PROGRAM + '[ "$1" != list ]\n')
    (machine.folder / "outputs.json").write_text("")
    done = machine.run("deploy", "prod", answers=("eu-central-1", SECRET, ""))
    assert done.returncode == 1
    assert done.stderr.startswith("There is no stack snapshot-tuner-prod with outputs: nothing was deployed")
    assert "To send a first event" not in done.stdout


def test_a_region_that_the_template_does_not_list_wants_the_extension_and_gets_a_row(tmp_path: Path) -> None:
    """Asked for in words; the row is in what is built, not in the repository."""
    template = load()
    [(name, question)] = checks.questions(template, REQUIRED, "xx-new-1")
    assert name == "SecretsExtensionArn"
    assert "does not list AWS's Parameters and Secrets extension for xx-new-1" in question
    assert list(checks.questions(template, {**REQUIRED, **OWN_EXTENSION}, "xx-new-1")) == []
    built = tmp_path / "template.yaml"
    built.write_text((ROOT / "template.yaml").read_text())
    checks.add_region(built, "xx-new-1")
    assert '\n  SecretsExtension:\n    xx-new-1: {Arn: ""}\n    af-south-1:' in built.read_text()


def test_a_list_that_ends_without_a_comma_can_be_added_to(machine: Machine) -> None:
    """TOML takes it, and would not take a line behind it; by then the stack is gone."""
    machine.run("deploy", "dev", answers=("eu-central-1", SECRET, ""))
    machine.config.write_text(machine.config.read_text().replace('"LogRetentionDays=7",\n', "'LedgerUrl=old'\n"))
    assert machine.run("destroy", "dev", answers=(STACK,)).returncode == 0
    assert [each for each in machine.overrides() if "LedgerUrl" in each] == [f"LedgerUrl={URL}"]


def test_what_sam_writes_when_it_guides_somebody_is_read(machine: Machine) -> None:
    """All parameters in one text, in quotation marks. What cannot be added to it is said, not forgotten."""
    listed = re.compile(r"parameter_overrides = \[.*?\n\]", re.DOTALL)
    texts = {"Stage": "dev", "LedgerUrl": "", "CredentialsSecretArn": SECRET, "UrgentTypes": "a, b"}
    guided = " ".join(rf"{name}=\"{text}\"" for name, text in texts.items())
    lines = f'region = "eu-central-1"\nparameter_overrides = "{guided}"'
    config = listed.sub(lambda _: lines, machine.config.read_text(), 1)
    machine.config.write_text(config)
    del texts["LedgerUrl"]
    assert Deployment(machine.config, "dev").overrides() == texts
    assert machine.run("deploy", "dev").returncode == 0
    done = machine.run("destroy", "dev", answers=(STACK,))
    assert machine.notes()[-1] == DELETED
    assert done.stderr.endswith(f"no longer has the form that it came with. Write there yourself: LedgerUrl={URL}")
    assert machine.config.read_text() == config


def test_a_list_that_sam_would_cut_short_is_not_deployed(machine: Machine) -> None:
    """SAM takes a text up to its first space and drops the rest without a word: the second type would not be urgent."""
    config = machine.config.read_text()

    def deploy_with(override: str) -> Done:
        machine.config.write_text(config.replace('"LogLevel=DEBUG"', f"'{override}'"))
        return machine.run("deploy", "dev", answers=("eu-central-1", SECRET, ""))

    done = deploy_with("UrgentTypes=moderation.alert, fraud.alert")
    assert done.returncode == 1
    assert "UrgentTypes" in done.stderr
    assert machine.notes() == []
    for complete in ('UrgentTypes="moderation.alert, fraud.alert"', "UrgentTypes=moderation.alert,fraud.alert"):
        assert deploy_with(complete).returncode == 0


def test_a_description_that_lambda_would_refuse_is_found_before_anything_is_changed() -> None:
    """With the lengths, by function."""
    assert checks.too_long(load(), REQUIRED, "eu-central-1") == []
    long = {**REQUIRED, "SubnetIds": ",".join(["subnet-0123456789abcdef0"] * 12)}
    found = checks.too_long(load(), long, "eu-central-1")
    assert len(found) == 4
    assert all(line.endswith(" characters") for line in found)
