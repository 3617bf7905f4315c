"""TensorFlow Lite flatbuffers: `file` reads and writes them."""
