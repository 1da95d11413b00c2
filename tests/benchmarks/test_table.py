"""The table of `make bench`: what a reader sees of a figure."""

from devkit.benchmarks.table import Row, lines


def test_a_table_is_markdown_with_columns_as_wide_as_their_content() -> None:
    """So that docs/ can hold it as it is printed; a figure with nothing to reach says neither yes nor no."""
    rows = [
        Row("cold start", "30 ms", "60 ms", "0.50", to_reach="0.75", reached=True),
        Row("a decision", "9 µs"),
    ]
    assert lines(rows) == [
        "| figure     | here  | usual handler | here / usual | floor | to reach | reached |",
        "| ---------- | ----- | ------------- | ------------ | ----- | -------- | ------- |",
        "| cold start | 30 ms | 60 ms         | 0.50         |       | 0.75     | yes     |",
        "| a decision | 9 µs  |               |              |       |          |         |",
    ]
