# SPDX-License-Identifier: Apache-2.0
"""Single-line mutants of C code: each is the code with one small mistake put in.

Reads the house's own style, not all of C: a function's braces stand alone in column 0. A function's
body is cut into tokens, its statements are found by a small parser, and each operator below yields
(first character, end, replacement) on the file's text. Nothing is made in comments, literals,
preprocessor lines, declarations outside functions, log lines, check(...), static assertions and
lines with MUTANT(): see Function.excluded(). A mutant that does not compile is left to the
compiler, so the operators need no types.
"""
import dataclasses
import re

TOKEN = re.compile(r"""
    (?P<skip>\s+|/\*.*?\*/|//[^\n]*|\#[^\n\\]*(?:\\.[^\n\\]*)*)
  | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<name>[A-Za-z_]\w*)
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<sign><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=
            |[-+*/%&|^~!=<>?:;,.(){}\[\]])
    """, re.X | re.S)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
PAIRS = {"(": ")", "[": "]", "{": "}"}
ASSIGNS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
COMPARES = {"<", "<=", ">", ">=", "==", "!="}
TYPE_WORDS = {"struct", "enum", "union", "const", "static", "unsigned", "signed", "char", "int",
              "long", "short", "void", "bool", "double", "float", "volatile", "typedef", "extern"}
JUMPS = {"return", "break", "continue", "goto"}
CONTROLS = {"if", "for", "while", "switch"}
# What a call of does not change what the program does, but for its pace, or is an assertion. Memory
# that is not given back is found by the sanitizers' builds, not by these.
SILENT = re.compile(r"check|check_failed|free|(?:wire_writer|arena|page)_done$|"
                    r"_?[Ss]tatic_assert|\w+_assert$|ledger_totals_check$|LOG_\w+|"
                    r"(?:\w+_)?log(?:_\w+)?$|\w+_prefetch$")
ONLY_MUTANT = re.compile(r"\s*if \(MUTANT\((?!.*\|\| (?!MUTANT))")
COMMUTES = re.compile(r"\w*_equal$|memcmp$|strn?(?:case)?cmp$|calloc$|memory_take_zeroed$|"
                      r"\w*_(?:min|max)$|u128_add$|posting_overflows$|account_(?:saturated|least)$")
INTEGER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)$")
SIDES = (("debit", "credit"), ("DEBIT", "CREDIT"))


@dataclasses.dataclass(frozen=True)
class Token:
    kind: str  # text, name, number, sign
    text: str
    start: int
    end: int


@dataclasses.dataclass
class Mutant:
    file: str
    function: str
    operator: str
    line: int
    start: int
    end: int
    replacement: str
    original: str  # the lines it changes as one, without comments
    mutated: str
    body: str  # the function's text; with the mutant it names the result in the cache
    folder: str = ""

    def key(self):
        """Stays when lines are added above or the file moves to another folder."""
        return (self.file.rsplit("/", 1)[-1], self.function, self.original, self.mutated)

    def where(self):
        return f"{self.file}:{self.line}: {self.original} -> {self.mutated}"

    def apply(self, text):
        """The file's text with the mistake; the lines that follow keep their numbers."""
        lost = text[self.start:self.end].count("\n") - self.replacement.count("\n")
        return text[:self.start] + self.replacement + "\n" * lost + text[self.end:]


