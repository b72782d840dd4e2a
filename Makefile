# A thin layer over meson; `make help` says what there is.
# Folders: build/release (the program), build/gcc and build/clang (tests, with sanitizers), build/fuzz.

DESTDIR ?=
FUZZ_SECONDS ?= 60
RELEASE = build/release
PROGRAM = $(RELEASE)/src/postrider

all: deps $(RELEASE)/build.ninja ## builds the program: build/release/src/postrider
	ninja -C $(RELEASE) src/postrider src/main.cf.5

run: all ## a complete server on high loopback ports, and a message along the whole road; Ctrl-C ends it
	POSTRIDER=$(PROGRAM) tools/demo

demo: all ## the same show, then it ends
	POSTRIDER=$(PROGRAM) tools/demo --once

test: ## everything that can fail: builds with gcc, clang, sanitizers; all tests; style
	tools/deps test
	tools/test

bench: all ## our figures and those of Postfix + Dovecot in one run, as ratios
	tools/bench

fuzz: ## each fuzzer for FUZZ_SECONDS seconds (60), with a table at the end
	tools/deps test
	tools/fuzz $(FUZZ_SECONDS)

format: ## lays out the sources
	tools/format

install: all ## into DESTDIR: program, manuals, systemd unit, a first main.cf
	DESTDIR=$(DESTDIR) meson install -C $(RELEASE) --no-rebuild

clean: ## removes what was built
	rm -rf build

help: ## this text
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

deps:
	@tools/deps

$(RELEASE)/build.ninja:
	meson setup $(RELEASE) --buildtype=release

.PHONY: all run demo test bench fuzz format install clean help deps
