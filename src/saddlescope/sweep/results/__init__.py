"""What comes out of a sweep: a dataset in memory or read from the store as it is used, files of it, a table of text."""
