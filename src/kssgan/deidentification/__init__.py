"""Room `deidentification`."""
