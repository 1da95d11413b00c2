"""A deterministic simulation: virtual time, several instances, every fault; the real policy, tuner and ledger."""
