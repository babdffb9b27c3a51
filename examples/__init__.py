"""Worked examples of dustaug, with data of their own."""
