"""A realistic day: 500 rooms over 24 hours, as the events that arrive for them. Made up, and always the same.

`python -m devkit.day --seed 2026 --rooms 500 -o events/day.ndjson.gz`
"""
