"""What every experiment is made of: claims and criteria, the catalogue, runs, ledger, report, figures."""
