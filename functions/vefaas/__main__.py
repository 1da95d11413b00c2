"""The process that run.sh starts: it listens, prepares, and serves until SIGTERM."""

import os
import socket
import sys
from typing import Final

import uvicorn

from snapshot_tuner.errors import SettingsError
from vefaas.server import Application
from vefaas.settings import VefaasSettings

_BACKLOG: Final = 1024
_KEEP_ALIVE_SECONDS: Final = 75


def main() -> None:
    """Exit status 2 for settings with which it cannot serve at all."""
    try:
        settings = VefaasSettings.from_env(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    listening = socket.create_server(("0.0.0.0", settings.port), backlog=_BACKLOG)  # noqa: S104 - the platform asks for it
    # Connections from here on wait in the backlog until everything is prepared.
    application = Application(settings)
    application.prepare()
    config = uvicorn.Config(
        application,
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # By default it waits for ever, and drops idle connections after 5 s, while the platform may just be sending.
        timeout_graceful_shutdown=settings.timeout_seconds,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    # It ends the process by the same signal that ended it: nothing after this line is sure to run, and nothing has to.
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
