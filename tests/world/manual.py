#!/usr/bin/env python3
"""manual: runs the commands of pages of the manual, and compares what they print with what the page says.      manual [--write] PAGE...

A command is an indented line that begins with "$ "; what follows, up to the next command or the end of the block, is what it must print.  `cat FILE` of a file that is
not there makes it.  Numbers of a thousand and more, those with K behind, and those in tables of bytes are measurements: they may differ by a tenth, in tables by 250.  A line that is "..." stands for any lines.
Each page has a folder of its own with a copy of examples/ in it; a page that says <!-- in examples --> begins there.  --write puts what is printed into the page
(a line that is "..." is kept if what is around it fits).  Measurements of builds with sanitizers, whose programs have megabytes and other libraries, are not compared.
Last line: N passed, N failed."""
import os, re, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WINDFALL = os.path.abspath(os.environ.get("WINDFALL", os.path.join(ROOT, "build", "windfall")))
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?K?")
SANITIZED = os.path.getsize(WINDFALL) > 10_000_000
passed = failed = 0

def value(text): return float(text.rstrip("K").replace(",", ""))

def same_line(got, wanted):
    """Equal, but for measurements."""
    if NUMBER.sub("0", got).split() != NUMBER.sub("0", wanted).split(): return False
    table = re.match(r" +[\d,]+  \S", wanted) or " bytes" in wanted
    for a, b in zip(NUMBER.findall(got), NUMBER.findall(wanted)):
        measured = table or a.endswith("K") or value(a) >= 1000 and value(b) >= 1000
        if measured and SANITIZED: continue
        if abs(value(a) - value(b)) > (max(value(b) / 10, 250 if table else 0) if measured else 0): return False
    return True

def same(got, wanted):
    if not wanted: return not got
    if wanted[0] == "...": return any(same(got[i:], wanted[1:]) for i in range(len(got) + 1))
    return bool(got) and same_line(got[0], wanted[0]) and same(got[1:], wanted[1:])

def commands(lines):
    """(line of the command, command, first and last line of its output)."""
    at = 0
    while at < len(lines):
        if not lines[at].startswith("    $ "):
            at += 1
            continue
        end = at + 1
        while end < len(lines) and (lines[end].startswith("    ") or not lines[end]) and not lines[end].startswith("    $ "): end += 1
        last = end
        while last > at + 1 and not lines[last - 1]: last -= 1
        yield at, lines[at][6:], at + 1, last
        at = end

def run(command, folder, wanted):
    file = re.fullmatch(r"cat ([\w./-]+)", command)
    if file and not os.path.exists(os.path.join(folder, file.group(1))):
        with open(os.path.join(folder, file.group(1)), "w") as out: out.write("\n".join(wanted) + "\n")
    bin = os.path.join(folder, "..", "bin")
    environment = dict(os.environ, HOME=os.path.dirname(folder), PATH=bin + ":" + os.environ["PATH"], LC_ALL="C.UTF-8")
    p = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    return p.stdout.decode(errors="replace").rstrip("\n").split("\n") if p.stdout.strip() else []

def check(page, top, write):
    global passed, failed
    lines = open(page).read().split("\n")
    os.makedirs(os.path.join(top, "bin"))
    os.symlink(WINDFALL, os.path.join(top, "bin", "windfall"))
    folder = os.path.join(top, "examples")
    shutil.copytree(os.path.join(ROOT, "examples"), folder, ignore=shutil.ignore_patterns("*.wfu"))
    if "<!-- in examples -->" not in lines:
        folder = os.path.join(top, "empty")
        os.makedirs(folder)
    new, done = [], 0
    for at, command, first, last in commands(lines):
        wanted = [line[4:].rstrip() for line in lines[first:last]]
        got = [line.rstrip() for line in run(command, folder, wanted)]
        fits = same(got, wanted) or SANITIZED and command.startswith("ldd ")
        passed, failed = passed + fits, failed + (not fits)
        if not fits and not write: print(f"not ok {page}:{at + 1}: $ {command}", *("    " + line for line in got[:40]), sep="\n")
        new += lines[done:first] + (lines[first:last] if fits else [("    " + line).rstrip() for line in got])
        done = last
    if write: open(page, "w").write("\n".join(new + lines[done:]))

arguments = [a for a in sys.argv[1:] if a != "--write"]
for page in arguments:
    with tempfile.TemporaryDirectory() as top: check(page, top, "--write" in sys.argv)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
