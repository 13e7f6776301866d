"""Bounds that hold for every germ."""
