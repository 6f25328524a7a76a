"""The flow of infinite width and dimension, on weighted particles."""
