"""`treadle bench`: treadle and its peers over collections of schemas, on one machine or many.

    collection file -> tasks.Task                                  loaders
    Task x engine   -> record (a dict, one JSON line)              measuring, in a worker that can be killed
    records         -> summary -> terminal table, page, comparison summary, table, page, comparison

Each engine lives in a process of its own (`host`), which loads it once and forks a `worker` for the schemas, so that
a schema which hangs, eats the memory or crashes costs one record of the engine that did it. `slots` lets the engines
take turns schema by schema on one CPU: whatever else the machine does hits all of them alike. Methods: MaskBench
(guidance-ai 2025) for times, JSONSchemaBench (Geng et al. 2025, arXiv:2501.10868) for the kinds of coverage.
Nothing here is loaded by `import treadle`.
"""
