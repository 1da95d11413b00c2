"""Handlers to compare with. They run from trees of their own, and import nothing of ours."""
