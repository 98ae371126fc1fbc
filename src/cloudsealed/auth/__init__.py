"""Who calls, and what they may do: tenants, users, personal access tokens, scopes and roles."""
