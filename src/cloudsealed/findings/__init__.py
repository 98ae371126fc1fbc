"""Findings: one policy failing on one resource, followed over time."""
