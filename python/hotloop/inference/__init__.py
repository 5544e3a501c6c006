"""Models that only predict."""
