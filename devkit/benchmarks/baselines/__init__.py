"""Handlers to compare with. They run from their own trees and import none of our code."""
