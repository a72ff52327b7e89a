"""Lessons: short files whose steps the app itself sees done."""
