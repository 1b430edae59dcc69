"""Score message dumps: files of rows in the same formats out, chat exports as Parquet."""
