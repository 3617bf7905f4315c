"""PyTorch: `export` reads programs of torch.export and modules."""
