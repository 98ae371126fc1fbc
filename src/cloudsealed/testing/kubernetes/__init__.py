"""A Kubernetes API server over objects, for tests and the demo."""
