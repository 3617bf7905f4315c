"""TensorFlow Lite flatbuffers: `reader` reads them, `writer` writes them."""
