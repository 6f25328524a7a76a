"""One module a format; each turns bytes or text into a `Log` and chooses nothing."""
