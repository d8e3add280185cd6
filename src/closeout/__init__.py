"""closeout: a closed account, step by step, with proof."""
