"""Train the bundled masked-diffusion model from scratch, on generated tasks only.

    nice python -m bench.train_masked --out build/masked --steps 4000

Tokenizer: byte-level BPE of at most 1,024 tokens, all 256 bytes among them, over letters, single digits and runs
of anything else, so that a word is one token in a prompt and in a record alike. Model: transformers'
ModernBertForMaskedLM, small enough for a package (1.7 M parameters, float16). A row is a prompt, the text, and ends of
text up to the last cell; a share t of its cells, uniform in (0, 1], is masked, and the loss is the cross-entropy of
what is masked, as LLaDA's is but for its weight 1 / t, which only adds variance at this size. `--start` goes on from a
folder that a run left, with its tokenizer and the rate falling from the first step.

Copying is what such a model learns last: a record has a handful of words that stand in the prompt, and guessing them
by their frequency is most of the loss that is left. So words of a text that stand in its prompt may count `--copying`
times, a share of `--renamed` rows has its names, cities, jobs and hobbies exchanged at random (in prompt and text
alike, so that only the prompt says which), a share of `--echoed` rows is random tokens that stand twice, and of four
tasks `--records` are records.

Gate: the loss on held-out tasks, ends of text left out, must be below half of the unigram's; else nothing is written to
the folder's final place and the exit status is 1. Seeds are fixed: one machine gives the same weights each time.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.masked_material import CITIES, HOBBIES, JOBS, NAMES, Task, function, record, tasks

CELLS, LENGTH = 30, 64
END, MASK = "<end>", "<mask>"
WORDS = r"[A-Za-z]+|[0-9]|[^A-Za-z0-9]+"


def tokenizer() -> Any:
    """Trained on tasks of another seed than the model's."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    pieces = pre_tokenizers.Split(Regex(WORDS), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pieces, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        special_tokens=[END, MASK],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (task.prompt + task.text for task in islice(tasks(1, held_out=False), 20_000))
    made.train_from_iterator(texts, trainer)
    return made


def network(size: int, end: int, mask: int) -> Any:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    config = ModernBertConfig(
        vocab_size=size, hidden_size=160, intermediate_size=320, num_hidden_layers=6, num_attention_heads=5,
        max_position_embeddings=1152, local_attention=4096, global_attn_every_n_layers=1, pad_token_id=end,
        eos_token_id=end, bos_token_id=end, cls_token_id=end, sep_token_id=end, attn_implementation="sdpa",
        tie_word_embeddings=True, initializer_range=0.04, initializer_cutoff_factor=2.0,
    )  # fmt: skip
    config.mask_token_id = mask
    return ModernBertForMaskedLM(config)


class Rows:
    """Rows of token ids with the first cell of their canvas."""

    def __init__(self, words: Any, end: int) -> None:
        self.words, self.end = words, end

    def of(self, some: list[Task]) -> tuple[np.ndarray, np.ndarray]:
        """int64[n, LENGTH] and bool[n, LENGTH]: which cells belong to canvases."""
        rows = np.full((len(some), LENGTH), self.end, np.int64)
        canvas = np.zeros(rows.shape, bool)
        prompts = self.words.encode_batch([task.prompt for task in some])
        texts = self.words.encode_batch([task.text for task in some])
        for k, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
            first, ids = len(prompt.ids), [*prompt.ids, *text.ids]
            if len(text.ids) > CELLS or first + CELLS > LENGTH:
                raise SystemExit(f"a task longer than its row: {some[k].prompt!r}")
            rows[k, : len(ids)] = ids
            canvas[k, first : first + CELLS] = True
        return rows, canvas


@dataclass(frozen=True)
class Copying:
    """How copying is made to matter."""

    #: What a word counts that stands in the prompt too.
    weight: float = 1.0
    #: The share of rows whose words of values are exchanged.
    renamed: float = 0.0
    #: The share of rows that are random tokens twice: what is seen is written, whatever it is.
    echoed: float = 0.0
    #: Records of four tasks.
    records: int = 2


