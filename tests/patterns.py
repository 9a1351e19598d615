"""Patterns as people write them, for what they mean, and texts that are made to keep them busy."""

from __future__ import annotations

HONEST = (
    "",
    "ada",
    "^ada",
    "^$",
    r".*@example\.com",
    r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$",
    r"^[\w.+-]+@[\w-]+\.[\w.-]+$",
    r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$",
    r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?$",
    "^(GET|POST|PUT) /api/",
    r"\b(error|warn(ing)?|fatal)\b",
    r"^(\d{1,3}\.){3}\d{1,3}$",
    r"^\d+\.\d+\.\d+(-[\w.]+)?$",
    "^#[0-9a-f]{3}([0-9a-f]{3})?$",
    "^[a-z0-9]+(?:-[a-z0-9]+)*$",
    r"^\d{1,3}(,\d{3})*$",
    r"^[\w.-]+\.(png|jpe?g|gif)$",
    r"\d+-\d+",
    "https?://",
    r"^\+?[0-9 ()-]{7,15}$",
    "foo.*bar",
    "^[a-z]{1,1000}$",
    r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,6}$",
    r"(?i)abc.*",
    r"(?P<year>\d{4})",
)

HOSTILE = (
    *(character * 41 for character in "a1 .-,/:@x"),
    *(character * 40 + "!" for character in "a1 .-,/:@x"),
    *(pair * 20 + "!" for pair in ("ab", "a1", "a.", "a-", "1,", "a@", "1.", "x ", "ba", "a ")),
    "a" * 20 + "@" + "a." * 20,
    "1" * 300,
    "a" * 300 + "!",
)
