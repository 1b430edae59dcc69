"""HTTP endpoints: rate-limited requests, and answers that are paid for once."""
