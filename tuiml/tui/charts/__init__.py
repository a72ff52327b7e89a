"""Drawings: functions from numbers to strips of text, without widgets or the app's state.

Every drawing returns exactly ``height`` strips, each exactly ``width`` cells wide, whatever the numbers are.
"""
