"""What depends on the machine: threads, compiled programs."""
