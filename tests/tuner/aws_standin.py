"""A stand-in of the AWS CLI on the PATH: it keeps what it was asked, and answers what a test has told it."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = f"""#!{sys.executable}
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
with (folder / "asked.ndjson").open("a") as asked:
    asked.write(json.dumps(sys.argv[1:]) + "\\n")
answer = json.loads((folder / "answers.json").read_text()).get(" ".join(sys.argv[1:3]))
if answer is None or "error" in answer:
    sys.stderr.write((answer or {{}}).get("error", "An error occurred (AccessDenied): no"))
    sys.exit(254)
if "echoes" in answer:
    words = json.dumps(sys.argv[1:])
    text = words[words.index(answer["echoes"]):][:len(answer["echoes"]) + 32] if answer["echoes"] in words else ""
    answer = json.loads(json.dumps(answer["with"]).replace("ECHO", text))
print(json.dumps(answer))
"""


@dataclass(frozen=True, slots=True)
class AwsStandIn:
    """`answers` are by the first two words of a command."""

    folder: Path

    def answer(self, **answers: Any) -> None:  # noqa: ANN401 - any JSON document
        """By the two words with an underscore between; `{"error": …}` fails, `{"echoes": prefix, "with": …}` puts in
        for ECHO what was asked with that prefix, and the 32 characters behind it.
        """
        named = {name.replace("__", " ").replace("_", "-"): answer for name, answer in answers.items()}
        (self.folder / "answers.json").write_text(json.dumps(named))

    def asked(self) -> list[list[str]]:
        file = self.folder / "asked.ndjson"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AwsStandIn:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "aws"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    stand_in = AwsStandIn(folder)
    stand_in.answer()
    return stand_in
