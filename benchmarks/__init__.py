"""Benchmarks of dustaug: ``python -m benchmarks`` measures everything and prints Markdown.

``docs/benchmarks.md`` says what is compared, and ``docs/benchmark_tables.md`` how it is measured.
"""
