"""Arrow, pandas and polars: values, output columns, tables and times."""
