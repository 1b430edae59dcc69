"""The public sources and the corpus that is built from them."""
