"""Score message dumps: tables in the same formats out; JSON, chats and mail as Parquet."""
