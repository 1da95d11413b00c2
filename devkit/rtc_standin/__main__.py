"""Run the stand-in as a process of its own: `python -m devkit.rtc_standin --help`."""

import argparse
import signal

from devkit.rtc_standin import KeyPair, StandIn
from devkit.rtc_standin import control as control_routes
from devkit.rtc_standin.update_snapshot import Api
from snapshot_tuner.model import TaskRef

_DESCRIPTION = """\
A stand-in for Volcengine's RTC API: UpdateSnapshot on 127.0.0.1, with signatures checked.

The first line of its output is its address, the next ones are the settings for a function that is to call
it, as shell exports. It ends on SIGTERM or SIGINT.
"""


def _task(text: str) -> TaskRef:
    try:
        app_id, room_id, task_id = text.split("/")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not APP_ID/ROOM_ID/TASK_ID") from None
    return TaskRef(app_id, room_id, task_id)


def _arguments() -> argparse.Namespace:
    known = KeyPair()
    routes = (control_routes.__doc__ or "").partition("\n\n")[2]
    parser = argparse.ArgumentParser(
        prog="python -m devkit.rtc_standin",
        description=_DESCRIPTION,
        epilog=f"Routes for other processes, all of them JSON:\n\n{routes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="time until the answer (default: 0)")
    parser.add_argument("--max-qps", type=int, help="the account's quota in calls per second (default: no limit)")
    parser.add_argument(
        "--task",
        type=_task,
        action="append",
        metavar="APP_ID/ROOM_ID/TASK_ID",
        help="a running task; may be given several times (default: every task is running)",
    )
    parser.add_argument("--region", default=Api().region, help="the signature's region (default: %(default)s)")
    parser.add_argument("--api-version", default=Api().version, help="the version of its calls (default: %(default)s)")
    parser.add_argument("--access-key", default=known.access_key, help="default: %(default)s")
    parser.add_argument("--secret-key", default=known.secret_key, help="default: %(default)s")
    parser.add_argument("--session-token", help="the key pair is a temporary one with this token")
    return parser.parse_args()


def main() -> None:
    """Serve until a signal comes."""
    arguments = _arguments()
    signals = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the server's thread starts, so that the signal waits for `sigwait` here.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with StandIn(
        credentials=KeyPair(arguments.access_key, arguments.secret_key, arguments.session_token),
        api=Api(arguments.region, arguments.api_version),
        latency=arguments.latency_ms / 1000,
        tasks=arguments.task,
        max_qps=arguments.max_qps,
        port=arguments.port,
    ) as stand_in:
        exports = [f"export {name}={text}" for name, text in stand_in.environment().items()]
        print("\n".join([stand_in.endpoint, *exports]), flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
