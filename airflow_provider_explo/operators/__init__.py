"""Tasks about one tenant."""
