"""Writes a C file holding the bytes of the given files: embed.py SYMBOL FOLDER OUT FILE..."""
import os
import sys

symbol, folder, out, files = sys.argv[1], sys.argv[2], sys.argv[3], sorted(sys.argv[4:])
with open(out, "w", encoding="ascii") as c:
    c.write('#include "base/embed.h"\n')
    for i, path in enumerate(files):
        with open(path, "rb") as f:
            data = f.read()
        # A trailing zero that is not counted lets text be used as a C string.
        c.write(f"static const unsigned char file_{i}[] = {{\n")
        for at in range(0, len(data), 24):
            c.write(",".join(map(str, data[at:at + 24])) + ",\n")
        c.write("0};\n")
    c.write(f"const struct embed_file {symbol}[] = {{\n")
    for i, path in enumerate(files):
        c.write(f'  {{"{os.path.relpath(path, folder)}", (const char *)file_{i}, sizeof file_{i} - 1}},\n')
    c.write("  {0, 0, 0},\n};\n")
