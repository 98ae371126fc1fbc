"""The HTTP face: gate, routes, OpenAPI document. It decides nothing that a noun decides."""
