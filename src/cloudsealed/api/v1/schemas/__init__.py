"""The shapes of requests and answers, for the OpenAPI document alone; they parse nothing."""
