"""Who watches live pictures, over all web processes, and how to end one viewer."""
