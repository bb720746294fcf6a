"""Draw the dense landmarks on synthetic people.

python tools/landmark_picture.py docs/images/landmarks.png
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from kssgan.faces.analyse import StandardAnalyser
from kssgan.testing.people import draw
from kssgan.types import PhotoFace

PEOPLE = ((0, 0), (5, 1), (9, 0), (13, 1), (17, 0), (22, 1))  # person, shot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = [Path(folder) / f"{person}-{shot}.png" for person, shot in PEOPLE]
        for path, (person, shot) in zip(photos, PEOPLE, strict=True):
            Image.fromarray(draw(person, shot)).save(path)
        faces = list(StandardAnalyser().analyse(photos))
    tiles = []
    for face in faces:
        if not isinstance(face, PhotoFace) or face.landmarks is None:
            raise SystemExit("a synthetic person has no reliable landmarks")
        picture = Image.fromarray(face.crop)
        pen = ImageDraw.Draw(picture)
        for x, y in face.landmarks.tolist():
            pen.point((round(x), round(y)), fill=(0, 255, 120))
        tiles.append(np.asarray(picture))
    Image.fromarray(np.concatenate(tiles, 1)).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
