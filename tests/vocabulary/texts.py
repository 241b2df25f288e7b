"""Texts that every tokenizer here has to give back byte for byte."""

from __future__ import annotations

MULTILINGUAL = """The quick brown fox: "jumps" over 12,345.67 lazy dogs' tails — naïve façade, Ærøskøbing, Łódź.
Съешь ещё этих мягких французских булок. Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. שָׁלוֹם עוֹלָם; السلام عليكم ٣٫١٤
天地玄黃，宇宙洪荒。日月盈昃、いろはにほへと ちりぬるを 키스의 고유조건은 입술끼리 만나야 하고
नमस्ते दुनिया — ऋषियों को सताने वाले दुष्ट राक्षसों; วรรณยุกต์ไทย; ଓଡ଼ିଆ ; ქართული; Հայերեն; አማርኛ; ᚠᛇᚻ
"""
EMOJI = "😀 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪🇯🇵 e\u0301 o\u0308 \u200d\u200b\ufeff ﷽ 𝒳𝔘 \U0010fffd \ue000 ﬁ Å Å"
CONTROL = "".join(map(chr, [*range(0x20), 0x7F, 0x85, 0xA0, 0x2028, 0x2029]))
CODE = """def f(x: int) -> dict[str, float]:\r
\treturn {"a\\n": [1e-07, -0.5, None], **{k: v for k, v in zip('xyz', range(3))}}  # <- `code`\n\n\n
    if (a&&b||c) { std::cout << "%d\\u00e9" << 0xFF; }   // trailing   \n        <div class="x">&nbsp;</div>
SELECT * FROM "t" WHERE a <> 'it''s' AND b LIKE '%\\_%';  $$\\sum_{i=0}^{n} x_i$$   \t \t\n"""
SPECIAL_LOOKING = (
    "<|im_start|>user <s> </s> <0x41> [UNK] ##ing <|endoftext|> <|eot_id|> <eos> <unk> <think>\n</think>"
)
SPACES = " a  b   c    d     e\n f \t g  \n\n   h "

TEXTS = {
    "multilingual": MULTILINGUAL, "emoji": EMOJI, "control": CONTROL, "code": CODE, "special": SPECIAL_LOOKING,
    "spaces": SPACES, "empty": "", "one-space": " ", "plain": "Hello", "quote": '{"a": "b"}',
}  # fmt: skip
