"""`make deploy STAGE=dev` and `make destroy STAGE=dev`."""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from devkit.build.step import BUILD_FOLDER, ROOT
from devkit.deployment import checks
from devkit.deployment.samconfig import CannotBeWritten, Deployment
from devkit.template.cloudformation import load

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]")
_EVENT = {
    "specversion": "1.0",
    "id": "first-1",
    "source": "/first",
    "type": "rtc.room.load",
    "data": {"AppId": "YOUR-APP-ID", "RoomId": "YOUR-ROOM-ID", "TaskId": "YOUR-TASK-ID", "load": 0.9},
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m devkit.deployment", description=__doc__)
    parser.add_argument("what", choices=["deploy", "destroy"])
    parser.add_argument("stage", choices=["dev", "prod"])
    parser.add_argument("--delete-ledger", action="store_true", help="with destroy: the ledger too")
    parser.add_argument("--config", type=Path, default=ROOT / "samconfig.toml", help="default: %(default)s")
    arguments = parser.parse_args()
    if shutil.which("sam") is None:
        sys.exit("The SAM CLI is needed: pipx install aws-sam-cli")
    deployment = Deployment(arguments.config, arguments.stage)
    try:
        if arguments.what == "deploy":
            _deploy(deployment)
        else:
            _destroy(deployment, delete_ledger=arguments.delete_ledger)
    except CannotBeWritten as failure:
        sys.exit(str(failure))


def _deploy(deployment: Deployment) -> None:
    if cut := deployment.cut_short():
        sys.exit("SAM drops what follows a space. Write these without, or in quotation marks:\n" + "\n".join(cut))
    region = deployment.region or _ask_region(deployment)
    template = load()
    is_first = bool(list(checks.questions(template, deployment.overrides(), region)))
    for name, question in checks.questions(template, deployment.overrides(), region):
        deployment.set_override(name, _ask(template, name, question, region))
    overrides = deployment.overrides()
    if is_first and not overrides.keys() & {"LedgerUrl", "LedgerUrlSecretArn"}:
        _ask_for_ledger(deployment, region)
    built = BUILD_FOLDER / "deploy" / "template.yaml"
    if template["Mappings"]["SecretsExtension"].setdefault(region, checks.NO_EXTENSION) is checks.NO_EXTENSION:
        checks.add_region(built, region)
    if long := checks.too_long(template, deployment.overrides(), region):
        print(f"A version's description may have {checks.DESCRIPTION_MOST} characters, and these parameters need more:")
        sys.exit("\n".join([*long, "Shorten the names of secrets, or use fewer subnets."]))
    _run(
        *("sam", "deploy", "--config-file", str(deployment.file), "--config-env", deployment.stage),
        *("--region", region, "--template-file", str(built)),
    )
    outputs = _outputs(deployment, region)
    if not outputs:  # SAM ends with success, too, when somebody has looked at the change set and said no
        sys.exit(
            f"There is no stack {deployment.stack} with outputs: nothing was deployed, or SAM says above what is wrong."
        )
    doctor = shlex.join(["./tuner", "doctor", "--stack", deployment.stack, "--region", region])
    print(f"\nTo see whether it works:\n\n  {doctor}")
    print(f"\nTo send a first event, with the ids of a running task:\n\n  {first_event(outputs, region)}\n")
    print(f"See what came of it in the log:\n\n  sam logs --stack-name {deployment.stack} --region {region} --tail\n")
    if "LedgerUrl" in outputs:
        print("Every other stack on the same Volcengine account must share this ledger. Its parameter LedgerUrl:\n")
        print(f"  {outputs['LedgerUrl']}")


def first_event(outputs: dict[str, str], region: str) -> str:
    """A command to copy."""
    queue = outputs["EventQueueUrl"]
    command = ["aws", "sqs", "send-message", "--region", region, "--queue-url", queue]
    if queue.endswith(".fifo"):
        command += ["--message-group-id", "first"]
    return shlex.join([*command, "--message-body", json.dumps(_EVENT)])


def _destroy(deployment: Deployment, *, delete_ledger: bool) -> None:
    region = deployment.region or _ask_region(deployment)
    url = _outputs(deployment, region).get("LedgerUrl")
    cache = url.rpartition("cache=")[2] if url else None
    print(f"This deletes the stack {deployment.stack}: its queues and what is in them, its logs and alarms. Tasks keep")
    print("the interval that they have at that moment until somebody else calls. What stays:")
    print("  - the secret with the Volcengine key, and the versions of the policy's layer")
    if cache and not delete_ledger:
        print(f"  - the ledger {cache}, at about 6 USD a month: without it, a new stack takes repeated and late")
        print("    events for new ones. The next `make deploy` uses it again; LEDGER=delete deletes it.")
    _confirm("the stack", deployment.stack)
    if cache and delete_ledger:
        print("Every other stack whose parameter LedgerUrl names this ledger loses it, too.")
        _confirm("the ledger", cache)
    # It is confirmed; asked again by SAM, somebody who says no there ends it with success.
    _run("sam", "delete", "--no-prompts", "--stack-name", deployment.stack, "--region", region)
    if cache and delete_ledger:
        _run("aws", "elasticache", "delete-serverless-cache", "--serverless-cache-name", cache, "--region", region)
        deployment.set_override("LedgerUrl", None)
    elif url:
        deployment.set_override("LedgerUrl", url)
        print(f"{deployment.file.name} names the ledger now, for the next `make deploy STAGE={deployment.stage}`.")


def _ask_region(deployment: Deployment) -> str:
    region = _answer("Which AWS region, such as eu-central-1?")
    while not _REGION.fullmatch(region):
        region = _answer(f"{region!r} is not a region. Which one?")
    deployment.set_region(region)
    return region


def _ask(template: checks.Template, name: str, question: str, region: str) -> str:
    text = _answer(question)
    while (wrong := checks.mistake(template, name, text, region)) is not None:
        text = _answer(f"It {wrong}. Once more")
    return text


def _ask_for_ledger(deployment: Deployment, region: str) -> None:
    """Said first, as it is costly to find out: two ledgers on one account are two times its quota."""
    template = load()
    question = (
        "Is there another snapshot-tuner stack on the same Volcengine account? Then both must share one ledger, or\n"
        "they call at twice the account's quota. Its output LedgerUrl, or nothing if there is no other stack"
    )
    while text := _answer(question):
        wrong = checks.mistake(template, "LedgerUrl", text, region)
        if wrong is None:
            deployment.set_override("LedgerUrl", text)
            return
        question = f"It {wrong}. Once more, or nothing"


def _answer(question: str) -> str:
    try:
        return input(f"{question}: ").strip()
    except EOFError:
        sys.exit(f"\nThere is no terminal to answer on. Write it into samconfig.toml: {question.splitlines()[-1]}")


def _confirm(what: str, name: str) -> None:
    print(f"To delete {what}, type its name, {name}: ", end="", flush=True)
    if sys.stdin.readline().strip() != name:
        sys.exit("Nothing was done.")


def _outputs(deployment: Deployment, region: str) -> dict[str, str]:
    """By their names; empty where there is no such stack."""
    listed = subprocess.run(  # noqa: S603 - the SAM CLI of the PATH
        ["sam", "list", "stack-outputs", "--stack-name", deployment.stack, "--region", region, "--output", "json"],  # noqa: S607 - wherever it is installed
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if listed.returncode:
        return {}
    return {output["OutputKey"]: output["OutputValue"] for output in json.loads(listed.stdout)}


def _run(*command: str) -> None:
    print("$ " + shlex.join(command), flush=True)
    done = subprocess.run(command, check=False)  # noqa: S603 - built in this file
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
