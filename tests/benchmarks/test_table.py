"""The table of `make bench`: what a reader sees of a figure."""

from devkit.benchmarks.table import NOTHING, Row, lines


def test_a_table_is_markdown_with_columns_as_wide_as_their_content() -> None:
    """So that docs/ can hold it as it is printed; a figure with nothing to reach says neither yes nor no."""
    rows = [
        Row("cold start", "30 ms", "60 ms", "0.50", target="0.75", met=True),
        Row("a decision", "9 µs"),
    ]
    none = NOTHING
    assert lines(rows) == [
        "| figure     | here  | usual handler | ratio | floor | target | met |",
        "| ---------- | ----- | ------------- | ----- | ----- | ------ | --- |",
        f"| cold start | 30 ms | 60 ms         | 0.50  | {none}     | 0.75   | yes |",
        f"| a decision | 9 µs  | {none}             | {none}     | {none}     | {none}      | {none}   |",
    ]
