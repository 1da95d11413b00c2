"""`make bench`: what an event costs here, side by side with a usual handler and with the floor, in one run."""
