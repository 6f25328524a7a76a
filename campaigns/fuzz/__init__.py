"""Broken input and hostile surroundings: each must end with one sentence, the right exit code, and nothing lost."""
