"""Patterns that prefer one match to another, as `re.match` does: programs of ordered threads, and their automata.

A lexer takes the match that the pattern prefers: the first alternative that works, as much as a greedy operator can
get, as little as a lazy one can. Where that match ends is a question of order, so a set of states does not answer it;
an ordered *list* of threads does (Thompson's machine as in Pike's and Cox's RE2: a thread that comes to the end cuts
off all threads behind it). `Machine` makes such lists states of a deterministic automaton whose flags say "a match
ends here, preferred to those flagged before". The preferred match is the last one that is flagged before the machine
dies.

In: a `Program` (frontends/regex/preferred.py writes them). Conditions on one neighbouring character are allowed:
behind, where it was just read, and ahead, where they stay with the thread until the next character comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from treadle.errors import LimitExceeded, UnsupportedFeature
from treadle.grammar.charset import ALL, EMPTY_SET, CharSet, refine

#: Most states of the machine of one pattern.
MACHINE_LIMIT: Final = 20_000

#: (first, last, state): characters that lead on, ascending.
Edges = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Read one character of a set."""

    charset: CharSet
    then: int


@dataclass(frozen=True, slots=True)
class Split:
    """Go on in several places, the preferred one first."""

    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class After:
    """Go on if the character just read is in the set; at the start of a lexeme there is none (`at_start`)."""

    charset: CharSet
    at_start: bool
    then: int


@dataclass(frozen=True, slots=True)
class Before:
    """Go on if the next character is in the set; where the text ends, if `at_end`."""

    charset: CharSet
    at_end: bool
    then: int


@dataclass(frozen=True, slots=True)
class Look:
    """Go on, and watch what comes: the instructions from `body` on must not match it (must, unless `negated`)."""

    body: int
    negated: bool
    then: int


@dataclass(frozen=True, slots=True)
class Match:
    """The pattern ends here."""


Instruction = Read | Split | After | Before | Look | Match


