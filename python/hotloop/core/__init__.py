"""What everything stands on: errors, names, files, locks, seeds, the registry of classes."""

# By what a file holds, the module whose ``read`` makes an object of it. The package's face, which stands
# above all rooms, fills this in, so that no room below has to know the others.
readers: dict[str, str] = {}
