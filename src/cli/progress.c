#include "cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 30, STEP = 5 /* per mille between drawings */ };

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
progress_begin(struct progress *p, const char *what)
{
	*p = (struct progress){
		.what = what, .shown = isatty(STDERR_FILENO), .per_mille = -1, .begun_ms = now_ms()
	};
}

void
progress_tell(struct progress *p, int per_mille)
{
	static const char full[] = "##############################",
			  empty[] = "..............................";
	int done = per_mille * WIDTH / 1000;
	int64_t left_s;

	_Static_assert(
		sizeof(full) == WIDTH + 1 && sizeof(empty) == WIDTH + 1, "the bar is as wide as its parts");
	if (!p->shown || (p->per_mille >= 0 && per_mille < p->per_mille + STEP))
		return;
	p->per_mille = per_mille;
	fprintf(stderr, "\r%s [%.*s%.*s] %3d %%", p->what, done, full, WIDTH - done, empty, per_mille / 10);
	if (per_mille > 0) {
		left_s = (now_ms() - p->begun_ms) * (1000 - per_mille) / per_mille / 1000;
		fprintf(stderr, ", %d:%02d left ", (int)(left_s / 60), (int)(left_s % 60));
	}
}

void
progress_end(struct progress *p)
{
	if (p->shown && p->per_mille >= 0)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
