"""Grammar languages -> context-free grammars: Lark's, GBNF, EBNF, and their composition."""