class Function:
    """One function: its tokens, the pairs of its brackets, its statements and conditions."""

    def __init__(self, text, signature, start, end):
        before = re.sub(r"printf_like\(\d+, \d+\)", "", COMMENT.sub(" ", signature))
        match = re.search(r"(\w+)\s*\(", before)
        self.name = match.group(1) if match else ""
        self.type = before[:match.start()].strip() if match else ""
        self.text, self.start, self.end = text, start, end
        self.tokens = [Token(m.lastgroup, m.group(), m.start(), m.end())
                       for m in TOKEN.finditer(text, start, end) if m.lastgroup != "skip"]
        self.pair, self.opener = {}, {}  # bracket -> its partner; token -> the bracket around it
        stack = [-1]
        for i, token in enumerate(self.tokens):
            if token.text in PAIRS.values() and len(stack) > 1:
                open_at = stack.pop()
                self.pair[open_at], self.pair[i] = i, open_at
            self.opener[i] = stack[-1]
            if token.text in PAIRS:
                stack.append(i)
        self.statements = []  # (first token, the `;`, a declaration?)
        self.conditions = []  # (keyword, first token, last token)
        at = 1
        while at < len(self.tokens) - 1:
            at = self.statement(at)

    # -- the parser: each takes a token's number and gives that of the first token after it -------

    def word(self, i):
        return self.tokens[i].text if i < len(self.tokens) else ""

    def statement(self, i):
        word = self.word(i)
        if word == "{":
            end = self.pair.get(i, len(self.tokens) - 1)
            i += 1
            while i < end:
                i = self.statement(i)
            return end + 1
        if word in CONTROLS:
            return self.controlled(i, word)
        if word == "else":
            return self.statement(i + 1)
        if word == "do":
            i = self.statement(i + 1)
            return self.simple(i)  # its while (...);
        if word in ("case", "default") or self.word(i + 1) == ":":
            while self.word(i) not in (":", ""):
                i += 1
            return i + 1
        close = self.pair.get(i + 1)
        if word.isidentifier() and self.word(i + 1) == "(" and close is not None and (
                self.word(close + 1) == "{" or self.word(close + 1) in CONTROLS | JUMPS):
            return self.statement(close + 1)  # a macro that is a loop
        return self.simple(i)

    def controlled(self, i, word):
        close = self.pair.get(i + 1, i + 1)
        if word in ("if", "while") and close > i + 2:
            self.conditions.append((word, i + 2, close - 1))
        i = self.statement(close + 1)
        if word == "if" and self.word(i) == "else":
            i = self.statement(i + 1)
        return i

    def simple(self, i):
        first = i
        while i < len(self.tokens) - 1 and self.word(i) != ";":
            i = self.pair[i] + 1 if self.word(i) in PAIRS and i in self.pair else i + 1
        self.statements.append((first, i, self.declares(first)))
        return i + 1

    def declares(self, i):
        if self.word(i) in TYPE_WORDS:
            return True
        if self.tokens[i].kind != "name" or self.word(i) in JUMPS:
            return False
        while self.word(i + 1) == "*":
            i += 1
        return self.tokens[i + 1].kind == "name"

    # -- where none are made -----------------------------------------------------------------------

    def excluded(self):
        """Character ranges of assertions, log lines, MUTANT() lines and what only these run."""
        for i, token in enumerate(self.tokens):
            if token.kind == "name" and self.word(i + 1) == "(" and SILENT.match(token.text):
                yield token.start, self.tokens[self.pair.get(i + 1, i + 1)].end
            if token.text == "MUTANT":
                line = self.text.rfind("\n", 0, token.start) + 1
                end = self.text.find("\n", token.start)
                if ONLY_MUTANT.match(self.text[line:end]):
                    end = self.text.find("\n", end + 1)
                yield line, end

    # -- helpers of the operators ------------------------------------------------------------------

    def span(self, first, last, replacement):
        return self.tokens[first].start, self.tokens[last].end, replacement

    def source(self, first, last):
        return self.text[self.tokens[first].start:self.tokens[last].end]

    def is_binary(self, i):
        before = self.tokens[i - 1]
        return before.kind in ("name", "number", "text") and before.text not in JUMPS | {"case"} \
            or before.text in (")", "]")

    def operand(self, i, step):
        """The last token of the operand of the && or || at i, going by step; None if empty."""
        stops = {"||", "?", ":", ",", ";", "return"} | ASSIGNS
        if self.word(i) == "&&":
            stops.add("&&")
        at = i + step
        while 0 < at < len(self.tokens):
            word = self.word(at)
            closes = word in PAIRS if step < 0 else word in PAIRS.values()
            if closes or word in stops:
                break
            enters = word in PAIRS.values() if step < 0 else word in PAIRS
            at = (self.pair.get(at, at) if enters else at) + step
        at -= step
        return None if at == i else at

    def arguments(self, open_at):
        """(first, last) token of each argument of the call whose bracket it is."""
        close, found, first = self.pair.get(open_at, open_at), [], open_at + 1
        i = first
        while i < close:
            if self.word(i) == ",":
                found.append((first, i - 1))
                first = i + 1
            i = self.pair[i] + 1 if self.word(i) in PAIRS and i in self.pair else i + 1
        if first < close:
            found.append((first, close - 1))
        return found


