"""What a tenant's classifications make of findings."""
