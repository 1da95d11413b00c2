"""Where log lines go."""

from typing import Any, Protocol


class Log(Protocol):
    """Structured log lines: a stable event name with keys."""

    def info(self, msg: str, **keys: Any) -> None: ...  # noqa: ANN401 - any JSON value

    def warning(self, msg: str, **keys: Any) -> None: ...  # noqa: ANN401 - any JSON value


class ErrorLog(Log, Protocol):
    """With a level for what needs an operator's attention."""

    def error(self, msg: str, **keys: Any) -> None: ...  # noqa: ANN401 - any JSON value
