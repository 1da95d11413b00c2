"""`./tuner`: know what a policy does before it is live. Not deployed."""
