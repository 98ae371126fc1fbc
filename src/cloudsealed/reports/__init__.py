"""Generated deliverables of an audit: what each says, as JSON, and the same as a PDF."""
