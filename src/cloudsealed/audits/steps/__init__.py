"""The steps of an audit, from plan to seal: a file a step."""
