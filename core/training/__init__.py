"""What the trainings of several models do alike with torch; imported by their heavy rooms only."""
