"""Ratios against what a user would do instead, measured side by side: ``python -m benchmarks [NAME …]``."""
