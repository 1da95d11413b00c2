"""One deployment's part of samconfig.toml, read as it is and written line by line, so that its comments stay."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PLACEHOLDER = re.compile(r"ARN-OF-[A-Z-]+")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What samconfig.toml says of a stage."""

    file: Path
    stage: str

    @property
    def stack(self) -> str:
        name: str = self._parameters()["stack_name"]
        return name

    @property
    def region(self) -> str | None:
        """None until somebody has said it."""
        return self._parameters().get("region")

    def overrides(self) -> dict[str, str]:
        """The template's parameters that it sets; a placeholder counts as not set."""
        pairs = (each.split("=", 1) for each in self._parameters()["parameter_overrides"])
        return {name: text for name, text in pairs if not _PLACEHOLDER.fullmatch(text)}

    def set_region(self, region: str) -> None:
        self._edit(r"(?m)^stack_name = .*\n", lambda line: f'{line}region = "{region}"\n')

    def set_override(self, name: str, text: str | None) -> None:
        """None takes it out."""
        line = "" if text is None else f'    "{name}={text}",\n'

        def with_line(block: str) -> str:
            without = re.sub(rf'(?m)^    "{name}=.*\n', "", block)
            return without.removesuffix("]\n") + line + "]\n"

        self._edit(r"(?m)^parameter_overrides = \[\n(?:    .*\n)*\]\n", with_line)

    def _edit(self, pattern: str, change: Callable[[str], str]) -> None:
        head = f"[{self.stage}.deploy.parameters]\n"
        before, _, rest = self.file.read_text("utf-8").partition(head)
        own, bracket, after = rest.partition("\n[")
        own += "\n"
        changed, count = re.subn(pattern, lambda found: change(found[0]), own, count=1)
        if not count:
            raise ValueError(f"{self.file}: [{self.stage}.deploy.parameters] no longer has the form that it came with")
        self.file.write_text(before + head + changed.removesuffix("\n") + bracket + after, "utf-8")

    def _parameters(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = tomllib.loads(self.file.read_text("utf-8"))[self.stage]["deploy"]["parameters"]
        return found
