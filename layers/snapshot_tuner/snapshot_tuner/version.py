"""The version of this project: here and nowhere else. `GET /health`, OpenAPI and `./tuner --version` show it."""

from typing import Final

VERSION: Final = "0.2.0"
"""Semantic versioning; CHANGELOG.md has a section for it."""
