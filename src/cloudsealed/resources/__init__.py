"""Resources: the cloud objects that were discovered in a tenant."""
