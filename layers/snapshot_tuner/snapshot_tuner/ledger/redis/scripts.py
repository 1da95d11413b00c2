"""The Lua scripts of the Redis backend: one per operation, each one atomic step in the store."""

from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from snapshot_tuner.ledger.redis.codec import LUA_CONSTANTS
from snapshot_tuner.ledger.timing import (
    CLOCK_BEHIND_SECONDS,
    CORRECTION_PAUSE_SECONDS,
    CURSOR_HORIZON_SECONDS,
    FAR_ROUND_TRIPS_AHEAD,
    LATE_CALL_SECONDS,
    LEASE_SECONDS,
    LOST_CURSOR_SECONDS,
    MARK_KEPT_SECONDS,
    QUOTA_KEPT_SECONDS,
    SLOT_SHARE,
    SLOTS_AHEAD_SECONDS,
    SLOTS_AHEAD_SECONDS_MOST,
    SOURCE_SECONDS,
    SPACING_SECONDS_MOST,
    THROTTLE_PAUSE_SECONDS,
    TRY_AGAIN_SECONDS,
    VALIDITY_KEPT_SECONDS,
)
from snapshot_tuner.ledger.types import OPEN_MOST

# Not importlib.resources, which takes ten milliseconds of a cold start: a layer is never a zip file.
_FOLDER = Path(__file__).parent / "lua"

_CONSTANTS = {
    "LEASE_US": LEASE_SECONDS,
    "LATE_CALL_US": LATE_CALL_SECONDS,
    "HORIZON_US": CURSOR_HORIZON_SECONDS,
    "PAUSE_US": THROTTLE_PAUSE_SECONDS,
    "SOURCE_US": SOURCE_SECONDS,
    "TRY_AGAIN_US": TRY_AGAIN_SECONDS,
    "BEHIND_US": CLOCK_BEHIND_SECONDS,
    "CORRECTION_PAUSE_US": CORRECTION_PAUSE_SECONDS,
    "LOST_CURSOR_US": LOST_CURSOR_SECONDS,
    "MARK_MS": MARK_KEPT_SECONDS / 1e3,
    "QUOTA_KEPT_US": QUOTA_KEPT_SECONDS,
    "VALIDITY_KEPT_US": VALIDITY_KEPT_SECONDS,
    "NEAR_SLOT_US": 1 / SLOT_SHARE,
    "AHEAD_US": SLOTS_AHEAD_SECONDS,
    "AHEAD_US_MOST": SLOTS_AHEAD_SECONDS_MOST,
    "FAR_ROUND_TRIPS_AHEAD": FAR_ROUND_TRIPS_AHEAD / 1e6,
    "SPACING_US_MOST": SPACING_SECONDS_MOST,
    "OPEN_MOST": OPEN_MOST / 1e6,
}


ASKING = ("record", "aside", "clock")
WRITING = (*ASKING, "tick")
OF_TASKS = ("intents", "precedence", "check", "bounds", "task")
"""The files at the beginning of a script: of one that only asks, of one that writes, and then of one on tasks."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script as the store gets it, and the name under which the store remembers it."""

    text: bytes
    digest: bytes
    writes: bool

    @classmethod
    def load(cls, *names: str) -> "Script":
        """One script out of files of the folder `lua`, behind this package's constants."""
        numbers = {name: round(seconds * 1e6) for name, seconds in _CONSTANTS.items()} | LUA_CONSTANTS
        constants = "".join(f"local {name} = {number}\n" for name, number in numbers.items())
        parts = [(_FOLDER / f"{name}.lua").read_text("utf-8") for name in names]
        text = (constants + "\n".join(parts)).encode()
        return cls(text, sha1(text, usedforsecurity=False).hexdigest().encode(), "tick" in names)
