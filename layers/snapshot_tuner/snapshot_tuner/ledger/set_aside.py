"""Records that cannot be read: set aside one by one, so that their neighbours live and a person can look at them.

A task whose record is set aside starts anew with its next event; an event counts as never seen.
"""

RECORDS_MOST = 100
"""How many are kept in one namespace; of further ones only the log has the names."""

RECORD_BYTES_MOST = 4096
"""Kept of each."""

NAME_CHARACTERS_MOST = 300

FORMAT = 2
"""Of the records that this code writes. A record that uses nothing later than format 1 does not name its format.

What format 2 has added, behind its number:

- `notes`: what is added for an intent (`ledger.types.NOTE`), by its order key: the intents themselves stay as they are.
- `ends`: of each rule whose adjustments an event has ended, its name, that event's order key, and when.
- `reasons`: why the intents are what they are, for people, each by its order key. Not by all code of format 2: what
  knows none keeps them, and an intent of such code has none.
- `policy`: the one that decided, of all intents whose notes say no other. Code of format 1 leaves it as it is: of an
  event that such code admits, the record names the earlier policy.

How two versions of the code share a store while one of them is deployed:

- A later format only adds to a record, after what is there, and first of all its number. The earlier fields keep
  their meaning; a code that is one format older works with them, and keeps what is behind them as it is.
- It may so leave behind what belongs to an intent that is no longer there: what is added for one names its order key.
- A record of two formats later or more may mean anything, and is set aside.
"""

LATEST_US = 253_402_300_800_000_000
"""The year 10000: no time of a record is later."""


class Unreadable(Exception):
    """Says what is wrong with a record."""
