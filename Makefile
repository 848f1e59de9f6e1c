# The front door. `make run` and `make test` do all the set-up on a fresh machine.
PREFIX ?= /usr/local
DESTDIR ?=
.PHONY: build run test bench lint fuzz format screenshots install deps clean

deps:
	@scripts/install-deps all

build:
	@cmake --preset release >/dev/null
	@cmake --build --preset release

run:
	@scripts/run

test:
	@scripts/test

bench: build
	@tests/bench/run

lint:
	@scripts/lint

fuzz:
	@tests/fuzz/run

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

screenshots: build
	@scripts/screenshots

install: build
	@DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build
