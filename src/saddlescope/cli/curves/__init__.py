"""The command `saddlescope plateaus`: training logs read, judged and told."""
