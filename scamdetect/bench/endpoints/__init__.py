"""Endpoints over HTTP: asked politely, paid once."""
