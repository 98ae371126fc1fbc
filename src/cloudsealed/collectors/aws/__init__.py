"""AWS: one file a service with its rows, and the client that makes their calls."""
