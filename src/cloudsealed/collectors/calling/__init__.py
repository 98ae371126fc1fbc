"""How calls are made of any provider: at a pace, by one process at a time, with patience."""
