"""The stand-in as a context manager: a door in front of a real Valkey, on 127.0.0.1, in a thread of its own."""

import asyncio
import ssl
import tempfile
import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from devkit.certificates import certificate
from devkit.elasticache.commands import GuardedScripts, pack, take, time_ahead
from devkit.elasticache.tokens import RoleKey, TokenRefused, verify
from devkit.server_end import end
from devkit.serving import LOOPBACK

USER = "default.iam-user"
_RECEIVE_BYTES = 1 << 18
_WORDS_MOST = 3999
"""In one command, by the service's quotas."""


class LoginRefusal(Enum):
    """The answer to a client whose first command is not accepted."""

    TOKEN = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
    UNAVAILABLE = b"-ERR service is not available\r\n"
    SILENCE = b""


class CacheStandIn:
    """Lets in clients with a token that one of `keys` signed; everything else is the Valkey's on `port`.

    `strict` refuses what scripts may not be able to do there: TIME, and keys that they do not declare. `refusal`
    is what every client gets from now on, whatever it shows; connections that are open stay so. The store's clock is
    so many seconds ahead as `clock_ahead` says; what expires does so by the right one. `let_in` counts clients by
    their access key, `refused` are the reasons for those that were not. Whoever trusts the file
    `certificate` trusts it.
    """

    def __init__(
        self, port: int, *, cache: str = "tuner-ledger", region: str = "eu-central-1", strict: bool = False
    ) -> None:
        self.cache = cache
        self.region = region
        self.key = RoleKey()
        self.keys = {self.key.access_key: self.key}
        self.refusal: LoginRefusal | None = None
        self.clock_ahead = 0
        self.let_in: Counter[str] = Counter()
        self.refused: list[str] = []
        self._upstream_port = port
        self.is_strict = strict
        self._scripts = GuardedScripts()
        self._open: set[asyncio.StreamWriter] = set()
        self._parts = ExitStack()
        self._ready: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    def __enter__(self) -> Self:
        folder = Path(self._parts.enter_context(tempfile.TemporaryDirectory()))
        context, self.certificate = certificate(folder)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(context)), name="elasticache-standin", daemon=True
        )
        self._thread.start()
        self.port, self._loop, self._closing = self._ready.result()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        self._parts.close()

    @property
    def url(self) -> str:
        """What LEDGER_URL should say."""
        options = f"auth=iam&cache={self.cache}&ssl_ca_certs={self.certificate}"
        return f"rediss://{USER}@{LOOPBACK}:{self.port}/0?{options}"

    def environment(self) -> dict[str, str]:
        """The variables of a function that is to use this store and nobody else's."""
        return {"LEDGER_URL": self.url, "AWS_REGION": self.region, **self.key.environment()}

    def end_connections(self) -> int:
        """As the service does after 12 hours; says how many there were."""

        async def abort() -> int:
            return self._abort()

        return asyncio.run_coroutine_threadsafe(abort(), self._loop).result()

    async def _serve(self, context: ssl.SSLContext) -> None:
        server = await asyncio.start_server(self._carry, LOOPBACK, 0, ssl=context, backlog=1024)
        closing = asyncio.Event()
        self._ready.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), closing))
        await closing.wait()
        await end(server, self._abort)

    def _abort(self) -> int:
        for writer in (connections := tuple(self._open)):
            writer.transport.abort()
        return len(connections)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError, ValueError):
                received = bytearray()
                if (rest := await self._let_in(reader, writer, received)) is not None:
                    await self._pass_on(reader, writer, rest, received)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _let_in(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytearray
    ) -> list[bytes] | None:
        """What is left of the first command for the store ([] for nothing); None where the client is not let in."""
        while (words := take(received)) is None:
            data = await reader.read(_RECEIVE_BYTES)
            if not data:
                return None
            received += data
        match words:
            case [name, user, token] if name.upper() == b"AUTH":
                rest: list[bytes] = []
            case [name, version, auth, user, token] if (name.upper(), auth.upper()) == (b"HELLO", b"AUTH"):
                rest = [name, version]
            case _:
                self.refused.append("the first command was not AUTH")
                writer.write(b"-NOAUTH Authentication required.\r\n")
                await writer.drain()
                return None
        if refusal := self._refusal(user.decode(), token.decode("ascii")):
            writer.write(refusal.value)
            await writer.drain()
            if refusal is LoginRefusal.SILENCE:
                await reader.read()
            return None
        if not rest:
            writer.write(b"+OK\r\n")
        return rest

    def _refusal(self, user: str, token: str) -> LoginRefusal | None:
        if self.refusal is not None:
            self.refused.append(self.refusal.name)
            return self.refusal
        if user != USER:
            self.refused.append(f"there is no user {user}")
            return LoginRefusal.TOKEN
        now = datetime.now(UTC)
        try:
            verify(token, user=user, cache=self.cache, region=self.region, keys=self.keys, now=now)
        except TokenRefused as why:
            self.refused.append(str(why))
            return LoginRefusal.TOKEN
        self.let_in[token.partition("X-Amz-Credential=")[2].partition("%2F")[0]] += 1
        return None

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: list[bytes], received: bytearray
    ) -> None:
        """Both ways until one side ends."""
        from_store, to_store = await asyncio.open_connection(LOOPBACK, self._upstream_port)
        try:
            if first:
                to_store.write(pack(first))
            sides = [
                asyncio.ensure_future(self._commands(reader, to_store, received)),
                asyncio.ensure_future(_copy(from_store, writer)),
            ]
            _, others = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            for other in others:
                other.cancel()
            await asyncio.gather(*sides, return_exceptions=True)
        finally:
            to_store.transport.abort()

    async def _commands(
        self, reader: asyncio.StreamReader, to_store: asyncio.StreamWriter, received: bytearray
    ) -> None:
        while True:
            while (words := take(received)) is not None:
                if len(words) > _WORDS_MOST:
                    raise ValueError(f"{len(words)} words in one command")
                to_store.write(pack(self._changed(words)))
            await to_store.drain()
            data = await reader.read(_RECEIVE_BYTES)
            if not data:
                return
            received += data

    def _changed(self, words: list[bytes]) -> list[bytes]:
        if self.clock_ahead and words == [b"TIME"]:
            return time_ahead(self.clock_ahead)
        return self._scripts.guarded(words) if self.is_strict else words


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_RECEIVE_BYTES):
        writer.write(data)
        await writer.drain()
