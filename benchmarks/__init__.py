"""Benchmarks of dustaug: ``python -m benchmarks`` measures everything and prints Markdown.

``docs/benchmarks.md`` says what is compared, and how it is measured.
"""
