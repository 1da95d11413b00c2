"""What one container keeps between its invocations."""

import gc

from snapshot_tuner import bootstrap
from tests.functions.conftest import Deployment


def test_what_a_container_keeps_is_not_looked_at_by_every_full_collection(deployment: Deployment) -> None:
    """It would take longer than a slot is usable for; when the container is closed, all may be collected again."""
    before = gc.get_freeze_count()
    deployment.queue(deployment.event())
    assert gc.get_freeze_count() > before + 10_000
    bootstrap.close()
    assert gc.get_freeze_count() == 0
