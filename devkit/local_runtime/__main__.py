"""`make run`: the whole application on this machine, until Ctrl-C."""

import argparse
import json
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NoReturn, TextIO
from urllib.parse import quote

from devkit.build import BuildFailed, Interpreter, InterpreterMissing, interpreters, local
from devkit.elasticache import CacheStandIn
from devkit.local_runtime import aws_api
from devkit.local_runtime.application import URGENT_TYPES, Application, ApplicationSettings, deployed_here, environment
from devkit.local_runtime.aws_api import REGION
from devkit.local_runtime.kafka import RECORDS_TYPE
from devkit.local_runtime.outcome_lines import line_for
from devkit.local_runtime.sandbox import Code
from devkit.local_runtime.where import LOG_FILE, RUN_FILE, described_in, log_line
from devkit.rtc_standin import StandIn
from devkit.serving import LOOPBACK
from devkit.valkey import valkey_server

_DESCRIPTION = """\
Runs the application on this machine: the built functions under AWS's Lambda runtime emulator, a queue and an urgent
queue with their dead-letter queues, an event bus and a Function URL in front of them, Valkey as the ledger, and a
stand-in for the RTC API; an SNS topic and a Kafka topic besides, which takes records as Confluent's REST proxy does
(POST /topics/NAME). Prints the addresses and five commands to try, then one line per outcome. Ctrl-C stops all of it.
"""

_NAME = "snapshot-tuner"


def main() -> None:
    """Run until a signal comes."""
    arguments = _arguments()
    # Both, as a shell starts what runs in its background with SIGINT ignored.
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, signal.default_int_handler)
    try:
        _run(arguments)
    except KeyboardInterrupt:
        print("\nEverything has stopped.")
    except (BuildFailed, InterpreterMissing) as failure:
        sys.exit(str(failure))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devkit.local_runtime", description=_DESCRIPTION)
    parser.add_argument(
        "--python", metavar="VERSION", help="the Python that stands for Lambda's, such as 3.13 (default: this one)"
    )
    parser.add_argument(
        "--sandboxes",
        type=int,
        choices=range(1, 11),
        default=2,
        metavar="N",
        help="sandboxes of each function (default: %(default)s)",
    )
    parser.add_argument(
        "--iam", action="store_true", help="reach Valkey as one reaches ElastiCache: TLS 1.3 and an IAM token"
    )
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="the policy to run, instead of layers/policy/policy.yaml"
    )
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> None:
    interpreter: Interpreter = interpreters.find(arguments.python) if arguments.python else interpreters.own()
    print(f"Building for Python {interpreter.version} ...", flush=True)
    code = Code(local(interpreter), interpreter)
    print("Starting ...", flush=True)
    with aws_api.served() as api, StandIn() as stand_in, valkey_server() as valkey, ExitStack() as parts:
        ledger = {"LEDGER_URL": f"redis://{LOOPBACK}:{valkey.port}/0"}
        if arguments.iam:
            ledger = parts.enter_context(CacheStandIn(valkey.port, region=REGION)).environment()
        settings = ApplicationSettings(
            name=_NAME,
            environment=environment(code, stand_in, ledger["LEDGER_URL"]) | ledger | _policy(arguments.policy),
            sandboxes=arguments.sandboxes,
        )
        LOG_FILE.write_text("")
        log = parts.enter_context(LOG_FILE.open("a", encoding="utf-8", buffering=1))
        show = partial(_show, log)
        with (
            deployed_here(settings, api, code, show) as application,
            described_in(RUN_FILE, application, LOG_FILE),
            _undisturbed_end(),
        ):
            print(_addresses(application, stand_in, ledger["LEDGER_URL"]), flush=True)
            _wait_for_signal()


def _wait_for_signal() -> NoReturn:
    """Look up twice a second: a signal that the system gives to another thread does not end a wait of this one."""
    while True:
        time.sleep(0.5)


@contextmanager
def _undisturbed_end() -> Iterator[None]:
    """A second Ctrl-C must not cut off the end of the block around it, or processes would stay."""
    try:
        yield
    finally:
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, signal.SIG_IGN)


