"""`attngs fit`: rows, candidates, nested cross-validation, calibration, report."""
