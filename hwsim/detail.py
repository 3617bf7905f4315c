"""Detail: what a page shows of one result beyond its figures."""
