"""Placeholder."""


def check_pattern(pattern: str) -> None:
    """Placeholder."""
