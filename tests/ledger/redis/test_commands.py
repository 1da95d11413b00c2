"""What an error of the server means, in the words of those that the tests do not run."""

import pytest
from redis.exceptions import ResponseError

from snapshot_tuner.ledger.redis.commands import takes_no_write

_WRITES_REFUSED_BY_REDIS_6 = [
    "-OOM command not allowed when used memory > 'maxmemory'.",
    "-READONLY You can't write against a read only replica.",
    "-NOREPLICAS Not enough good replicas to write.",
    "-MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.",
    "-MISCONF Errors writing to the AOF file: No space left on device",
]


def _of_redis_6(error: str) -> ResponseError:
    """Its answer to a script, without the ERR that redis-py takes off; seen with Redis 6.2.14."""
    script = "f_d61d22f8174716bd466fed6f7ec251a062f53a0f"
    return ResponseError(f"Error running script (call to {script}): @user_script:242: @user_script: 242: {error}")


@pytest.mark.parametrize("error", _WRITES_REFUSED_BY_REDIS_6)
def test_redis_6_takes_no_write_behind_the_place_in_the_script(error: str) -> None:
    """Redis 7 and Valkey begin with the code of the error, and name the script behind it."""
    assert takes_no_write(_of_redis_6(error))


def test_other_faults_of_a_script_are_no_refused_write() -> None:
    """A full store is not what is to be mended then."""
    assert not takes_no_write(_of_redis_6("-NOPERM this user has no permissions to run the 'set' command"))
