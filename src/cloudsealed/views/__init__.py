"""Saved views: a list's filters and order under a name, a tenant's and one's own."""
