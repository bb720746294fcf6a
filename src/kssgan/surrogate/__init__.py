"""Room `surrogate`."""
