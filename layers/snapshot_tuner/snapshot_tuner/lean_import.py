"""Importing a module of a package without all that the package's `__init__` imports for its other users.

A cold start pays for every module. `import redis.connection` imports the clients, the cluster, the commands and the
asyncio twins of redis-py first, and none of that is used here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec


@contextmanager
def without_init(*packages: str) -> Iterator[None]:
    """Inside, these packages are bare: their modules can be imported, their own names are not there.

    Outside they are what they were: a later import of one of them gets all of it, and the same modules. Use it when a
    module is imported, and never around our own code.
    """
    bare = []
    for name in packages:
        if name not in sys.modules and (spec := find_spec(name)) is not None:
            sys.modules[name] = module_from_spec(spec)
            bare.append(name)
    try:
        yield
    finally:
        for name in bare:
            del sys.modules[name]
