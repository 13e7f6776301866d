"""Rehearsal: settings for somebody's network, tried where all truths are known."""
