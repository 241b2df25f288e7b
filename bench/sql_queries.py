"""Queries that the bundled model writes over databases whose names are bound into the grammar: does each one prepare?

    python -m bench.sql_queries --count 500

Three SQLite databases are made by this script. At temperature 1 the model writes `count` queries over them in turn,
several side by side; each is given to `EXPLAIN`. Printed: how many prepare, how many differ, tokens and seconds.
"""

from __future__ import annotations

import argparse
import sqlite3
import time

import treadle
from treadle.frontends.sql_names import bound_grammar

DATABASES = {
    "library": (
        "create table author (id integer primary key, name text, born integer);"
        "create table book (id integer primary key, author_id integer references author(id), title text, pages int);"
        "create table loan (book_id integer references book(id), reader text, due date)"
    ),
    "shop": (
        "create table customer (id integer primary key, name text, city text);"
        'create table "order" (id integer primary key, customer_id integer references customer(id), placed date);'
        "create table item (order_id integer, product text, price real, quantity integer)"
    ),
    "weather": (
        "create table station (code text primary key, height real, country text);"
        "create table reading (code text references station(code), at text, celsius real, rain real)"
    ),
}
QUESTIONS = {
    "library": "Write an SQL query that lists the titles of all books by authors born after 1950.\nSQL: ",
    "shop": "Write an SQL query that sums what every customer in Rome has paid.\nSQL: ",
    "weather": "Write an SQL query that finds the station with the highest temperature.\nSQL: ",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--side-by-side", type=int, default=20)
    parser.add_argument("--max-tokens", type=int, default=48)
    options = parser.parse_args()
    started = time.perf_counter()
    connections = {name: sqlite3.connect(":memory:") for name in DATABASES}
    grammars = {}
    for name, script in DATABASES.items():
        connections[name].executescript(script)
        grammars[name] = treadle.Grammar(bound_grammar(connections[name]))
    queries: list[str] = []
    failed: list[tuple[str, str]] = []
    tokens = 0
    while len(queries) < options.count:
        name = list(DATABASES)[len(queries) // options.side_by_side % len(DATABASES)]
        results = treadle.generate(
            QUESTIONS[name], grammars[name], n=min(options.side_by_side, options.count - len(queries)),
            temperature=1.0, max_tokens=options.max_tokens, seed=len(queries), return_results=True, chat=False,
        )  # fmt: skip
        for result in results:
            queries.append(result.text)
            tokens += len(result.tokens)
            try:
                connections[name].execute("explain " + result.text)
            except sqlite3.Error as error:
                failed.append((result.text, str(error)))
        print(
            f"{len(queries)} queries, {len(failed)} do not prepare, {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    for query, error in failed:
        print(f"{error}: {query}")
    print(
        f"{len(queries) - len(failed)} of {len(queries)} prepare; {len(set(queries))} differ; {tokens} tokens"
    )
    for query in queries[:: max(1, len(queries) // 8)]:
        print("   ", query)


if __name__ == "__main__":
    main()
