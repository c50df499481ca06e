"""A call's way through the edge, step by step; `run` shows the order on one screen."""
