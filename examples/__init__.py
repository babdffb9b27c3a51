"""Worked examples of dustaug, with their own data."""
