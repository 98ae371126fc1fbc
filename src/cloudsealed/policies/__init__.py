"""Policies: built in and custom rules, and the frameworks that they map to."""
