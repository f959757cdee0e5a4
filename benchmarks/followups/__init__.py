"""Are follow-ups read with what was said before them, and is everything else left alone?"""
