"""From loss traces to estimates, one file each."""
