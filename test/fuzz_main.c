/* test/fuzz_main.c - runs a fuzz target without libFuzzer: every file named on the command line, then a bounded number of
 * inputs mutated from them (or from nothing) by a fixed seed. So `make test` keeps every fuzz target alive under gcc and
 * clang; `make fuzz` builds the same targets with libFuzzer.
 *	NAME-fuzz [-n COUNT] [FILE-OR-FOLDER...] */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_SEEDS = 512, LARGEST = 65536 };

struct seed {
	uint8_t *p;
	size_t n;
};

static struct seed seeds[MOST_SEEDS];
static size_t seed_count;
static uint64_t rng = 0x9E3779B97F4A7C15;

static uint64_t
next(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static void
load_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct seed s = { malloc(LARGEST), 0 };

	if (!f || !s.p)
		exit(2);
	s.n = fread(s.p, 1, LARGEST, f);
	fclose(f);
	LLVMFuzzerTestOneInput(s.p, s.n);
	if (seed_count < MOST_SEEDS)
		seeds[seed_count++] = s;
	else
		free(s.p);
}

static void
load(const char *path)
{
	struct stat st;
	DIR *d;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: not there\n", path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		char child[2048];
		if (e->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
		load(child);
	}
	if (d)
		closedir(d);
}

static size_t
mutate(uint8_t *p, size_t n)
{
	static const char interesting[] = "\r\n\0. \"<>@:;,=?&()[]{}\\/*%+-_~9\xff\x80";

	for (uint64_t k = 1 + next() % 8; k > 0; k--) {
		size_t at = n ? next() % n : 0;

		switch (next() % 6) {
		case 0:
			if (n)
				p[at] = (uint8_t)next();
			break;
		case 1:
			if (n)
				p[at] = (uint8_t)interesting[next() % (sizeof(interesting) - 1)];
			break;
		case 2: /* insert */
			if (n < LARGEST) {
				memmove(p + at + 1, p + at, n - at);
				p[at] = (uint8_t)interesting[next() % (sizeof(interesting) - 1)];
				n++;
			}
			break;
		case 3: /* delete a run */
			if (n) {
				size_t run = 1 + next() % (n - at);
				memmove(p + at, p + at + run, n - at - run);
				n -= run;
			}
			break;
		case 4: /* repeat a run */
			if (n) {
				size_t run = 1 + next() % (n - at);
				if (n + run <= LARGEST) {
					memmove(p + at + run, p + at, n - at);
					n += run;
				}
			}
			break;
		default: /* splice with another seed */
			if (seed_count) {
				struct seed *s = &seeds[next() % seed_count];
				size_t from = s->n ? next() % s->n : 0;
				size_t take = s->n - from;
				if (at + take > LARGEST)
					take = LARGEST - at;
				memcpy(p + at, s->p + from, take);
				n = at + take > n ? at + take : n;
			}
		}
	}
	return n;
}

int
main(int argc, char **argv)
{
	long count = 5000;
	uint8_t *scratch = malloc(LARGEST + 1);
	int first = 1;

	if (argc > 2 && strcmp(argv[1], "-n") == 0) {
		count = strtol(argv[2], NULL, 10);
		first = 3;
	}
	for (int i = first; i < argc; i++)
		load(argv[i]);
	for (long i = 0; i < count; i++) {
		size_t n = 0;
		uint8_t *exact;

		if (seed_count) {
			struct seed *s = &seeds[next() % seed_count];
			memcpy(scratch, s->p, s->n);
			n = s->n;
		} else {
			n = next() % 256;
			for (size_t k = 0; k < n; k++)
				scratch[k] = (uint8_t)next();
		}
		n = mutate(scratch, n);
		exact = malloc(n ? n : 1); /* exact size: an over-read is seen */
		memcpy(exact, scratch, n);
		LLVMFuzzerTestOneInput(exact, n);
		free(exact);
	}
	free(scratch);
	for (size_t i = 0; i < seed_count; i++)
		free(seeds[i].p);
	printf("%zu seeds, %ld mutations: ok\n", seed_count, count);
	return 0;
}
