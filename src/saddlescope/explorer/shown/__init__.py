"""What the page draws: lines over time, and the state at a time."""
