"""Why a participant has the outcome that is released: from the lines of a study package to the row.

Here: deriving outcomes again from the released evidence, reading the trace of one outcome, and saying it in
words. All of it reads a release; nothing here prints, builds or changes anything. How a command shows it is
`orchestration.cli`'s.
"""
