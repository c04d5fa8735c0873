"""Procedural photos of distribution poles with exact labels: scene.py makes one, render.py many."""
