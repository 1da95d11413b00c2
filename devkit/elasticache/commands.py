"""Commands on the wire, and scripts in a store that refuses what they must not do."""

from hashlib import sha1

_GUARD = (
    b"local allowed = {} for _, key in ipairs(KEYS) do allowed[key] = true end "
    b"local all_keys = {DEL = true, UNLINK = true, MGET = true, EXISTS = true, TOUCH = true} "
    b"local function check(name, ...) name = string.upper(name) "
    b"if name == 'TIME' then error('ERR This Redis command is not allowed from script: TIME') end "
    b"for index, key in ipairs({...}) do if (index == 1 or all_keys[name]) and not allowed[key] then "
    b"error('ERR Script attempted to access a key that it does not declare: ' .. key) end end end "
    b"local server = redis local redis = setmetatable({"
    b"call = function(...) check(...) return server.call(...) end, "
    b"pcall = function(...) check(...) return server.pcall(...) end}, {__index = server}) "
)
"""Ahead of a script: no TIME, and no key that it does not declare, but for those of commands with odd arguments."""


def take(data: bytearray) -> list[bytes] | None:
    """The next command's words, taken off the front of `data`; None where it is not whole yet."""
    end = data.find(b"\r\n")
    if end < 0:
        return None
    if data[:1] != b"*":
        raise ValueError("not an array of bulk strings")
    words = []
    at = end + 2
    for _ in range(int(data[1:end])):
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(data[at + 1 : end])
        at = end + 2 + size + 2
        if at > len(data):
            return None
        words.append(bytes(data[end + 2 : at - 2]))
    del data[:at]
    return words


def pack(words: list[bytes]) -> bytes:
    """The words on the wire."""
    return b"".join([b"*%d\r\n" % len(words), *[b"$%d\r\n%b\r\n" % (len(word), word) for word in words]])


def time_ahead(seconds: int) -> list[bytes]:
    """In place of TIME: what it would answer if the server's clock were so much ahead."""
    text = b"local time = redis.call('TIME') return {string.format('%.0f', time[1] + ARGV[1]), time[2]}"
    return [b"EVAL", text, b"0", b"%d" % seconds]


class GuardedScripts:
    """Runs a client's scripts behind the guard; the client still names them by their own digests."""

    def __init__(self) -> None:
        self._digests: dict[bytes, bytes] = {}

    def guarded(self, words: list[bytes]) -> list[bytes]:
        """The command that is sent instead of this one."""
        match [words[0].upper(), *words[1:]]:
            case [b"EVAL", text, *rest]:
                return [b"EVAL", self._behind_guard(text), *rest]
            case [b"SCRIPT", load, text] if load.upper() == b"LOAD":
                return [b"SCRIPT", load, self._behind_guard(text)]
            case [b"EVALSHA", digest, *rest]:
                # One that came to the store by another way is not known here.
                return [b"EVALSHA", self._digests.get(digest, b"0" * 40), *rest]
            case _:
                return words

    def _behind_guard(self, text: bytes) -> bytes:
        behind = _GUARD + text
        self._digests[_digest(text)] = self._digests[_digest(behind)] = _digest(behind)
        return behind


def _digest(text: bytes) -> bytes:
    return sha1(text, usedforsecurity=False).hexdigest().encode()
