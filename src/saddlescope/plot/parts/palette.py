"""The colours of all pictures, those of the page among them; nothing is imported for them."""

from __future__ import annotations

# Okabe and Ito's colours, told apart with any colour vision; their vermilion is kept for predictions.
DEGREES = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#C9B800")
REST = "#8C8C8C"
PREDICTED = "#B3330D"
INK = "#1A1A1A"
