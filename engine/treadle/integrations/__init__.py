"""Where treadle meets other packages: transformers models, tokenizers and processors, the bundled model."""
