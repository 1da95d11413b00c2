"""Keeps every Volcengine RTC snapshot task at the interval its newest event asks for."""
