"""For tests and demonstrations: painted fakes at the seams, and synthetic people."""
