"""treadle inside `model.generate`: a batch of prompts, several beams each, every output valid."""

from __future__ import annotations

import transformers

import treadle
from treadle.integrations.bundled import bundled_model

SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["bug", "question", "wish"]},
        "urgent": {"type": "boolean"},
        "title": {"type": "string", "minLength": 5, "maxLength": 40},
    },
    "required": ["kind", "urgent", "title"],
    "additionalProperties": False,
}

folder = bundled_model()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
model = transformers.AutoModelForCausalLM.from_pretrained(folder)

# Beams compare whole texts, so one spelling of each text is enough.
constraint = treadle.JsonSchema(SCHEMA, whitespace="compact", escapes="canonical")
vocabulary = treadle.Vocabulary.from_tokenizer(tokenizer, size=model.config.vocab_size)
compiled = treadle.compile(constraint, vocabulary)

letters = ["The loom jams on row 3, please help quickly!", "Where do I buy indigo dye?"]
prompts = [
    tokenizer.apply_chat_template(
        [{"role": "user", "content": f"File a ticket as JSON for this letter: {letter}"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    for letter in letters
]
inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
outputs = model.generate(
    **inputs,
    logits_processor=[treadle.LogitsProcessor(compiled)],
    num_beams=2,
    max_new_tokens=64,
    do_sample=False,
)
for text in tokenizer.batch_decode(outputs[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True):
    print(text)
