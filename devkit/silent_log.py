"""A log for what runs in virtual time or is measured: nobody needs lines about what did not really happen."""


class SilentLog:
    """Takes every line, and keeps none."""

    def info(self, msg: str, **keys: object) -> None: ...

    def warning(self, msg: str, **keys: object) -> None: ...
