"""Kernels that only training needs: passes backwards, statistics of a batch, filters on their way there and back."""
