"""The schema of a SQLite database -> a grammar of queries over it that all prepare: names are bound by the rules.

In: a database (a path or a connection). Out: the text of a grammar in Lark's language, for `treadle.Grammar`. Every
text of it is a statement that SQLite prepares without an error: tables and columns exist and are in scope, no column
is ambiguous, functions have the right number of arguments, compound selects the same number of columns, aggregates
stand where they may.

Construction: a *scope* is a set of tables that one FROM joins. For each of them there is a copy of the rules of
expressions, whose columns are those of the scope: bare or qualified if it is one table, qualified if it is more. What
is selected comes before FROM says from where, so a parser follows all scopes at once and drops those that lack a
column. Tables are joined if a foreign key or a column of the same name relates them. Operators stand in flat lists,
as SQLite takes every mixture of types; how they bind is SQLite's business.

Names are written as they are declared, in any case, with quotes where SQLite needs them. Left out: aliases, and so a
table twice in one FROM; correlated subqueries; window functions; common table expressions. SQLite's own bounds hold
beyond: 1,000 levels of an expression, 500 parts of a compound select.

Source: sqlite.org/lang.html, lang_select.html (resolution of names), lang_keywords.html.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from treadle.errors import InvalidConstraint

#: sqlite.org/lang_keywords.html: a name that is one of these is written in quotes.
KEYWORDS: Final = frozenset(
    """ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE
    CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME
    CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE
    EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP
    GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN
    KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS
    OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE
    RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO
    TRANSACTION TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT
    TRUE FALSE ROWID OID _ROWID_""".split()
)

#: Functions of every SQLite since 3.8: name -> how many arguments, at least and at most; more than 3 are not offered.
FUNCTIONS: Final[Mapping[str, tuple[int, int]]] = {
    "abs": (1, 1), "coalesce": (2, 3), "date": (1, 1), "ifnull": (2, 2), "instr": (2, 2), "length": (1, 1),
    "lower": (1, 1), "max": (2, 3), "min": (2, 3), "nullif": (2, 2), "replace": (3, 3), "round": (1, 2),
    "strftime": (2, 2), "substr": (2, 3), "trim": (1, 2), "typeof": (1, 1), "upper": (1, 1),
}  # fmt: skip
AGGREGATES: Final = ("avg", "count", "group_concat", "max", "min", "sum", "total")
OPERATORS: Final = (
    "||",
    "*",
    "/",
    "%",
    "+",
    "<<",
    ">>",
    "&",
    "|",
    "<",
    "<=",
    ">",
    ">=",
    "=",
    "==",
    "<>",
    "!=",
)
#: Lists of results are counted up to here; compound selects have at most so many columns.
COUNTED: Final = 3


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view, and the tables that its foreign keys name."""

    name: str
    columns: tuple[str, ...]
    #: Columns that may be written; none of a view.
    writable: tuple[str, ...] = ()
    references: frozenset[str] = frozenset()

    def is_related_to(self, other: Table) -> bool:
        named = {*map(str.lower, self.references)}, {*map(str.lower, other.references)}
        if other.name.lower() in named[0] or self.name.lower() in named[1]:
            return True
        return bool({*map(str.lower, self.columns)} & {*map(str.lower, other.columns)})


def bound_grammar(
    database: str | Path | sqlite3.Connection,
    *,
    most_tables: int = 2,
    statements: Literal["queries", "all"] = "queries",
) -> str:
    """The grammar of statements over the tables of a database.

    most_tables  how many tables one FROM may join; each connected set of so many costs a copy of the rules
    statements   "queries": SELECT only; "all": INSERT, UPDATE and DELETE as well

    Raises InvalidConstraint where the database cannot be read or has no tables.
    """
    return grammar_of_tables(read_tables(database), most_tables=most_tables, statements=statements)


def read_tables(database: str | Path | sqlite3.Connection) -> tuple[Table, ...]:
    """The tables and views of a database, without SQLite's own."""
    try:
        if isinstance(database, sqlite3.Connection):
            return tuple(_tables(database))
        uri = f"{Path(database).resolve(strict=True).as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return tuple(_tables(connection))
    except (OSError, sqlite3.Error) as error:
        raise InvalidConstraint(
            "the database cannot be read", where=str(database), found=str(error)
        ) from None


def _tables(connection: sqlite3.Connection) -> Iterator[Table]:
    rows = connection.execute(
        "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid"
    ).fetchall()
    for name, kind in rows:
        if name.lower().startswith("sqlite_"):
            continue
        columns = connection.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (name,)).fetchall()
        shown = tuple(column for column, hidden in columns if hidden != 1)
        written = tuple(column for column, hidden in columns if hidden == 0) if kind == "table" else ()
        keys = connection.execute('SELECT "table" FROM pragma_foreign_key_list(?)', (name,)).fetchall()
        yield Table(name, shown, written, frozenset(key for (key,) in keys))


