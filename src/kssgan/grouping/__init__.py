"""Room `grouping`."""
