"""What knows nothing of the product: ids, clock, canonical JSON, cursors, Merkle trees, errors."""
