"""Calibrate: measure layers on this host, and fit a device profile to them."""
