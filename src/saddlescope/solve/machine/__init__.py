"""What depends on the machine: threads."""
