"""The published method of constrained diffusion decoding, re-implemented by us as a baseline for measurements.

Source: Mündler, Dekoninck & Vechev, "Constrained Decoding of Diffusion LLMs with Context-Free Grammars"
(arXiv 2508.10111). No line is theirs; the paper's construction is followed, and where a choice is open the cheaper one
is taken. For every proposed token everything is built again:

lexing.py       each fragment between gaps -> all its lexings, partial lexemes at both ends included; memo by fragment
completion.py   lexings and gaps -> an automaton over terminals; a gap is any text (`.*`); determinised, minimised
binary_form.py  the grammar -> rules of at most two symbols, unit and empty ones kept (C2F + epsilon); once
emptiness.py    is the intersection empty? A worklist of (state, symbol, state) in numba, up to the first witness
method.py       the check of a canvas, and the loop around it: propose, check, commit or refuse

Known of the method, and kept: since a gap is any text, a canvas may be accepted that its holes cannot fill (57 of the
729 states of six slots of Dyck words); then every token of some hole is refused, and the run has failed.
"""
