"""Face recognition module: photos in, one upright head crop and one embedding per photo out.

``decode`` reads any supported file, ``detect`` finds faces and five points, ``choose`` picks the one face,
``align`` cuts the head crop and the recogniser's chip, ``embed`` makes unit vectors, ``distances`` compares
them, ``copies`` recognises one picture saved twice, ``thresholds`` says how close is close, and ``analyse``
runs it all. Nothing here is imported by importing the room, so that its light parts stay light.
"""
