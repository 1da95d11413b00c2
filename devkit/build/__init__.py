"""`make build`: the files that are deployed, and the same files for a Python of this machine."""

from devkit.build.artifacts import Tree, deployed, local
from devkit.build.interpreters import Interpreter, InterpreterMissing
from devkit.build.step import BUILD_FOLDER, BuildFailed

__all__ = ["BUILD_FOLDER", "BuildFailed", "Interpreter", "InterpreterMissing", "Tree", "deployed", "local"]
