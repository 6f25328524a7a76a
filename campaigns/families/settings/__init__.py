"""Settings beside those of the papers: other targets, networks, costs, optimisers, depths and widths."""
