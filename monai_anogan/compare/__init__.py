"""`anogan compare`: every system of the family and the trivial yardsticks on the same data."""
