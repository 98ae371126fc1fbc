"""Audits: one forensic pass, from plan to seal."""
