"""What goes in and out about routes besides the calls: to the other replicas, to other services, to a provider that failed."""
