"""Kubernetes: a cluster as its API server shows it."""
