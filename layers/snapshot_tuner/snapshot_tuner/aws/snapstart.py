"""What has to happen after Lambda SnapStart has restored a snapshot, before the first invocation."""

from collections.abc import Callable


def after_restore(action: Callable[[], None]) -> None:
    """Have Lambda run `action` after each restore; only registered here, and does nothing without SnapStart.

    Lambda's own runtime client brings the library (AWS Lambda developer guide, "Lambda SnapStart runtime
    hooks for Python"); it takes 10 s at most for all hooks.
    """
    try:
        from snapshot_restore_py import register_after_restore  # type: ignore[import-not-found] # noqa: PLC0415 - there on Lambda only
    except ImportError:
        return
    register_after_restore(action)
