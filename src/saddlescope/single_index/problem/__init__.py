"""What is learnt: one direction or several, through a link; and the activation that learns it."""
