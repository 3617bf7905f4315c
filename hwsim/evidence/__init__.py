"""Published measurements, and the networks they were taken on."""
