"""Connections: how CloudSealed reaches one cloud scope."""
