"""Room `faces`."""
