"""Where bytes rest: connections, dialects, schema and migrations. It knows no noun's rules."""
