"""Speed, as ratios to named peers measured in one run; never a test."""
