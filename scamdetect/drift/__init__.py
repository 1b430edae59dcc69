"""How a scored dump differs from an earlier one."""
