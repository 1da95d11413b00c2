"""The stores of a run, and the clients of them on virtual time."""