# -- the operators: each yields (start, end, replacement) ------------------------------------------

def tokens_to(function, table, binary=False):
    for i, token in enumerate(function.tokens):
        if token.kind == "sign" and (not binary or function.is_binary(i)):
            for replacement in table.get(token.text, ()):
                yield token.start, token.end, replacement


def boundary(f):
    """A comparison off by one."""
    yield from tokens_to(f, {"<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"]})


def compare(f):
    """A comparison the other way round."""
    yield from tokens_to(f, {"<": [">="], "<=": [">"], ">": ["<="], ">=": ["<"], "==": ["!="],
                             "!=": ["=="]})


def connect(f):
    """&& for || and the reverse."""
    yield from tokens_to(f, {"&&": ["||"], "||": ["&&"]})


def arithmetic(f):
    """Plus for minus and the reverse."""
    yield from tokens_to(f, {"+=": ["-="], "-=": ["+="]})
    yield from tokens_to(f, {"+": ["-"], "-": ["+"]}, binary=True)


def constant(f):
    """A number one more, one less."""
    sizes = {i for first, last, declares in f.statements if declares
             for i in range(first, last) if f.word(i - 1) == "[" and f.word(i + 1) == "]"
             and "=" not in (f.word(j) for j in range(first, i))}
    for i, token in enumerate(f.tokens):
        match = INTEGER.match(token.text) if token.kind == "number" else None
        empty = token.text == "0" and f.word(i - 1) == "{" and f.word(i + 1) == "}"
        if match is None or i in sizes or empty:
            continue
        value = int(match.group(1), 0) if match.group(1)[:2] in ("0x", "0X") else \
            int(match.group(1))
        for other in (value + 1, value - 1):
            if other >= 0:
                shown = hex(other) if match.group(1)[:2] in ("0x", "0X") else str(other)
                yield token.start, token.end, shown + match.group(2)


def drop(f):
    """A call or an assignment left out."""
    for first, last, declares in f.statements:
        if not declares and last > first and f.word(first) not in JUMPS | {"while"}:
            yield f.span(first, last, ";")


def condition(f):
    """A condition that always holds, never holds, or is negated."""
    for keyword, first, last in f.conditions:
        if f.word(first) in ("true", "1", "0") and first == last:
            continue
        yield f.span(first, last, "false")
        if keyword == "if":
            yield f.span(first, last, "true")
            words = {f.word(i) for i in range(first, last + 1)}
            if not words & COMPARES and f.word(first) != "!":  # else another operator negates it
                yield f.span(first, last, f"!({f.source(first, last)})")
    for i, token in enumerate(f.tokens):
        if token.text == "!" and f.word(i + 1) != "!":
            yield token.start, token.end, ""


def conjunct(f):
    """One check of several left out."""
    seen = set()
    for i, token in enumerate(f.tokens):
        if token.text not in ("&&", "||"):
            continue
        neutral = "true" if token.text == "&&" else "false"
        left, right = f.operand(i, -1), f.operand(i, 1)
        for first, last in ((left, i - 1), (i + 1, right)):
            if first is not None and last is not None and (first, last) not in seen:
                seen.add((first, last))
                yield f.span(first, last, neutral)


