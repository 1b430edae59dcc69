"""Score message dumps: CSV, TSV, JSONL, Parquet and plain text, in the same formats out."""
