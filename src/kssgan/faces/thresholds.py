"""How close is close: Euclidean distances between unit embeddings, and what each choice costs.

Measured by ``python benchmarks/recognition.py ../shared/faces`` on 599 usable photos of 497 people: the 102
of the Face Research Lab London Set (a neutral and a smiling photo each) and 395 members of the US Congress
(one portrait each). That makes 102 genuine and 178,999 impostor pairs.

===============  ==============================  ==============================
distance         genuine (median, 95 %, most)    impostor (least, 5 %, median)
===============  ==============================  ==============================
full crop        0.157  0.217  0.306             0.307  0.471  0.581
face only        0.171  0.242  0.312             0.250  0.424  0.531
===============  ==============================  ==============================

TAR is 1.000 at FAR 1e-2, 1e-3 and 1e-4 on full crops (1.000, 1.000 and 0.990 face only); rank-1 of the
smiling photos among all 497 people is 1.000 on both. Three cautions. Both photos of a person were taken
minutes apart; photos of other days lie further apart, which is why ``LOOK_ALIKE`` reaches well beyond the
pairs seen here. Photos from one studio are closer to each other than photos from two (FAR 1e-3 at 0.355
inside London, 0.402 between the sets). And women are told apart less well than men: the FAR at
``LOOK_ALIKE`` is 0.023 among women, 0.011 among men.
"""

from __future__ import annotations

__all__ = ["COPY", "FAR_1E3", "FAR_1E3_FACE_ONLY", "LOOK_ALIKE", "SAME_PERSON"]

SAME_PERSON = 0.32
"""``--subjects auto`` merges photos whose distances are all at most this (complete linkage).

No false split: all 102 genuine pairs are nearer, also 99 to 100 of 100 after the second photo was reduced to
20 pixels between the eyes, compressed at JPEG quality 15, lit from the side or darkened. False pairs: 2 of
178,999 (FAR 1.1e-5), which complete linkage made into 1 merge of two people, 496 clusters of 497
people. Among 10,000 people that projects to 560 false pairs (95 % upper limit 2,000), so some 6 in 100
people would be merged with a stranger; that costs size, never the promise.
"""

LOOK_ALIKE = 0.42
"""Subjects at most this far apart may be one person; they never count as two toward k.

Covers every genuine pair, the spoiled ones too, with a margin of 0.08 beyond the farthest (0.332). It is
also where the network's author draws the line: 0.6 on raw vectors, whose mean length of 1.46 makes that
0.41 here. FAR 7.6e-3 (1,364 of 178,999): among 10,000 people 380,000 false pairs, 76 look-alikes a person,
whom the grouping keeps apart or counts once. That costs a little information, never the promise.
"""

COPY = 0.30
"""Only pairs within this are compared as pictures by :func:`kssgan.faces.copies.same_picture`.

No two different people came as near (least 0.307). Of copies made of 60 photos, 12 ways, all single changes
(JPEG quality 30, half size, cut by 5 or 8 %, brightness 0.6 or 1.2, gamma 1.6, grey, mirrored, turned by 5
degrees, blurred) stay within 0.19; five changes together reached 0.38 in a portrait 180 pixels wide. Of all
716 copies 99.4 % are recognised (two of the others lost light parts to the brightening, two had the five
changes); of 102 pairs of two photos of one person two are taken for copies, which is harmless: it is one
person.
"""

FAR_1E3 = 0.37
"""Verification at a false accept rate of 1e-3 on full crops: measured 0.69e-3 (124 of 178,999)."""

FAR_1E3_FACE_ONLY = 0.34
"""Verification at FAR 1e-3 when both crops are masked by ``face_only``: measured 1.1e-3 (200 of 178,999)."""
