"""Writes a C file holding the bytes of files: embed.py [--gzip] SYMBOL FOLDER OUT [FILE...]

Without files, everything in FOLDER. With --gzip each file that shrinks also comes compressed.
"""
import gzip
import os
import sys

args = sys.argv[1:]
pack = args[0] == "--gzip"
symbol, folder, out, files = args[pack], args[pack + 1], args[pack + 2], sorted(args[pack + 3:])
if not files:
    files = sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)


def literal(data):
    """The bytes as string literals: compilers read those faster than numbers."""
    for at in range(0, len(data), 64):
        yield '"' + "".join(f"\\{byte:03o}" for byte in data[at:at + 64]) + '"\n'
    if not data:
        yield '""\n'


with open(out, "w", encoding="ascii") as c:
    c.write('#include "base/embed.h"\n')
    packed = {}
    for i, path in enumerate(files):
        with open(path, "rb") as f:
            data = f.read()
        # The literal's zero, which is not counted, lets text be used as a C string.
        c.write(f"static const char file_{i}[] =\n")
        c.writelines(literal(data))
        c.write(";\n")
        small = gzip.compress(data, 9, mtime=0) if pack else data
        if len(small) < len(data) * 0.95:
            packed[i] = True
            c.write(f"static const char packed_{i}[] =\n")
            c.writelines(literal(small))
            c.write(";\n")
    c.write(f"const struct embed_file {symbol}[] = {{\n")
    for i, path in enumerate(files):
        more = f"packed_{i}, sizeof packed_{i} - 1" if i in packed else "0, 0"
        c.write(f'  {{"{os.path.relpath(path, folder)}", file_{i}, sizeof file_{i} - 1, {more}}},\n')
    c.write("  {0, 0, 0, 0, 0},\n};\n")
