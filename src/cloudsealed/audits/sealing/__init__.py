"""What makes an audit evidence: tree, seal, chain, proofs, bundles, and how they end."""
