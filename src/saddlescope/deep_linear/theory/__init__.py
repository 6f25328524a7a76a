"""The saddles that a vanishing start visits, and when it leaves them."""
