"""The simulator: histories of a business, each grown from one seed, that must lose no cent."""
