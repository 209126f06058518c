"""Looks at the world and writes nothing: source and namespace in, plain facts out. It never raises into the cell."""
