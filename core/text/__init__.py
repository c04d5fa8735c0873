"""What several models need to read a text: quantities and their units, spelling of names, cues of polarity
and place."""
