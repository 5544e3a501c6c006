"""From what users give to arrays of rows."""
