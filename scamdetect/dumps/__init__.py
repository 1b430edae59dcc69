"""Score message dumps: files of rows in the same formats out, chats and mail as Parquet."""