def arguments(f):
    """Two arguments in the other order."""
    for i, token in enumerate(f.tokens):
        if token.kind != "name" or f.word(i + 1) != "(" or token.text in CONTROLS | JUMPS | \
                {"sizeof"} or COMMUTES.match(token.text):
            continue
        given = f.arguments(i + 1)
        for (a, b), (c, d) in zip(given, given[1:]):
            one, other = f.source(a, b), f.source(c, d)
            if one != other and '"' not in one + other and "\n" not in f.source(a, d):
                yield f.span(a, d, f"{other}, {one}")


def side(f):
    """Debit for credit and the reverse."""
    for token in f.tokens:
        if token.kind == "name":
            for one, other in SIDES:
                if one in token.text or other in token.text:
                    yield (token.start, token.end,
                           re.sub(f"{one}|{other}",
                                  lambda m, one=one, other=other:
                                  other if m.group() == one else one, token.text))


def answer(f):
    """Success where a refusal is returned, and true for false."""
    for i, token in enumerate(f.tokens):
        if token.text != "return" or f.word(i + 2) != ";":
            continue
        value = f.word(i + 1)
        other = {"true": "false", "false": "true"}.get(value)
        if other is None and re.match(r"[A-Z]+_\w+$", value) and not value.endswith("_OK"):
            other = value.split("_")[0] + "_OK"
        if other is not None:
            yield f.span(i + 1, i + 1, other)


def result_of(f):
    """The type that the function gives back."""
    return re.sub(r"\b(static|inline|out_of_line|must_check|const)\b", "", f.type).strip()


def early(f):
    """Success before anything was done."""
    kind = result_of(f)
    if len(f.tokens) < 4:
        return
    done = re.search(r"return ([A-Z]+_(?:OK|DONE|THERE));", f.text[f.start:f.end])
    if kind == "void":
        gives = "return;"
    elif kind == "bool":
        gives = "return true;"
    elif done:
        gives = f"return {done.group(1)};"
    elif kind.startswith("enum ") or re.match(r"(u?int\w*|size_t|u128|long)$", kind):
        gives = "return 0;"
    else:
        return
    start = f.tokens[1].start
    yield start, start, gives + " "


OPERATORS = (boundary, compare, connect, arithmetic, constant, drop, condition, conjunct, arguments,
             side, answer, early)


# -- a file ----------------------------------------------------------------------------------------

def functions(text):
    """Those whose braces stand alone in column 0; signatures reach back to what ended before."""
    at, start, before = 0, None, []
    for line in text.splitlines(keepends=True):
        bare = line.rstrip()
        if bare == "{" and start is None:
            start, signature = at, "".join(before)
        elif bare == "}" and start is not None:
            yield Function(text, signature, start, at + 1)
            start, before = None, []
        elif not bare or bare.endswith((";", "*/", "\\")) or bare[0] in "#}":
            before = []
        else:
            before.append(line)
        at += len(line)


def joined(text):
    return " ".join(COMMENT.sub(" ", text).split())


def mutants_of(name, text):
    """All mutants of a file, in the order of their places."""
    found, times = [], {}
    for function in functions(text):
        if SILENT.match(function.name):
            continue
        excluded, seen = list(function.excluded()), set()
        for operator in OPERATORS:
            for start, end, replacement in operator(function):
                if any(start < high and max(end, start + 1) > low for low, high in excluded) or \
                        (start, end, replacement) in seen or text[start:end] == replacement:
                    continue
                seen.add((start, end, replacement))
                low = text.rfind("\n", 0, start) + 1
                high = text.find("\n", end)
                found.append(Mutant(
                    name, function.name, operator.__name__, text.count("\n", 0, start) + 1,
                    start, end, replacement, joined(text[low:high]),
                    joined(text[low:start] + replacement + text[end:high]),
                    text[function.start:function.end], name.rsplit("/", 1)[0]))
    found.sort(key=lambda m: (m.start, m.end, m.operator, m.replacement))
    for mutant in found:  # the same line twice in a function
        times[mutant.key()] = times.get(mutant.key(), 0) + 1
        if times[mutant.key()] > 1:
            mutant.mutated += f" #{times[mutant.key()]}"
    return found
