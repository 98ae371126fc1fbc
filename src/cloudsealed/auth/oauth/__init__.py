"""OAuth 2.0 for third parties: apps, grants, and the authorization server (RFC 6749, RFC 9700)."""
