"""What the language knows of Kubernetes: workloads, their hosts and programs, rights, network."""
