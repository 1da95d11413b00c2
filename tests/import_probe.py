"""Run in a process of its own: import modules, in forks that have imported none of them, and print the effects.

`python -B import_probe.py PRELOADED < MODULES` reads a JSON list of [modules, roots], one for each fork, and prints one
list of sentences for each. An effect is ours when code under one of the roots stands between it and the import
machinery: what other people's packages do when they are imported is theirs, except for what nobody may do (threads,
written files, processes, the AWS SDK). PRELOADED are such packages, separated by commas: they are imported once, before
the forks, as they take most of the time. What nobody may do counts for every module if they do it.

The AWS SDK cannot be imported here, as it is in no deployed artefact; who tries is found out.
"""

import importlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

FOR_NOBODY = {
    "subprocess.Popen": "a process is started",
    "os.fork": "a process is started",
    "os.posix_spawn": "a process is started",
    "os.mkdir": "a folder is made",
    "os.remove": "a file is removed",
    "os.rename": "a file is renamed",
    "sqlite3.connect": "a database is opened",
}
NOT_FOR_US = {
    "socket.__new__": "a socket is made",
    "socket.getaddrinfo": "a name is looked up",
    "os.listdir": "a folder is read",
    "os.putenv": "the environment is changed",
    "open": "a file is opened",
}
AWS_SDK = ("boto3", "botocore", "s3transfer")
THEIRS = (
    "/pydantic/plugin/_loader.py",  # looks for plugins when the first model class is made
    "/aws_lambda_powertools/shared/user_agent.py",  # registers its name with the bare package, where it finds one
)
"""What other people's packages do on their own account, though a line of ours set it off."""

CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter")
IMPORT_MACHINERY = "<frozen importlib"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


class EffectWatch:
    """The effects so far, while an import is going on."""

    def __init__(self) -> None:
        self.roots: tuple[str, ...] = ()
        self._effects: list[str] = []
        self.on = False

    def effects(self) -> list[str]:
        return sorted(set(self._effects))

    def note(self, effect: str) -> None:
        if self.on:
            self._effects.append(effect)

    def note_if_ours(self, effect: str) -> None:
        if self.on:
            files = list(_files_up_to_import_machinery())
            if any(file.startswith(self.roots) for file in files) and not any(file.endswith(THEIRS) for file in files):
                self.note(effect)

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """The import machinery asks this first."""
        if name.partition(".")[0] in AWS_SDK:
            if not _importer().endswith(THEIRS):
                self.note(f"{name} is imported")
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in FOR_NOBODY:
            self.note(FOR_NOBODY[event])
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            self.note(f"a file is opened for writing: {arguments[0]}")
        elif event in NOT_FOR_US:
            self.note_if_ours(NOT_FOR_US[event])

    def thread(self, start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
        def watched(thread: threading.Thread) -> None:
            self.note("a thread is started")
            start(thread)

        return watched

    def clock(self, real: Callable[[], Any]) -> Callable[[], Any]:
        def watched() -> Any:  # noqa: ANN401 - whatever the real one gives
            self.note_if_ours("the clock is read")
            return real()

        return watched


def _files_up_to_import_machinery() -> Iterator[str]:
    return takewhile(lambda file: not file.startswith(IMPORT_MACHINERY), _caller_files())


def _importer() -> str:
    """The file with the import statement that is being carried out."""
    below = dropwhile(lambda file: not file.startswith(IMPORT_MACHINERY), _caller_files())
    return next((file for file in below if not file.startswith(IMPORT_MACHINERY)), "")


def _caller_files() -> Iterator[str]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def main(preloaded: str, modules: list[tuple[list[str], list[str]]]) -> list[list[str]]:
    """The effects of each fork's imports, sorted."""
    os.environ.pop("PYTHONPATH")  # it is for this process; the rest is for the module
    watch = _watch()
    watch.on = True
    for package in filter(None, preloaded.split(",")):
        importlib.import_module(package)
    watch.on = False
    return [_in_a_fork(watch, names, tuple(roots)) for names, roots in modules]


def _watch() -> EffectWatch:
    watch = EffectWatch()

    class WatchedEnvironment(os._Environ):  # type: ignore[type-arg] # it is generic in the stubs only
        def __getitem__(self, key: str) -> str:
            watch.note_if_ours(f"the environment is read: {key}")
            return str(super().__getitem__(key))

        def __iter__(self) -> Iterator[str]:
            watch.note_if_ours("the environment is read")
            return iter(super().__iter__())

    os.environ.__class__ = WatchedEnvironment
    for clock in CLOCKS:
        setattr(time, clock, watch.clock(getattr(time, clock)))
    threading.Thread.start = watch.thread(threading.Thread.start)  # type: ignore[assignment, method-assign] # to watch it
    sys.addaudithook(watch.audit)
    sys.meta_path.insert(0, watch)
    return watch


def _in_a_fork(watch: EffectWatch, names: list[str], roots: tuple[str, ...]) -> list[str]:
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        with os.fdopen(writing, "w", encoding="utf-8") as answer:
            try:
                answer.write(json.dumps({"effects": _effects(watch, names, roots)}))
            except BaseException:  # noqa: BLE001 - a fork must not go on as its parent; the parent raises it
                answer.write(json.dumps({"error": traceback.format_exc()}))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        told: dict[str, Any] = json.load(answer)
    os.waitpid(child, 0)
    if "error" in told:
        raise RuntimeError(told["error"])
    effects: list[str] = told["effects"]
    return effects


def _effects(watch: EffectWatch, names: list[str], roots: tuple[str, ...]) -> list[str]:
    watch.roots = roots
    sys.path[:0] = roots
    watch.on = True
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in AWS_SDK:
                raise
    watch.on = False
    return watch.effects()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.load(sys.stdin))))  # noqa: T201 - its answer
