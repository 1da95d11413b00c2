"""Every policy in the documentation loads, every command is one; `test_tuner_commands.py` runs those of `./tuner`."""

import re
import shlex
from collections.abc import Iterator

import pytest
import yaml

from devkit.tuner.__main__ import parser
from snapshot_tuner.policy.engine import Policy
from tests.docs.pages import PAGES, ROOT, code_blocks

NOT_RUN = ("aws", "kafka-console-producer", "printf", "zgrep", "zcat", "curl", "docker", "terraform", "vefaas")
"""Programs of other people, which need an account, a broker or a running deployment: their lines are only parsed."""

TEXTS = {str(path): (ROOT / path).read_text(encoding="utf-8") for path in PAGES}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def policies() -> Iterator[tuple[str, str]]:
    """Every YAML block that is a whole policy; a part of one has no version."""
    for path, text in TEXTS.items():
        for number, block in enumerate(code_blocks(text, "yaml")):
            if "version: 1\n" in block and "rules:" in block:
                yield f"{path} {number}", block


def commands() -> Iterator[tuple[str, str]]:
    """Each command of a pipe in the blocks of shell, without its comment; of a console session what is typed."""
    for path, text in TEXTS.items():
        typed = [line for block in code_blocks(text, "sh") for line in block.replace("\\\n", " ").splitlines()]
        for block in code_blocks(text, "console"):
            typed += [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
        for line in typed:
            words: list[str] = []
            for word in [*shlex.split(line, comments=True), "|"]:
                if word in {"|", "&&", ";"} and words:
                    yield path, shlex.join(words)
                    words = []
                elif word not in {"|", "&&", ";"}:
                    words.append(word)


@pytest.mark.parametrize(("place", "text"), [pytest.param(*each, id=each[0]) for each in policies()])
def test_every_policy_of_the_documentation_loads(place: str, text: str) -> None:
    """As a function would load it."""
    assert Policy.parse(text, place).version == 1


@pytest.mark.parametrize(("path", "command"), sorted(set(commands())))
def test_every_command_of_the_documentation_is_one(path: str, command: str) -> None:
    """`./tuner` by its own parser, `make` by its targets; the files that they read are there, or were just made."""
    match shlex.split(command):
        case ["./tuner", *words]:
            end = words.index(">") if ">" in words else len(words)
            parser().parse_args(words[:end])
            named = [word for word in words if word.startswith(("devkit/", "layers/", "events/", "tests/"))]
            assert [word for word in named if not (ROOT / word).exists()] == []
        case ["make", target, *_]:
            assert target in TARGETS
        case [".venv/bin/python", "-m", "pytest", folder]:
            assert (ROOT / folder).exists()
        case [program, *_]:
            assert program in {*NOT_RUN, "head", "cat", "jq"}, f"{path}: {command}"


def test_every_block_of_yaml_is_yaml() -> None:
    """Other people's configuration, too."""
    for text in TEXTS.values():
        for block in code_blocks(text, "yaml"):
            assert yaml.safe_load(block)
