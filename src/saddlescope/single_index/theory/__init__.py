"""The theory of the learning order: which degree is learnt when."""
