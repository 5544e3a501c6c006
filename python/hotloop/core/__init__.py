"""What everything stands on: errors, names, files, locks, settings."""
