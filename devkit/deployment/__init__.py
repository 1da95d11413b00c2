"""`make deploy` and `make destroy`: the SAM CLI, with questions before it and what to do next after it."""