def grammar_of_tables(
    tables: Sequence[Table],
    *,
    most_tables: int = 2,
    statements: Literal["queries", "all"] = "queries",
) -> str:
    """The same for tables that are already known."""
    if not tables:
        raise InvalidConstraint("a database without tables has no queries", expected="at least one table")
    if most_tables < 1:
        raise InvalidConstraint(
            "a query needs a table", found=f"most_tables={most_tables}", expected="1 or more"
        )
    return _Writing(tuple(tables), most_tables).grammar(with_changes=statements == "all")


def _scopes(tables: Sequence[Table], most: int) -> list[frozenset[int]]:
    """Connected sets of up to so many tables, the small ones first."""
    related = {
        index: {other for other, table in enumerate(tables) if other != index and one.is_related_to(table)}
        for index, one in enumerate(tables)
    }
    layer = {frozenset((index,)) for index in related}
    found: list[frozenset[int]] = []
    for _ in range(most):
        found += sorted(layer, key=sorted)
        layer = {scope | {new} for scope in layer for one in scope for new in related[one] - scope}
    return found


@dataclass
class _Writing:
    """The text in the making: rules by name, and a terminal for every word."""

    tables: tuple[Table, ...]
    most_tables: int
    rules: list[str] = field(default_factory=list)
    terminals: dict[str, str] = field(default_factory=dict)

    def grammar(self, *, with_changes: bool) -> str:
        scopes = _scopes(self.tables, self.most_tables)
        self._statements(scopes, with_changes=with_changes)
        for number, scope in enumerate(scopes):
            self._scope(number, scope, scopes)
        self._columns()
        if with_changes:
            self._changes()
        self._literals()
        names = ", ".join(table.name for table in self.tables).replace("\n", " ")
        words = [f"{name}: {pattern}" for pattern, name in self.terminals.items()]
        head = [
            "// lexing: lexical",
            "//",
            f"// Statements of SQLite over {names}: names are bound.",
        ]
        return "\n".join((*head, "", *self.rules, "", *words, _LEXEMES))

    def rule(self, name: str, *alternatives: str) -> None:
        if alternatives:
            self.rules.append(f"{name}: " + "\n    | ".join(alternatives))

    # ---- words

    def word(self, text: str) -> str:
        """The terminal of a keyword or of a name that needs no quotes; no letter may follow it."""
        return self._terminal(_caseless(text) + r"(?![\w$])", text)

    def name(self, name: str) -> str:
        """The terminal of a name of the database."""
        if re.fullmatch(r"[^\W\d]\w*", name) and name.upper() not in KEYWORDS:
            return self.word(name)
        return self._terminal(_caseless('"' + name.replace('"', '""') + '"'), name)

    def words(self, text: str) -> str:
        return " ".join(self.word(word) for word in text.split())

    def _terminal(self, body: str, text: str) -> str:
        readable = re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")
        return self.terminals.setdefault(f"/{body}/", f"W{len(self.terminals)}_{readable}".rstrip("_"))

    # ---- statements

    def _statements(self, scopes: Sequence[frozenset[int]], *, with_changes: bool) -> None:
        changes = ["insert", "update", "delete"] if with_changes and self._writable() else []
        self.rule("start", 'statement ";"?')
        self.rule("statement", "query", *changes)
        compounds = [f"compound{count}" for count in range(1, COUNTED + 1)]
        self.rule("query", *self._ordered(scopes, (*range(1, COUNTED + 1), 0)), *compounds)
        self.rule("query1", *self._ordered(scopes, (1,)), "compound1")
        self.rule("limit", f"{self.word('LIMIT')} INTEGER ({self.word('OFFSET')} INTEGER)?")
        self.rule(
            "compounding",
            self.word("UNION"),
            self.words("UNION ALL"),
            self.word("INTERSECT"),
            self.word("EXCEPT"),
        )
        for count in range(1, COUNTED + 1):
            parts = (
                f"{kind}{number}_{count}" for number in range(len(scopes)) for kind in ("core", "grouped")
            )
            self.rule(f"part{count}", *parts)
            self.rule(
                f"compound{count}",
                f"part{count} compounding part{count}",
                f"compound{count} compounding part{count}",
            )

    @staticmethod
    def _ordered(scopes: Sequence[frozenset[int]], counts: Sequence[int]) -> list[str]:
        return [
            f"{core}{number}_{count} {order}{number}? limit?"
            for number in range(len(scopes))
            for count in counts
            for core, order in (("core", "order"), ("grouped", "group_order"))
        ]

    # ---- one scope

    def _scope(self, number: int, scope: frozenset[int], scopes: Sequence[frozenset[int]]) -> None:
        self._cores(number, scope)
        self._from(number, scope, scopes)
        where, having = self.word("WHERE"), self.word("HAVING")
        self.rule(f"source{number}", f"{self.word('FROM')} from{number} ({where} expr{number})?")
        self.rule(f"group{number}", f'{self.words("GROUP BY")} column{number} ("," column{number})*')
        for kind, prefix in (("order", ""), ("group_order", "a")):
            term = f"{prefix}term{number}"
            self.rule(f"{kind}{number}", f'{self.words("ORDER BY")} {term} ("," {term})*')
            self.rule(term, f"{prefix}sortable{number} ({self.word('ASC')} | {self.word('DESC')})?")
        self.rule(f"having{number}", f"{having} aexpr{number}")
        self._column(number, scope)
        for prefix in ("", "a"):
            self._expressions(prefix, number)
        self._aggregate(number)

    def _cores(self, number: int, scope: frozenset[int]) -> None:
        """What is selected, counted: 1, 2, 3, or more, which is 0."""
        select = f"{self.word('SELECT')} {self.word('DISTINCT')}?"
        result = f"aexpr{number}"
        self.rule(f"results{number}_1", result)
        for count in range(2, COUNTED + 1):
            self.rule(f"results{number}_{count}", f'results{number}_{count - 1} "," {result}')
        more = (f'results{number}_{COUNTED} "," {result}', f'results{number}_0 "," {result}')
        self.rule(f"results{number}_0", *more)
        # A star counts as the columns of its tables.
        width = sum(len(self.tables[index].columns) for index in scope)
        starred = width if width <= COUNTED else 0
        for count in (*range(1, COUNTED + 1), 0):
            chosen = [f"results{number}_{count}", *(['"*"'] if count == starred else [])]
            selected = f"{select} ({' | '.join(chosen)}) source{number}"
            self.rule(f"core{number}_{count}", selected)
            self.rule(f"grouped{number}_{count}", f"{selected} group{number} having{number}?")

    def _from(self, number: int, scope: frozenset[int], scopes: Sequence[frozenset[int]]) -> None:
        if len(scope) == 1:
            (only,) = scope
            self.rule(f"from{number}", self.name(self.tables[only].name))
            return
        joining = f"({self.word('INNER')} | {self.word('LEFT')} {self.word('OUTER')}?)? {self.word('JOIN')}"
        alternatives = []
        for last in sorted(scope):
            rest = scope - {last}
            if rest not in scopes:
                continue
            before = scopes.index(rest)
            pair = (f"qualified{before}", f"qualified{scopes.index(frozenset((last,)))}")
            table = self.name(self.tables[last].name)
            alternatives += [
                f'from{before} {joining} {table} {self.word("ON")} {left} "=" {right}'
                for left, right in (pair, pair[::-1])
            ]
        self.rule(f"from{number}", *alternatives)

    def _column(self, number: int, scope: frozenset[int]) -> None:
        bare = [f"columns_of_{index}" for index in scope if len(scope) == 1]
        self.rule(f"column{number}", *bare, f"qualified{number}")
        tables = sorted(scope)
        self.rule(
            f"qualified{number}",
            *(f'{self.name(self.tables[index].name)} "." columns_of_{index}' for index in tables),
        )

    def _columns(self) -> None:
        for index, table in enumerate(self.tables):
            self.rule(f"columns_of_{index}", *dict.fromkeys(map(self.name, table.columns)))

    # ---- expressions: without aggregates, and (a) with them

    def _expressions(self, a: str, number: int) -> None:
        expr, operand, primary = f"{a}expr{number}", f"{a}operand{number}", f"{a}primary{number}"
        sortable = f"{a}sortable{number}"
        tail = f"{a}tail{number}"
        first = f"{a}first{number}"
        negated = f"{self.word('NOT')}?"
        within = f'{self.word("IN")} "("'
        self.rule(expr, operand, f"{expr} {tail}")
        # A number alone would be the number of a column, and out of range.
        self.rule(sortable, first, f"{sortable} {tail}")
        self.rule(
            tail,
            f"operator {operand}",
            f"{negated} {self.word('LIKE')} {operand}",
            f"{negated} {self.word('BETWEEN')} {operand} {self.word('AND')} {operand}",
            f'{negated} {within} {expr} ("," {expr})* ")"',
            f'{negated} {within} query1 ")"',
            f"{self.word('IS')} {negated} {self.word('NULL')}",
        )
        self.rule(operand, primary, f"{self.word('NOT')} {operand}", f"MINUS {operand}")
        when, then = self.word("WHEN"), self.word("THEN")
        self.rule(
            primary,
            first,
            "literal",
            f'"(" {expr} ")"',
            '"(" query1 ")"',
            f'{self.word("EXISTS")} "(" query ")"',
            f"{self.word('CASE')} ({when} {expr} {then} {expr})+ ({self.word('ELSE')} {expr})? {self.word('END')}",
            f'{self.word("CAST")} "(" {expr} {self.word("AS")} type ")"',
        )
        own = [f"aggregate{number}"] if a else []
        self.rule(first, f"column{number}", f"{a}call{number}", *own)
        self.rule(f"{a}call{number}", *self._calls(expr, f"expr{number}"))

    def _calls(self, expr: str, plain: str) -> Iterator[str]:
        for function, (fewest, most) in FUNCTIONS.items():
            # min and max of one argument are aggregates: what they begin with is read the same.
            argument = plain if function in AGGREGATES else expr
            needed = ' "," '.join([argument] * fewest)
            optional = f' ("," {argument})?' if most > fewest else ""
            yield f'{self.word(function)} "(" {needed}{optional} ")"'

    def _aggregate(self, number: int) -> None:
        """Over one argument, in which there is no other aggregate."""
        distinct = f"{self.word('DISTINCT')}?"
        self.rule(
            f"aggregate{number}",
            f'{self.word("count")} "(" "*" ")"',
            *(f'{self.word(name)} "(" {distinct} expr{number} ")"' for name in AGGREGATES),
        )

    # ---- changes

    def _writable(self) -> list[tuple[int, Table]]:
        return [(index, table) for index, table in enumerate(self.tables) if table.writable]

    def _changes(self) -> None:
        """Scope number = table number, as the sets of one table come first."""
        insert, update, delete = [], [], []
        for index, table in self._writable():
            name, where = self.name(table.name), f"({self.word('WHERE')} expr{index})?"
            self.rule(f"written{index}", *dict.fromkeys(map(self.name, table.writable)))
            # As many values as columns: each pair stands around the next.
            self.rule(
                f"pairs{index}",
                f'written{index} ")" {self.word("VALUES")} "(" literal',
                f'written{index} "," pairs{index} "," literal',
            )
            values = ' "," '.join(["literal"] * len(table.writable))
            into = f"{self.words('INSERT INTO')} {name}"
            insert += [f'{into} "(" pairs{index} ")"', f'{into} {self.word("VALUES")} "(" {values} ")"']
            assignment = f'written{index} "=" expr{index}'
            self.rule(f"assignment{index}", assignment)
            update.append(
                f'{self.word("UPDATE")} {name} {self.word("SET")} assignment{index} ("," assignment{index})* {where}'
            )
            delete.append(f"{self.words('DELETE FROM')} {name} {where}")
        self.rule("insert", *insert)
        self.rule("update", *update)
        self.rule("delete", *delete)

    def _literals(self) -> None:
        signs = (f'"{operator}"' for operator in OPERATORS)
        self.rule("operator", *signs, "MINUS", self.word("AND"), self.word("OR"))
        self.rule("literal", "INTEGER", "DECIMAL", "STRING", self.word("NULL"))
        self.rule("type", *map(self.word, ("INTEGER", "REAL", "TEXT", "NUMERIC")))


def _caseless(text: str) -> str:
    """A pattern of the text in any case of ASCII's letters, as SQLite folds no others; the i flag of `re` would."""
    return "".join(map(_either_case, text))


def _either_case(character: str) -> str:
    if character.isascii() and character.isalpha():
        return f"[{character.lower()}{character.upper()}]"
    if character == "\\":
        return r"[\\]"  # in front of a quote Lark would take it for the quote's own
    if character == "/":
        return r"\/"
    return f"\\x{ord(character):02x}" if character < " " else re.escape(character)


# Two signs would begin a comment, and a letter or a point behind a number would be part of it.
_LEXEMES: Final = r"""
MINUS: /-(?!-)/
INTEGER: /[0-9]+(?![\w$.])/
DECIMAL: /[0-9]+\.[0-9]+(?![\w$.])/
STRING: /'(?:[^'\x00]|'')*'/
SPACE: /[ \t\r\n]+/
%ignore SPACE
"""
