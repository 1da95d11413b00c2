"""Instances of both functions: from the sources, and from the built package under the platform's Python."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from devkit.build import InterpreterMissing, interpreters
from devkit.build.vefaas import TARGET_PYTHON, vefaas_package
from devkit.rtc_standin import StandIn
from devkit.vefaas.instance import Instance
from tests.vefaas.platform import environment

Start = Callable[..., Instance]


@pytest.fixture(scope="session", params=["sources", "package"])
def start(request: pytest.FixtureRequest) -> Start:
    """The package's variables are those of the platform alone: what is not in it is not found."""
    if request.param == "sources":
        return Instance
    try:
        python = interpreters.find(TARGET_PYTHON).path
    except InterpreterMissing as missing:
        pytest.skip(str(missing))
    return partial(Instance, package=vefaas_package().folder, python=python)


@pytest.fixture(scope="module")
def standin(start: Start) -> Iterator[StandIn]:  # noqa: ARG001 - one for each kind of instance
    with StandIn(latency=0.03) as each:
        yield each


@pytest.fixture(scope="module")
def events(start: Start, standin: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start("events", environment(standin, tmp_path_factory.mktemp("events") / "ledger.db")) as each:
        yield each


@pytest.fixture(scope="module")
def http_function(start: Start, standin: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start("http", environment(standin, tmp_path_factory.mktemp("http") / "ledger.db")) as each:
        yield each
