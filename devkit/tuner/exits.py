"""How a command ends: the codes are for scripts."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit code of a command."""

    FINE = 0
    MISTAKES = 1  # the policy is wrong: no function would start with it
    USAGE = 2  # the command line, or a file that cannot be read
    SUSPICIOUS = 3  # the policy is legal, but something in it is probably not meant
    FAILED = 5  # something that was tried does not work
    REJECTED = 4  # the event is wrong: a function would send it to its dead-letter queue


class CommandFailed(Exception):
    """A command cannot do what it was asked; `details` go into the JSON answer."""

    def __init__(self, code: Exit, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
