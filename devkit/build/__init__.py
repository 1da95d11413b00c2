"""`make build`: the files that are deployed, and the same files for a Python of this machine."""

from devkit.build.interpreters import Interpreter, InterpreterMissing
from devkit.build.parts import BUILD_FOLDER, BuildFailed
from devkit.build.trees import Tree, deployed, local

__all__ = ["BUILD_FOLDER", "BuildFailed", "Interpreter", "InterpreterMissing", "Tree", "deployed", "local"]