def _show(log: TextIO, function: str, text: str) -> None:
    if text.startswith("{"):
        log.write(log_line(function, text))
    line = line_for(function, text, datetime.now().astimezone())
    if line is not None:
        print(line, flush=True)


def _addresses(application: Application, stand_in: StandIn, ledger: str) -> str:
    rows = {
        "Function URL": f"{application.url}/events",
        "console": f"{application.url}/console",
        "queue": application.queue.url,
        "its dead letters": application.dead_letters.url,
        "urgent queue": application.urgent_queue.url,
        "its dead letters ": application.urgent_dead_letters.url,
        "bus": f"{application.bus.name} at {application.queue.api.endpoint}",
        "SNS topic": application.topic.arn,
        "Kafka topic": application.kafka.url,
        "its dead letters  ": application.stream_dead_letters.url,
        "RTC stand-in": f"{stand_in.endpoint}/_standin/state",
        "ledger": ledger,
    }
    commands = "\n\n".join([*commands_to_try(application), f"./tuner doctor --url {application.url}"])
    return (
        "\n".join(f"  {name:17} {address}" for name, address in rows.items())
        + "\n\nTry these in another terminal. Sent again, they are duplicates, except the bus's, which gets a new id."
        + f"\n\n{commands}"
        "\n\nThe queue waits a second for a batch to fill, the urgent queue does not. Ctrl-C stops everything."
        " Outcomes:\n"
    )


def commands_to_try(application: Application) -> list[str]:
    """Curl commands for HTTP and each queue, ready to be copied. curl 7.75 or later signs them."""
    endpoint = application.queue.api.endpoint
    queued = json.dumps(_event("try-queue", "rtc.room.load", load=0.95))
    alert = _event("try-bus", URGENT_TYPES[0])
    entry = {
        "EventBusName": application.bus.name,
        "Source": "try",
        "DetailType": alert["type"],
        "Detail": json.dumps(alert["data"]),
    }
    return [
        _curl(
            f"{application.url}/events",
            ["Content-Type: application/json"],
            _event("try-http", "rtc.room.load", load=0.9),
        ),
        _curl(
            endpoint,
            ["X-Amz-Target: AmazonSQS.SendMessage", "Content-Type: application/x-amz-json-1.0"],
            {"QueueUrl": application.queue.url, "MessageBody": queued},
            service="sqs",
        ),
        _curl(
            endpoint,
            ["X-Amz-Target: AWSEvents.PutEvents", "Content-Type: application/x-amz-json-1.1"],
            {"Entries": [entry]},
            service="events",
        ),
        _curl(
            f"{endpoint}?Action=Publish&TopicArn={application.topic.arn}",
            ["Content-Type: application/x-www-form-urlencoded"],
            "Message=" + quote(json.dumps(_event("try-topic", "rtc.room.load", load=0.85))),
            service="sns",
        ),
        _curl(
            application.kafka.url,
            [f"Content-Type: {RECORDS_TYPE}"],
            {"records": [{"key": "try-kafka", "value": _event("try-kafka", "rtc.room.load", load=1)}]},
        ),
    ]


def _event(name: str, kind: str, **data: float) -> dict[str, object]:
    task = {"AppId": "app-1", "RoomId": name, "TaskId": "task-1"}
    # Without a time, so that it can be sent on any day; the source's sent time stands in.
    return {"specversion": "1.0", "id": name, "source": "/try", "type": kind, "data": {**task, **data}}


def _curl(url: str, headers: list[str], body: object, service: str | None = None) -> str:
    signed = ["--aws-sigv4", f"aws:amz:{REGION}:{service}", "--user", "local:local"] if service else []
    named = [word for header in headers for word in ("-H", header)]
    return shlex.join(["curl", url, *signed, *named, "-d", body if isinstance(body, str) else json.dumps(body)])


def _policy(file: Path | None) -> dict[str, str]:
    return {} if file is None else {"POLICY_PATH": str(file.resolve())}


if __name__ == "__main__":
    main()
