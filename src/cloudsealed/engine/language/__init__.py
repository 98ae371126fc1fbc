"""The policy language itself: from the text of an expression to what judges a document.

Lexer, parser, resolver, the generator and the interpreter, and what they say of their work. Refuses
to know any function's meaning: those are in `functions`.
"""
