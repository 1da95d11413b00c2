"""The functions as Lambda runs them, on this machine: AWS's runtime emulator, queues, a bus and a Function URL."""
