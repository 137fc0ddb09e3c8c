"""The rows of the checkout room."""
