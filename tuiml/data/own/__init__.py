"""A user's own files as data sets: tables (CSV), arrays (NPZ), IDX files, folders of images.

:mod:`~tuiml.data.own.entries` declares them; each format's module says what a file holds (its facts, which
presets are validated with) and reads it. Facts are found without reading more than is needed, and kept.
"""