def training_tasks(seed: int, records: int) -> Iterator[Task]:
    """Like `tasks`, with more of one kind."""
    if records == 2:
        yield from tasks(seed, held_out=False)
    rng = random.Random(seed)
    for make in cycle([record] * records + [function] * (4 - records)):
        while (task := make(rng)).is_held_out:
            pass
        yield task


def words_of_values(words: Any) -> np.ndarray:
    """The words of values that are one token each."""
    ids = [words.encode(word).ids for word in sorted({*NAMES, *CITIES, *JOBS, *HOBBIES})]
    return np.array([some[0] for some in ids if len(some) == 1])


def renamed(rows: np.ndarray, values: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """The rows, of a share of them with their words of values exchanged."""
    out = rows.copy()
    for k in np.flatnonzero(rng.random(len(rows)) < share):
        others = np.arange(max(rows.max(), values.max()) + 1)
        others[values] = rng.permutation(values)
        out[k] = others[rows[k]]
    return out


def echoed(
    rows: np.ndarray, canvas: np.ndarray, tokens: int, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The rows and their canvases, of a share of them replaced by an echo."""
    rows, canvas = rows.copy(), canvas.copy()
    for k in np.flatnonzero(rng.random(len(rows)) < share):
        some = rng.integers(0, tokens, CELLS)
        rows[k, : 2 * CELLS] = np.tile(some, 2)
        canvas[k] = False
        canvas[k, CELLS : 2 * CELLS] = True
    return rows, canvas


def copied(rows: np.ndarray, canvas: np.ndarray, values: np.ndarray) -> np.ndarray:
    """bool[n, LENGTH]: words of values on a canvas that stand in the prompt too."""
    out = canvas & np.isin(rows, values)
    for row, cells, here in zip(rows, canvas, out, strict=True):
        here &= np.isin(row, row[: int(np.argmax(cells))])
    return out


def masked(rows: np.ndarray, canvas: np.ndarray, mask: int, rng: np.random.Generator) -> Any:
    """The rows with a share of each canvas masked, and where."""
    share = 1 - rng.random((len(rows), 1))
    hidden = canvas & (rng.random(rows.shape) < share)
    return np.where(hidden, mask, rows), hidden


def train(
    network: Any,
    rows: Rows,
    mask: int,
    steps: int,
    batch: int,
    rate: float,
    fall: float,
    seed: int,
    copying: Copying,
    log: Any,
    keep: Any,
) -> None:
    import torch

    rng, source = np.random.default_rng(seed), training_tasks(seed, copying.records)
    values = words_of_values(rows.words)
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": 0.02},
        {"params": [p for p in network.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    warm = min(300, steps // 10 + 1)
    plan = lambda step: min(step / warm, 1) * min(1.0, (steps - step) / (fall * steps))
    started, total, totals = time.process_time(), 0.0, np.zeros(2)
    for step in range(steps):
        given, canvas = rows.of(list(islice(source, batch)))
        given = renamed(given, values, copying.renamed, rng)
        given, canvas = echoed(given, canvas, rows.words.get_vocab_size(), copying.echoed, rng)
        seen, hidden = masked(given, canvas, mask, rng)
        copies = torch.from_numpy(copied(given, canvas, values)[hidden])
        for group in optimizer.param_groups:
            group["lr"] = rate * max(plan(step), 0.002)
        with torch.autocast("cpu", torch.bfloat16):
            states = network.model(input_ids=torch.from_numpy(seen)).last_hidden_state
            wanted = torch.from_numpy(hidden)
            scores = network.decoder(network.head(states[wanted]))
        each = torch.nn.functional.cross_entropy(
            scores.float(), torch.from_numpy(given[hidden]), reduction="none"
        )
        weights = torch.where(copies, copying.weight, 1.0)
        loss = (each * weights).sum() / weights.sum()
        totals += float(each.detach()[copies].sum()), int(copies.sum())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
        if step % 100 == 99:
            line = f"step {step + 1}  loss {total / 100:.3f}  of copies {totals[0] / max(1, totals[1]):.3f}"
            log(f"{line}  cpu {time.process_time() - started:.0f} s")
            total, totals = 0.0, np.zeros(2)
        if step % 500 == 499:
            keep(step + 1)


def gate(network: Any, rows: Rows, mask: int) -> dict[str, float]:
    """Losses in nats on held-out tasks, the model's and the unigram's, ends of text left out."""
    import torch

    counts = Counter(
        token for task in islice(tasks(3, held_out=False), 4000) for token in rows.words.encode(task.text).ids
    )
    every = sum(counts.values())
    given, canvas = rows.of(list(islice(tasks(4, held_out=True), 512)))
    seen, hidden = masked(given, canvas, mask, np.random.default_rng(5))
    hidden &= given != rows.end
    with torch.inference_mode():
        logits = network(input_ids=torch.from_numpy(seen)).logits[torch.from_numpy(hidden)]
        loss = float(torch.nn.functional.cross_entropy(logits.float(), torch.from_numpy(given[hidden])))
    # An unseen token costs what one sight of it would.
    unigram = -np.mean([math.log(max(1, counts[int(token)]) / every) for token in given[hidden]])
    return {"held_out_loss": loss, "unigram_loss": float(unigram)}


def save(network: Any, words: Any, target: Path, record: dict[str, Any]) -> None:
    """config.json, tokenizer.json, model.safetensors in float16, and how they were made."""
    import torch
    from safetensors.torch import save_file

    target.mkdir(parents=True, exist_ok=True)
    (target / "config.json").write_text(
        json.dumps(network.config.to_diff_dict(), indent=1, default=str), "utf-8"
    )
    words.save(str(target / "tokenizer.json"), pretty=False)
    weights = {
        name: tensor.to(torch.float16).contiguous()
        for name, tensor in network.state_dict().items()
        if name != "decoder.weight"
    }
    save_file(weights, str(target / "model.safetensors"), metadata={"format": "pt"})
    (target / "training.json").write_text(json.dumps(record, indent=1), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("build/masked"))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--start", type=Path, default=None, help="a folder of an earlier run to go on from")
    parser.add_argument("--copying", type=float, default=1.0, help="what a copied word counts")
    parser.add_argument("--renamed", type=float, default=0.0, help="share of rows with exchanged words")
    parser.add_argument("--echoed", type=float, default=0.0, help="share of rows of random tokens twice")
    parser.add_argument("--records", type=int, default=2, help="of four tasks")
    given = parser.parse_args()
    import torch
    from tokenizers import Tokenizer

    torch.manual_seed(0)
    words = Tokenizer.from_file(str(given.start / "tokenizer.json")) if given.start else tokenizer()
    end, mask = words.token_to_id(END), words.token_to_id(MASK)
    made, rows = network(words.get_vocab_size(), end, mask), Rows(words, end)
    if given.start is not None:
        from safetensors.torch import load_file

        made.load_state_dict(
            {k: v.float() for k, v in load_file(given.start / "model.safetensors").items()}, strict=False
        )
    log = lambda line: print(line, flush=True)
    log(f"{sum(p.numel() for p in made.parameters())} parameters, {words.get_vocab_size()} tokens")
    fall, seed = (0.5, 2) if given.start is None else (1.0, 12)
    # What a run that is cut short leaves; the gate is asked at the end only.
    keep = lambda step: save(
        made, words, given.out.with_name(given.out.name + "-unfinished"), {"steps": step}
    )
    copying = Copying(given.copying, given.renamed, given.echoed, given.records)
    train(made.train(), rows, mask, given.steps, given.batch, given.rate, fall, seed, copying, log, keep)
    losses = gate(made.eval(), rows, mask)
    record = {
        "steps": given.steps, "batch": given.batch, "rate": given.rate, "copying": given.copying,
        "renamed": given.renamed, "echoed": given.echoed, "records": given.records,
        "cpu_minutes": time.process_time() / 60, **losses,
    }  # fmt: skip
    log(json.dumps(record))
    if losses["held_out_loss"] > losses["unigram_loss"] / 2:
        raise SystemExit("the gate is not reached: nothing is written")
    save(made, words, given.out, record)


if __name__ == "__main__":
    main()
