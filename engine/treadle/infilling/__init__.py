"""Completability: can the holes of a text be filled so that it is in the language, and with which tokens?"""
