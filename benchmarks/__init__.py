"""Benchmarks of dustaug: ``python -m benchmarks`` measures everything and prints Markdown.

What is measured against what, and how, is said in ``docs/benchmarks.md``.
"""
