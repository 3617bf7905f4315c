"""The pages of docs/devices/, from profiles and measurements: `python -m tests.device_pages`."""
