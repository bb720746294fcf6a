"""Who is on which photo, what the photos show, and who shares a picture with whom.

The paper's Cluster Generating module and its auto-labelling. ``subjects`` tells people apart; ``labels``
reads what is said of them into a ``label_table`` with a ``scheme``; ``mdav``, ``k_same`` and ``select`` form
groups; ``cells`` divides them by label; ``ledger`` keeps to what earlier releases have settled.
"""
