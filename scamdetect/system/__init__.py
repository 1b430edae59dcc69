"""Files, folders and operating system errors."""
