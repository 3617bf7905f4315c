"""ONNX models: `reader` reads them, `writer` writes them."""
