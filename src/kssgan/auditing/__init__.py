"""Room `auditing`."""
