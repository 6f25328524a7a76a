"""Time steppers, one a file."""
