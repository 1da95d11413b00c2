"""One deployment's part of samconfig.toml, read as it is and written line by line, so that its comments stay."""

import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PLACEHOLDER = re.compile(r"ARN-OF-[A-Z-]+")


class CannotBeWritten(Exception):
    """samconfig.toml no longer has the form that it came with; says what to write."""


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
        """The template's parameters that it sets; a placeholder and nothing count as not set."""
        given = self._given()
        pairs = (each.partition("=") for each in (shlex.split(given) if isinstance(given, str) else given))
        return {name: text for name, _, text in pairs if text and not _PLACEHOLDER.fullmatch(text)}

    def cut_short(self) -> list[str]:
        """Those of which the SAM CLI would take what is before the first space, and say nothing."""
        given = self._given()
        return [] if isinstance(given, str) else [each for each in given if re.search(r"=[^\"'].*\s[^=]*$", each)]

    def set_region(self, region: str) -> None:
        self._edit(r"(?m)^stack_name = .*\n", lambda line: f'{line}region = "{region}"\n', f'region = "{region}"')

    def set_override(self, name: str, text: str | None) -> None:
        """None takes it out."""
        line = "" if text is None else f'    "{name}={text}",\n'

        def with_line(block: str) -> str:
            # First, as the last line may have no comma.
            head, _, rest = re.sub(rf"(?m)^    [\"']{name}=.*\n", "", block).partition("\n")
            return f"{head}\n{line}{rest}"

        self._edit(r"(?m)^parameter_overrides = \[\n(?:    .*\n)*\]\n", with_line, f"{name}={text or ''}")

    def _edit(self, pattern: str, change: Callable[[str], str], wanted: str) -> None:
        head = f"[{self.stage}.deploy.parameters]\n"
        before, _, rest = self.file.read_text("utf-8").partition(head)
        own, bracket, after = rest.partition("\n[")
        own += "\n"
        changed, count = re.subn(pattern, lambda found: change(found[0]), own, count=1)
        if not count:
            raise CannotBeWritten(
                f"{self.file}: [{self.stage}.deploy.parameters] no longer has the form that it came with. "
                f"Write there yourself: {wanted}"
            )
        self.file.write_text(before + head + changed.removesuffix("\n") + bracket + after, "utf-8")

    def _given(self) -> list[str] | str:
        """One text is how `sam deploy --guided` leaves it."""
        given: list[str] | str = self._parameters()["parameter_overrides"]
        return given

    def _parameters(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = tomllib.loads(self.file.read_text("utf-8"))[self.stage]["deploy"]["parameters"]
        return found
