"""The end of an asyncio server in which nothing stays open."""

import asyncio
from collections.abc import Callable

_SECONDS = 1.0
"""At most: a TLS handshake may never end."""


async def end(server: asyncio.Server, abort: Callable[[], int]) -> None:
    """Accept nobody any more, and close all that is accepted. `abort` closes what is open, and says how many they were.

    A server that is closed first forgets those that it has accepted in the same moment: their sockets stay open until
    a garbage collection finds them, in a test that has nothing to do with it.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening)
    deadline = loop.time() + _SECONDS
    while loop.time() < deadline:
        still_open = abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if tasks:  # never cancelled: a connection whose task has not begun would not be closed by it
            await asyncio.wait(tasks, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
        elif still_open:
            await asyncio.sleep(0)
        else:
            break
    server.close()
    await server.wait_closed()