@dataclass(frozen=True)
class Program:
    """Instructions; execution starts at the first."""

    code: tuple[Instruction, ...]

    @cached_property
    def behind(self) -> tuple[CharSet, ...]:
        """The sets that the character just read may be asked for."""
        return tuple({step.charset for step in self.code if isinstance(step, After)})


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the next character has to be."""

    charset: CharSet = ALL
    at_end: bool = True

    def and_(self, charset: CharSet, at_end: bool) -> Ahead:
        return Ahead(self.charset & charset, self.at_end and at_end)


ANYTHING: Final = Ahead()
#: What is watched: must it not match, and where that is: instructions, each with what the next character has to be.
Watch = tuple[bool, frozenset[tuple[int, Ahead]]]
#: An instruction, what the next character has to be for it, and what is watched from farther back.
Thread = tuple[int, Ahead, frozenset[Watch]]
UNWATCHED: Final[frozenset[Watch]] = frozenset()


class Machine:
    """The automaton of a program, computed as it is used. State 0 is the start."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._numbers: dict[tuple[Thread, ...], int] = {}
        self._threads: list[tuple[Thread, ...]] = []
        self._edges: list[Edges | None] = []
        #: Of each state: does a match end here, whatever follows?
        self.flag: list[bool] = []
        #: Of each state: a match ends here if the next character is one of these.
        self.condition: list[Ahead | None] = []
        #: Of each state: can it read on to a match?
        self.live: list[bool] = []
        self._state(self._closed([(0, ANYTHING, UNWATCHED)], None))

    @property
    def states(self) -> int:
        """How many states were met so far."""
        return len(self._threads)

    def edges(self, state: int) -> Edges:
        """Where characters lead; those that are in no range lead nowhere."""
        known = self._edges[state]
        if known is None:
            known = self._edges[state] = self._read(self._threads[state])
        return known

    def _state(self, threads: tuple[Thread, ...]) -> int:
        number = self._numbers.get(threads)
        if number is None:
            number = self._numbers[threads] = len(self._threads)
            if number >= MACHINE_LIMIT:
                raise LimitExceeded("a pattern needs too many states", limit="machine", value=MACHINE_LIMIT)
            self._threads.append(threads)
            self._edges.append(None)
            code = self._program.code
            ends = [ahead for pc, ahead, _ in threads if isinstance(code[pc], Match)]
            self.flag.append(ANYTHING in ends)
            conditions = [ahead for ahead in ends if ahead != ANYTHING]
            charset = EMPTY_SET
            for ahead in conditions:
                charset |= ahead.charset
            self.condition.append(
                Ahead(charset, any(ahead.at_end for ahead in conditions)) if conditions else None
            )
            self.live.append(any(isinstance(code[pc], Read) for pc, _, _ in threads))
        return number

    def _read(self, threads: tuple[Thread, ...]) -> Edges:
        code = self._program.code
        sets = []
        for pc, ahead, _ in threads:
            step = code[pc]
            sets.append(ahead.charset & step.charset if isinstance(step, Read) else ahead.charset)
        wanted = CharSet.of(
            bounds
            for (pc, _, _), charset in zip(threads, sets, strict=True)
            if isinstance(code[pc], Read)
            for bounds in charset.ranges
        )
        behind = tuple(charset & wanted for charset in self._program.behind)
        watched = tuple(
            ahead.charset & wanted for *_, watches in threads for _, places in watches for _, ahead in places
        ) + tuple(
            step.charset & wanted
            for pc in {pc for *_, watches in threads for _, places in watches for pc, _ in places}
            if isinstance(step := code[pc], Read)
        )
        found: list[tuple[int, int, int]] = []
        for charset, members in refine((wanted, *sets, *behind, *watched)):
            if 0 not in members:
                continue
            character = charset.min()
            reached: list[Thread] = []
            for index, (pc, _, watches) in enumerate(threads, start=1):
                if index in members:
                    step = code[pc]
                    if isinstance(step, Match):
                        break
                    assert isinstance(step, Read)
                    kept = self._watched(watches, character)
                    if kept is not None:
                        reached.append((step.then, ANYTHING, kept))
            target = self._closed(reached, character)
            if target:
                number = self._state(target)
                found += [(low, high, number) for low, high in charset.ranges]
        return tuple(sorted(found))

    def _watched(self, watches: frozenset[Watch], character: int) -> frozenset[Watch] | None:
        """What is still watched behind a character; None where that decides against the thread."""
        code = self._program.code
        kept = set()
        for negated, places in watches:
            then = []
            matched = False
            for pc, ahead in places:
                step = code[pc]
                if not ahead.charset.contains(character):
                    continue
                if isinstance(step, Match):
                    matched = True
                elif isinstance(step, Read) and step.charset.contains(character):
                    then.append(step.then)
            places, sure = self._entered(then, character)
            matched = matched or sure
            if matched == negated if matched else not (negated or places):
                # It matched and must not, or it must and cannot any more.
                return None
            if not matched and places:
                kept.add((negated, places))
        return frozenset(kept)

    def _entered(self, pcs: list[int], character: int | None) -> tuple[frozenset[tuple[int, Ahead]], bool]:
        """Where what is watched is, in front of these instructions, and whether it has matched.

        `character`: the one just read, None at the start.
        """
        code = self._program.code
        seen: set[tuple[int, Ahead]] = set()
        stack = [(pc, ANYTHING) for pc in pcs]
        matched = False
        while stack:
            place = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            pc, ahead = place
            step = code[pc]
            if isinstance(step, Split):
                stack += [(target, ahead) for target in step.targets]
            elif isinstance(step, Before):
                stack.append((step.then, ahead.and_(step.charset, step.at_end)))
            elif isinstance(step, After):
                if step.at_start if character is None else step.charset.contains(character):
                    stack.append((step.then, ahead))
            elif isinstance(step, Match):
                matched = matched or ahead == ANYTHING
            elif not isinstance(step, Read):
                raise UnsupportedFeature("a lookahead inside of another one in a terminal")
        return frozenset(place for place in seen if isinstance(code[place[0]], Read | Match)), matched

    def _decided_next(self, ahead: Ahead, watch: Watch, preferred: list[Thread]) -> Ahead:
        """What the character behind a match has to be, so that what is watched comes out right.

        What would take more than one character to decide does not matter where a preferred thread that watches the
        same reads on and matches again: if that is refused later, so is this match.
        """
        negated, places = watch
        code = self._program.code
        wanted, at_end = EMPTY_SET, False
        for pc, condition in places:
            if isinstance(code[pc], Match):
                wanted |= condition.charset
                at_end = at_end or condition.at_end
        if negated:
            ahead = ahead.and_(wanted.complement(), not at_end)
        for pc, condition in places:
            step = code[pc]
            possible = (
                step.charset & condition.charset & ahead.charset if isinstance(step, Read) else EMPTY_SET
            )
            if not possible or not isinstance(step, Read):
                continue
            if all(self._entered([step.then], low)[1] for low, _ in possible.ranges):
                wanted |= possible
            elif any(self._goes_on(thread, watch, possible) for thread in preferred):
                ahead = ahead.and_(possible.complement(), True)
            else:
                raise UnsupportedFeature("a lookahead of several characters behind the end of a terminal")
        return ahead.and_(wanted.complement(), not at_end) if negated else ahead.and_(wanted, at_end)

    def _goes_on(self, thread: Thread, watch: Watch, possible: CharSet) -> bool:
        """Does a thread that watches the same read on, whatever of `possible` comes, to where it matches again?"""
        pc, ahead, watches = thread
        step = self._program.code[pc]
        if (
            not isinstance(step, Read)
            or watch not in watches
            or not (step.charset & ahead.charset).includes(possible)
        ):
            return False
        return any(self._matches_at(step.then, low) for low, _ in possible.ranges)

    def _matches_at(self, pc: int, character: int) -> bool:
        places, sure = self._entered([pc], character)
        return sure or any(isinstance(self._program.code[at], Match) for at, _ in places)

    def _closed(self, threads: list[Thread], character: int | None) -> tuple[Thread, ...]:
        """Threads at instructions that read or match, in order of preference, cut behind the first sure match."""
        code = self._program.code
        seen: set[Thread] = set()
        out: list[Thread] = []
        stack = threads[::-1]
        while stack:
            thread = stack.pop()
            if thread in seen:
                continue
            seen.add(thread)
            pc, ahead, watches = thread
            step = code[pc]
            if isinstance(step, Split):
                stack += [(target, ahead, watches) for target in reversed(step.targets)]
            elif isinstance(step, After):
                fits = step.at_start if character is None else step.charset.contains(character)
                if fits:
                    stack.append((step.then, ahead, watches))
            elif isinstance(step, Before):
                stack.append((step.then, ahead.and_(step.charset, step.at_end), watches))
            elif isinstance(step, Look):
                places, matched = self._entered([step.body], character)
                if matched:
                    if not step.negated:
                        stack.append((step.then, ahead, watches))
                elif places:
                    stack.append((step.then, ahead, watches | {(step.negated, places)}))
                elif step.negated:
                    stack.append((step.then, ahead, watches))
            elif isinstance(step, Read):
                if ahead.charset & step.charset:
                    out.append(thread)
            else:
                for watch in watches:
                    ahead = self._decided_next(ahead, watch, out)
                out.append((pc, ahead, UNWATCHED))
                if ahead == ANYTHING:
                    break
        return tuple(out)
