"""What several figures share: data, intervals, verdicts."""
