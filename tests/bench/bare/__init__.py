"""What anyone would write first: a bare DRF view over two tables. The limit to measure by."""
