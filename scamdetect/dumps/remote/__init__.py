"""Files behind URLs that fsspec knows, such as ``s3://``; this room needs the extra "remote"."""
