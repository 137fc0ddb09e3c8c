"""The doors at which providers tell of what happened."""
