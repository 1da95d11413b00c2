"""One folder of a build: made anew when what it is made from has changed, and never half."""

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD_FOLDER = ROOT / ".build"

_NOT_SOURCE = ("__pycache__", "*.pyc")


class BuildFailed(Exception):
    """An artifact could not be made, or must not be deployed as it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """`make` fills an empty folder, which becomes `folder` once it has succeeded.

    `inputs` are the files and folders that decide its content, `settings` what else does.
    """

    folder: Path
    inputs: Sequence[Path]
    settings: Sequence[str]
    make: Callable[[Path], None]

    def bring_up_to_date(self) -> bool:
        """Make the folder if anything has changed; says whether it did."""
        fingerprint = self._fingerprint()
        with _lock():
            if self.folder.is_dir() and self._stamp.is_file() and self._stamp.read_text() == fingerprint:
                return False
            unfinished = self.folder.with_name(f".unfinished-{self.folder.name}")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            self.make(unfinished)
            self._stamp.unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
            unfinished.rename(self.folder)
            self._stamp.write_text(fingerprint)
            return True

    @property
    def _stamp(self) -> Path:
        # Beside the folder: what is in it gets deployed.
        return self.folder.with_name(f".stamp-{self.folder.name}")

    def _fingerprint(self) -> str:
        digest = hashlib.sha256("\0".join(self.settings).encode())
        for path in _files(self.inputs):
            digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def copy_file(source: Path, target: Path) -> None:
    """A reader of the target sees the old one or the new one, never half of it."""
    with _lock():
        unfinished = target.with_name(f".unfinished-{target.name}")
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)


def copy_sources(source: Path, target: Path, *, without: Sequence[str] = ()) -> None:
    """A folder as it is in the repository, without bytecode of whichever Python ran there, and without those names."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_NOT_SOURCE, *without), dirs_exist_ok=True)


def size_bytes(folder: Path) -> int:
    """What the files in it hold, unpacked."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _files(inputs: Iterable[Path]) -> Iterator[Path]:
    for path in inputs:
        if path.is_dir():
            yield from sorted(
                file
                for file in path.rglob("*")
                if file.is_file() and not any(file.match(name) or name in file.parts for name in _NOT_SOURCE)
            )
        else:
            yield path


@contextmanager
def _lock() -> Iterator[None]:
    """One build at a time, over all processes: tests and `make run` may start together."""
    BUILD_FOLDER.mkdir(exist_ok=True)
    with (BUILD_FOLDER / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
